package dev.latchkey.tests

import java.io.File
import java.io.StringReader
import java.io.StringWriter
import java.nio.file.Path
import javax.xml.transform.TransformerFactory
import javax.xml.transform.stream.StreamResult
import javax.xml.transform.stream.StreamSource
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import org.w3c.dom.Element

/**
 * What Android's Gradle plugin makes of the library's manifest in apps of several kinds: asked is its own manifest merger.
 * The app with links of its own is a shop, at `shop.example` and `com.shop.app://product`.
 */
class ManifestMergerTest {
    @TempDir
    lateinit var folder: Path

    private val merger by lazy { ManifestMerger(folder) }
    private val library = source("latchkey")
    private val sample = source("app")

    /** The library's manifest as apps get it: the plugin, or `cargo xtask package android`, has added what is no part of it. */
    private val inAnAar = library.replaceFirst("<manifest ", "<manifest package=\"dev.latchkey\" ")
        .replaceFirst("<application", "<uses-sdk android:minSdkVersion=\"28\" />\n<application")

    private fun source(module: String) = File("../$module/src/main/AndroidManifest.xml").readText()

    private fun merge(app: String, placeholders: Map<String, String> = SCHEME) = merger.merge(app, inAnAar, placeholders)

    @Test
    fun `the sample is merged, and its scheme is its one door`() {
        val merged = merger.merge(sample, inAnAar, SAMPLE_SCHEME, "dev.latchkey.sample")
        assertEquals(setOf("dev.latchkey.sample"), merged.doors(REDIRECT))
        val sdk = merged.manifest.all("uses-sdk").single()
        assertEquals(listOf("28", "35"), listOf(sdk.android("minSdkVersion"), sdk.android("targetSdkVersion")))
    }

    /** Robolectric and the APK take the stylesheet's. */
    @Test
    fun `the sample's manifest that the other tests run with is the same`() {
        val merged = merger.merge(sample, inAnAar, SAMPLE_SCHEME, "dev.latchkey.sample").manifest
        val out = StringWriter()
        val style = TransformerFactory.newInstance().newTransformer(StreamSource(File("../app/src/manifest/merge-manifests.xsl")))
        style.setParameter("library", File("../latchkey/src/main/AndroidManifest.xml").toURI().toString())
        style.transform(StreamSource(StringReader(sample)), StreamResult(out))
        val ours = parsed("$out".replace("\${latchkeyRedirectScheme}", "dev.latchkey.sample"))
        assertEquals(lines(merged).sorted(), lines(ours).sorted())
    }

    @Test
    fun `an app's own App Links stay as they are, and the library adds no page of the web`() {
        val merged = merge(shop())
        assertEquals(SHOPS_OWN, merged.doors("com.shop.app.ShopActivity"))
        assertEquals(setOf("com.shop.app.login"), merged.doors(REDIRECT))
        val verified = merged.manifest.all("intent-filter").filter { it.android("autoVerify") == "true" }
        assertEquals(listOf("shop.example"), verified.flatMap { it.all("data") }.map { it.android("host") })
    }

    @Test
    fun `an App Link for the login stands beside the scheme, if the app adds it`() {
        val merged = merge(shop(shown(0).replace(REMOVED, "")))
        assertEquals(setOf("com.shop.app.login", LOGIN_LINK), merged.doors(REDIRECT))
        assertEquals(SHOPS_OWN, merged.doors("com.shop.app.ShopActivity"))
    }

    @Test
    fun `the README's App Link is the login's one door, and needs no placeholder`() {
        assertTrue(REMOVED in shown(0))
        val merged = merge(shop(shown(0)), mapOf())
        assertEquals(setOf(LOGIN_LINK), merged.doors(REDIRECT))
        val activity = merged.manifest.all("activity").single { it.android("name") == REDIRECT }
        assertEquals("true", activity.android("exported"))
        assertTrue(activity.android("theme").endsWith("Theme.Translucent.NoTitleBar"))
    }

    @Test
    fun `the README's narrow filter shares its scheme with the app's links`() {
        val merged = merge(shop(shown(1).replace("com.example.app", "com.shop.app")), mapOf())
        assertEquals(setOf("com.shop.app /callback"), merged.doors(REDIRECT))
        assertEquals(SHOPS_OWN, merged.doors("com.shop.app.ShopActivity"))
    }

    @Test
    fun `the scheme is the one placeholder, and is named where it is missing`() {
        merge(shop(), mapOf()).refused("latchkeyRedirectScheme", "no value")
        assertEquals(setOf("latchkeyRedirectScheme"), Regex("\\$\\{(\\w+)}").findAll(inAnAar).map { it.groupValues[1] }.toSet())
    }

    @Test
    fun `the sources hold nothing that is Gradle's to say - put back, it is refused`() {
        for (manifest in listOf(sample, library)) {
            assertEquals("com.shop.app", merger.merge(manifest, placeholders = SCHEME).manifest.getAttribute("package"))
            val sdk = "<uses-sdk android:minSdkVersion=\"28\" android:targetSdkVersion=\"35\" />"
            merger.merge(manifest.replaceFirst("<application", "$sdk<application"), placeholders = SCHEME).refused("<uses-sdk>")
        }
    }

    @Test
    fun `an app for phones that are too old is refused, with the library's minimum`() {
        merger.merge(shop(), inAnAar, SCHEME, minSdk = 24).refused("28", "dev.latchkey")
    }

    private companion object {
        const val REDIRECT = "dev.latchkey.browser.RedirectActivity"
        val SCHEME = mapOf("latchkeyRedirectScheme" to "com.shop.app.login")
        val SAMPLE_SCHEME = mapOf("latchkeyRedirectScheme" to "dev.latchkey.sample")
        val SHOPS_OWN = setOf("https shop.example /product verified", "com.shop.app product")
        const val LOGIN_LINK = "https app.example.com /callback verified"
        const val REMOVED = "<intent-filter tools:node=\"removeAll\" />"

        /** What the library's README says to put into an app's manifest. */
        fun shown(index: Int): String {
            val shown = Regex("(?s)```xml\n(.*?)```").findAll(File("../latchkey/README.md").readText()).map { it.groupValues[1] }
            return shown.filter { REDIRECT in it }.toList()[index]
        }

        fun view(filter: String, data: String) = """
            <intent-filter $filter>
                <action android:name="android.intent.action.VIEW" />
                <category android:name="android.intent.category.DEFAULT" />
                <category android:name="android.intent.category.BROWSABLE" />
                <data $data />
            </intent-filter>
        """

        fun shop(more: String = "") = """
            <manifest xmlns:android="$ANDROID_NAMESPACE" xmlns:tools="http://schemas.android.com/tools">
                <application>
                    <activity android:name="com.shop.app.ShopActivity" android:exported="true">
                        ${view("android:autoVerify=\"true\"", "android:scheme=\"https\" android:host=\"shop.example\" android:pathPrefix=\"/product\"")}
                        ${view("", "android:scheme=\"com.shop.app\" android:host=\"product\"")}
                    </activity>
                    $more
                </application>
            </manifest>
        """.trimIndent()

        /** A line for each element but what Gradle adds, with its place and attributes. */
        fun lines(element: Element, above: String = ""): List<String> {
            val attributes = List(element.attributes.length) { element.attributes.item(it) }
                .filter { it.namespaceURI == ANDROID_NAMESPACE && it.localName != "extractNativeLibs" }
                .map { "${it.localName}=${it.nodeValue}" }.sorted()
            val here = "$above/${element.tagName}$attributes"
            val inside = List(element.childNodes.length) { element.childNodes.item(it) }.filterIsInstance<Element>()
            return listOf(here) + inside.filter { it.tagName != "uses-sdk" }.flatMap { lines(it, here) }
        }
    }
}

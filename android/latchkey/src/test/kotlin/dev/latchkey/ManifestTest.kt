package dev.latchkey

import android.content.Intent
import android.content.IntentFilter
import android.net.Uri
import android.os.PatternMatcher.PATTERN_LITERAL
import java.io.File
import javax.xml.parsers.DocumentBuilderFactory
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.w3c.dom.Element

/** What the library adds to an app's manifest. */
@RunWith(RobolectricTestRunner::class)
class ManifestTest {
    private val text = File("src/main/AndroidManifest.xml").readText()

    private fun manifest(vararg placeholders: Pair<String, String>): Element {
        val filled = placeholders.fold(text) { all, (name, value) -> all.replace("\${$name}", value) }
        val factory = DocumentBuilderFactory.newInstance().apply { isNamespaceAware = true }
        return factory.newDocumentBuilder().parse(filled.byteInputStream()).documentElement
    }

    private fun Element.all(tag: String): List<Element> =
        getElementsByTagName(tag).let { list -> List(list.length) { list.item(it) as Element } }

    private fun Element.android(name: String): String = getAttributeNS(NAMESPACE, name)

    /** The door of an app that fills in the placeholders. */
    private fun door(host: String, appLink: Boolean): Element = manifest(
        "latchkeyRedirectScheme" to "com.example.app",
        "latchkeyRedirectHost" to host,
        "latchkeyRedirectPath" to "/callback",
        "latchkeyAppLink" to "$appLink",
    ).all("activity").last()

    /** The filters as the system would read them. */
    private fun filters(component: Element) = component.all("intent-filter").map { element ->
        IntentFilter().apply {
            element.all("action").forEach { addAction(it.android("name")) }
            element.all("category").forEach { addCategory(it.android("name")) }
            for (data in element.all("data")) {
                addDataScheme(data.android("scheme"))
                data.android("host").takeIf { it.isNotEmpty() }?.let { addDataAuthority(it, null) }
                data.android("path").takeIf { it.isNotEmpty() }?.let { addDataPath(it, PATTERN_LITERAL) }
            }
        }
    }

    private fun takes(filters: List<IntentFilter>, uri: String): Boolean {
        val categories = setOf(Intent.CATEGORY_BROWSABLE)
        val scheme = uri.substringBefore(':')
        return filters.any { it.match(Intent.ACTION_VIEW, null, scheme, Uri.parse(uri), categories, "") >= 0 }
    }

    @Test
    fun `one component is open to other apps - the redirect's - and each says whether it is`() {
        val tags = listOf("activity", "activity-alias", "service", "receiver", "provider")
        val components = tags.flatMap { manifest().all(it) }
        val exported = components.associate { it.android("name").substringAfterLast('.') to it.android("exported") }
        assertEquals(mapOf("LoginActivity" to "false", "RedirectActivity" to "true"), exported)
        for (component in components) Class.forName(component.android("name"))
    }

    @Test
    fun `the network is the one permission`() {
        val permissions = manifest().all("uses-permission").map { it.android("name") }
        assertEquals(listOf("android.permission.INTERNET"), permissions)
        assertEquals("28", manifest().all("uses-sdk").single().android("minSdkVersion"))
    }

    @Test
    fun `backups, looks and the rest of what an app says of itself are left to the app`() {
        assertEquals(0, manifest().all("application").single().attributes.length)
    }

    @Test
    fun `browsers and their tabs can be seen`() {
        val asked = manifest().all("queries").single().all("intent").map { intent ->
            intent.all("action").single().android("name") to intent.all("data").firstOrNull()?.android("scheme")
        }
        val view = Intent.ACTION_VIEW
        val tabs = "android.support.customtabs.action.CustomTabsService"
        assertEquals(listOf(view to "http", view to "https", tabs to null), asked)
    }

    @Test
    fun `the placeholders make a door for a scheme of the app's own`() {
        val redirect = door("unused.invalid", appLink = false)
        val filters = filters(redirect)
        assertTrue(takes(filters, "com.example.app:/callback?code=c&state=s"))
        assertFalse(takes(filters, "com.example.other:/callback?code=c"))
        assertFalse(takes(filters, "https://app.example.com/callback"))
        assertFalse(redirect.all("intent-filter").any { it.android("autoVerify") == "true" })
        assertFalse("all are filled in", redirect.all("data").any { it.android("scheme").startsWith("$") })
    }

    @Test
    fun `the placeholders make a door for an App Link, which the system verifies`() {
        val redirect = door("app.example.com", appLink = true)
        val filters = filters(redirect)
        assertTrue(takes(filters, "https://app.example.com/callback?code=c&state=s"))
        assertFalse(takes(filters, "https://app.example.com/account"))
        assertFalse(takes(filters, "https://elsewhere.example/callback"))
        assertFalse(takes(filters, "http://app.example.com/callback"))
        assertEquals(listOf("", "true"), redirect.all("intent-filter").map { it.android("autoVerify") })
    }

    private companion object {
        const val NAMESPACE = "http://schemas.android.com/apk/res/android"
    }
}

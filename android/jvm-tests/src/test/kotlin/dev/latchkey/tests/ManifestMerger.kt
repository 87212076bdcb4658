package dev.latchkey.tests

import java.io.File
import java.io.StringReader
import java.nio.file.Path
import javax.xml.parsers.DocumentBuilderFactory
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.w3c.dom.Element
import org.xml.sax.InputSource

/**
 * The manifest merger of Android's Gradle plugin, which puts the manifests of libraries into the app's. It is Google's own
 * program; `android/manifest-merger/pom.xml` fetches it, and where it does not come the tests that ask it are skipped.
 */
class ManifestMerger(private val folder: Path) {
    private val classPath = File(System.getProperty("latchkey.merger")).also {
        assumeTrue(it.isFile, "Google's manifest merger is not here: `cargo xtask test kotlin` fetches it where it can")
    }

    /** What a build does for an app whose Gradle file says this. The app is for Android 9 and later if it says no other. */
    fun merge(
        main: String,
        library: String? = null,
        placeholders: Map<String, String> = mapOf(),
        name: String = "com.shop.app",
        minSdk: Int = 28,
    ): Merged {
        val out = folder.resolve("merged.xml").toFile().apply { delete() }
        val properties = mapOf("PACKAGE" to name, "MIN_SDK_VERSION" to "$minSdk", "TARGET_SDK_VERSION" to "35")
        val options = listOf("--main", file("app.xml", main), "--out", "$out", "--remove-tools-declarations") +
            library?.let { listOf("--libs", file("library.xml", it)) }.orEmpty() +
            properties.flatMap { (key, value) -> listOf("--property", "$key=$value") } +
            placeholders.flatMap { (key, value) -> listOf("--placeholder", "$key=$value") }
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val program = listOf(java, "-cp", classPath.readText().trim(), "com.android.manifmerger.Merger")
        val log = folder.resolve("merger.log").toFile()
        val ended = ProcessBuilder(program + options).redirectErrorStream(true).redirectOutput(log).start().waitFor()
        return Merged(ended, log.readText(), out.takeIf { it.isFile }?.readText())
    }

    private fun file(name: String, text: String) = "${folder.resolve(name).toFile().apply { writeText(text) }}"
}

/** How it ended. */
class Merged(private val exit: Int, private val said: String, private val text: String?) {
    /** The app's manifest, which there must be. */
    val manifest: Element by lazy {
        assertEquals(0, exit, said)
        parsed(checkNotNull(text) { said })
    }

    /** Must have been refused, for a reason with these words. */
    fun refused(vararg words: String) {
        assertTrue(exit != 0, "it was merged:\n$text")
        for (word in words) assertTrue(word in said, said)
    }

    /** The addresses that open this activity, a line for each filter; `verified` is what the system will look up. */
    fun doors(activity: String): Set<String> =
        manifest.all("activity").single { it.android("name") == activity }.all("intent-filter").map { filter ->
            val addresses = filter.all("data").map { data -> ADDRESS.map { data.android(it) }.filter { it.isNotEmpty() } }
            val verified = listOf("verified").filter { filter.android("autoVerify") == "true" }
            (addresses.flatten() + verified).joinToString(" ")
        }.toSet()

    private companion object {
        val ADDRESS = listOf("scheme", "sspPrefix", "host", "path", "pathPrefix")
    }
}

const val ANDROID_NAMESPACE = "http://schemas.android.com/apk/res/android"

fun parsed(manifest: String): Element {
    val factory = DocumentBuilderFactory.newInstance().apply { isNamespaceAware = true }
    return factory.newDocumentBuilder().parse(InputSource(StringReader(manifest))).documentElement
}

fun Element.all(tag: String): List<Element> =
    getElementsByTagName(tag).let { list -> List(list.length) { list.item(it) as Element } }

fun Element.android(name: String): String = getAttributeNS(ANDROID_NAMESPACE, name)

package dev.latchkey

import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/**
 * What Android's Gradle plugin does with the library's manifest before there is an app to fill in placeholders: its task
 * `verifyReleaseResources` writes each as a word that no app will have, and links the library by Android's compiler.
 */
class GradleManifestTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val manifest = File("src/main/AndroidManifest.xml").readText()

    @Test
    fun `the library is linked with its placeholders open`() {
        val encoded = encoded(manifest)
        assertTrue("\"dollar_openBracket_latchkeyRedirectScheme_closeBracket\"" in encoded)
        val linked = link(encoded)
        assertEquals(linked.said, 0, linked.exit)
    }

    @Test
    fun `a placeholder where no text may stand is refused`() {
        val filter = "<intent-filter android:autoVerify=\"\${latchkeyAppLink}\">"
        val linked = link(encoded(manifest.replaceFirst("<intent-filter>", filter)))
        assertNotEquals(linked.said, 0, linked.exit)
        assertTrue(linked.said, "dollar_openBracket_latchkeyAppLink_closeBracket" in linked.said && "autoVerify" in linked.said)
    }

    @Test
    fun `a path is a path, whatever its placeholder is called`() {
        val path = "<data android:host=\"h\" android:path=\"\${path}\" "
        val encoded = encoded(manifest.replaceFirst("<data android:scheme=\"\$", "$path android:scheme=\"\$"))
        assertTrue(encoded, "\"/dollar_openBracket_path_closeBracket\"" in encoded)
        assertEquals(0, link(encoded).exit)
    }

    /** As the plugin's `PlaceholderEncoder` does. */
    private fun encoded(manifest: String) =
        Regex("(\\w+)=\"([^\"$]*)\\$\\{(\\w+)}").replace(manifest.replace(Regex("(?s)<!--.*?-->"), "")) {
            val (attribute, before, name) = it.destructured
            val slash = if (attribute == "path" && before.isEmpty()) "/" else ""
            "$attribute=\"$slash${before}dollar_openBracket_${name}_closeBracket"
        }

    private class Linked(val exit: Int, val said: String)

    private fun link(manifest: String): Linked {
        val system = if ("mac" in System.getProperty("os.name").lowercase()) "macosx" else "linux"
        val file = folder.newFile().apply {
            writeText(manifest.replaceFirst("<manifest ", "<manifest package=\"dev.latchkey\" "))
        }
        val link = listOf("${System.getProperty("latchkey.aapt2")}/prebuilt/$system/aapt2", "link", "--static-lib") +
            listOf("--min-sdk-version", "28", "-I", System.getProperty("latchkey.framework"), "--manifest", "$file") +
            listOf("-o", "${folder.root}/library.apk", "target/resources.zip")
        val aapt2 = ProcessBuilder(link).redirectErrorStream(true).start()
        val said = aapt2.inputReader().readText()
        return Linked(aapt2.waitFor(), said)
    }
}

package dev.latchkey.sample

import java.io.File
import javax.xml.parsers.DocumentBuilderFactory
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** The screen's own texts in their five languages, as they are in the files. */
class StringsTest {
    @Test
    fun `every language has every text`() {
        for ((language, texts) in LANGUAGES.associateWith(::texts)) {
            assertEquals(language, ENGLISH.keys.toList(), texts.keys.toList())
            texts.forEach { (key, text) -> assertTrue("$language $key", text.isNotBlank()) }
        }
    }

    @Test
    fun `every language has the same places to fill in`() {
        for (language in LANGUAGES) {
            for ((key, text) in texts(language)) {
                assertEquals("$language $key", places(ENGLISH.getValue(key)), places(text))
            }
        }
    }

    @Test
    fun `every sentence is translated`() {
        for (language in LANGUAGES - "") {
            val same = texts(language).filter { (key, text) -> text.contains(' ') && text == ENGLISH[key] }.keys
            assertEquals(language, setOf<String>(), same - setOf("ping_private", "ping_private_scoped"))
        }
    }

    @Test
    fun `no text is left that the app does not use`() {
        val sources = SOURCES.walk().filter { it.extension in setOf("kt", "xml") && it.name != "strings.xml" }
        val used = sources.joinToString("\n") { it.readText() }
        val unused = ENGLISH.keys.filterNot { Regex("""(R\.string\.|@string/)$it\b""").containsMatchIn(used) }
        assertEquals(listOf<String>(), unused)
    }

    @Test
    fun `the library finds its texts by the app's numbers`() {
        val theirs = numbers(dev.latchkey.R.string::class.java).filterKeys { it.startsWith("latchkey_") }
        assertTrue(theirs.isNotEmpty())
        assertEquals(theirs, numbers(R.string::class.java).filterKeys { it.startsWith("latchkey_") })
    }

    private fun numbers(names: Class<*>) = names.fields.associate { it.name to it.getInt(null) }

    private companion object {
        val LANGUAGES = listOf("", "de", "fr", "es", "ja")
        val SOURCES = File("src/main")
        val ENGLISH = texts("")

        fun texts(language: String): Map<String, String> {
            val folder = if (language.isEmpty()) "values" else "values-$language"
            val file = File(SOURCES, "res/$folder/strings.xml")
            val strings = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file)
                .getElementsByTagName("string")
            return (0 until strings.length).map { strings.item(it) }
                .associate { it.attributes.getNamedItem("name").nodeValue to it.textContent }
        }

        fun places(text: String): List<String> = Regex("""%\d\$[sd]""").findAll(text).map { it.value }.sorted().toList()
    }
}

package dev.latchkey

import android.content.res.Configuration
import java.io.File
import java.util.Locale
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment

/** The texts as Android reads them, in each of their languages. */
@RunWith(RobolectricTestRunner::class)
class ErrorTextsTest {
    private val contexts = listOf("en", "de", "fr", "es", "ja").associateWith { language ->
        val configuration = Configuration().apply { setLocale(Locale.forLanguageTag(language)) }
        RuntimeEnvironment.getApplication().createConfigurationContext(configuration)
    }
    private val english = contexts.getValue("en")

    /** Each kind with each of its reasons, and with and without what may be missing. */
    private val errors: List<AuthException> = CallbackIgnoredReason.entries.map { AuthException.CallbackIgnored(it) } +
        SignedOutReason.entries.map { AuthException.LoginRequired(it) } +
        StepUpReason.entries.map { stepUp(it, null) } +
        NetworkReason.entries.map { AuthException.Network(it, null) } +
        StorageReason.entries.map { AuthException.Storage(it) } +
        listOf(
            AuthException.Cancelled(),
            AuthException.InteractionRequired(CODE),
            stepUp(StepUpReason.INSUFFICIENT_SCOPE, CODE),
            AuthException.Denied(CODE),
            AuthException.Network(NetworkReason.RATE_LIMITED, 90uL),
            AuthException.Provider(404u, null, false),
            AuthException.Provider(400u, CODE, false),
            AuthException.Provider(400u, CODE, true),
            AuthException.Provider(null, null, false),
            AuthException.Untrusted(CODE),
            AuthException.Clock(-90),
            AuthException.Clock(90),
            AuthException.Configuration(listOf(ConfigurationProblem("issuer", "is no address."))),
            AuthException.Api(404u, CODE),
        )
    private val shown = errors.filter { it !is AuthException.Cancelled }
    private val sentences = errors.flatMap { it.sentences() } + Revocation.entries.flatMap { it.sentences() }

    private fun stepUp(reason: StepUpReason, scope: String?) =
        AuthException.StepUpRequired(reason, scope, null, null, LoginOptions())

    private fun table(): Map<String, Int> = R.string::class.java.fields.associate { it.name to it.getInt(null) }

    @Test
    fun `no kind of error is missing from these tests`() {
        val kinds = AuthException::class.java.declaredClasses.filter { it.superclass == AuthException::class.java }
        assertEquals(kinds.toSet(), errors.map { it.javaClass }.toSet())
    }

    @Test
    fun `a kind or a reason that is new has to get a text before this compiles`() {
        val table = File("src/main/kotlin/dev/latchkey/ErrorTexts.kt").readText()
        assertTrue("when (this)" in table)
        assertFalse("else ->" in table)
    }

    @Test
    fun `every error but a cancelled one has a text in each language, with all that it tells in it`() {
        for ((language, context) in contexts) {
            for (error in shown) {
                val text = error.text(context)
                assertTrue("$language ${error.kind()}", text.isNotBlank())
                val told = error.sentences().flatMap { it.arguments }
                assertTrue("$language ${error.kind()}: $text", told.all { it in text } && '%' !in text)
            }
        }
        assertEquals("", AuthException.Cancelled().text(english))
    }

    @Test
    fun `no two errors say the same`() {
        for ((language, context) in contexts) {
            val same = shown.groupBy { it.text(context) }.filterValues { it.size > 1 }
            assertEquals(language, setOf<String>(), same.keys)
        }
    }

    @Test
    fun `no two languages say the same`() {
        for ((name, id) in table()) {
            val texts = contexts.values.map { it.getString(id) }
            assertEquals("$name: $texts", texts.size, texts.toSet().size)
        }
    }

    @Test
    fun `each text is used, and has the same places to fill in in all languages`() {
        assertEquals(table().values.toSet(), sentences.map { it.id }.toSet())
        for ((language, context) in contexts) {
            for (sentence in sentences) {
                val text = context.getString(sentence.id)
                assertEquals("$language $text", places(english.getString(sentence.id)), places(text))
                assertEquals("$language $text", sentence.arguments.size, places(text).size)
            }
        }
    }

    @Test
    fun `no name of a text can be one of the app's by accident`() =
        assertEquals(listOf<String>(), table().keys.filterNot { it.startsWith("latchkey_") })

    @Test
    fun `an error of two sentences has a line for each`() = assertEquals(
        "The server asks for fewer requests. Try again later; nothing is lost.\nIt asks you to wait 2 min.",
        AuthException.Network(NetworkReason.RATE_LIMITED, 120uL).text(english),
    )

    @Test
    fun `a logout that went well has nothing to add`() {
        val silent = Revocation.entries.filter { it.sentences().isEmpty() }
        assertEquals(setOf(Revocation.DONE, Revocation.NOT_NEEDED), silent.toSet())
    }

    private fun places(text: String) = Regex("""%\d\$[sd]""").findAll(text).map { it.value }.sorted().toList()

    private companion object {
        const val CODE = "some_code"
    }
}

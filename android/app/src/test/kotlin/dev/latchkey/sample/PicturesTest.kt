package dev.latchkey.sample

import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

/** Each state of the screen as a person sees it; the pictures are in `docs/images/android`. */
@RunWith(RobolectricTestRunner::class)
class PicturesTest {
    @Test
    fun `each state looks as in its picture`() {
        for ((name, case) in STATES) Pictures.compare(name, screenOf(case).picture())
    }

    @Test
    @Config(qualifiers = "+night")
    fun `the states hold in dark mode`() = alsoAs("dark", "message", "calling", "offline", "logging-in", "details")

    @Test
    fun `the states hold with large text`() {
        RuntimeEnvironment.setFontScale(2f)
        alsoAs("large", "signed-in", "error", "not-finished", "signed-out")
    }

    @Test
    @Config(qualifiers = "+de")
    fun `the states hold in German`() = alsoAs("de", "step-up", "offline", "not-finished")

    @Test
    @Config(qualifiers = "+ja")
    fun `the states hold in Japanese`() = alsoAs("ja", "step-up", "offline", "not-finished")

    @Test
    fun `a label that is another is seen`() {
        val open = screenOf("the browser is open").picture()
        assertFalse(Pictures.differ(open, screenOf("the browser is open").picture()))
        assertTrue(Pictures.differ(open, screenOf("a login has been tapped").picture()))
    }

    private fun alsoAs(manner: String, vararg names: String) {
        for (name in names) Pictures.compare("$name-$manner", screenOf(STATES.getValue(name)).picture())
    }

    private companion object {
        val STATES = mapOf(
            "settings-missing" to "settings that are missing are named, and nothing can be tapped",
            "reading" to "the session is being read",
            "signed-out" to "nobody has logged in yet",
            "ended" to "the screen says why nobody is logged in: revoked",
            "logging-in" to "the browser is open",
            "not-finished" to "the person came back without an answer",
            "signed-in" to "somebody is logged in",
            "calling" to "the last answer is greyed while the next is fetched",
            "message" to "the API's own text",
            "offline" to "no answer keeps the last one, greyed: offline",
            "error" to "an answer that failed a check can be reported",
            "step-up" to "a scope that is missing can be allowed",
            "clock" to "a clock that is fast",
            "locked" to "the device is locked",
            "details" to "the details are open",
        )
    }
}

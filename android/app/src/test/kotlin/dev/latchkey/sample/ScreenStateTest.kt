package dev.latchkey.sample

import android.widget.TextView
import dev.latchkey.Session
import dev.latchkey.SignedOutReason
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner

/** `tests/vectors/screen.json`, as Swift runs it too. */
@RunWith(RobolectricTestRunner::class)
class ScreenStateTest {
    @Test
    fun `every state of the screen is as written`() {
        val failures = ScreenCases.all.mapNotNull { case ->
            val (seen, expected) = screenState(ScreenCases.seen(case)) to ScreenCases.expected(case)
            if (seen == expected) null else "${case["name"]}\n  seen     $seen\n  expected $expected"
        }
        assertEquals(failures.joinToString("\n"), 0, failures.size)
    }

    @Test
    fun `no state has more than two buttons besides the pings and the logout`() {
        val own = setOf(R.string.ping_private, R.string.ping_private_scoped, R.string.log_out)
        for (case in ScreenCases.all) {
            val others = screenState(ScreenCases.seen(case)).buttons.filter { it.text !in own }
            assertEquals("${case["name"]}: $others", true, others.size <= 2)
        }
    }

    @Test
    fun `the app names the settings that are missing, by their names in the file`() {
        val activity = Robolectric.buildActivity(MainActivity::class.java).setup().get()
        val message = activity.requireViewById<TextView>(R.id.message).text
        val names = listOf("setting_issuer", "setting_client_id", "setting_audience", "setting_api")
        assertEquals(activity.getString(R.string.settings_missing, names.joinToString(", ")), message.toString())
    }

    @Test
    fun `while a call runs nothing can be tapped but Cancel`() {
        for (running in Action.entries) {
            val seen = Seen(session = Session.SignedOut(SignedOutReason.NEVER), running = running)
            val ready = screenState(seen).buttons.filter { it.state == ButtonState.READY }.map { it.action }
            assertEquals(if (running == Action.LOG_IN) listOf(Action.CANCEL_LOGIN) else listOf(), ready)
        }
    }
}

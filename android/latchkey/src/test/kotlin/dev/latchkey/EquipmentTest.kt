package dev.latchkey

import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** What an app hands in besides its configuration, and what the library does without. */
@RunWith(RobolectricTestRunner::class)
class EquipmentTest {
    @get:Rule
    val phone = Phone()

    private class Lines : LogSink {
        val all = CopyOnWriteArrayList<Pair<LogLevel, String>>()

        override fun log(level: LogLevel, line: String) {
            all += level to line
        }
    }

    @Test
    fun `a log sink that is set before the first call hears of the login, without a secret, until it is taken away`() {
        val lines = Lines()
        val client = phone.start()
        client.log(LogLevel.DEBUG, lines)
        phone.signIn()
        until { lines.all.any { (level, _) -> level == LogLevel.DEBUG } }
        val token = inMain { client.accessToken() }.result().value
        for ((_, line) in lines.all) for (secret in listOf(token, "code=", "state=")) assertFalse(secret in line)

        client.log(LogLevel.DEBUG, null)
        lines.all.clear()
        // The next call of the core is made after the sink is gone.
        until { client.heardNothing(lines.all) }
    }

    private fun LatchkeyClient.heardNothing(lines: MutableList<*>): Boolean {
        lines.clear()
        inMain { userInfo() }.result()
        return lines.isEmpty()
    }

    @Test
    fun `a core that could be made only later has the sink too`() {
        val folder = File(phone.app.noBackupFilesDir, "latchkey").apply { writeText("in the way") }
        val lines = Lines()
        val client = LatchkeyClient(phone.app, phone.config())
        client.log(LogLevel.DEBUG, lines)
        inMain { client.accessToken() }.error<AuthException.Storage>()
        folder.delete()
        inMain { client.checkUp() }.result()
        assertTrue(lines.all.isNotEmpty())
    }

    @Test
    fun `a refresh asks the app's own object for time in the background`() {
        val calls = CopyOnWriteArrayList<String>()
        val time = object : BackgroundTime {
            override fun begin() = BackgroundGrant(7u, null).also { calls += "begin" }

            override fun end(id: ULong) {
                calls += "end $id"
            }
        }
        val client = phone.start()
        client.backgroundTime(time)
        phone.signIn()
        until {
            inMain { client.accessToken(AccessTokenOptions(forceRefresh = true)) }.result()
            calls.isNotEmpty()
        }
        until { calls.size % 2 == 0 }
        assertEquals(setOf("begin", "end 7"), calls.toSet())
    }

    @Test
    fun `no class of the library knows of web views`() {
        val classes = File("target/classes").walk().filter { it.extension == "class" }.map { it.readText(Charsets.ISO_8859_1) }
        val (other, webView) = classes.toList().let { all ->
            all.count { "android/content/Intent" in it } to all.count { "android/webkit" in it }
        }
        assertTrue("the classes are looked at", other > 3)
        assertEquals(0, webView)
    }
}

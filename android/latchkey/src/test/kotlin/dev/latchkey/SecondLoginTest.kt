package dev.latchkey

import android.app.Activity
import dev.latchkey.browser.Mode
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf

/** A login while another one is open. */
@RunWith(RobolectricTestRunner::class)
class SecondLoginTest {
    @get:Rule
    val phone = Phone()

    @Before
    fun browser() = phone.install("org.browser", Mode.CUSTOM_TAB)

    @Test
    fun `a double tap opens one page, and both taps get the session`() {
        phone.start()
        val taps = listOf(phone.tap(), phone.tap())
        val activity = phone.openLogin()
        val tab = phone.tab(activity)
        val third = phone.tap()
        phone.redirect(callback(tab, "alice"))
        assertEquals(1, (taps + third).map { it.result() }.distinct().size)
        phone.assertNoOtherTab(activity)
    }

    @Test
    fun `the same page asked for twice is opened once`() {
        phone.start()
        phone.tap()
        val intent = phone.next()
        val activity = phone.openLogin(intent)
        phone.next()
        activity.newIntent(intent)
        phone.assertNothingStarts()
    }

    @Test
    fun `a page that was left is opened again by the next tap`() {
        val client = phone.start()
        phone.tap()
        val activity = phone.openLogin()
        val first = phone.next()
        phone.comeBack(activity)
        client.until(LoginState.Unfinished)
        val again = phone.tap()
        phone.openLogin()
        val second = phone.next()
        assertEquals(first.dataString, second.dataString)
        phone.redirect(callback(second, "alice"))
        again.result()
    }

    @Test
    fun `a login that asks for something else takes the place of the one that is open`() {
        phone.start()
        val first = phone.tap()
        phone.openLogin()
        val url = phone.next().dataString
        val second = phone.tap(LoginOptions(prompt = "login"))
        first.error<AuthException.Cancelled>()
        phone.openLogin()
        val tab = phone.next()
        assertNotEquals(url, tab.dataString)
        phone.redirect(callback(tab, "alice"))
        assertTrue(second.result() is Session.SignedIn)
    }

    @Test
    fun `by policy the new login replaces the one that is open, even for the same`() {
        phone.start()
        val first = phone.tap()
        phone.openLogin()
        val url = phone.next().dataString
        phone.tap(whenOpen = WhenLoginOpen.REPLACE)
        first.error<AuthException.Cancelled>()
        phone.openLogin()
        assertNotEquals(url, phone.next().dataString)
    }

    @Test
    fun `by policy the new login is refused and the one that is open goes on`() {
        phone.start()
        val first = phone.tap()
        phone.openLogin()
        val tab = phone.next()
        phone.tap(whenOpen = WhenLoginOpen.REFUSE).error<AuthException.Cancelled>()
        assertFalse(first.isCompleted)
        phone.redirect(callback(tab, "alice"))
        first.result()
    }

    @Test
    fun `giving up ends the login as cancelled, and the next one is a new one`() {
        val client = phone.start()
        val first = phone.tap()
        val activity = phone.openLogin()
        phone.next()
        client.cancelLogin()
        first.error<AuthException.Cancelled>()
        assertSame(LoginState.None, client.login.value)
        phone.comeBack(activity)
        assertSame("its screen has nothing more to say", LoginState.None, client.login.value)
        phone.tap()
        phone.openLogin()
    }

    @Test
    fun `a late answer to a login that was given up logs nobody in`() {
        val client = phone.start()
        val login = phone.tap()
        phone.openLogin()
        val late = callback(phone.next(), "alice")
        client.cancelLogin()
        phone.assertIgnored(late)
        login.error<AuthException.Cancelled>()
        assertEquals(0L, server.requests("token"))
        assertFalse(client.isSignedIn())
        assertSame(LoginState.None, client.login.value)
    }

    @Test
    fun `a late answer to a login that was replaced does not end the newer one, whatever it says`() {
        val client = phone.start()
        for (late in listOf(::denial, { tab -> callback(tab, "bob") })) {
            phone.tap(whenOpen = WhenLoginOpen.REPLACE)
            val activity = phone.openLogin()
            val first = phone.next()
            val second = phone.tap(LoginOptions(prompt = "login"))
            val tab = phone.tab(activity)
            client.until(LoginState.InBrowser)
            phone.assertIgnored(late(first))
            assertSame(LoginState.InBrowser, client.login.value)
            phone.redirect(callback(tab, "alice"))
            val session = second.result() as Session.SignedIn
            assertEquals("dev|alice", session.subject)
            phone.next()
        }
    }

    @Test
    fun `a login that fails after it was replaced does not end the newer one`() {
        val client = phone.start()
        phone.tap()
        val activity = phone.openLogin()
        val answer = callback(phone.next(), "alice")
        server.faults("token:gate=slow,status=503@1")
        val redirect = phone.redirect(answer)
        server.awaitGate("slow")
        val second = phone.tap(whenOpen = WhenLoginOpen.REPLACE)
        val tab = phone.tab(activity)
        server.openGate("slow")
        until { redirect.get().isFinishing }
        client.until(LoginState.InBrowser)
        server.reset()
        phone.redirect(callback(tab, "alice"))
        assertTrue(second.result() is Session.SignedIn)
    }

    @Test
    fun `an Auth Tab that closes because another page takes its place does not end the newer login`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val client = phone.start()
        phone.tap()
        val activity = phone.openLogin()
        val first = phone.next()
        activity.pause().stop()
        val second = phone.tap(whenOpen = WhenLoginOpen.REPLACE)
        // The system ends the tab above, gives its result, and then the intent.
        val intent = phone.next()
        activity.restart().start()
        shadowOf(activity.get()).receiveResult(first, Activity.RESULT_CANCELED, null)
        activity.newIntent(intent).resume()
        assertFalse(activity.get().isFinishing)
        client.until(LoginState.InBrowser)
        val tab = phone.next()
        phone.result(activity, tab, Activity.RESULT_OK, callback(tab, "alice"))
        assertTrue(second.result() is Session.SignedIn)
    }

    @Test
    fun `an earlier login's answer that has expired does not end the one that is open`() {
        val client = phone.start()
        phone.tap()
        phone.openLogin()
        client.until(LoginState.InBrowser)
        val expired = AuthException.CallbackIgnored(CallbackIgnoredReason.EXPIRED)
        assertFalse(inMain { client.logins.receive { throw expired } }.result())
        assertSame(LoginState.InBrowser, client.login.value)
    }
}

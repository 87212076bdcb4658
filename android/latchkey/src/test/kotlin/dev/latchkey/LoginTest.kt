package dev.latchkey

import android.app.Activity
import android.content.Intent
import dev.latchkey.browser.LoginActivity
import dev.latchkey.browser.Mode
import dev.latchkey.browser.Tab
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** From the tap to the message. */
@RunWith(RobolectricTestRunner::class)
class LoginTest {
    @get:Rule
    val phone = Phone()

    @Test
    fun `alice taps, logs in in a Custom Tab, and the app shows the API's message`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val client = phone.start()
        until { client.session.value == Session.SignedOut(SignedOutReason.NEVER) }
        val message = inMain {
            client.login(phone.screen.get())
            client.ping(server.api).pingPrivate().message
        }
        val login = phone.openLogin()
        client.until(LoginState.InBrowser)
        val browser = phone.next()
        assertEquals(Intent.ACTION_VIEW, browser.action)
        assertEquals("org.browser", browser.`package`)
        assertTrue(browser.extras!!.containsKey(Tab.SESSION))
        login.pause().stop()

        val redirect = phone.redirect(callback(browser, "alice"))
        val back = phone.next()
        assertEquals(LoginActivity::class.java.name, back.component?.className)
        assertTrue(back.flags and Intent.FLAG_ACTIVITY_CLEAR_TOP != 0)
        assertTrue(redirect.get().isFinishing)
        login.newIntent(back)
        assertTrue("the tab's activity goes with it", login.get().isFinishing)

        assertTrue(message.result().startsWith("Hello from a private endpoint!"))
        assertTrue(client.isSignedIn())
        assertEquals(LoginState.None, client.login.value)
    }

    @Test
    fun `an Auth Tab gives the answer as its result`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val client = phone.start()
        val login = phone.tap()
        val activity = phone.openLogin()
        val browser = phone.next()
        assertTrue(browser.getBooleanExtra(Tab.LAUNCH_AUTH_TAB, false))
        assertEquals("dev.latchkey.sample", browser.getStringExtra(Tab.SCHEME))
        phone.result(activity, browser, Activity.RESULT_OK, callback(browser, "alice"))
        assertTrue(activity.get().isFinishing)
        assertTrue(login.result() is Session.SignedIn)
        assertEquals(LoginState.None, client.login.value)
        phone.assertNothingStarts()
    }

    @Test
    fun `the app's own requests carry the token, and a logout ends the session for all who watch`() {
        val client = phone.start()
        phone.signIn()
        val answer = inMain { client.api(server.api).send(ApiRequest("GET", "/private")) }.result()
        assertEquals(200u, answer.status)
        assertTrue(inMain { client.userInfo() }.result().contains("dev|alice"))
        val outcome = inMain { client.logout() }.result()
        assertEquals(Revocation.DONE, outcome.revocation)
        assertEquals(Session.SignedOut(SignedOutReason.LOGGED_OUT), client.session.value)
        inMain { client.accessToken() }.error<AuthException.LoginRequired>()
    }

    @Test
    fun `a session that the API call finds ended is told to all who watch`() {
        val client = phone.start()
        phone.signIn()
        server.admin("revoke/alice")
        inMain { client.ping(server.api).pingPrivate() }.error<AuthException.LoginRequired>()
        assertEquals(Session.SignedOut(SignedOutReason.REVOKED), client.session.value)
    }

    @Test
    fun `a person who says no at the provider is a typed error to the caller and to all who watch`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val client = phone.start()
        val login = phone.tap()
        phone.openLogin()
        phone.redirect(denial(phone.next()))
        val error = login.error<AuthException.Denied>()
        assertEquals(LoginState.Failed(error), client.login.value)
        assertEquals(LoginActivity::class.java.name, phone.next().component?.className)
    }

    @Test
    fun `without a network the login ends with its error and opens nothing`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        server.faults("discovery:status=503")
        val client = phone.start()
        val error = phone.tap().error<AuthException.Network>()
        assertEquals(LoginState.Failed(error), client.login.value)
        phone.assertNothingStarts()
    }

    @Test
    fun `a mistake in the configuration is thrown by the first call, not where the client is made`() {
        val client = phone.start(redirectUri = "nonsense")
        val error = phone.tap().error<AuthException.Configuration>()
        assertEquals(listOf("redirect_uri"), error.problems.map { it.field })
        assertEquals(null, client.session.value)
        assertFalse("an address is no answer to it", runBlocking { client.receive("com.example.app:/other") })
    }

    @Test
    fun `on a processor that the app brings no core for, each call says so`() {
        val client = LatchkeyClient(phone.app, phone.config(), Dispatchers.IO) { throw UnsatisfiedLinkError("no core") }
        repeat(2) {
            val error = runCatching { runBlocking { client.accessToken() } }.exceptionOrNull()
            assertEquals(listOf("device"), (error as AuthException.Configuration).problems.map { it.field })
        }
    }

    @Test
    fun `a phone without a browser is told in words`() {
        phone.start()
        val login = phone.tap()
        assertTrue(phone.openLogin().get().isFinishing)
        assertTrue(login.error<AuthException.Configuration>().toString().contains("browser"))
    }
}

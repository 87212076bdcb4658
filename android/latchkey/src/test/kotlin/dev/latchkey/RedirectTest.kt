package dev.latchkey

import android.app.Activity
import android.content.Intent
import dev.latchkey.browser.LoginActivity
import dev.latchkey.browser.Mode
import dev.latchkey.browser.RedirectActivity
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf

/** Both doors for the answer, and who comes in by them. */
@RunWith(RobolectricTestRunner::class)
class RedirectTest {
    @get:Rule
    val phone = Phone()

    @Test
    fun `the same answer by both doors is one login and one token request`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val client = phone.start()
        val login = phone.tap()
        val activity = phone.openLogin()
        val tab = phone.next()
        val answer = callback(tab, "alice")
        val redirect = phone.redirect(answer)
        phone.result(activity, tab, Activity.RESULT_OK, answer)
        login.result()
        until { redirect.get().isFinishing }
        client.until(LoginState.None)
        assertEquals(1L, server.requests("token"))
        assertEquals(1, inMain { client.timeline() }.result().count { it.event == "login" })
    }

    @Test
    fun `a browser that gives no result sends the answer through the other door, after the tab was closed`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val client = phone.start()
        val login = phone.tap()
        val activity = phone.openLogin()
        val tab = phone.next()
        phone.result(activity, tab, Activity.RESULT_CANCELED)
        client.until(LoginState.Unfinished)
        phone.redirect(callback(tab, "alice"))
        assertTrue(login.result() is Session.SignedIn)
    }

    @Test
    fun `coming back without an answer cancels nothing, and a late answer counts`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val client = phone.start()
        val login = phone.tap()
        val activity = phone.openLogin()
        val tab = phone.next()
        phone.comeBack(activity)
        assertEquals(LoginState.Unfinished, client.login.value)
        assertTrue("the app's screen can be touched again", activity.get().isFinishing)
        assertFalse(login.isCompleted)

        phone.redirect(callback(tab, "alice"))
        assertTrue(login.result() is Session.SignedIn)
        assertEquals(LoginState.None, client.login.value)
    }

    @Test
    fun `a redirect from another app changes nothing and leaves the browser in front`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val client = phone.start()
        val login = phone.tap()
        phone.openLogin()
        val tab = phone.next()
        client.until(LoginState.InBrowser)
        for (query in listOf("?code=stolen&state=guessed", "?error=access_denied", "")) {
            val redirect = phone.redirect(REDIRECT_URI + query)
            until { redirect.get().isFinishing }
            phone.assertNothingStarts()
            assertEquals(LoginState.InBrowser, client.login.value)
        }
        assertEquals(0L, server.requests("token"))
        assertFalse(login.isCompleted)
        phone.redirect(callback(tab, "alice"))
        login.result()
    }

    @Test
    fun `a redirect without an address, and one while no login is open, change nothing`() {
        val client = phone.start()
        val empty = Robolectric.buildActivity(RedirectActivity::class.java, Intent()).setup()
        assertTrue(empty.get().isFinishing)
        val redirect = phone.redirect("$REDIRECT_URI?code=c&state=s")
        until { redirect.get().isFinishing }
        assertEquals(LoginState.None, client.login.value)
        phone.assertNothingStarts()
    }

    @Test
    fun `an answer in an Auth Tab that is not this login's is as if the tab was closed`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val client = phone.start()
        phone.tap()
        val activity = phone.openLogin()
        phone.result(activity, phone.next(), Activity.RESULT_OK, "$REDIRECT_URI?code=c&state=other")
        client.until(LoginState.Unfinished)
    }

    @Test
    fun `a redirect URI that is not proven to be the app's is the developer's mistake, in words`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val client = phone.start()
        val login = phone.tap()
        phone.result(phone.openLogin(), phone.next(), 2)
        val error = login.error<AuthException.Configuration>()
        assertEquals(listOf("redirect_uri"), error.problems.map { it.field })
        assertEquals(LoginState.Failed(error), client.login.value)
    }

    @Test
    fun `a proof that takes too long is worth another try`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        phone.start()
        val login = phone.tap()
        phone.result(phone.openLogin(), phone.next(), 3)
        assertEquals(Recovery.RETRY, login.error<AuthException.Network>().recovery())
    }

    @Test
    fun `a redirect that arrives as a new task brings the app to the front as its icon would`() {
        phone.install("org.plain")
        val client = phone.start()
        phone.tap()
        phone.openLogin().pause().stop()
        phone.redirect(callback(phone.next(), "alice"))
        val back = phone.next()
        assertTrue(back.flags and Intent.FLAG_ACTIVITY_NEW_TASK != 0)
        // The login's own activity is not in that task, so the system makes one.
        val made = phone.openLogin(back)
        assertTrue(made.get().isFinishing)
        val app = phone.next()
        assertEquals(AppActivity::class.java.name, app.component?.className)
        assertTrue(Intent.CATEGORY_LAUNCHER in app.categories)
        assertTrue(client.isSignedIn())
    }

    @Test
    fun `an answer that comes before the app has made its client is kept for it`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        phone.start()
        phone.tap()
        phone.openLogin()
        val answer = callback(phone.next(), "alice")
        newProcess()
        val redirect = phone.redirect(answer)
        assertTrue(redirect.get().isFinishing)

        val client = phone.newClientInThisProcess()
        until { client.isSignedIn() }
        assertEquals(1L, server.requests("token"))
    }

    @Test
    fun `with two providers each gets its own answer`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val client = phone.start()
        val other = phone.newClientInThisProcess(clientId = "another")
        val login = phone.tap()
        phone.openLogin()
        phone.redirect(callback(phone.next(), "alice"))
        login.result()
        assertTrue(client.isSignedIn())
        assertFalse(other.isSignedIn())
    }

    @Test
    fun `where screens of the app are still there, the answer leaves them as they were`() {
        phone.install("org.plain")
        phone.start()
        val login = phone.tap()
        phone.openLogin()
        phone.redirect(callback(phone.next(), "alice"))
        login.result()
        val made = Robolectric.buildActivity(LoginActivity::class.java, phone.next())
        shadowOf(made.get()).setIsTaskRoot(false)
        made.setup()
        assertTrue(made.get().isFinishing)
        phone.assertNothingStarts()
    }
}

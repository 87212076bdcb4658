package dev.latchkey

import android.net.Uri
import dev.latchkey.browser.LoginActivity
import dev.latchkey.browser.Mode
import dev.latchkey.browser.Tab
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** The provider's end-session page, in the browser in which the person has logged in. */
@RunWith(RobolectricTestRunner::class)
class LogoutTest {
    @get:Rule
    val phone = Phone()

    private val client get() = phone.client
    private val andBack = LogoutOptions(postLogoutRedirectUri = REDIRECT_URI)

    @Before
    fun signedIn() {
        phone.start()
        phone.signIn()
    }

    private fun logOut(options: LogoutOptions = andBack) =
        inMain { client.logout(options, phone.screen.get()) }.result()

    @Test
    fun `the session ends, then the page opens in a tab, and the way back closes it`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val outcome = logOut()
        assertEquals(Session.SignedOut(SignedOutReason.LOGGED_OUT), client.session.value)
        val activity = phone.openLogin()
        val tab = phone.next()
        assertEquals(outcome.endSessionUrl, tab.dataString)
        assertEquals(REDIRECT_URI, Uri.parse(tab.dataString).getQueryParameter("post_logout_redirect_uri"))
        assertEquals("org.browser", tab.`package`)
        assertFalse("it gives no answer", tab.hasExtra(Tab.LAUNCH_AUTH_TAB))

        val redirect = phone.redirect(REDIRECT_URI)
        val back = phone.next()
        assertEquals(LoginActivity::class.java.name, back.component?.className)
        assertTrue(redirect.get().isFinishing)
        activity.newIntent(back)
        assertTrue(activity.get().isFinishing)
        assertEquals(LoginState.None, client.login.value)
        phone.assertIgnored(REDIRECT_URI)
    }

    @Test
    fun `who closes the page is logged out here, and nothing fails`() {
        logOut()
        val activity = phone.openLogin()
        phone.next()
        phone.comeBack(activity)
        assertTrue(activity.get().isFinishing)
        assertEquals(LoginState.None, client.login.value)
        assertFalse(client.isSignedIn())
    }

    @Test
    fun `no page opens unless the app asks for it`() {
        inMain { client.logout(andBack) }.result()
        phone.assertNothingStarts()
        phone.assertIgnored(REDIRECT_URI)
    }

    @Test
    fun `another address does not close the page`() {
        logOut()
        phone.openLogin()
        phone.next()
        phone.assertIgnored("dev.latchkey.sample:/elsewhere")
    }

    @Test
    fun `a login takes the page's place, and its answer is no way back from a logout`() {
        logOut()
        val activity = phone.openLogin()
        phone.next()
        val login = phone.tap()
        val tab = phone.tab(activity)
        phone.assertIgnored(REDIRECT_URI)
        phone.redirect(callback(tab, "alice"))
        assertTrue(login.result() is Session.SignedIn)
    }
}

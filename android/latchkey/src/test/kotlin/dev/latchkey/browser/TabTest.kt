package dev.latchkey.browser

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Binder
import dev.latchkey.LoginRequest
import dev.latchkey.Redirect
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

@RunWith(RobolectricTestRunner::class)
class TabTest {
    private val tab = tab(Redirect.Scheme("com.example.app"))
    private val auth = Browser("org.auth", Mode.AUTH_TAB)
    private val custom = Browser("org.tabs", Mode.CUSTOM_TAB)
    private val plain = Browser("org.plain", Mode.BROWSER)

    private fun tab(redirect: Redirect, ephemeral: Boolean = false) = Tab.of(
        LoginRequest("id", "https://login.example/authorize?state=x", "not looked at", redirect, 900u),
        ephemeral,
    )

    @Test
    fun `every intent views the login page, in the chosen browser alone`() {
        for (browser in listOf(auth, custom, plain)) {
            val intent = tab.intent(browser, null)
            assertEquals(Intent.ACTION_VIEW, intent.action)
            assertEquals(tab.url, intent.dataString)
            assertEquals(browser.packageName, intent.`package`)
            assertEquals(setOf(Intent.CATEGORY_BROWSABLE), intent.categories)
        }
    }

    @Test
    fun `a Custom Tab is one with and without a session`() {
        val bare = tab.intent(custom, null).extras!!
        assertEquals(setOf(Tab.SESSION), bare.keySet())
        val session = Binder()
        assertSame(session, tab.intent(custom, session).extras!!.getBinder(Tab.SESSION))
        assertFalse(tab.givesResult(custom))
    }

    @Test
    fun `an Auth Tab is told the redirect URI's scheme`() {
        val extras = tab.intent(auth, null).extras!!
        assertEquals(setOf(Tab.SESSION, Tab.LAUNCH_AUTH_TAB, Tab.SCHEME), extras.keySet())
        assertTrue(extras.getBoolean(Tab.LAUNCH_AUTH_TAB))
        assertEquals("com.example.app", extras.getString(Tab.SCHEME))
        assertTrue(tab.givesResult(auth))
    }

    @Test
    fun `an Auth Tab for an App Link is told host and path`() {
        val link = tab(Redirect.Https("app.example.com", "/callback"))
        val extras = link.intent(auth, null).extras!!
        assertEquals(setOf(Tab.SESSION, Tab.LAUNCH_AUTH_TAB, Tab.HTTPS_HOST, Tab.HTTPS_PATH), extras.keySet())
        assertEquals("app.example.com", extras.getString(Tab.HTTPS_HOST))
        assertEquals("/callback", extras.getString(Tab.HTTPS_PATH))
    }

    @Test
    fun `a loopback redirect gets a Custom Tab`() {
        val loopback = tab(Redirect.Loopback)
        assertFalse(loopback.givesResult(auth))
        assertFalse(loopback.intent(auth, null).hasExtra(Tab.LAUNCH_AUTH_TAB))
    }

    @Test
    fun `ephemeral browsing is asked for on both kinds of tab, and only where it is wanted`() {
        val ephemeral = tab(Redirect.Scheme("com.example.app"), ephemeral = true)
        for (browser in listOf(auth, custom)) {
            assertTrue(ephemeral.intent(browser, null).getBooleanExtra(Tab.EPHEMERAL, false))
            assertFalse(tab.intent(browser, null).hasExtra(Tab.EPHEMERAL))
        }
    }

    @Test
    fun `a browser without tabs gets a window and a task of its own`() {
        val intent = tab.intent(plain, Binder())
        assertEquals(null, intent.extras)
        assertTrue(intent.flags and Intent.FLAG_ACTIVITY_NEW_TASK != 0)
    }

    @Test
    fun `a tab stays in the app's task, and stays when the person looks something up elsewhere`() {
        val ends = Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_NO_HISTORY or Intent.FLAG_ACTIVITY_CLEAR_TASK
        for (browser in listOf(auth, custom)) assertEquals(0, tab.intent(browser, null).flags and ends)
        assertEquals(0, tab.intent(plain, null).flags and Intent.FLAG_ACTIVITY_NO_HISTORY)
    }

    @Test
    fun `a page that is no login never gets an Auth Tab`() {
        val page = Tab("https://login.example/logout")
        assertFalse(page.givesResult(auth))
        assertEquals(setOf(Tab.SESSION), page.intent(auth, null).extras!!.keySet())
    }

    @Test
    fun `result codes say how the tab ended`() {
        val answer = Intent().setData(Uri.parse("com.example.app:/callback?code=c"))
        assertEquals(TabResult.Answer("com.example.app:/callback?code=c"), TabResult.of(Activity.RESULT_OK, answer))
        assertEquals(TabResult.Closed, TabResult.of(Activity.RESULT_CANCELED, null))
        assertEquals(TabResult.NotOwned, TabResult.of(2, null))
        assertEquals(TabResult.ProofTimedOut, TabResult.of(3, null))
        assertEquals(TabResult.Closed, TabResult.of(-2, null))
        assertEquals("an answer with nothing in it", TabResult.Closed, TabResult.of(Activity.RESULT_OK, null))
    }

    @Test
    fun `no text holds the state or the code`() {
        assertEquals("Tab", tab.toString())
        assertEquals("Answer", TabResult.Answer("com.example.app:/callback?code=c").toString())
    }
}

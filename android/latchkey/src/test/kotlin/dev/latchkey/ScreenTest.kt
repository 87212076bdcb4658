package dev.latchkey

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.MotionEvent
import dev.latchkey.browser.LoginActivity
import dev.latchkey.browser.Mode
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

/** What phones do to screens and processes while the browser is in front. */
@RunWith(RobolectricTestRunner::class)
class ScreenTest {
    @get:Rule
    val phone = Phone()

    /** A login that is open in the browser: what lies under it, and its tab. */
    private fun inBrowser(mode: Mode = Mode.CUSTOM_TAB): Pair<ActivityController<LoginActivity>, Intent> {
        phone.install("org.browser", mode)
        phone.start()
        phone.tap()
        return phone.openLogin() to phone.next()
    }

    /** Ends the activity as the system does, and makes it anew from what it has saved. */
    private fun remade(activity: ActivityController<LoginActivity>): ActivityController<LoginActivity> {
        val saved = Bundle()
        activity.pause().stop().saveInstanceState(saved).destroy()
        val made = Robolectric.buildActivity(LoginActivity::class.java, activity.intent)
        return made.create(throughParcel(saved)).start()
    }

    /** The tab's answer, to an activity that did not start it itself. */
    @Suppress("DEPRECATION")
    private fun result(activity: ActivityController<LoginActivity>, request: Int, answer: Intent?) {
        val code = if (answer == null) Activity.RESULT_CANCELED else Activity.RESULT_OK
        shadowOf(activity.get()).callOnActivityResult(request, code, answer)
    }

    @Test
    fun `a rotation while the login is seen opens no second page`() {
        val (activity) = inBrowser()
        activity.recreate()
        assertFalse(activity.get().isFinishing)
        phone.assertNothingStarts()
        assertEquals(LoginState.InBrowser, phone.client.login.value)
    }

    @Test
    fun `a rotated app loses its caller, not its login`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val client = phone.start()
        val lifecycle = CoroutineScope(Job() + Dispatchers.Main.immediate)
        lifecycle.launch { client.login(phone.screen.get()) }
        phone.openLogin()
        lifecycle.cancel()
        phone.screen.recreate()
        phone.redirect(callback(phone.next(), "alice"))
        until { client.isSignedIn() }
        client.until(LoginState.None)
    }

    @Test
    fun `a screen that is gone before the page is ready still gets it opened`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        phone.start()
        server.faults("discovery:gate=slow")
        phone.tap()
        server.awaitGate("slow")
        phone.screen.pause().stop().destroy()
        server.openGate("slow")
        val intent = phone.next()
        assertTrue(intent.flags and Intent.FLAG_ACTIVITY_NEW_TASK != 0)
        phone.openLogin(intent)
    }

    @Test
    fun `in split screen the login stays open beside the browser until the app is touched`() {
        phone.install("org.plain")
        val client = phone.start()
        val login = phone.tap()
        val activity = phone.openLogin()
        val tab = phone.next()
        activity.pause().resume()
        assertEquals(LoginState.InBrowser, client.login.value)
        activity.get().dispatchTouchEvent(MotionEvent.obtain(0, 0, MotionEvent.ACTION_DOWN, 1f, 1f, 0))
        assertEquals(LoginState.Unfinished, client.login.value)
        assertTrue(activity.get().isFinishing)
        phone.redirect(callback(tab, "alice"))
        login.result()
    }

    @Test
    fun `a second tap while the browser is still starting takes nothing away from its tab`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        val client = phone.start()
        val login = phone.tap()
        val activity = phone.openLogin().pause()
        val tab = phone.next()
        activity.get().dispatchTouchEvent(MotionEvent.obtain(0, 0, MotionEvent.ACTION_DOWN, 1f, 1f, 0))
        assertEquals(LoginState.InBrowser, client.login.value)
        assertFalse("nobody is there for the tab's answer", activity.get().isFinishing)
        activity.resume()
        phone.result(activity, tab, Activity.RESULT_OK, callback(tab, "alice"))
        login.result()
    }

    @Test
    fun `with activities not kept, an Auth Tab's answer reaches the one that is made anew`() {
        phone.install("org.browser", Mode.AUTH_TAB)
        phone.start()
        val login = phone.tap()
        val first = phone.openLogin()
        val tab = phone.next()
        val request = shadowOf(first.get()).nextStartedActivityForResult.requestCode
        val second = remade(first)
        val answer = Intent().setData(Uri.parse(callback(tab, "alice")))
        result(second, request, answer)
        second.resume()
        assertTrue(login.result() is Session.SignedIn)
        phone.assertNothingStarts()
    }

    @Test
    fun `with activities not kept, coming back without an answer is seen`() {
        val (first) = inBrowser()
        val second = remade(first).resume()
        assertEquals(LoginState.Unfinished, phone.client.login.value)
        assertTrue(second.get().isFinishing)
        phone.assertNothingStarts()
    }

    @Test
    fun `after the process died, the redirect logs in all the same`() {
        val (before, tab) = inBrowser()
        val client = phone.start()
        phone.redirect(callback(tab, "alice"))
        val after = remade(before)
        after.newIntent(phone.next()).resume()
        until { client.isSignedIn() }
        assertEquals(LoginState.None, client.login.value)
        assertTrue(after.get().isFinishing)
        phone.assertNothingStarts()
        assertTrue(inMain { client.ping(server.api).pingPrivate() }.result().message.startsWith("Hello"))
    }

    @Test
    fun `after the process died, an Auth Tab's answer logs in all the same`() {
        val (before, tab) = inBrowser(Mode.AUTH_TAB)
        val request = shadowOf(before.get()).nextStartedActivityForResult.requestCode

        val client = phone.start()
        val after = remade(before)
        val answer = Intent().setData(Uri.parse(callback(tab, "alice")))
        result(after, request, answer)
        after.resume()
        until { client.isSignedIn() }
    }

    @Test
    fun `after the process died, coming back without an answer offers to go on, and a late answer counts`() {
        val (before, tab) = inBrowser()
        val client = phone.start()
        remade(before).resume()
        assertEquals(LoginState.Unfinished, client.login.value)
        phone.redirect(callback(tab, "alice"))
        until { client.isSignedIn() }
        client.until(LoginState.None)
    }

    @Test
    fun `after the process died, a login that fails is told to the app`() {
        val (_, tab) = inBrowser()
        val answer = callback(tab, "alice")
        server.faults("token:status=503")
        val client = phone.start()
        phone.redirect(answer)
        until { client.login.value is LoginState.Failed }
        assertFalse(client.isSignedIn())
    }

    @Test
    fun `when the app comes to the foreground it sees that another process has logged out`() {
        val client = phone.start()
        phone.signIn()
        val other = phone.newClientInThisProcess()
        inMain { other.logout() }.result()
        assertTrue("not seen yet", client.isSignedIn())
        phone.screen.pause().stop()
        phone.screen.restart().start().resume()
        until { client.session.value == Session.SignedOut(SignedOutReason.LOGGED_OUT) }
    }

    @Test
    fun `after the process died, a login that the person gives up has no late answer`() {
        val (before, tab) = inBrowser()
        val client = phone.start()
        remade(before).resume()
        client.until(LoginState.Unfinished)
        client.cancelLogin()
        assertEquals(LoginState.None, client.login.value)
        phone.assertIgnored(callback(tab, "alice"))
        assertFalse(client.isSignedIn())
    }

    @Test
    fun `after the process died, a login that is replaced does not end the newer one`() {
        val (before, tab) = inBrowser()
        val client = phone.start()
        remade(before).resume()
        client.until(LoginState.Unfinished)
        phone.tap(whenOpen = WhenLoginOpen.REPLACE)
        phone.openLogin()
        client.until(LoginState.InBrowser)
        phone.next()
        phone.assertIgnored(denial(tab))
        assertEquals(LoginState.InBrowser, client.login.value)
    }

    @Test
    fun `after the process died, the tab that closes with the answer leaves no login behind`() {
        val (before, tab) = inBrowser(Mode.AUTH_TAB)
        val request = shadowOf(before.get()).nextStartedActivityForResult.requestCode
        val client = phone.start()
        phone.redirect(callback(tab, "alice"))
        val back = phone.next()
        val after = remade(before)
        result(after, request, null)
        after.newIntent(back).resume().pause().stop().destroy()
        until { client.isSignedIn() }
        assertEquals(LoginState.None, client.login.value)
    }

    /** Some phones do so when they were turned meanwhile: the activity is seen first, and told why only then. */
    @Test
    fun `after the process died, a login that has ended is not open again because its screen is seen`() {
        val (before, tab) = inBrowser()
        val client = phone.start()
        phone.redirect(callback(tab, "alice"))
        val back = phone.next()
        val after = remade(before).resume()
        assertEquals(LoginState.None, client.login.value)
        after.newIntent(back)
        assertTrue(after.get().isFinishing)
        assertTrue(client.isSignedIn())
    }

    @Test
    fun `an app that is taken back to its first screen, and the tab with it, can open the page again`() {
        val (activity, tab) = inBrowser()
        activity.pause().stop()
        // As the system does where the app's first screen is singleTask and its icon is tapped.
        activity.get().finish()
        activity.destroy()
        phone.client.until(LoginState.Unfinished)
        phone.tap()
        phone.openLogin()
        assertEquals(tab.dataString, phone.next().dataString)
    }

    @Test
    fun `a page that the system did not let open from behind is opened when the app is seen again`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val client = phone.start()
        server.faults("discovery:gate=slow")
        phone.tap()
        server.awaitGate("slow")
        phone.screen.pause().stop()
        server.openGate("slow")
        phone.next() // And the system refuses it.
        assertEquals(LoginState.Beginning, client.login.value)
        phone.screen.restart().start().resume()
        phone.openLogin()
        assertEquals(LoginState.InBrowser, client.login.value)
        // Once is enough.
        phone.next()
        phone.screen.pause().stop().restart().start().resume()
        phone.assertNothingStarts()
    }

    @Test
    fun `a login that took too long ends for the one who waits for it`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        phone.loginSeconds = 0u
        val client = phone.start()
        val error = phone.tap().error<AuthException.CallbackIgnored>()
        assertEquals(CallbackIgnoredReason.EXPIRED, error.reason)
        assertEquals(LoginState.Failed(error), client.login.value)
    }
}

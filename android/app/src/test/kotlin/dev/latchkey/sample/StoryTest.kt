package dev.latchkey.sample

import android.app.Activity
import android.content.ComponentName
import android.content.Intent
import android.content.IntentFilter
import android.content.pm.ActivityInfo
import android.net.Uri
import android.view.View
import android.view.WindowManager
import android.widget.TextView
import dev.latchkey.memoryStore
import dev.latchkey.tests.DevServerProcess
import dev.latchkey.tests.submitLoginPage
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLooper

/** The app as a person uses it, against the development server. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [28, 35], application = DevServerApp::class)
class StoryTest {
    private val app get() = RuntimeEnvironment.getApplication()
    private lateinit var screen: ActivityController<MainActivity>

    @Before
    fun start() {
        val window = ComponentName("org.browser", "org.browser.Window")
        val packages = shadowOf(app.packageManager)
        packages.addOrUpdateActivity(
            ActivityInfo().apply {
                packageName = window.packageName
                name = window.className
                exported = true
            },
        )
        for (scheme in listOf("http", "https")) {
            val filter = IntentFilter(Intent.ACTION_VIEW).apply {
                addCategory(Intent.CATEGORY_DEFAULT)
                addCategory(Intent.CATEGORY_BROWSABLE)
                addDataScheme(scheme)
            }
            packages.addIntentFilterForActivity(window, filter)
        }
        screen = Robolectric.buildActivity(MainActivity::class.java).setup()
        says("Not logged in.")
    }

    @Test
    fun `alice logs in, pings, allows access, and logs out`() {
        logIn()
        assertEquals("Alice", text(R.id.name))
        tap("Ping private")
        until { text(R.id.answer).startsWith("Hello from a private endpoint!") }

        tap("Ping private-scoped")
        says("This needs the permission “read:messages”, which you have not given yet.")
        tap("Allow access")
        answer(openBrowser())
        until { "read:messages to see this" in text(R.id.answer) }
        assertEquals("alice · read:messages", text(R.id.detail))

        tap("Log out")
        says("You are logged out.")
        assertEquals(View.GONE, view(R.id.account).visibility)
    }

    @Test
    fun `a second tap does nothing`() {
        val button = button("Log in")
        button.performClick()
        button.performClick()
        val browser = openBrowser()
        until { button("Cancel").isShown }
        assertEquals(null, shadowOf(app).peekNextStartedActivity())
        answer(browser)
        until { view(R.id.account).isShown }
    }

    @Test
    fun `who comes back without an answer can go on, and an answer that comes later counts`() {
        tap("Log in")
        val login = openLogin()
        val page = next()
        says("Continue in the browser.")
        login.pause().stop().start().resume()
        says("Logging in was not finished.")
        tap("Continue")
        assertEquals("the same page", page.dataString, openBrowser().dataString)
        answer(page)
        until { view(R.id.account).isShown }
    }

    @Test
    fun `who gives up is where they were`() {
        tap("Log in")
        openBrowser()
        tap("Cancel")
        says("Not logged in.")
        assertTrue(button("Log in").isShown)
    }

    @Test
    fun `a turned phone goes on waiting`() {
        tap("Log in")
        val page = openBrowser()
        screen.recreate()
        says("Continue in the browser.")
        answer(page)
        until { view(R.id.account).isShown }
    }

    @Test
    fun `the details open, and the report has no secret in it`() {
        logIn()
        view(R.id.details_button).performClick()
        until { "provider: fine" in text(R.id.checks) }
        assertTrue(text(R.id.timeline), "login" in text(R.id.timeline))
        view(R.id.copy_report).performClick()
        val clipboard = app.getSystemService(android.content.ClipboardManager::class.java)!!
        until { clipboard.hasPrimaryClip() }
        val report = clipboard.primaryClip!!.getItemAt(0).text.toString()
        assertTrue(report, "check provider: ok" in report)
        for (secret in listOf("eyJ", "code=", "state=", "dev|alice")) assertTrue(report, secret !in report)
    }

    @Test
    @Config(sdk = [28])
    fun `the app switcher keeps no picture of the screen`() {
        assertNotEquals(0, screen.get().window.attributes.flags and WindowManager.LayoutParams.FLAG_SECURE)
    }

    private fun logIn() {
        tap("Log in")
        answer(openBrowser())
        until { view(R.id.account).isShown }
    }

    /** The system shows what the library asked for, and that opens the browser. */
    private fun openBrowser(): Intent {
        openLogin()
        return next()
    }

    private fun openLogin(): ActivityController<out Activity> {
        val intent = next()
        val activity = Class.forName(checkNotNull(intent.component).className).asSubclass(Activity::class.java)
        return Robolectric.buildActivity(activity, intent).setup()
    }

    /** Alice logs in on the page, and the system opens the address that the browser is sent to. */
    private fun answer(page: Intent) {
        val callback = submitLoginPage(page.dataString.orEmpty(), "alice")
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(callback)).addCategory(Intent.CATEGORY_BROWSABLE)
        val door = app.packageManager.queryIntentActivities(intent, 0).single().activityInfo.name
        Robolectric.buildActivity(Class.forName(door).asSubclass(Activity::class.java), intent).setup()
        // The way back to the app.
        next()
    }

    private fun next(): Intent {
        until { shadowOf(app).peekNextStartedActivity() != null }
        return shadowOf(app).nextStartedActivity
    }

    private fun view(id: Int): View = screen.get().requireViewById(id)

    private fun text(id: Int): String = (view(id) as TextView).text.toString()

    private fun says(message: String) = until { text(R.id.message) == message }

    private fun button(text: String): View =
        screen.get().screen.root.all().filterIsInstance<android.widget.Button>().single { it.text.toString() == text }

    private fun tap(text: String) {
        until { button(text).isEnabled }
        button(text).performClick()
    }

    /** Lets the main thread work until this holds. The bound is for a test that hangs. */
    private fun until(holds: () -> Boolean) {
        val start = TimeSource.Monotonic.markNow()
        while (!runCatching(holds).getOrDefault(false)) {
            assertTrue("still not so after 30 seconds: ${text(R.id.message)}", start.elapsedNow() < 30.seconds)
            ShadowLooper.idleMainLooper()
            Thread.yield()
        }
    }
}

/** The sample with its settings filled in. */
class DevServerApp : SampleApp() {
    override fun settings() = Settings(server.issuer, server.clientId, server.audience, server.api, REDIRECT_URI)

    /** There is no Keystore here; the library's tests have a stand-in for it. */
    override fun store() = memoryStore()

    private companion object {
        const val REDIRECT_URI = "dev.latchkey.sample:/callback"

        /** One for all tests; it goes with the process. */
        val server: DevServerProcess by lazy { DevServerProcess().apply { start() } }
    }
}

package dev.latchkey.browser

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.os.Bundle
import android.view.MotionEvent

/**
 * Opens the browser for one page, and is there when the person comes back: with the tab's answer, or without one. It
 * shows nothing and knows nothing of OAuth. It outlives rotation and the app's process: what it needs is in its intent
 * and its saved state.
 */
internal class LoginActivity : Activity() {
    /** The browser was opened. */
    private var opened = false

    /** The browser has covered this activity since: when it is seen again, the person has come back. */
    private var left = false

    /** Nothing lies above this activity: not even a browser that is still starting. */
    private var isInFront = false

    /** How the tab ended, until this activity is seen: a page that takes the tab's place ends it as if it was closed. */
    private var result: TabResult? = null

    /** What became of the page has been said, or there is nothing to say. */
    private var said = false

    private val url get() = intent.getStringExtra(URL).orEmpty()
    private val login get() = intent.getStringExtra(LOGIN).orEmpty()

    /** None for a page that is no login. */
    private val logins get() = intent.getStringExtra(CLIENT)?.let(Doors::client)?.logins

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        if (intent.action == ACTION_RETURN) return goToApp()
        opened = state?.getBoolean(OPENED) ?: false
        left = state?.getBoolean(LEFT) ?: false
        if (!opened) open()
    }

    override fun onNewIntent(next: Intent) {
        super.onNewIntent(next)
        when {
            next.action == ACTION_RETURN -> end(null)
            // A second tap.
            next.getStringExtra(URL) == url && !left -> Unit
            else -> {
                intent = next
                open()
            }
        }
    }

    @Deprecated("There is no other way without AndroidX.")
    override fun onActivityResult(request: Int, code: Int, data: Intent?) {
        if (request != TAB) return
        result = TabResult.of(code, data)
    }

    override fun onResume() {
        super.onResume()
        isInFront = true
        when (val ended = result ?: TabResult.Closed.takeIf { opened && left }) {
            null -> Unit
            is TabResult.NoAnswer -> end(ended)
            is TabResult.Answer -> {
                val (begun, from) = Pair(logins, login)
                Doors.deliver(ended.uri) { taken -> if (!taken) begun?.came(from, TabResult.Closed) }
                end(null)
            }
        }
    }

    override fun onPause() {
        super.onPause()
        isInFront = false
    }

    /**
     * In split screen the browser covers nothing: a touch here says that the person is back. Elsewhere it may be a second
     * tap while the browser is still starting: to end then would leave nobody for the tab's answer.
     */
    override fun dispatchTouchEvent(event: MotionEvent): Boolean {
        if (opened && (isInFront || isInMultiWindowMode)) end(TabResult.Closed)
        return super.dispatchTouchEvent(event)
    }

    override fun onStop() {
        super.onStop()
        if (!isChangingConfigurations) left = true
    }

    /**
     * Taken out of its task by the system, with the tab above it: as when the app's icon is tapped and its first screen
     * is `singleTask`.
     */
    override fun onDestroy() {
        super.onDestroy()
        if (isFinishing && opened) say(TabResult.Closed)
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(OPENED, opened)
        state.putBoolean(LEFT, left)
    }

    /** [result] is what is to be said of it, if anything. */
    private fun end(result: TabResult.NoAnswer?) {
        if (result != null) say(result)
        said = true
        finish()
    }

    private fun say(result: TabResult.NoAnswer) {
        if (said) return
        said = true
        logins?.came(login, result)
    }

    private fun open() {
        opened = true
        left = false
        result = null
        val tab = Tab(
            url = url,
            ephemeral = intent.getBooleanExtra(EPHEMERAL, false),
            answer = intent.getBundleExtra(ANSWER) ?: Bundle.EMPTY,
        )
        // One that is uninstalled or disabled this very moment is passed over.
        val found = Browsers.list(packageManager, packageName).any { start(tab, it) }
        if (found) logins?.opened(login) else end(null).also { logins?.noBrowser(login) }
    }

    private fun start(tab: Tab, browser: Browser): Boolean = try {
        val intent = tab.intent(browser, logins?.session(browser))
        if (tab.givesResult(browser)) startActivityForResult(intent, TAB) else startActivity(intent)
        true
    } catch (_: ActivityNotFoundException) {
        false
    } catch (_: SecurityException) {
        false
    }

    /**
     * The login's own activity was gone. Where screens of the app lie under this one, they are in front again; else it is
     * as if the person had tapped the app's icon, which would end those screens if the first is `singleTask`.
     */
    private fun goToApp() {
        if (isTaskRoot) packageManager.getLaunchIntentForPackage(packageName)?.let(::startActivity)
        finish()
    }

    companion object {
        private const val TAB = 1
        private const val ACTION_RETURN = "dev.latchkey.RETURN"
        private const val CLIENT = "client"
        private const val LOGIN = "login"
        private const val URL = "url"
        private const val ANSWER = "answer"
        private const val EPHEMERAL = "ephemeral"
        private const val OPENED = "opened"
        private const val LEFT = "left"

        /** [client] is who waits for what becomes of it; `null` for nobody. */
        fun intent(context: Context, tab: Tab, client: String?): Intent =
            Intent(context, LoginActivity::class.java)
                // One page at a time: a tab of an earlier one closes.
                .addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
                .putExtra(CLIENT, client)
                .putExtra(LOGIN, tab.login)
                .putExtra(URL, tab.url)
                .putExtra(ANSWER, tab.answer)
                .putExtra(EPHEMERAL, tab.ephemeral)

        /** Closes the tab that lies above the login, and the login: the app is in front again. */
        fun returnIntent(context: Context): Intent =
            Intent(context, LoginActivity::class.java)
                .setAction(ACTION_RETURN)
                .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
                .addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
    }
}

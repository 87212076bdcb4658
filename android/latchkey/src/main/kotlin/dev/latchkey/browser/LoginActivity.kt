package dev.latchkey.browser

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.os.Bundle
import android.view.MotionEvent

/**
 * Opens the browser for one login, and is there when the person comes back: with the tab's answer, or without one. It
 * shows nothing and knows nothing of OAuth. It outlives rotation and the app's process: what it needs is in its intent
 * and its saved state.
 */
internal class LoginActivity : Activity() {
    /** The browser was opened. */
    private var opened = false

    /** The browser has covered this activity since: when it is seen again, the person has come back. */
    private var left = false

    private val url get() = intent.getStringExtra(URL).orEmpty()
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
            next.action == ACTION_RETURN -> finish()
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
        when (val result = TabResult.of(code, data)) {
            is TabResult.Answer -> {
                val (begun, from) = Pair(logins, url)
                Doors.deliver(result.uri) { taken -> if (!taken) begun?.came(from, TabResult.Closed) }
            }
            else -> logins?.came(url, result)
        }
        finish()
    }

    override fun onResume() {
        super.onResume()
        if (opened && left) comeBack()
    }

    /** In split screen the browser covers nothing: a touch here says that the person is back. */
    override fun dispatchTouchEvent(event: MotionEvent): Boolean {
        if (opened) comeBack()
        return super.dispatchTouchEvent(event)
    }

    override fun onStop() {
        super.onStop()
        if (!isChangingConfigurations) left = true
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(OPENED, opened)
        state.putBoolean(LEFT, left)
    }

    private fun comeBack() {
        if (isFinishing) return
        logins?.came(url, TabResult.Closed)
        finish()
    }

    private fun open() {
        opened = true
        left = false
        val tab = Tab(
            url = url,
            redirectUri = intent.getStringExtra(REDIRECT_URI).orEmpty(),
            ephemeral = intent.getBooleanExtra(EPHEMERAL, false),
        )
        // One that is uninstalled or disabled this very moment is passed over.
        val found = Browsers.list(packageManager, packageName).any { start(tab, it) }
        if (found) logins?.opened(url) else finish().also { logins?.noBrowser() }
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

    /** The answer came in a task of its own, or the login's was gone: as if the person had tapped the app's icon. */
    private fun goToApp() {
        packageManager.getLaunchIntentForPackage(packageName)?.let(::startActivity)
        finish()
    }

    companion object {
        private const val TAB = 1
        private const val ACTION_RETURN = "dev.latchkey.RETURN"
        private const val CLIENT = "client"
        private const val URL = "url"
        private const val REDIRECT_URI = "redirect_uri"
        private const val EPHEMERAL = "ephemeral"
        private const val OPENED = "opened"
        private const val LEFT = "left"

        fun intent(context: Context, client: String, tab: Tab): Intent =
            Intent(context, LoginActivity::class.java)
                // One login at a time: a tab of an earlier one closes.
                .addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
                .putExtra(CLIENT, client)
                .putExtra(URL, tab.url)
                .putExtra(REDIRECT_URI, tab.redirectUri)
                .putExtra(EPHEMERAL, tab.ephemeral)

        /** Closes the tab that lies above the login, and the login: the app is in front again. */
        fun returnIntent(context: Context): Intent =
            Intent(context, LoginActivity::class.java)
                .setAction(ACTION_RETURN)
                .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
                .addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
    }
}

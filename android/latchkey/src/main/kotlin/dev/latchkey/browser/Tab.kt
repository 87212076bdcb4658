package dev.latchkey.browser

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.os.IBinder

/** What opens a login page in a browser. */
internal data class Tab(val url: String, val redirectUri: String, val ephemeral: Boolean) {
    /** The address holds the login's `state`: it is for the browser only. */
    override fun toString() = "Tab"

    /** The intent for this browser. [session] is the warmed-up browser's, if there is one by now. */
    fun intent(browser: Browser, session: IBinder?): Intent {
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(url))
            .setPackage(browser.packageName)
            .addCategory(Intent.CATEGORY_BROWSABLE)
        if (browser.mode == Mode.BROWSER) return intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        // The key makes it a tab, also without a session behind it.
        intent.putExtras(Bundle().apply { putBinder(SESSION, session) })
        if (ephemeral) intent.putExtra(EPHEMERAL, true)
        if (givesResult(browser)) intent.putExtra(LAUNCH_AUTH_TAB, true).putExtras(redirect())
        return intent
    }

    /** Whether the answer comes as the tab's result. It may come as an intent all the same. */
    fun givesResult(browser: Browser) = browser.mode == Mode.AUTH_TAB && !redirect().isEmpty

    private fun redirect(): Bundle {
        val uri = Uri.parse(redirectUri)
        return when (uri.scheme) {
            // A loopback address is no app's: no Auth Tab for it.
            "http" -> Bundle.EMPTY
            "https" -> Bundle().apply {
                putString(HTTPS_HOST, uri.host)
                putString(HTTPS_PATH, uri.path)
            }
            else -> Bundle().apply { putString(SCHEME, uri.scheme) }
        }
    }

    companion object {
        const val SESSION = "android.support.customtabs.extra.SESSION"
        const val EPHEMERAL = "androidx.browser.customtabs.extra.ENABLE_EPHEMERAL_BROWSING"
        const val LAUNCH_AUTH_TAB = "androidx.browser.auth.extra.LAUNCH_AUTH_TAB"
        const val SCHEME = "androidx.browser.auth.extra.REDIRECT_SCHEME"
        const val HTTPS_HOST = "androidx.browser.auth.extra.HTTPS_REDIRECT_HOST"
        const val HTTPS_PATH = "androidx.browser.auth.extra.HTTPS_REDIRECT_PATH"
    }
}

/** How a tab ended. */
internal sealed interface TabResult {
    /** With the provider's answer. */
    data class Answer(val uri: String) : TabResult {
        /** The address holds the code. */
        override fun toString() = "Answer"
    }

    /** The person closed it, or the browser says nothing that is known: an answer may still come by the other door. */
    data object Closed : TabResult

    /** The browser found no proof that the `https` redirect URI is this app's. */
    data object NotOwned : TabResult

    /** Looking for that proof took too long. */
    data object ProofTimedOut : TabResult

    companion object {
        private const val VERIFICATION_FAILED = 2
        private const val VERIFICATION_TIMED_OUT = 3

        fun of(code: Int, data: Intent?): TabResult = when (code) {
            Activity.RESULT_OK -> data?.data?.let { Answer(it.toString()) } ?: Closed
            VERIFICATION_FAILED -> NotOwned
            VERIFICATION_TIMED_OUT -> ProofTimedOut
            else -> Closed
        }
    }
}

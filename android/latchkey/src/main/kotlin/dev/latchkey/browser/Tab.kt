package dev.latchkey.browser

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.os.IBinder
import dev.latchkey.LoginRequest
import dev.latchkey.Redirect

/**
 * What opens a page in a browser. [login] names the login that it is for; `null` for a page of another kind. [answer] is
 * what an Auth Tab has to know to give the answer to the app; empty where it cannot.
 */
internal class Tab(
    val url: String,
    val ephemeral: Boolean = false,
    val login: String? = null,
    val answer: Bundle = Bundle.EMPTY,
) {
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
        if (givesResult(browser)) intent.putExtra(LAUNCH_AUTH_TAB, true).putExtras(answer)
        return intent
    }

    /** Whether the answer comes as the tab's result. It may come as an intent all the same. */
    fun givesResult(browser: Browser) = browser.mode == Mode.AUTH_TAB && !answer.isEmpty

    companion object {
        fun of(request: LoginRequest, ephemeral: Boolean) =
            Tab(request.url, ephemeral, request.id, answer(request.redirect))

        private fun answer(redirect: Redirect): Bundle = when (redirect) {
            // No app's address: no Auth Tab for it.
            is Redirect.Loopback -> Bundle.EMPTY
            is Redirect.Https -> Bundle().apply {
                putString(HTTPS_HOST, redirect.host)
                putString(HTTPS_PATH, redirect.path)
            }
            is Redirect.Scheme -> Bundle().apply { putString(SCHEME, redirect.scheme) }
        }

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

    /** Without one. */
    sealed interface NoAnswer : TabResult

    /** The person closed it, or the browser says nothing that is known: an answer may still come by the other door. */
    data object Closed : NoAnswer

    /** The browser found no proof that the `https` redirect URI is this app's. */
    data object NotOwned : NoAnswer

    /** Looking for that proof took too long. */
    data object ProofTimedOut : NoAnswer

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

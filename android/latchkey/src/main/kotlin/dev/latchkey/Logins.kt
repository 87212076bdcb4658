package dev.latchkey

import android.app.Activity
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.Handler
import android.os.IBinder
import android.os.Looper
import dev.latchkey.browser.Browser
import dev.latchkey.browser.Browsers
import dev.latchkey.browser.LoginActivity
import dev.latchkey.browser.Tab
import dev.latchkey.browser.TabResult
import dev.latchkey.browser.WarmUp
import java.lang.ref.WeakReference
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.asExecutor
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.launch

/** A login as it was asked for. */
internal class OpenLogin(val options: LoginOptions, val ephemeral: Boolean) {
    val end = CompletableDeferred<Session>()

    /** Once the core has made it. */
    var tab: Tab? = null
    var from = WeakReference<Activity>(null)
    var work: Job? = null

    fun asksForTheSame(other: OpenLogin) = options == other.options && ephemeral == other.ephemeral
}

/** The one login that is open in this process, and what has become of it. Of OAuth it knows nothing. */
internal class Logins(
    private val context: Context,
    private val client: String,
    private val issuer: String,
    private val scope: CoroutineScope,
) {
    private val main = Handler(Looper.getMainLooper())
    private val warm = WarmUp(context, Dispatchers.IO.asExecutor())
    private val told = MutableStateFlow<LoginState>(LoginState.None)
    val state: StateFlow<LoginState> = told.asStateFlow()

    // What follows is guarded by this object's lock.
    private var open: OpenLogin? = null
    private var now: LoginState = LoginState.None
    private var answers = 0
    private var begun = false

    suspend fun login(
        activity: Activity,
        asked: OpenLogin,
        whenOpen: WhenLoginOpen,
        begin: suspend () -> LoginRequest,
    ): Session {
        val login = synchronized(this) {
            val before = open
            when {
                before == null -> start(asked, begin)
                whenOpen == WhenLoginOpen.REFUSE -> throw AuthException.Cancelled()
                whenOpen == WhenLoginOpen.JOIN && before.asksForTheSame(asked) -> before
                else -> {
                    finish(before, AuthException.Cancelled())
                    start(asked, begin)
                }
            }.also {
                it.from = WeakReference(activity)
                // Joined: a page that was left is opened again, one that is open stays as it is.
                if (now != LoginState.InBrowser && answers == 0) show(it)
            }
        }
        return login.end.await()
    }

    private fun start(login: OpenLogin, begin: suspend () -> LoginRequest): OpenLogin {
        open = login
        begun = true
        tell(LoginState.Beginning)
        login.work = scope.launch {
            try {
                launch { warmUp() }
                val request = begin()
                synchronized(this@Logins) {
                    login.tab = Tab(request.url, request.redirectUri, login.ephemeral)
                    if (open === login) show(login)
                }
                delay(request.expiresInSeconds.toLong().seconds)
                end(login, AuthException.CallbackIgnored(CallbackIgnoredReason.EXPIRED))
            } catch (error: CancellationException) {
                throw error
            } catch (error: Exception) {
                end(login, error)
            }
        }
        return login
    }

    private fun show(login: OpenLogin) {
        val intent = LoginActivity.intent(context, client, login.tab ?: return)
        main.post {
            // The screen that asked may be gone by now: rotated, or not kept.
            val activity = login.from.get()?.takeUnless { it.isFinishing || it.isDestroyed }
            if (activity != null) activity.startActivity(intent)
            else context.startActivity(intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK))
        }
    }

    /** Whatever goes wrong with it is no reason not to open the tab. */
    fun warmUp() {
        runCatching {
            val browser = Browsers.list(context.packageManager, context.packageName).firstOrNull() ?: return
            warm.start(browser, Uri.parse(issuer))
        }
    }

    fun session(browser: Browser): IBinder? = warm.session(browser)

    /** The browser was opened at this address. */
    @Synchronized
    fun opened(url: String) {
        if (open?.tab?.url == url) tell(LoginState.InBrowser)
    }

    /** The person came back from this address without an answer, or the browser had a reason not to give one. */
    @Synchronized
    fun came(url: String, result: TabResult) {
        // One that another process began is as good as open: its answer may still come. All else is over.
        val isOurs = if (begun) open?.tab?.url == url else true
        if (!isOurs) return
        when (result) {
            is TabResult.NotOwned -> finish(
                open,
                configuration(
                    "redirect_uri",
                    "is not proven to be this app's: the site's assetlinks.json must name its package and certificate.",
                ),
            )
            is TabResult.ProofTimedOut -> finish(open, AuthException.Network(NetworkReason.TIMEOUT, null))
            is TabResult.Closed, is TabResult.Answer -> tell(LoginState.Unfinished)
        }
    }

    @Synchronized
    fun noBrowser() =
        finish(open, configuration("browser", "is missing: no browser is installed or enabled on this device."))

    /** The person or the app gives up. */
    @Synchronized
    fun cancel() = finish(open, AuthException.Cancelled())

    @Synchronized
    private fun end(login: OpenLogin, error: Exception) {
        if (open === login) finish(login, error)
    }

    private fun finish(login: OpenLogin?, error: Exception) {
        close()
        val isToTell = error is AuthException && error !is AuthException.Cancelled
        tell(if (isToTell) LoginState.Failed(error) else LoginState.None)
        login?.end?.completeExceptionally(error)
        login?.work?.cancel()
    }

    /** [answer] is an address on its way through the core. True if it was the answer to a login. */
    suspend fun receive(answer: suspend () -> Session): Boolean {
        synchronized(this) {
            answers += 1
            publish()
        }
        val outcome = runCatching { answer() }
        return synchronized(this) {
            answers -= 1
            val error = outcome.exceptionOrNull()
            val goesOn = error is AuthException && error.recovery() == Recovery.KEEP_WAITING
            when {
                goesOn -> publish()
                error is Exception -> finish(open, error)
                else -> succeed(outcome.getOrThrow())
            }
            !goesOn
        }
    }

    private fun succeed(session: Session) {
        val login = open
        close()
        // Told first: who waited for the end finds the state that goes with it.
        tell(LoginState.None)
        login?.end?.complete(session)
        login?.work?.cancel()
    }

    private fun close() {
        open = null
        warm.stop()
    }

    private fun tell(next: LoginState) {
        now = next
        publish()
    }

    private fun publish() {
        told.value = if (answers > 0) LoginState.Finishing else now
    }

    private fun configuration(field: String, reason: String) =
        AuthException.Configuration(listOf(ConfigurationProblem(field, reason)))
}

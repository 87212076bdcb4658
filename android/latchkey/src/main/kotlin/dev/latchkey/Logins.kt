package dev.latchkey

import android.app.Activity
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.Handler
import android.os.IBinder
import android.os.Looper
import android.os.SystemClock
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
    var endsAtMillis = Long.MAX_VALUE
    var from = WeakReference<Activity>(null)
    var work: Job? = null

    fun isOver() = SystemClock.elapsedRealtime() >= endsAtMillis

    fun asksForTheSame(other: OpenLogin) = options == other.options && ephemeral == other.ephemeral
}

/** The one login that is open in this process, and what has become of it. Of OAuth it knows nothing. */
internal class Logins(
    private val context: Context,
    private val client: String,
    private val issuer: String,
    private val scope: CoroutineScope,
    private val cancelInCore: suspend (login: String) -> Unit,
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

    /** One that another process began, once its screen has told of it. */
    private var earlier: String? = null
    private var givingUp: Job? = null

    /** Where a page that is no login comes back to, while one is open. */
    private var back: String? = null

    suspend fun login(
        activity: Activity,
        asked: OpenLogin,
        whenOpen: WhenLoginOpen,
        begin: suspend () -> LoginRequest,
    ): Session {
        val login = synchronized(this) {
            val before = open
            when {
                before != null && whenOpen == WhenLoginOpen.REFUSE -> throw AuthException.Cancelled()
                before != null && whenOpen == WhenLoginOpen.JOIN && before.asksForTheSame(asked) -> before
                else -> {
                    if (before != null || whenOpen == WhenLoginOpen.REPLACE) giveUp(before)
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
        back = null
        tell(LoginState.Beginning)
        login.work = scope.launch {
            try {
                launch { warmUp() }
                val request = begin()
                val lifetime = request.expiresInSeconds.toLong().seconds
                synchronized(this@Logins) {
                    login.tab = Tab.of(request, login.ephemeral)
                    login.endsAtMillis = SystemClock.elapsedRealtime() + lifetime.inWholeMilliseconds
                    if (open === login) show(login)
                }
                // That no answer is taken any more is the core's word. This is for the caller who waits for one that
                // never comes: without it, `login` would not end.
                delay(lifetime)
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
        val tab = login.tab ?: return
        show(LoginActivity.intent(context, tab, client), login.from)
    }

    private fun show(intent: Intent, from: WeakReference<Activity>) {
        main.post {
            // The screen that asked may be gone by now: rotated, or not kept.
            val activity = from.get()?.takeUnless { it.isFinishing || it.isDestroyed }
            if (activity != null) activity.startActivity(intent)
            else context.startActivity(intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK))
        }
    }

    /** The app is on the screen again. The system lets nobody open a page from behind: now it does. */
    @Synchronized
    fun seen() {
        if (now == LoginState.Beginning) open?.let(::show)
    }

    /** Opens a page that is no login. An address that begins with [back] closes it; so does the person. */
    @Synchronized
    fun openPage(activity: Activity, url: String, back: String?) {
        this.back = back
        show(LoginActivity.intent(context, Tab(url), client = null), WeakReference(activity))
    }

    @Synchronized
    fun isBackFromPage(uri: String): Boolean {
        val isBack = back?.let(uri::startsWith) == true
        if (isBack) back = null
        return isBack
    }

    /** Whatever goes wrong with it is no reason not to open the tab. */
    fun warmUp() {
        runCatching {
            val browser = Browsers.list(context.packageManager, context.packageName).firstOrNull() ?: return
            warm.start(browser, Uri.parse(issuer))
        }
    }

    fun session(browser: Browser): IBinder? = warm.session(browser)

    /** The browser was opened for this login. */
    @Synchronized
    fun opened(login: String) {
        if (isOpen(login)) tell(LoginState.InBrowser)
    }

    private fun isOpen(login: String) = open?.tab?.login == login

    /** The person came back from this login without an answer, or the browser had a reason not to give one. */
    @Synchronized
    fun came(login: String, result: TabResult.NoAnswer) {
        // One that another process began is as good as open: its answer may still come. All else is over.
        if (!begun) earlier = login else if (!isOpen(login)) return
        when (result) {
            is TabResult.NotOwned -> finish(
                open,
                configuration(
                    "redirect_uri",
                    "is not proven to be this app's: the site's assetlinks.json must name its package and certificate.",
                ),
            )
            is TabResult.ProofTimedOut -> finish(open, AuthException.Network(NetworkReason.TIMEOUT, null))
            is TabResult.Closed -> tell(LoginState.Unfinished)
        }
    }

    @Synchronized
    fun noBrowser(login: String) {
        val error = configuration("browser", "is missing: no browser is installed or enabled on this device.")
        if (isOpen(login)) finish(open, error)
    }

    /** The person or the app gives up. */
    @Synchronized
    fun cancel() = giveUp(open)

    /** A store that does not take it leaves the login open in the core, where it ends by itself. */
    private fun giveUp(login: OpenLogin?) {
        val given = listOfNotNull(login?.tab?.login, earlier)
        val before = givingUp
        finish(login, AuthException.Cancelled())
        givingUp = scope.launch {
            before?.join()
            given.forEach { runCatching { cancelInCore(it) } }
        }
    }

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
        val (then, given) = synchronized(this) {
            answers += 1
            publish()
            open to givingUp
        }
        // The core has to know of it first: then an answer to a login that was given up is one to no login.
        given?.join()
        val outcome = runCatching { answer() }
        return synchronized(this) {
            answers -= 1
            val error = outcome.exceptionOrNull()
            val isLate = error is AuthException.CallbackIgnored && open?.isOver() == false
            // A client that was never made has no login that this could be the answer to.
            val goesOn = isLate || error is AuthException.Configuration ||
                error is AuthException && error.recovery() == Recovery.KEEP_WAITING
            when {
                // One that was begun meanwhile goes on, whatever became of the other.
                goesOn || open !== then -> publish()
                error is Exception -> finish(open, error)
                else -> succeed(outcome.getOrThrow())
            }
            !goesOn
        }
    }

    private fun succeed(session: Session) {
        val login = open
        close()
        // One of an earlier process has its end too: its screen, which may be seen only now, has nothing to tell.
        begun = true
        // Told first: who waited for the end finds the state that goes with it.
        tell(LoginState.None)
        login?.end?.complete(session)
        login?.work?.cancel()
    }

    private fun close() {
        open = null
        earlier = null
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

package dev.latchkey

import android.app.Activity
import android.app.Application
import android.content.Context
import dev.latchkey.browser.Doors
import dev.latchkey.store.latchkeyStore
import dev.latchkey.trust.PlatformTrust
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * One person's login with one provider, for an Android app. Make one in `Application.onCreate` and keep it: then it is
 * there when the system starts the process anew for the redirect.
 *
 * ```
 * val latchkey = LatchkeyClient(this, AuthConfig(issuer, clientId, redirectUri, audience = audience))
 * // in an activity:
 * lifecycleScope.launch {
 *     latchkey.login(this@MainActivity)
 *     text.text = latchkey.ping("https://api.example.com/api").pingPrivate().message
 * }
 * ```
 *
 * Every call may be made in the main thread and blocks none: the core and the store work in others. What goes wrong is
 * an [AuthException], which says itself to the person by [text]; a mistake in the configuration is thrown by the first
 * call, not here.
 */
class LatchkeyClient internal constructor(
    context: Context,
    config: AuthConfig,
    private val worker: CoroutineDispatcher,
    private val makeAuth: () -> Auth,
) {
    /**
     * @param store where the session is kept; left out, [latchkeyStore]: sealed by Android Keystore.
     *
     * Certificates are judged as Android judges them for the app's other connections, unless the configuration names
     * authorities of its own.
     */
    constructor(context: Context, config: AuthConfig, store: SecureStore? = null) :
        this(
            context,
            config,
            Dispatchers.IO,
            { openAuth(config) { store ?: latchkeyStore(context.applicationContext) } },
        )

    private val scope = CoroutineScope(SupervisorJob() + worker)
    private val making = Mutex()

    @Volatile
    private var made: Auth? = null
    private val mutableSession = MutableStateFlow<Session?>(null)
    private val name = "${config.issuer} ${config.clientId}"
    internal val logins = Logins(context.applicationContext, name, config.issuer, scope) { auth().cancelLogin(it) }

    @Volatile
    private var log: Pair<LogLevel, LogSink?> = LogLevel.ERROR to null

    @Volatile
    private var backgroundTime: BackgroundTime? = null

    /** Who is logged in, as far as this process knows; `null` until the store has been read for the first time. */
    val session: StateFlow<Session?> = mutableSession.asStateFlow()

    /** The login that is open, if one is. */
    val login: StateFlow<LoginState> = logins.state

    init {
        scope.launch { runCatching { call {} } }
        Doors.register(name, this)
        (context.applicationContext as? Application)?.let { app ->
            onForeground(app) {
                logins.seen()
                scope.launch { runCatching { resumed() } }
            }
        }
    }

    /**
     * Opens the login page in the person's browser and waits until they are logged in. A caller that goes away (a
     * rotated screen) ends nothing: the login stays open and [session] tells its end, also in a later process.
     *
     * @param activity the one on the screen; a login that is joined is opened from the newest.
     * @param ephemeral ask the browser to forget this login afterwards, and to know no earlier one. A browser that
     *   cannot do that opens an ordinary tab.
     * @throws AuthException `Cancelled` after [cancelLogin] or where [whenOpen] says so; `CallbackIgnored` when the
     *   login has expired; otherwise as [Auth.beginLogin] and [Auth.finishLogin].
     */
    suspend fun login(
        activity: Activity,
        options: LoginOptions = LoginOptions(),
        ephemeral: Boolean = false,
        whenOpen: WhenLoginOpen = WhenLoginOpen.JOIN,
    ): Session = logins.login(activity, OpenLogin(options, ephemeral), whenOpen) { auth().beginLogin(options) }

    /**
     * Gives up the login that is open: its callers get [AuthException.Cancelled], and an answer that still comes logs
     * nobody in. One that an earlier process began is known here once the person has come back from it
     * ([LoginState.Unfinished]).
     */
    fun cancelLogin() = logins.cancel()

    /**
     * Starts the browser ahead of a login, where one is likely soon: the page is there earlier. Nothing waits for it;
     * [login] does it too.
     */
    fun warmUp() {
        scope.launch { logins.warmUp() }
    }

    /**
     * Logs out: here at once, also without a network, then at the provider.
     *
     * @param activity the one on the screen, to end the person's login at the provider's site as well: its end-session
     *   page, if it has one, is opened in the browser when the session here has ended. Left out, no page is opened
     *   ([LogoutOutcome.endSessionUrl] is its address). It closes when the browser comes to
     *   [LogoutOptions.postLogoutRedirectUri], which must be an address that the app is opened with, as the redirect
     *   URI is. The person may close it too, and nobody is told.
     */
    suspend fun logout(options: LogoutOptions = LogoutOptions(), activity: Activity? = null): LogoutOutcome {
        val outcome = call { it.logout(options) }
        val page = outcome.endSessionUrl
        if (activity != null && page != null) logins.openPage(activity, page, options.postLogoutRedirectUri)
        return outcome
    }

    /** An access token that is good now, for calls that [api] cannot make. Never into a URL or a log. */
    suspend fun accessToken(options: AccessTokenOptions = AccessTokenOptions()): AccessToken =
        call { it.accessToken(options) }

    /** The app's API below this address: `https`. */
    fun api(url: String): Api = Api(this, url)

    /** The tutorial's API below this address. */
    fun ping(url: String): Ping = Ping(this, url)

    /** The claims of the provider's userinfo endpoint, as a JSON object. */
    suspend fun userInfo(): String = call { it.userInfo() }

    /**
     * Sees at once what another process did, such as a logout. No network. It is done by itself when the app comes to
     * the foreground; call it when the device was unlocked.
     */
    suspend fun resumed() = call { it.resumed() }

    /** What happened to this session, for support: no secret, no subject. */
    suspend fun timeline(): List<TimelineEvent> = call { it.timeline() }

    /** Looks at everything that a login depends on, and says in words what to do. */
    suspend fun checkUp(): List<Check> = call { it.checkUp() }

    /** Sends what happens to [sink], or to nobody (`null`, which is how it starts). No level prints a secret. */
    fun log(level: LogLevel, sink: LogSink?) {
        log = level to sink
        equip()
    }

    /**
     * Where a refresh asks for time in the background, or `null` (which is how it starts). Android has no such thing for
     * an ordinary process: this is for an app that has one of its own, such as a wake lock.
     */
    fun backgroundTime(source: BackgroundTime?) {
        backgroundTime = source
        equip()
    }

    /** The newest words of the app, whatever the order in which its calls get here. */
    private fun equip() {
        scope.launch { making.withLock { made?.let(::equip) } }
    }

    private fun equip(core: Auth) {
        val (level, sink) = log
        core.setLogSink(level, sink)
        core.setBackgroundTime(backgroundTime)
    }

    /** Made by the first call; one that failed, such as before the first unlock, is tried again by the next. */
    private suspend fun auth(): Auth = made ?: making.withLock {
        made ?: withContext(worker) { makeAuth().also(::equip) }.also { made = it }
    }

    /** A call of the core, off the main thread; afterwards [session] says what it has changed. */
    internal suspend fun <T> call(work: suspend (Auth) -> T): T = withContext(worker) {
        val core = auth()
        try {
            work(core)
        } finally {
            // Read and told in one: of two calls that end together the later one's word stays.
            synchronized(mutableSession) { mutableSession.value = core.session() }
        }
    }

    /**
     * An address that the app was opened with. Whether it is the answer to an open login is for the core to say: true
     * if it was, and then the login has ended, one way or the other; or if it is where the end-session page comes back to.
     */
    internal suspend fun receive(uri: String): Boolean =
        logins.receive { call { it.finishLogin(uri) } } || logins.isBackFromPage(uri)
}

/** An [Auth] over the store that [open] gives. What is told about one that cannot be opened is for the core to say. */
internal fun openAuth(config: AuthConfig, open: () -> SecureStore): Auth = try {
    auth(config, open())
} catch (error: StoreException) {
    throw auth(config, Unopened(error)).use { checkNotNull(it.session().error()) }
}

private fun auth(config: AuthConfig, store: SecureStore): Auth =
    if (config.trustAnchorsPem == null) Auth.withTrust(config, store, PlatformTrust()) else Auth(config, store)

private class Unopened(private val error: StoreException) : SecureStore {
    override fun load(key: String): StoredItem? = throw error

    override fun swap(key: String, expected: ByteArray?, next: StoredItem?) = throw error
}

package dev.latchkey

import android.app.Activity
import android.app.Application
import android.content.ComponentName
import android.content.Intent
import android.content.IntentFilter
import android.content.pm.ActivityInfo
import android.content.pm.ComponentInfo
import android.content.pm.ServiceInfo
import android.net.Uri
import android.os.Bundle
import android.os.Parcel
import dev.latchkey.browser.Browsers
import dev.latchkey.browser.Doors
import dev.latchkey.browser.LoginActivity
import dev.latchkey.browser.Mode
import dev.latchkey.browser.RedirectActivity
import dev.latchkey.tests.DevServerProcess
import dev.latchkey.tests.submitLoginPage
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.rules.ExternalResource
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.shadows.ShadowLooper

/** The app's own screen. */
class AppActivity : Activity()

/** One phone for each test: its browsers, the app's process, and what the system started. */
class Phone : ExternalResource() {
    val app: Application get() = RuntimeEnvironment.getApplication()
    val packages get() = shadowOf(app.packageManager)
    val threads = CopyOnWriteArrayList<Thread>()
    val store = RecordingStore(memoryStore(), threads)
    lateinit var screen: ActivityController<AppActivity>
    lateinit var client: LatchkeyClient

    /** In how many seconds a login expires, for those who wait for it; left out, what the core says. */
    var loginSeconds: ULong? = null

    override fun before() {
        server.reset()
        newProcess()
        packages.addActivityIfNotPresent(ComponentName(app, AppActivity::class.java))
        val launcher = IntentFilter(Intent.ACTION_MAIN).apply { addCategory(Intent.CATEGORY_LAUNCHER) }
        packages.addIntentFilterForActivity(ComponentName(app, AppActivity::class.java), launcher)
        screen = Robolectric.buildActivity(AppActivity::class.java).setup()
    }

    override fun after() = newProcess()

    /** The app starts: in a new process, as far as memory goes. */
    fun start(redirectUri: String = REDIRECT_URI, scopes: List<String> = SCOPES): LatchkeyClient {
        newProcess()
        client = newClientInThisProcess(redirectUri, scopes)
        return client
    }

    fun newClientInThisProcess(
        redirectUri: String = REDIRECT_URI,
        scopes: List<String> = SCOPES,
        clientId: String = server.clientId,
    ): LatchkeyClient {
        val config = config(redirectUri, scopes, clientId)
        return LatchkeyClient(app, config, Dispatchers.IO) { RecordingAuth(config, store, threads, loginSeconds) }
    }

    fun config(
        redirectUri: String = REDIRECT_URI,
        scopes: List<String> = SCOPES,
        clientId: String = server.clientId,
    ) = AuthConfig(server.issuer, clientId, redirectUri, scopes, audience = server.audience)

    internal fun install(
        browser: String,
        mode: Mode = Mode.BROWSER,
        site: String? = null,
        schemes: List<String> = WEB,
    ) {
        val window = ComponentName(browser, "$browser.Window")
        packages.addOrUpdateActivity(ActivityInfo().exported(window))
        for (scheme in schemes) packages.addIntentFilterForActivity(window, viewFilter(scheme, site))
        if (mode == Mode.BROWSER) return
        val service = ComponentName(browser, "$browser.Tabs")
        packages.addOrUpdateService(ServiceInfo().exported(service))
        val filter = IntentFilter(Browsers.TAB_SERVICE)
        if (mode == Mode.AUTH_TAB) filter.addCategory(Browsers.AUTH_TAB)
        packages.addIntentFilterForService(service, filter)
    }

    private fun <T : ComponentInfo> T.exported(component: ComponentName): T = apply {
        packageName = component.packageName
        name = component.className
        exported = true
    }

    fun viewFilter(scheme: String, site: String? = null) = IntentFilter(Intent.ACTION_VIEW).apply {
        addCategory(Intent.CATEGORY_DEFAULT)
        addCategory(Intent.CATEGORY_BROWSABLE)
        addDataScheme(scheme)
        site?.let { addDataAuthority(it, null) }
    }

    /** The button is tapped, in the main thread. */
    fun tap(
        options: LoginOptions = LoginOptions(),
        ephemeral: Boolean = false,
        whenOpen: WhenLoginOpen = WhenLoginOpen.JOIN,
    ): Deferred<Session> = inMain { client.login(screen.get(), options, ephemeral, whenOpen) }

    /** The next activity that anybody starts. */
    fun next(): Intent {
        var found: Intent? = null
        until { shadowOf(app).nextStartedActivity?.also { found = it } != null }
        return checkNotNull(found)
    }

    fun assertNothingStarts() {
        ShadowLooper.idleMainLooper()
        assertEquals(null, shadowOf(app).peekNextStartedActivity())
    }

    /** The tab that this screen opens. Asked for again meanwhile, it opens no other. */
    internal fun tab(activity: ActivityController<LoginActivity>): Intent {
        var intent = next()
        while (isLogin(intent)) {
            activity.newIntent(intent)
            intent = next()
        }
        return intent
    }

    internal fun assertNoOtherTab(activity: ActivityController<LoginActivity>) {
        ShadowLooper.idleMainLooper()
        generateSequence { shadowOf(app).nextStartedActivity }.forEach {
            assertTrue("$it", isLogin(it))
            activity.newIntent(it)
            ShadowLooper.idleMainLooper()
        }
    }

    private fun isLogin(intent: Intent) = intent.component?.className == LoginActivity::class.java.name

    /** The system shows the login that the app has asked for. */
    internal fun openLogin(intent: Intent = next()): ActivityController<LoginActivity> {
        assertTrue("$intent", isLogin(intent))
        return Robolectric.buildActivity(LoginActivity::class.java, intent).setup()
    }

    /** The tab above it ends with this result, and the activity is seen again. */
    internal fun result(activity: ActivityController<LoginActivity>, tab: Intent, code: Int, uri: String? = null) {
        activity.pause().stop().restart().start()
        shadowOf(activity.get()).receiveResult(tab, code, uri?.let { Intent().setData(Uri.parse(it)) })
        activity.resume()
    }

    /** The person closes the tab, or taps its back button. */
    internal fun comeBack(activity: ActivityController<LoginActivity>) {
        activity.pause().stop().restart().start().resume()
    }

    /** An address that nobody takes: the browser stays in front. */
    fun assertIgnored(uri: String) {
        val redirect = redirect(uri)
        until { redirect.get().isFinishing }
        assertNothingStarts()
    }

    /** Somebody opens the redirect URI. */
    internal fun redirect(uri: String): ActivityController<RedirectActivity> {
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(uri)).addCategory(Intent.CATEGORY_BROWSABLE)
        return Robolectric.buildActivity(RedirectActivity::class.java, intent).setup()
    }

    fun signIn() {
        install("org.browser", Mode.CUSTOM_TAB)
        val login = tap()
        val activity = openLogin()
        val redirect = redirect(callback(next(), "alice"))
        activity.newIntent(next())
        login.result()
        redirect.pause().stop().destroy()
        activity.pause().stop().destroy()
    }
}

/** What the library keeps for the life of a process is empty again. */
fun newProcess() {
    for (name in listOf("clients", "early")) {
        when (val kept = Doors::class.java.getDeclaredField(name).apply { isAccessible = true }.get(Doors)) {
            is MutableMap<*, *> -> kept.clear()
            is MutableCollection<*> -> kept.clear()
            else -> error("no such memory: $name")
        }
    }
}

const val REDIRECT_URI = "dev.latchkey.sample:/callback"
val SCOPES = listOf("openid", "profile", "offline_access", "read:messages")
private val WEB = listOf("http", "https")

/** One for all tests of an API level; it goes with the process. Another process of theirs is told of it. */
val server: DevServerProcess by lazy {
    DevServerProcess().apply { System.getProperty("other.server")?.let(::join) ?: start() }
}

fun <T> inMain(work: suspend CoroutineScope.() -> T): Deferred<T> =
    CoroutineScope(Dispatchers.Main.immediate).async(block = work)

/** Lets the main thread work until this holds. The bound is for a test that hangs. */
fun until(holds: () -> Boolean) {
    val start = TimeSource.Monotonic.markNow()
    while (!holds()) {
        assertTrue("still not so after a minute", start.elapsedNow() < 60.seconds)
        ShadowLooper.idleMainLooper()
        Thread.yield()
    }
}

fun <T> Deferred<T>.result(): T {
    until { isCompleted }
    return getCompletedOrThrow()
}

/** The typed error that this ends with. */
inline fun <reified E : AuthException> Deferred<*>.error(): E {
    val thrown = runCatching { result() }.exceptionOrNull()
    assertTrue("$thrown", thrown is E)
    return thrown as E
}

@OptIn(kotlinx.coroutines.ExperimentalCoroutinesApi::class)
fun <T> Deferred<T>.getCompletedOrThrow(): T = getCompleted()

fun LatchkeyClient.until(state: LoginState) = until { login.value == state }

fun LatchkeyClient.isSignedIn() = session.value is Session.SignedIn

/** What the person does in the browser: the address that it is sent to. */
fun callback(browser: Intent, user: String): String = submitLoginPage(browser.dataString.orEmpty(), user)

/** What the browser is sent to when the person says no. */
fun denial(browser: Intent): String {
    val state = Uri.parse(browser.dataString).getQueryParameter("state")
    return "$REDIRECT_URI?error=access_denied&state=$state&iss=${server.issuer}"
}

/** The bundle as another process gets it. */
fun throughParcel(bundle: Bundle): Bundle {
    val parcel = Parcel.obtain()
    parcel.writeBundle(bundle)
    val bytes = parcel.marshall()
    parcel.recycle()
    val other = Parcel.obtain()
    other.unmarshall(bytes, 0, bytes.size)
    other.setDataPosition(0)
    return checkNotNull(other.readBundle(Phone::class.java.classLoader)).also { other.recycle() }
}

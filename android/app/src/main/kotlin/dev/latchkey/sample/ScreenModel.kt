package dev.latchkey.sample

import android.app.Activity
import dev.latchkey.AuthException
import dev.latchkey.Check
import dev.latchkey.LatchkeyClient
import dev.latchkey.LoginOptions
import dev.latchkey.LoginState
import dev.latchkey.TimelineEvent
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch

/** What the details show; `checks` is `null` while the provider is looked at. */
data class DetailsSeen(val timeline: List<TimelineEvent> = listOf(), val checks: List<Check>? = null)

/**
 * Between the screen and the library: gathers what is [Seen], and does what a tap asks for. It outlives the activity,
 * and all of it happens in the main thread.
 */
class ScreenModel(
    private val client: LatchkeyClient?,
    private val api: String,
    missingSettings: List<String>,
    main: CoroutineDispatcher,
) {
    private val scope = CoroutineScope(SupervisorJob() + main)
    private var options = LoginOptions()

    var seen = Seen(missingSettings = missingSettings)
        private set(value) {
            field = value
            onChange()
        }

    var details = DetailsSeen()
        private set(value) {
            field = value
            onChange()
        }

    /** The screen, while there is one. */
    var onChange: () -> Unit = {}

    init {
        if (client != null) {
            scope.launch { client.session.collect { seen = seen.copy(session = it) } }
            scope.launch { client.login.collect(::loginIs) }
            scope.launch { read(client) }
        }
    }

    /** A configuration that the core refuses is an error of the first call, and then there is no session at all. */
    private suspend fun read(client: LatchkeyClient) = try {
        client.resumed()
    } catch (error: AuthException) {
        seen = seen.copy(failure = Failure(error, Action.RELOAD))
    }

    private fun loginIs(login: LoginState) {
        val runs = login is LoginState.Beginning || login is LoginState.Finishing
        // Any address that the app is opened with is looked at: a call that runs meanwhile is not that login.
        val running = if (runs) seen.running ?: Action.LOG_IN else seen.running.takeIf { it != Action.LOG_IN }
        val isNew = login is LoginState.Beginning
        val failure = if (login is LoginState.Failed) Failure(login.error, Action.LOG_IN) else seen.failure
        seen = seen.copy(
            running = running,
            login = login,
            failure = failure.takeUnless { isNew },
            revocation = seen.revocation.takeUnless { isNew },
        )
    }

    /** Begins what a button asks for. The rest needs the activity: see [MainActivity]. */
    fun act(action: Action, activity: Activity) {
        val client = client ?: return
        when (action) {
            Action.LOG_IN -> logIn(client, activity, LoginOptions(), null)
            Action.CONTINUE_LOGIN -> logIn(client, activity, options, null)
            Action.STEP_UP -> {
                val failure = seen.failure ?: return
                val error = failure.error as? AuthException.StepUpRequired ?: return
                logIn(client, activity, error.options, failure.of)
            }
            Action.CANCEL_LOGIN -> client.cancelLogin()
            Action.PING_PRIVATE, Action.PING_PRIVATE_SCOPED -> scope.launch { ping(client, action, false) }
            Action.LOG_OUT -> scope.launch {
                call(action) {
                    val outcome = client.logout()
                    seen = seen.copy(revocation = outcome.revocation, answer = null)
                }
            }
            Action.RELOAD, Action.UNLOCK -> scope.launch { call(action) { client.resumed() } }
            Action.CHECK_CLOCK, Action.COPY_REPORT -> Unit
        }
    }

    /** How it ends is told by [LatchkeyClient.login] and [LatchkeyClient.session]: also to a later process. */
    private fun logIn(client: LatchkeyClient, activity: Activity, options: LoginOptions, next: Action?) {
        this.options = options
        scope.launch {
            try {
                client.login(activity, options)
            } catch (_: AuthException) {
                return@launch
            }
            if (next != null) ping(client, next, true)
        }
    }

    private suspend fun ping(client: LatchkeyClient, action: Action, afterStepUp: Boolean) = call(action, afterStepUp) {
        val ping = client.ping(api)
        val message = if (action == Action.PING_PRIVATE) ping.pingPrivate() else ping.pingPrivateScoped()
        seen = seen.copy(answer = Answer(message.message, System.currentTimeMillis() / 1000))
    }

    private suspend fun call(action: Action, afterStepUp: Boolean = false, work: suspend () -> Unit) {
        seen = seen.copy(running = action, failure = null)
        val failure = try {
            work()
            null
        } catch (error: AuthException) {
            Failure(error, action, afterStepUp)
        }
        seen = seen.copy(running = null, failure = failure)
    }

    fun toggleDetails() {
        seen = seen.copy(detailsOpen = !seen.detailsOpen)
        val client = client ?: return
        if (!seen.detailsOpen) return
        details = DetailsSeen()
        scope.launch {
            try {
                details = details.copy(timeline = client.timeline())
                details = details.copy(checks = client.checkUp())
            } catch (_: AuthException) {
                // The configuration: the message says it.
                details = details.copy(checks = listOf())
            }
        }
    }

    /** For support: fetches the newest events. No secret is in it. */
    fun report(done: (String) -> Unit) {
        val client = client ?: return
        scope.launch {
            val timeline = try {
                client.timeline()
            } catch (_: AuthException) {
                listOf()
            }
            done(report(seen.failure?.error, DetailsSeen(timeline, details.checks)))
        }
    }
}

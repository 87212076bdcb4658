package dev.latchkey.sample

import dev.latchkey.AuthException
import dev.latchkey.LoginState
import dev.latchkey.Recovery
import dev.latchkey.Revocation
import dev.latchkey.Sentence
import dev.latchkey.Session
import dev.latchkey.SignedOutReason
import dev.latchkey.sentences

/** What the screen shows: all that is decided about it is decided in [screenState]. */
data class ScreenState(
    val account: Account? = null,
    /** A login runs, or the session is being read. */
    val busy: Boolean = false,
    /** None if there is nothing to say. */
    val message: List<Sentence> = listOf(),
    val answer: ShownAnswer? = null,
    /** In the order in which they are seen and read aloud. */
    val buttons: List<Button> = listOf(),
    val details: Details = Details.HIDDEN,
)

/** What is known when the screen is drawn. */
data class Seen(
    /** The settings that are not filled in, by name. */
    val missingSettings: List<String> = listOf(),
    /** The core's snapshot; `null` while it is read for the first time, or if the core refuses the configuration. */
    val session: Session? = null,
    /** The one call that runs. [Action.LOG_IN] from the tap until the browser opens, and from its answer on. */
    val running: Action? = null,
    val login: LoginState = LoginState.None,
    val answer: Answer? = null,
    /** How the last call ended, if not well. */
    val failure: Failure? = null,
    /** What became of the provider's copy at the last logout. */
    val revocation: Revocation? = null,
    val detailsOpen: Boolean = false,
)

/** What the API said, and when. */
data class Answer(val text: String, val atUnixSeconds: Long)

/** A call that failed, and whether a step-up had just been made for it. */
data class Failure(val error: AuthException, val of: Action, val afterStepUp: Boolean = false)

enum class Action {
    LOG_IN, STEP_UP, CONTINUE_LOGIN, CANCEL_LOGIN, PING_PRIVATE, PING_PRIVATE_SCOPED, LOG_OUT, RELOAD, UNLOCK,
    CHECK_CLOCK, COPY_REPORT,
}

data class Account(val name: String?, val detail: String)

/** An earlier answer is greyed and has its time beside it. */
data class ShownAnswer(val answer: Answer, val old: Boolean)

/** A button; `text` is a string resource. */
data class Button(val action: Action, val text: Int, val state: ButtonState = ButtonState.READY)

enum class ButtonState { READY, RUNNING, WAITS }

enum class Details { HIDDEN, FOLDED, OPEN }

fun screenState(seen: Seen): ScreenState {
    if (seen.missingSettings.isNotEmpty()) {
        val names = seen.missingSettings.joinToString(", ")
        return ScreenState(message = listOf(Sentence(R.string.settings_missing, names)))
    }
    val session = seen.session
    if (session == null && seen.failure == null) {
        return ScreenState(busy = true, message = listOf(Sentence(R.string.please_wait)))
    }
    val state = when {
        seen.running == Action.LOG_IN -> loggingIn(Sentence(R.string.login_running))
        seen.login == LoginState.InBrowser -> loggingIn(Sentence(R.string.login_in_browser))
        seen.login == LoginState.Unfinished -> loginLeft(seen.failure)
        else -> atRest(seen, session)
    }
    return state.copy(account = account(session), details = if (seen.detailsOpen) Details.OPEN else Details.FOLDED)
}

private fun loggingIn(sentence: Sentence) =
    ScreenState(busy = true, message = listOf(sentence), buttons = listOf(Button(Action.CANCEL_LOGIN, R.string.cancel)))

private fun loginLeft(failure: Failure?) = ScreenState(
    message = (failure?.error as? AuthException.CallbackIgnored)?.sentences() ?: listOf(Sentence(R.string.login_left)),
    buttons = listOf(
        Button(Action.CONTINUE_LOGIN, R.string.continue_login),
        Button(Action.CANCEL_LOGIN, R.string.cancel),
    ),
)

private fun atRest(seen: Seen, session: Session?): ScreenState {
    val failure = seen.failure?.takeIf { seen.running == null && session !is Session.Locked && it.error.isShown() }
    val error = failure?.error ?: session?.error()
    val help = error?.let { helpFor(it, failure) }
    val buttons = when (session) {
        is Session.SignedIn -> listOfNotNull(
            Button(Action.PING_PRIVATE, R.string.ping_private),
            Button(Action.PING_PRIVATE_SCOPED, R.string.ping_private_scoped),
            help,
            Button(Action.LOG_OUT, R.string.log_out),
        )
        is Session.SignedOut -> listOfNotNull(
            help,
            Button(Action.LOG_IN, R.string.log_in).takeIf { help?.action != Action.LOG_IN },
        )
        is Session.Locked, is Session.Unavailable, null -> listOfNotNull(help)
    }
    val answer = seen.answer?.takeIf { session is Session.SignedIn && (error == null || error is AuthException.Network) }
    val revocation = seen.revocation?.takeIf { failure == null && session.isLoggedOut() }
    return ScreenState(
        message = when {
            error == null -> listOf()
            error is AuthException.StepUpRequired && failure?.afterStepUp == true -> listOf(Sentence(R.string.step_up_refused))
            else -> error.sentences() + revocation?.sentences().orEmpty()
        },
        answer = answer?.let { ShownAnswer(it, old = error != null || seen.running != null) },
        buttons = buttons.map { it.copy(state = stateOf(it, seen.running)) },
    )
}

private fun AuthException.isShown() = this !is AuthException.Cancelled

private fun Session?.isLoggedOut() = this == Session.SignedOut(SignedOutReason.LOGGED_OUT)

private fun stateOf(button: Button, running: Action?) = when (running) {
    null -> ButtonState.READY
    button.action -> ButtonState.RUNNING
    else -> ButtonState.WAITS
}

/** The one button that helps. */
private fun helpFor(error: AuthException, failure: Failure?): Button? = when (error.recovery()) {
    Recovery.NOTHING, Recovery.KEEP_WAITING, Recovery.UPDATE_APP, Recovery.FIX_CONFIGURATION -> null
    Recovery.LOG_IN -> Button(Action.LOG_IN, R.string.log_in)
    Recovery.STEP_UP -> Button(Action.STEP_UP, R.string.allow_access).takeIf { failure?.afterStepUp != true }
    Recovery.RETRY -> Button(failure?.of ?: Action.RELOAD, R.string.try_again)
    Recovery.REPORT -> Button(Action.COPY_REPORT, R.string.copy_report)
    Recovery.UNLOCK -> Button(Action.UNLOCK, R.string.unlock)
    Recovery.FIX_CLOCK -> Button(Action.CHECK_CLOCK, R.string.check_clock)
}

private val STANDARD_SCOPES = setOf("openid", "profile", "email", "address", "phone", "offline_access")

private fun account(session: Session?): Account? {
    if (session !is Session.SignedIn) return null
    val login = session.claim("preferred_username") ?: session.claim("email") ?: session.subject
    val name = session.claim("name") ?: login
    val detail = listOfNotNull(login.takeIf { it != name }) + (session.scopes - STANDARD_SCOPES)
    return Account(name, detail.joinToString(" · "))
}

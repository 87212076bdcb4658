package dev.latchkey

/** Where the login is that is open, if one is. For the screen; who is logged in is said by [LatchkeyClient.session]. */
sealed interface LoginState {
    /** No login is open. */
    data object None : LoginState

    /** The login page is being prepared: show that something happens. */
    data object Beginning : LoginState

    /** The person is in the browser. */
    data object InBrowser : LoginState

    /**
     * The person came back without an answer. The login is still open, and an answer that comes later counts: offer to
     * go on (`login` again, which opens the same page) and to give up ([LatchkeyClient.cancelLogin]).
     */
    data object Unfinished : LoginState

    /** An answer has come and is being looked at. */
    data object Finishing : LoginState

    /** The last login has failed. Also told here, because the process that began it may be gone. */
    data class Failed(val error: AuthException) : LoginState
}

/** What a `login` does while another one is open. */
enum class WhenLoginOpen {
    /**
     * If both ask for the same, they are one login: both callers get its end, and a page that was left is opened again.
     * If not, as [REPLACE].
     */
    JOIN,

    /** The earlier one ends as cancelled. */
    REPLACE,

    /** The new one ends as cancelled, and the earlier one goes on. */
    REFUSE,
}

import LatchkeyCore

/// Where the login is that is open, if one is. For the screen; who is logged in is said by ``LatchkeyClient/session``.
public enum LoginState: Equatable, Sendable {
    /// No login is open.
    case none

    /// The login page is being prepared: show that something happens.
    case beginning

    /// The person is in the browser.
    case inBrowser

    /// The browser's sheet has gone without the answer to this login. The login is still open, and an answer that comes
    /// later counts: offer to go on (`login` again, which opens the same page) and to give up
    /// (``LatchkeyClient/cancelLogin()``). A person who closes the sheet has given up: that is `none`.
    case unfinished

    /// An answer has come and is being looked at.
    case finishing

    /// The last login has failed. Also told here, because the process that began it may be gone.
    case failed(AuthError)
}

/// What a `login` does while another one is open.
public enum WhenLoginOpen: Sendable {
    /// If both ask for the same, they are one login: both callers get its end, and a page that was left is opened again.
    /// If not, as `replace`.
    case join

    /// The earlier one ends as cancelled.
    case replace

    /// The new one ends as cancelled, and the earlier one goes on.
    case refuse
}

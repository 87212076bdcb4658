import Latchkey

/// What the screen shows: all that is decided about it is decided in ``screenState(_:)``.
struct ScreenState: Equatable {
    var account: Account?
    /// A login runs, or the session is being read.
    var busy = false
    /// None if there is nothing to say.
    var message: [Sentence] = []
    var answer: ShownAnswer?
    /// In the order in which they are seen and read aloud.
    var buttons: [Button] = []
    var details = Details.hidden
}

/// What is known when the screen is drawn.
struct Seen {
    /// The settings that are not filled in, by name.
    var missingSettings: [String] = []
    /// The core's snapshot; nil while it is read for the first time, or if the core refuses the configuration.
    var session: Session?
    /// The one call that runs. `logIn` from the tap until the browser opens, and from its answer on.
    var running: Action?
    var login = LoginState.none
    var answer: Answer?
    /// How the last call ended, if not well.
    var failure: Failure?
    /// What became of the provider's copy at the last logout.
    var revocation: Revocation?
    var detailsOpen = false
}

/// What the API said, and when.
struct Answer: Equatable {
    let text: String
    let atUnixSeconds: Int64
}

/// A call that failed, and whether a step-up had just been made for it.
struct Failure {
    let error: AuthError
    let of: Action
    var afterStepUp = false
}

enum Action: String, CaseIterable {
    case logIn = "log_in"
    case stepUp = "step_up"
    case continueLogin = "continue_login"
    case cancelLogin = "cancel_login"
    case pingPrivate = "ping_private"
    case pingPrivateScoped = "ping_private_scoped"
    case logOut = "log_out"
    case reload
    case unlock
    case checkClock = "check_clock"
    case copyReport = "copy_report"
}

struct Account: Equatable {
    let name: String?
    let detail: String
}

/// An earlier answer is greyed and has its time beside it.
struct ShownAnswer: Equatable {
    let answer: Answer
    let old: Bool
}

struct Button: Equatable {
    let action: Action
    let word: Word
    var state = ButtonState.ready

    init(_ action: Action, _ word: Word, _ state: ButtonState = .ready) {
        self.action = action
        self.word = word
        self.state = state
    }
}

enum ButtonState: String {
    case ready, running, waits
}

enum Details: String {
    case hidden, folded, open
}

func screenState(_ seen: Seen) -> ScreenState {
    if !seen.missingSettings.isEmpty {
        return ScreenState(message: [.word(.settingsMissing, seen.missingSettings.joined(separator: ", "))])
    }
    if seen.session == nil && seen.failure == nil {
        return ScreenState(busy: true, message: [.word(.pleaseWait)])
    }
    var state =
        if seen.running == .logIn {
            loggingIn(.loginRunning)
        } else {
            switch seen.login {
            case .inBrowser: loggingIn(.loginInBrowser)
            case .unfinished: loginLeft(seen.failure)
            default: atRest(seen)
            }
        }
    state.account = account(seen.session)
    state.details = seen.detailsOpen ? .open : .folded
    return state
}

private func loggingIn(_ word: Word) -> ScreenState {
    ScreenState(busy: true, message: [.word(word)], buttons: [Button(.cancelLogin, .cancel)])
}

private func loginLeft(_ failure: Failure?) -> ScreenState {
    let ignored = failure.map(\.error).flatMap { if case .CallbackIgnored = $0 { Sentence.error($0) } else { nil } }
    return ScreenState(
        message: [ignored ?? .word(.loginLeft)],
        buttons: [Button(.continueLogin, .continueLogin), Button(.cancelLogin, .cancel)])
}

private func atRest(_ seen: Seen) -> ScreenState {
    let isShown = seen.running == nil && seen.session != .locked && seen.failure?.error != .Cancelled
    let failure = isShown ? seen.failure : nil
    let error = failure?.error ?? seen.session?.error()
    let help = error.flatMap { helpFor($0, failure) }
    return ScreenState(
        message: error.map { message($0, failure, seen) } ?? [],
        answer: answer(seen, error),
        buttons: buttons(seen.session, help).map { Button($0.action, $0.word, stateOf($0, seen.running)) })
}

private func message(_ error: AuthError, _ failure: Failure?, _ seen: Seen) -> [Sentence] {
    if case .StepUpRequired = error, failure?.afterStepUp == true { return [.word(.stepUpRefused)] }
    let isLoggedOut = failure == nil && seen.session == .signedOut(reason: .loggedOut)
    guard isLoggedOut, let revocation = seen.revocation else { return [.error(error)] }
    return [.error(error), .revocation(revocation)]
}

private func answer(_ seen: Seen, _ error: AuthError?) -> ShownAnswer? {
    guard let answer = seen.answer, case .signedIn = seen.session else { return nil }
    switch error {
    case nil, .Network: return ShownAnswer(answer: answer, old: error != nil || seen.running != nil)
    default: return nil
    }
}

private func buttons(_ session: Session?, _ help: Button?) -> [Button] {
    let helps = help.map { [$0] } ?? []
    switch session {
    case .signedIn:
        return [Button(.pingPrivate, .pingPrivate), Button(.pingPrivateScoped, .pingPrivateScoped)] + helps
            + [Button(.logOut, .logOut)]
    case .signedOut:
        return helps + (help?.action == .logIn ? [] : [Button(.logIn, .logIn)])
    case .locked, .unavailable, nil:
        return helps
    }
}

private func stateOf(_ button: Button, _ running: Action?) -> ButtonState {
    switch running {
    case nil: .ready
    case button.action: .running
    default: .waits
    }
}

/// The one button that helps.
private func helpFor(_ error: AuthError, _ failure: Failure?) -> Button? {
    switch error.recovery() {
    case .nothing, .keepWaiting, .updateApp, .fixConfiguration: nil
    case .logIn: Button(.logIn, .logIn)
    case .stepUp: failure?.afterStepUp == true ? nil : Button(.stepUp, .allowAccess)
    case .retry: Button(failure?.of ?? .reload, .tryAgain)
    case .report: Button(.copyReport, .copyReport)
    case .unlock: Button(.unlock, .unlock)
    case .fixClock: Button(.checkClock, .checkClock)
    }
}

private let standardScopes: Set<String> = ["openid", "profile", "email", "address", "phone", "offline_access"]

private func account(_ session: Session?) -> Account? {
    guard let session, case .signedIn(_, let subject, let scopes, _, _, _, _) = session else { return nil }
    let login = session.claim(name: "preferred_username") ?? session.claim(name: "email") ?? subject
    let name = session.claim(name: "name") ?? login
    let detail = [login].compactMap(\.self).filter { $0 != name } + scopes.filter { !standardScopes.contains($0) }
    return Account(name: name, detail: detail.joined(separator: " · "))
}

import Foundation
import Latchkey

/// A text of the screen's own, by its key in `Localizable.strings`.
enum Word: String, CaseIterable {
    case pleaseWait = "please_wait"
    case loggedIn = "logged_in"
    case loginRunning = "login_running"
    case loginInBrowser = "login_in_browser"
    case loginLeft = "login_left"
    case stepUpRefused = "step_up_refused"
    case answerOld = "answer_old"
    case buttonRunning = "button_running"
    case settingsMissing = "settings_missing"

    case logIn = "log_in"
    case logOut = "log_out"
    case cancel
    case continueLogin = "continue_login"
    case pingPrivate = "ping_private"
    case pingPrivateScoped = "ping_private_scoped"
    case tryAgain = "try_again"
    case allowAccess = "allow_access"
    case unlock
    case checkClock = "check_clock"
    case copyReport = "copy_report"

    case details
    case detailsShow = "details_show"
    case detailsHide = "details_hide"
    case detailsTimeline = "details_timeline"
    case detailsChecks = "details_checks"
    case checkOk = "check_ok"
    case checkWarning = "check_warning"
    case checkFailed = "check_failed"
    case reportCopied = "report_copied"

    /// In the person's language, with this in its place.
    func text(_ argument: String = "", in bundle: Bundle = .sample) -> String {
        bundle.localizedString(forKey: rawValue, value: nil, table: nil)
            .replacingOccurrences(of: "%1$@", with: argument)
    }
}

/// A sentence for the person: the screen's own, or what the library says.
enum Sentence: Equatable {
    case word(Word, String = "")
    case error(AuthError)
    case revocation(Revocation)

    var text: String {
        switch self {
        case .word(let word, let argument): word.text(argument)
        case .error(let error): error.text
        case .revocation(let revocation): revocation.text
        }
    }
}

extension [Sentence] {
    /// The sentences, each in a line of its own; what has nothing to say has no line.
    var text: String { map(\.text).filter { !$0.isEmpty }.joined(separator: "\n") }
}

extension CheckResult {
    var word: Word {
        switch self {
        case .ok: .checkOk
        case .warning: .checkWarning
        case .failed: .checkFailed
        }
    }
}

extension Bundle {
    /// Where this app's texts and settings are. SwiftPM, which builds the app for its tests, has a place of its own.
    static var sample: Bundle {
        #if SWIFT_PACKAGE
            .module
        #else
            .main
        #endif
    }
}

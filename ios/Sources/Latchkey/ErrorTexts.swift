import Foundation
import LatchkeyCore

extension AuthError {
    /// What to say to the person, in English, German, French, Spanish or Japanese; nothing for `Cancelled`. The
    /// session's `error()` says in the same way why nobody is logged in. An app has words of its own by a text of the same
    /// key in its `Localizable.strings`; the keys are in this package's.
    public var text: String { sentences.map { $0.text(in: resources) }.joined(separator: "\n") }
}

extension Revocation {
    /// What there is to add to a logout: nothing, if all is done.
    public var text: String { sentences.map { $0.text(in: resources) }.joined(separator: "\n") }
}

/// This package's own texts.
let resources = Bundle.module

/// A sentence for a person: a key of `Localizable.strings`, and what goes into its place.
struct Sentence {
    let key: String
    var argument = ""

    init(_ key: String, _ argument: String = "") {
        self.key = "latchkey_\(key)"
        self.argument = argument
    }

    func text(in bundle: Bundle) -> String {
        let ours = bundle.localizedString(forKey: key, value: nil, table: nil)
        return Bundle.main.localizedString(forKey: key, value: ours, table: nil)
            .replacingOccurrences(of: "%1$@", with: argument)
    }
}

extension AuthError {
    /// The compiler sees to it that no error is missing.
    var sentences: [Sentence] {
        switch self {
        case .Cancelled: []
        case .CallbackIgnored(let reason): [reason.sentence]
        case .LoginRequired(let reason): [reason.sentence]
        case .InteractionRequired(let code): [Sentence("interaction_required", code)]
        case .StepUpRequired(let reason, let scope, _, _, _): [reason.sentence(scope)]
        case .Denied(let code): [Sentence("denied", code)]
        case .Network(let reason, let seconds):
            [reason.sentence] + (seconds.map { [Sentence("retry_after", duration($0))] } ?? [])
        case .Provider(let status, let code, let persistent):
            [provider(status, code)] + (persistent ? [Sentence("provider_persistent")] : [])
        case .Untrusted(let check): [Sentence("untrusted", check)]
        case .Storage(let reason): [reason.sentence]
        case .Clock(let skewSeconds):
            [Sentence(skewSeconds > 0 ? "clock_ahead" : "clock_behind", duration(skewSeconds.magnitude))]
        case .Configuration(let problems): [Sentence("configuration", list(problems))]
        case .Api(_, let text): [Sentence("api", text)]
        }
    }

    private func provider(_ status: UInt32?, _ code: String?) -> Sentence {
        if let code { return Sentence("provider_code", code) }
        if let status { return Sentence("provider_status", "\(status)") }
        return Sentence("provider_invalid")
    }

    private func list(_ problems: [ConfigurationProblem]) -> String {
        let dot = CharacterSet(charactersIn: ".")
        return problems.map { "\($0.field) \($0.reason.trimmingCharacters(in: dot))" }.joined(separator: "; ")
    }
}

extension CallbackIgnoredReason {
    fileprivate var sentence: Sentence {
        switch self {
        case .noPendingLogin: Sentence("callback_no_pending_login")
        case .stateMismatch: Sentence("callback_state_mismatch")
        case .redirectMismatch: Sentence("callback_redirect_mismatch")
        case .alreadyUsed: Sentence("callback_already_used")
        case .expired: Sentence("callback_expired")
        }
    }
}

extension SignedOutReason {
    fileprivate var sentence: Sentence {
        switch self {
        case .never: Sentence("signed_out_never")
        case .loggedOut: Sentence("signed_out_logged_out")
        case .revoked: Sentence("signed_out_revoked")
        case .rotationInterrupted: Sentence("signed_out_rotation_interrupted")
        case .expired: Sentence("signed_out_expired")
        case .subjectChanged: Sentence("signed_out_subject_changed")
        case .storageLost: Sentence("signed_out_storage_lost")
        }
    }
}

extension StepUpReason {
    fileprivate func sentence(_ scope: String?) -> Sentence {
        switch self {
        case .insufficientScope: scope.map { Sentence("step_up_scope", $0) } ?? Sentence("step_up_some_scope")
        case .insufficientUserAuthentication: Sentence("step_up_login")
        }
    }
}

extension NetworkReason {
    fileprivate var sentence: Sentence {
        switch self {
        case .offline: Sentence("network_offline")
        case .timeout: Sentence("network_timeout")
        case .tls: Sentence("network_tls")
        case .unavailable: Sentence("network_unavailable")
        case .rateLimited: Sentence("network_rate_limited")
        }
    }
}

extension StorageReason {
    fileprivate var sentence: Sentence {
        switch self {
        case .locked: Sentence("storage_locked")
        case .corrupt: Sentence("storage_corrupt")
        case .incompatible: Sentence("storage_incompatible")
        case .unavailable: Sentence("storage_unavailable")
        }
    }
}

extension Revocation {
    var sentences: [Sentence] {
        switch self {
        case .failed: [Sentence("revocation_failed")]
        case .pending: [Sentence("revocation_pending")]
        case .done, .notNeeded: []
        }
    }
}

/// Rounded, in units that are written the same in all five languages.
private func duration(_ seconds: UInt64) -> String {
    if seconds < 120 { return "\(seconds) s" }
    if seconds < 120 * 60 { return "\((seconds + 30) / 60) min" }
    return "\((seconds + 1800) / 3600) h"
}

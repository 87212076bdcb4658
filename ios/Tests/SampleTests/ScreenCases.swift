import Foundation
import Latchkey

@testable import Sample

/// The cases of `tests/vectors/screen.json`. A field that is not known here is an error.
enum ScreenCases {
    static func all() throws -> [VectorCase] {
        let cases = try VectorCase.all("screen.json")
        try cases.forEach { try $0.onlyKnows(["seen", "expect"]) }
        return cases
    }

    static func seen(_ name: String) throws -> Seen {
        guard let one = try all().first(where: { $0.testDescription == name }) else { throw NotUnderstood(word: name) }
        return try seen(one)
    }

    static func seen(_ one: VectorCase) throws -> Seen {
        var seen = Seen()
        for (name, value) in one["seen"]?.object ?? [:] {
            switch name {
            case "missing_settings": seen.missingSettings = value.strings
            case "session": seen.session = try session(value)
            case "running": seen.running = try word(value)
            case "login": seen.login = try login(value)
            case "answer": seen.answer = try answer(value)
            case "failure": seen.failure = try failure(value)
            case "revocation": seen.revocation = try revocation(value)
            case "details_open": seen.detailsOpen = value == .bool(true)
            default: throw NotUnderstood(word: name)
            }
        }
        return seen
    }

    private static func session(_ value: JSON) throws -> Session? {
        if value == .null { return nil }
        guard let words = value.string?.split(separator: ":").map(String.init) else { return try signedIn(value) }
        let reason = words.count > 1 ? words[1] : ""
        switch words.first {
        case "signed_in": return try signedIn(alice)
        case "signed_out": return .signedOut(reason: try signedOutReason(reason))
        case "locked": return .locked
        case "unavailable": return .unavailable(reason: try storageReason(reason))
        default: throw NotUnderstood(word: value.testDescription)
        }
    }

    private static func signedIn(_ value: JSON) throws -> Session {
        .signedIn(
            issuer: "https://login.example.com/", subject: value["subject"]?.string,
            scopes: try needed(value["scopes"]).strings, claimsJson: try needed(value["claims"]).testDescription,
            expiresInSeconds: 300, refreshable: true, persisted: true)
    }

    static func answer(_ value: JSON) throws -> Sample.Answer {
        Sample.Answer(text: try text(value["text"]), atUnixSeconds: try number(value["at_unix_seconds"]))
    }

    private static func failure(_ value: JSON) throws -> Failure {
        Failure(
            error: try error(try needed(value["error"])), of: try word(try needed(value["of"])),
            afterStepUp: value["after_step_up"] == .bool(true))
    }

    private static func error(_ value: JSON) throws -> AuthError {
        let reason = value["reason"]?.string ?? ""
        switch value["kind"]?.string {
        case "cancelled": return .Cancelled
        case "callback_ignored": return .CallbackIgnored(reason: try callbackReason(reason))
        case "login_required": return .LoginRequired(reason: try signedOutReason(reason))
        case "interaction_required": return .InteractionRequired(code: try text(value["code"]))
        case "step_up_required":
            return .StepUpRequired(
                reason: try stepUpReason(reason), scope: value["scope"]?.string, acrValues: value["acr_values"]?.string,
                maxAgeSeconds: value["max_age_seconds"]?.number.map(UInt64.init), options: LoginOptions())
        case "denied": return .Denied(code: try text(value["code"]))
        case "network":
            return .Network(
                reason: try networkReason(reason),
                retryAfterSeconds: value["retry_after_seconds"]?.number.map(UInt64.init))
        case "provider":
            return .Provider(
                status: value["status"]?.number.map(UInt32.init), code: value["code"]?.string,
                persistent: value["persistent"] == .bool(true))
        case "untrusted": return .Untrusted(check: try text(value["check"]))
        case "storage": return .Storage(reason: try storageReason(reason))
        case "clock": return .Clock(skewSeconds: try number(value["skew_seconds"]))
        case "configuration":
            return .Configuration(
                problems: try needed(value["problems"]).array.map {
                    ConfigurationProblem(field: $0.strings[0], reason: $0.strings[1])
                })
        case "api": return .Api(status: UInt32(try number(value["status"])), text: try text(value["text"]))
        default: throw NotUnderstood(word: value.testDescription)
        }
    }

    // The enumerations are generated, and say their words themselves.

    private static func callbackReason(_ word: String) throws -> CallbackIgnoredReason {
        try pick(word, [.noPendingLogin, .stateMismatch, .redirectMismatch, .alreadyUsed, .expired]) { $0.word() }
    }

    private static func signedOutReason(_ word: String) throws -> SignedOutReason {
        let all: [SignedOutReason] = [
            .never, .loggedOut, .revoked, .rotationInterrupted, .expired, .subjectChanged, .storageLost,
        ]
        return try pick(word, all) { $0.word() }
    }

    private static func stepUpReason(_ word: String) throws -> StepUpReason {
        try pick(word, [.insufficientScope, .insufficientUserAuthentication]) { $0.word() }
    }

    private static func networkReason(_ word: String) throws -> NetworkReason {
        try pick(word, [.offline, .timeout, .tls, .unavailable, .rateLimited]) { $0.word() }
    }

    private static func storageReason(_ word: String) throws -> StorageReason {
        try pick(word, [.locked, .corrupt, .incompatible, .unavailable]) { $0.word() }
    }

    private static func revocation(_ value: JSON) throws -> Revocation {
        try pick(try text(value), [.done, .failed, .pending, .notNeeded]) { $0.word() }
    }

    private static func pick<Value>(_ word: String, _ all: [Value], _ of: (Value) -> String) throws -> Value {
        guard let one = all.first(where: { of($0) == word }) else { throw NotUnderstood(word: word) }
        return one
    }

    private static func login(_ value: JSON) throws -> LoginState {
        switch value.string {
        case "none": .none
        case "in_browser": .inBrowser
        case "left": .unfinished
        default: throw NotUnderstood(word: value.testDescription)
        }
    }

    static func word<Word: RawRepresentable<String>>(_ value: JSON) throws -> Word {
        guard let word = Word(rawValue: value.string ?? "") else { throw NotUnderstood(word: value.testDescription) }
        return word
    }

    private static func needed(_ value: JSON?) throws -> JSON {
        guard let value else { throw NotUnderstood(word: "a field that is missing") }
        return value
    }

    private static func text(_ value: JSON?) throws -> String {
        guard let text = value?.string else { throw NotUnderstood(word: "a text that is missing") }
        return text
    }

    private static func number(_ value: JSON?) throws -> Int64 {
        guard let number = value?.number else { throw NotUnderstood(word: "a number that is missing") }
        return Int64(number)
    }

    private static let alice = JSON.object([
        "subject": .string("dev|alice"),
        "claims": .object(["name": .string("Alice"), "preferred_username": .string("alice")]),
        "scopes": .array(["openid", "profile", "offline_access", "read:messages"].map(JSON.string)),
    ])
}

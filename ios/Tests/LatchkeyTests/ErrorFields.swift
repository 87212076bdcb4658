import Latchkey

extension AuthError {
    /// The error in the words of cli.md: its kind, its recovery and its fields by name.
    ///
    /// Every shell turns the variants into something of its own in one switch without a default: a new one then does
    /// not compile until somebody has decided what it means.
    var fields: [String: JSON] {
        let own: [String: JSON] =
            switch self {
            case .Cancelled: [:]
            case .CallbackIgnored(let reason): ["reason": .string(reason.word())]
            case .LoginRequired(let reason): ["reason": .string(reason.word())]
            case .InteractionRequired(let code): ["code": .string(code)]
            case .StepUpRequired(let reason, let scope, let acrValues, let maxAgeSeconds, _):
                [
                    "reason": .string(reason.word()), "scope": JSON(scope), "acr_values": JSON(acrValues),
                    "max_age_seconds": JSON(maxAgeSeconds),
                ]
            case .Denied(let code): ["code": .string(code)]
            case .Network(let reason, let retryAfterSeconds):
                ["reason": .string(reason.word()), "retry_after_seconds": JSON(retryAfterSeconds)]
            case .Provider(let status, let code, _): ["status": JSON(status), "code": JSON(code)]
            case .Untrusted(let check): ["check": .string(check)]
            case .Storage(let reason): ["reason": .string(reason.word())]
            case .Clock(let skewSeconds): ["skew_seconds": JSON(skewSeconds)]
            case .Configuration(let problems): ["fields": .array(problems.map { .string($0.field) })]
            case .Api(let status, let text): ["status": JSON(status), "text": .string(text)]
            }
        return own.merging(["kind": .string(kind()), "recovery": .string(recovery().word())]) { _, new in new }
    }

    /// The error as a vector writes it, with the fields that `expected` names.
    func json(like expected: JSON?) -> JSON {
        let names = expected?.object.keys.map(\.self) ?? ["kind", "recovery"]
        let shown = names.map { ($0, fields[$0] ?? .string("no such field")) }
        return .object(["error": .object(Dictionary(uniqueKeysWithValues: shown))])
    }
}

extension Session {
    /// The state in the words of the vectors: `signed_in`, `signed_out:REASON`, ….
    var word: String {
        switch self {
        case .signedIn: "signed_in"
        case .signedOut(let reason): "signed_out:\(reason.word())"
        case .locked: "locked"
        case .unavailable(let reason): "unavailable:\(reason.word())"
        }
    }
}

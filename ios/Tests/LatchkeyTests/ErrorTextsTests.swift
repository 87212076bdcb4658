import Foundation
import Testing

@testable import Latchkey

@Suite("What an error says to the person, in five languages")
struct ErrorTextsTests {
    private static let languages = ["en", "de", "fr", "es", "ja"]

    @Test("every error says something in every language, with what it is about in its place", arguments: languages)
    func everyError(_ language: String) throws {
        let bundle = try bundle(language)
        for error in try everyVariant() {
            for sentence in error.sentences {
                let text = sentence.text(in: bundle)
                #expect(text != sentence.key, "\(error)")
                #expect(text.contains(sentence.argument) || sentence.argument.isEmpty, "\(text)")
                #expect(!text.contains("%"), "\(text)")
            }
            #expect(error.sentences.isEmpty == (error == .Cancelled), "\(error)")
        }
        for revocation in [Revocation.failed, .pending] { #expect(!revocation.text.isEmpty) }
    }

    @Test("the words are Android's", arguments: languages)
    func sameAsAndroid(_ language: String) throws {
        let ours = try strings(language).mapValues { $0.replacingOccurrences(of: "%1$@", with: "%1$s") }
        let theirs = try androidStrings(language)
        #expect(theirs.count > 30)
        #expect(ours == theirs)
    }

    @Test("no key is there that no error uses, and none is missing")
    func keys() throws {
        let used = try everyVariant().flatMap(\.sentences).map(\.key)
        let added = ["latchkey_revocation_failed", "latchkey_revocation_pending"]
        for language in Self.languages { #expect(try Set(strings(language).keys) == Set(used + added), "\(language)") }
    }

    @Test("sentences stand on lines of their own, and a length of time is rounded")
    func text() {
        #expect(AuthError.Cancelled.text == "")
        let pause = AuthError.Network(reason: .rateLimited, retryAfterSeconds: 150)
        #expect(pause.text.split(separator: "\n").count == 2)
        for (seconds, words) in [(119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h")] {
            let clock = AuthError.Clock(skewSeconds: Int64(-seconds))
            #expect(clock.text.contains(words))
        }
        #expect(Revocation.done.text == "")
    }

    @Test("every mistake of a configuration is named, without a second full stop")
    func configuration() throws {
        let problems = ["issuer", "scopes"].map { ConfigurationProblem(field: $0, reason: "is odd.") }
        let sentence = try #require(AuthError.Configuration(problems: problems).sentences.first)
        #expect(sentence.text(in: try bundle("en")).contains("issuer is odd; scopes is odd."))
    }

    /// Each error, each of its reasons, each shape of its fields.
    private func everyVariant() throws -> [AuthError] {
        let callbacks: [CallbackIgnoredReason] = [
            .noPendingLogin, .stateMismatch, .redirectMismatch, .alreadyUsed, .expired,
        ]
        let endings: [SignedOutReason] = [
            .never, .loggedOut, .revoked, .rotationInterrupted, .expired, .subjectChanged, .storageLost,
        ]
        let networks: [NetworkReason] = [.offline, .timeout, .tls, .unavailable, .rateLimited]
        let storages: [StorageReason] = [.locked, .corrupt, .incompatible, .unavailable]
        var all: [AuthError] = [.Cancelled, .InteractionRequired(code: "c"), .Denied(code: "d")]
        all += callbacks.map { .CallbackIgnored(reason: $0) }
        all += endings.map { .LoginRequired(reason: $0) }
        all += networks.map { .Network(reason: $0, retryAfterSeconds: 30) }
        all += storages.map { .Storage(reason: $0) }
        for (reason, scope) in [
            (StepUpReason.insufficientScope, "s"), (.insufficientScope, nil), (.insufficientUserAuthentication, nil),
        ] {
            all.append(
                .StepUpRequired(
                    reason: reason, scope: scope, acrValues: nil, maxAgeSeconds: nil, options: LoginOptions()))
        }
        all.append(.Provider(status: 400, code: "odd", persistent: true))
        all.append(.Provider(status: 404, code: nil, persistent: false))
        all.append(.Provider(status: nil, code: nil, persistent: false))
        all.append(.Untrusted(check: "nonce"))
        all += [.Clock(skewSeconds: 90), .Clock(skewSeconds: -90)]
        all.append(.Configuration(problems: [ConfigurationProblem(field: "issuer", reason: "is odd.")]))
        all.append(.Api(status: 500, text: "teapot"))
        return all
    }

    private func bundle(_ language: String) throws -> Bundle {
        let path = try #require(resources.path(forResource: language, ofType: "lproj"))
        return try #require(Bundle(path: path))
    }

    private func strings(_ language: String) throws -> [String: String] {
        let file = try source("ios/Sources/Latchkey/Resources/\(language).lproj/Localizable.strings")
        return try pairs(of: file, pattern: #"^"([a-z_]+)" = "(.*)";$"#)
    }

    private func androidStrings(_ language: String) throws -> [String: String] {
        let folder = language == "en" ? "values" : "values-\(language)"
        let file = try source("android/latchkey/src/main/res/\(folder)/latchkey_errors.xml")
        return try pairs(of: file, pattern: #"^ *<string name="([a-z_]+)">(.*)</string>$"#)
    }

    private func pairs(of file: String, pattern: String) throws -> [String: String] {
        let line = try Regex(pattern, as: (Substring, Substring, Substring).self).anchorsMatchLineEndings()
        return Dictionary(uniqueKeysWithValues: file.matches(of: line).map { (String($0.1), String($0.2)) })
    }
}

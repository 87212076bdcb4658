import Foundation
import Latchkey
import TestStores
import Testing

@Suite("No secret leaves by a side door", .timeLimit(.minutes(2)))
struct SecretTests {
    /// In every secret that a test plants.
    static let canary = "canary"

    @Test("no way to print one of the core's values shows a secret", arguments: printed)
    func printing(_ value: Printed) {
        for text in value.texts {
            #expect(!text.isEmpty)
            #expect(!text.contains(SecretTests.canary), "\(text)")
            // The bytes of a `Data`, printed one by one.
            #expect(!text.contains("99") && !text.contains("110"), "\(text)")
        }
    }

    @Test("a value still prints what helps, under the name of its type")
    func printsWhatHelps() {
        let token = AccessToken(value: "x", tokenType: "Bearer", expiresInSeconds: 300, scopes: ["openid"])
        #expect(Printed("", token).texts.allSatisfy { $0.contains("AccessToken") && $0.contains("300") })
        let request = ApiRequest(method: "DELETE", path: "/x")
        #expect(Printed("", request).texts.allSatisfy { $0.contains("ApiRequest") && $0.contains("DELETE") })
    }

    @Test("the log at its finest holds no secret of a login, a refresh, a failure and a logout")
    func logging() async throws {
        try await inFolder { folder in
            try await DevServer.run { server in
                let auth = try Auth(config: server.config, store: FolderStore(folder: folder))
                let lines = Lines()
                auth.setLogSink(level: .debug, sink: lines)
                var secrets = [SecretTests.canary]

                // The tokens of the login are canaries; those of the refresh are the server's own.
                try await server.setFaults(
                    "token:merge=\(Faults.base64url(#"{"access_token":"canary-a","refresh_token":"canary-r","expires_in":0}"#))@1"
                )
                let request = try await auth.beginLogin(options: LoginOptions())
                secrets += ["state", "nonce", "code_challenge"].flatMap { parameters(request.url)[$0] ?? [] }
                let callback = try await server.callback(request.url)
                secrets += parameters(callback)["code"] ?? []
                // The ID token's at_hash is of the server's token, so this login is not to be trusted.
                let refused = try #require(await failure { try await auth.finishLogin(callbackUrl: callback) })
                #expect(refused == .Untrusted(check: "at_hash"))

                try await server.logIn(auth)
                let first = try await auth.accessToken(options: AccessTokenOptions())
                let second = try await auth.accessToken(options: AccessTokenOptions(forceRefresh: true))
                secrets += [first.value, second.value]
                _ = try await PingClient(auth: auth, apiUrl: server.api).pingPrivate()
                let stored = try storedText(folder)
                #expect(stored.contains(second.value), "the sealed record is where the token is")
                try await server.setFaults("token:status=400,error=invalid_grant")
                let ended = try #require(
                    await failure { try await auth.accessToken(options: AccessTokenOptions(forceRefresh: true)) })
                _ = try await auth.logout(options: LogoutOptions())

                #expect(lines.all.count >= 5)
                #expect(secrets.allSatisfy { $0.count >= 6 } && secrets.count >= 7)
                let said =
                    lines.all + Printed("", refused).texts + Printed("", ended).texts
                    + auth.timeline().map { "\($0)" }
                for text in said {
                    for secret in secrets { #expect(!text.contains(secret), "\(text)") }
                }
            }
        }
    }

    @Test("what a store throws unexpectedly becomes a typed error without its text")
    func unexpectedError() async throws {
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: BrokenStore())
            let lines = Lines()
            auth.setLogSink(level: .debug, sink: lines)
            #expect(auth.session() == .unavailable(reason: .unavailable))
            let refused = try #require(await failure { try await auth.beginLogin(options: LoginOptions()) })
            #expect(refused == .Storage(reason: .unavailable))
            #expect(refused.recovery() == .retry)
            for text in lines.all + Printed("", refused).texts {
                #expect(!text.contains(SecretTests.canary), "\(text)")
            }
        }
    }

    @Test("a log sink that throws is gone on without")
    func brokenSink() async throws {
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: memoryStore())
            auth.setLogSink(level: .debug, sink: BrokenSink())
            try await server.logIn(auth)
            #expect(auth.session().word == "signed_in")
        }
    }

    private func storedText(_ folder: String) throws -> String {
        try FileManager.default.contentsOfDirectory(atPath: folder).map { name in
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")), as: UTF8.self)
        }.joined()
    }
}

/// A value, and everything that Swift prints of it.
struct Printed: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let texts: [String]

    init<Value>(_ name: String, _ value: Value) {
        testDescription = name
        texts = [
            "\(value)", String(describing: value), String(reflecting: value), dumped(value), "\([value])",
            String(describing: Optional(value)), "\(Screen(value: value))", dumped(Screen(value: value)),
        ]
    }
}

/// As a field of something of the app's own.
private struct Screen<Value> {
    let value: Value
}

private func dumped<Value>(_ value: Value) -> String {
    var text = ""
    dump(value, to: &text)
    return text
}

private let secret = "canary-0123456789"
private let printed = [
    Printed("AccessToken", AccessToken(value: secret, tokenType: "Bearer", expiresInSeconds: 300, scopes: ["openid"])),
    Printed(
        "LoginRequest",
        LoginRequest(
            id: "1", url: "https://x/?state=\(secret)", redirectUri: "a:/b", redirect: .scheme(scheme: "a"),
            expiresInSeconds: 600)),
    Printed("StoredItem", StoredItem(tag: Data("can".utf8), bytes: Data("canary".utf8))),
    Printed(
        "Session",
        Session.signedIn(
            issuer: "https://x", subject: secret, scopes: ["openid"], claimsJson: secret, expiresInSeconds: 300,
            refreshable: true, persisted: true)),
    Printed(
        "ApiRequest",
        ApiRequest(
            method: "GET", path: "/?\(secret)", headers: [Header(name: "A", value: secret)], body: Data("canary".utf8))),
    Printed(
        "ApiResponse", ApiResponse(status: 200, headers: [Header(name: "A", value: secret)], body: Data("canary".utf8))),
    Printed("Header", Header(name: "A", value: secret)),
]

/// Fails with an error that nobody declared, with a text that nobody may see.
private final class BrokenStore: SecureStore {
    func load(key: String) throws -> StoredItem? { throw Surprise() }
    func swap(key: String, expected: Data?, next: StoredItem?) throws { throw Surprise() }
}

private final class BrokenSink: LogSink {
    func log(level: LogLevel, line: String) throws { throw Surprise() }
}

private struct Surprise: Error, CustomStringConvertible {
    let description = "canary: what the store was working on"
}

import Latchkey
import Testing

@Suite("The behaviour vectors", .serialized, .timeLimit(.minutes(5)))
struct VectorTests {
    @Test("a login's URL is as written", arguments: try VectorCase.all("login_url.json"))
    func loginUrl(_ test: VectorCase) async throws {
        try test.onlyKnows(["config", "options", "expect"])
        try await DevServer.run { server in
            let expect = try #require(test["expect"])
            var url = ""
            let seen = try await outcome(like: expect["error"]) {
                let auth = try Auth(config: test.config(server), store: memoryStore())
                url = try await auth.beginLogin(options: test.options()).url
                return expect
            }
            #expect(seen == expect)
            if expect["error"] != nil { return }
            let sent = parameters(url)
            for (name, value) in expect["parameters"]?.object ?? [:] {
                #expect(sent[name] == [VectorCase.fill(value.string ?? "", server)], "\(name)")
            }
            for name in expect["present"]?.strings ?? [] {
                #expect(sent[name]?.count == 1 && sent[name] != [""], "\(name)")
            }
            for name in expect["absent"]?.strings ?? [] {
                #expect(sent[name] == nil, "\(name)")
            }
        }
    }

    @Test("a callback ends as written", arguments: try VectorCase.all("callback.json"))
    func callback(_ test: VectorCase) async throws {
        try test.onlyKnows(["config", "options", "begin", "forget", "faults", "callbacks", "expect"])
        try await DevServer.run { server in
            let store = memoryStore()
            var auth = try Auth(config: test.config(server), store: store)
            let callbacks = test["callbacks"]?.strings ?? []
            var known: [String: String] = [:]
            if test["begin"] != .bool(false) {
                let request = try await auth.beginLogin(options: test.options())
                known["{redirect_uri}"] = request.redirectUri
                known["{state}"] = parameters(request.url)["state"]?.first
                if callbacks.contains(where: { $0.contains("{callback}") || $0.contains("{code}") }) {
                    let callback = try await server.callback(request.url)
                    known["{callback}"] = callback
                    known["{code}"] = parameters(callback)["code"]?.first
                }
            }
            if test["forget"] == .bool(true) { auth = try Auth(config: test.config(server), store: store) }
            try await test.setFaults(server)

            let expect = test["expect"]?.array ?? []
            #expect(callbacks.count == expect.count && !expect.isEmpty)
            for (callback, expected) in zip(callbacks, expect) {
                let url = known.reduce(VectorCase.fill(callback, server)) { text, known in
                    text.replacingOccurrences(of: known.key, with: known.value)
                }
                let seen = try await outcome(like: expected["error"]) {
                    .object(["session": .string(try await auth.finishLogin(callbackUrl: url).word)])
                }
                #expect(seen == expected)
            }
        }
    }

    @Test("an answer means what is written", arguments: try VectorCase.all("answers.json"))
    func answer(_ test: VectorCase) async throws {
        try test.onlyKnows(["config", "login", "user", "faults", "call", "path", "expect", "session"])
        try await DevServer.run { server in
            let auth = try Auth(config: test.config(server, audience: server.audience), store: memoryStore())
            if test["login"] != .bool(false) { try await server.logIn(auth, as: test["user"]?.string ?? "") }
            try await test.setFaults(server)

            let expect = try #require(test["expect"])
            let seen = try await outcome(like: expect["error"]) {
                let all = try await call(test, server, auth).merging(["ok": .bool(true)]) { _, new in new }
                return .object(all.filter { expect[$0.key] != nil })
            }
            #expect(seen == expect)
            #expect(auth.session().word == test["session"]?.string)
        }
    }

    /// What the case's call gave, beside success.
    private func call(_ test: VectorCase, _ server: DevServer, _ auth: Auth) async throws -> [String: JSON] {
        let ping = try PingClient(auth: auth, apiUrl: server.api)
        switch test["call"]?.string ?? "" {
        case "access_token": _ = try await auth.accessToken(options: AccessTokenOptions())
        case "refresh": _ = try await auth.accessToken(options: AccessTokenOptions(forceRefresh: true))
        case "ping_private": return ["message": .string(try await ping.pingPrivate().message)]
        case "ping_private_scoped": return ["message": .string(try await ping.pingPrivateScoped().message)]
        case "get":
            let api = try ApiClient(auth: auth, apiUrl: server.api)
            _ = try await api.send(request: ApiRequest(method: "GET", path: test["path"]?.string ?? ""))
        case "user_info": _ = try await auth.userInfo()
        case "begin_login": _ = try await auth.beginLogin(options: LoginOptions())
        case "logout":
            return ["revocation": .string(try await auth.logout(options: LogoutOptions()).revocation.word())]
        case let other: throw NotUnderstood(word: other)
        }
        return [:]
    }

    /// What a call gave, or its error as a vector writes it. Any other error is the test's own.
    private func outcome(like expected: JSON?, _ call: () async throws -> JSON) async throws -> JSON {
        do {
            return try await call()
        } catch let error as AuthError {
            return error.json(like: expected)
        }
    }
}

import Latchkey
import Testing

@Suite("Rows of docs/simulator.md: an app at the worst moments", .timeLimit(.minutes(2)))
struct SimulatorTests {
    @Test("a refresh whose answer is lost costs no session where the provider takes the token once more")
    func lostAnswer() async throws {
        try await DevServer.run { server in
            let (auth, ping) = try await expired(at: server)
            try await server.admin("rotation", "parent")
            try await server.setFaults("token:drop_after_commit@1")
            _ = try await ping.pingPrivate()
            #expect(auth.session().word == "signed_in")
        }
    }

    @Test("at a strict provider the session ends, and the reason says why")
    func lostAnswerAtAStrictProvider() async throws {
        try await DevServer.run { server in
            let (auth, ping) = try await expired(at: server)
            try await server.admin("rotation", "strict")
            try await server.setFaults("token:drop_after_commit@1")
            let ended = await failure { try await ping.pingPrivate() }
            #expect(ended == .LoginRequired(reason: .rotationInterrupted))
            #expect(auth.session() == .signedOut(reason: .rotationInterrupted))
        }
    }

    @Test("a session that is revoked in the middle of a refresh ends with a login")
    func revokedMeanwhile() async throws {
        try await DevServer.run { server in
            let (auth, ping) = try await expired(at: server)
            try await server.setFaults("token:gate=held@1")
            let calling = Task { await failure { try await ping.pingPrivate() } }
            try await server.reached(gate: "held")
            try await server.admin("revoke/alice")
            try await server.open(gate: "held")
            #expect(await calling.value == .LoginRequired(reason: .revoked))
            #expect(auth.session() == .signedOut(reason: .revoked))
        }
    }

    @Test("a provider that asks for a pause is left alone, and the error says for how long")
    func pause() async throws {
        try await DevServer.run { server in
            let (auth, ping) = try await expired(at: server)
            try await server.setFaults("token:status=429,retry_after=30@1")
            let refused = await failure { try await ping.pingPrivate() }
            #expect(refused == .Network(reason: .rateLimited, retryAfterSeconds: 30))
            #expect(await failure { try await ping.pingPrivate() }?.kind() == "network")
            #expect(try await server.stats().requests["token"] == 1, "nobody has asked again")
            #expect(auth.session().word == "signed_in")
        }
    }

    /// Alice is logged in, and her access token has ended: the next call begins with a refresh.
    private func expired(at server: DevServer) async throws -> (Auth, PingClient) {
        let auth = try Auth(config: server.config, store: memoryStore())
        try await server.setFaults("token:expires_in=0")
        try await server.logIn(auth)
        try await server.setFaults("")
        try await server.resetStats()
        return (auth, try PingClient(auth: auth, apiUrl: server.api))
    }
}

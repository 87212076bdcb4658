import Latchkey
import Testing

@Suite("Task.cancel() reaches the core", .timeLimit(.minutes(2)))
struct CancellationTests {
    @Test("a task that was cancelled before it began ends with Cancelled and sends nothing")
    func cancelledBefore() async throws {
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: memoryStore())
            let task = Task {
                // Nobody but this task cancels it, so it goes on cancelled.
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure {
                    try await withCancellation { try await auth.beginLogin(options: LoginOptions(), cancellation: $0) }
                }
            }
            #expect(await task.value == .Cancelled)
            #expect(try await server.stats().requests["discovery"] == 0)
        }
    }

    @Test("a login that waits for the provider is given up")
    func cancelledMeanwhile() async throws {
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: memoryStore())
            try await server.setFaults("discovery:gate=here")
            let task = Task {
                await failure {
                    try await withCancellation { try await auth.beginLogin(options: LoginOptions(), cancellation: $0) }
                }
            }
            try await server.reached(gate: "here")
            task.cancel()
            #expect(await task.value == .Cancelled)
            // The server still waits: nobody but the cancel has ended the call.
            try await server.open(gate: "here")
        }
    }

    @Test("a cancelled waiter loses no token: the refresh goes on, and what it brought is stored")
    func cancelledWaiter() async throws {
        try await DevServer.run { server in
            let store = memoryStore()
            let auth = try Auth(config: server.config, store: store)
            try await server.setFaults(Faults.expiredToken)
            try await server.logIn(auth)
            try await server.resetStats()
            try await server.setFaults("token:gate=here")

            let leaving = Task {
                await failure {
                    try await withCancellation {
                        try await auth.accessToken(options: AccessTokenOptions(), cancellation: $0)
                    }
                }
            }
            try await server.reached(gate: "here")
            leaving.cancel()
            #expect(await leaving.value == .Cancelled)

            // Whether this one joins the refresh or comes after it: there was one refresh, and its token is there.
            async let staying = auth.accessToken(options: AccessTokenOptions())
            try await server.open(gate: "here")
            let token = try await staying.value
            #expect(try await server.stats().requests["token"] == 1)

            // The provider takes each refresh token once, so this works only with the new one.
            let later = try Auth(config: server.config, store: store)
            #expect(try await later.accessToken(options: AccessTokenOptions()).value == token)
            let next = try await later.accessToken(options: AccessTokenOptions(forceRefresh: true)).value
            #expect(next != token)
            #expect(try await server.stats().refresh_token_reuse == 0)
        }
    }

    @MainActor
    @Test("the wrapper works from the main actor with what only the main actor may touch")
    func onTheMainActor() async throws {
        final class Screen { var text = "" }
        let screen = Screen()
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: memoryStore())
            try await server.logIn(auth)
            try await withCancellation { cancellation in
                screen.text = try await PingClient(auth: auth, apiUrl: server.api).pingPrivate(
                    cancellation: cancellation
                ).message
            }
        }
        #expect(screen.text.hasPrefix("Hello"))
    }

    @Test("without a cancel the result is the call's, and so is its error")
    func notCancelled() async throws {
        let auth = try Auth(
            config: AuthConfig(
                issuer: "https://login.example.com", clientId: "app", redirectUri: DevServer.redirectUri),
            store: memoryStore())
        #expect(try await withCancellation { $0.isCancelled() } == false)
        let refused = await failure {
            try await withCancellation { try await auth.accessToken(options: AccessTokenOptions(), cancellation: $0) }
        }
        #expect(refused == .LoginRequired(reason: .never))
    }
}

#if os(Linux)
    import Foundation
    import Latchkey
    import TestStores
    import Testing

    @Suite("App and extension: two processes on one Keychain", .timeLimit(.minutes(2)))
    struct KeychainProcessesTests {
        @Test("two processes that count together lose no count", arguments: ["keychain", "guarded"])
        func counting(_ kind: String) async throws {
            try await inFolder { folder in
                let workers = try (0..<2).map { _ in try storeWorker(kind, "count", folder, "conformance.race", "50") }
                for worker in workers { #expect(try await worker.line() == "ready") }
                for worker in workers { try worker.write("go\n") }
                for worker in workers { #expect(await worker.status() == 0) }
                let total = try await blocking {
                    let world = KeychainWorld(folder)
                    world.personComes()
                    return try conformanceRaceTotal(
                        store: world.store(presence: kind == "guarded"), key: "conformance.race")
                }
                #expect(total == 100)
            }
        }

        @Test("a process that is killed while it counts takes nobody's count with it, and no lock")
        func killedWhileCounting() async throws {
            try await inFolder { folder in
                try await killsOneThatCounts(in: KeychainWorld(folder).store(), "keychain", folder)
            }
        }

        @Test("two processes that refresh at the same time make one token request")
        func refreshing() async throws {
            try await inFolder { folder in
                try await DevServer.run { server in
                    let store = KeychainWorld(folder).store()
                    try await server.setFaults(Faults.expiredToken)
                    try await server.logIn(Auth(config: server.config, store: store))
                    try await server.resetStats()
                    try await server.setFaults("token:gate=first@1")
                    let other = try storeWorker("keychain", "token", folder, configured: server)
                    #expect(try await other.line() == "ready")
                    try other.write("go\n")
                    // The other is in the middle of its refresh when this one wants a token too.
                    try await server.reached(gate: "first")
                    let auth = try Auth(config: server.config, store: store)
                    async let own = auth.accessToken(options: AccessTokenOptions())
                    try await server.open(gate: "first")
                    let isTheSame = try await own.value == other.line()
                    #expect(isTheSame, "both have the token of the one refresh")
                    #expect(await other.status() == 0)
                    let stats = try await server.stats()
                    #expect(stats.requests["token"] == 1)
                    #expect(stats.refresh_token_reuse == 0)
                }
            }
        }

        @Test("a login that one process began, and was killed, is finished by another, and both are logged in")
        func restartedInTheMiddle() async throws {
            try await inFolder { folder in
                try await DevServer.run { server in
                    let first = try storeWorker("keychain", "begin", folder, configured: server)
                    let url = try #require(try await first.line())
                    first.kill()
                    #expect(await first.status() == SIGKILL)

                    let store = KeychainWorld(folder).store()
                    let auth = try Auth(config: server.config, store: store)
                    #expect(auth.session() == .signedOut(reason: .never))
                    _ = try await auth.finishLogin(callbackUrl: server.callback(url))
                    #expect(auth.session().word == "signed_in")

                    let other = try storeWorker("keychain", "token", folder, configured: server)
                    #expect(try await other.line() == "ready")
                    try other.write("go\n")
                    let isTheSame = try await other.line() == auth.accessToken(options: AccessTokenOptions()).value
                    #expect(isTheSame, "it has the session of the login that it had no part in")
                    #expect(await other.status() == 0)
                }
            }
        }

        @Test("a refresh that cannot be stored behind a locked device is in memory, and stored after the unlock")
        func lockedMeanwhile() async throws {
            try await inWorld { world in
                try await DevServer.run { server in
                    let auth = try Auth(config: server.config, store: world.store())
                    try await server.logIn(auth)
                    try await server.setFaults("token:gate=here")
                    async let refreshed = auth.accessToken(options: AccessTokenOptions(forceRefresh: true))
                    try await server.reached(gate: "here")
                    world.keychain.setDevice { $0.lock = .beforeFirstUnlock }
                    try await server.open(gate: "here")
                    let token = try await refreshed.value
                    #expect(auth.session().isPersisted == false)
                    world.keychain.setDevice { $0.lock = .unlocked }
                    await auth.resumed()
                    #expect(auth.session().isPersisted == true)
                    let later = try Auth(config: server.config, store: world.store())
                    let isTheSame = try await later.accessToken(options: AccessTokenOptions()).value == token
                    #expect(isTheSame)
                    #expect(try await server.stats().refresh_token_reuse == 0)
                }
            }
        }
    }

    extension Session {
        fileprivate var isPersisted: Bool? {
            guard case .signedIn(_, _, _, _, _, _, let persisted) = self else { return nil }
            return persisted
        }
    }

    private func storeWorker(
        _ kind: String, _ work: String, _ folder: String, configured server: DevServer
    ) throws -> ChildProcess {
        try storeWorker(
            kind, work, folder, server.issuer, server.clientId, DevServer.redirectUri, server.audience)
    }
#endif

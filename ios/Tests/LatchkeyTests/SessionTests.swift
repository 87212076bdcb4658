import Foundation
import Latchkey
import TestStores
import Testing

@Suite("A phone's life: apps are suspended, killed and brought back, and their stores fail", .timeLimit(.minutes(2)))
struct SessionTests {
    @Test("each refresh asks for time in the background once and gives it back, also if it fails")
    func backgroundTime() async throws {
        try await DevServer.run { server in
            let (auth, time) = try await loggedIn(at: server)
            try await refresh(auth)
            #expect(await time.nextEnd() == 1)
            try await server.setFaults("token:status=503@1")
            #expect(await failure { try await refresh(auth) }?.kind() == "network")
            #expect(await time.nextEnd() == 2, "each is ended once, in their order")
            #expect(time.begun == 2)
            _ = try await auth.accessToken(options: AccessTokenOptions())
            #expect(time.begun == 2, "a token that is good costs nothing")
        }
    }

    @Test("an app that takes its background time back is not asked again")
    func backgroundTimeTakenBack() async throws {
        try await DevServer.run { server in
            let (auth, time) = try await loggedIn(at: server)
            auth.setBackgroundTime(backgroundTime: nil)
            try await refresh(auth)
            #expect(time.begun == 0)
        }
    }

    @Test("with too few seconds left nothing is sent, and the next refresh with more works")
    func tooFewSeconds() async throws {
        try await DevServer.run { server in
            let store = memoryStore()
            try await expire(store, at: server)
            let auth = try Auth(config: server.config, store: store)
            let time = Granted()
            auth.setBackgroundTime(backgroundTime: time)
            time.grant(secondsLeft: 5)
            let refused = await failure { try await auth.accessToken(options: AccessTokenOptions()) }
            #expect(refused == .Network(reason: .unavailable, retryAfterSeconds: nil))
            #expect(await time.nextEnd() == 1, "what was granted is given back")
            #expect(try await server.stats().requests["token"] == 0)
            #expect(auth.session().word == "signed_in")
            time.grant(secondsLeft: 60)
            _ = try await auth.accessToken(options: AccessTokenOptions())
            #expect(await time.nextEnd() == 2)
            #expect(try await server.stats().requests["token"] == 1)
        }
    }

    @Test("background time that throws or grants nonsense stops no refresh, and what it throws is told nobody")
    func brokenBackgroundTime() async throws {
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: memoryStore())
            let lines = Lines()
            auth.setLogSink(level: .debug, sink: lines)
            try await server.logIn(auth)
            for error in [BackgroundError.Refused, Surprise()] as [any Error] {
                let refusing = Broken(begin: .failure(error), end: .success(()))
                auth.setBackgroundTime(backgroundTime: refusing)
                try await refresh(auth)
                #expect(refusing.begun == 1)

                let nonsense = BackgroundGrant(id: .max, secondsLeft: .max)
                let throwing = Broken(begin: .success(nonsense), end: .failure(error))
                auth.setBackgroundTime(backgroundTime: throwing)
                try await refresh(auth)
                #expect(await throwing.nextEnd() == .max)
            }
            #expect(try await server.stats().requests["token"] == 5)
            for text in lines.all + auth.timeline().map({ "\($0)" }) {
                #expect(!text.contains(SecretTests.canary), "\(text)")
            }
        }
    }

    @Test("another process's logout is seen at once when the app is resumed")
    func resumed() async throws {
        try await inFolder { folder in
            try await DevServer.run { server in
                let here = try Auth(config: server.config, store: FolderStore(folder: folder))
                try await server.logIn(here)
                let there = try Auth(config: server.config, store: FolderStore(folder: folder))
                _ = try await there.logout(options: LogoutOptions())
                #expect(here.session().word == "signed_in", "nobody has looked")
                let requests = try await server.stats().requests
                await here.resumed()
                #expect(here.session() == .signedOut(reason: .loggedOut))
                let refused = await failure { try await here.accessToken(options: AccessTokenOptions()) }
                #expect(refused == .LoginRequired(reason: .loggedOut))
                #expect(try await server.stats().requests == requests, "looking costs no request")
            }
        }
    }

    @Test("the timeline tells login, refresh and logout in order, why it ended, and of nobody")
    func timeline() async throws {
        try await DevServer.run { server in
            let store = memoryStore()
            let auth = try Auth(config: server.config, store: store)
            let session = try await server.logIn(auth)
            let tokens = [
                try await auth.accessToken(options: AccessTokenOptions()).value, try await refresh(auth),
            ]
            #expect(auth.timeline().last?.detail == "Logged in: nobody was logged out.")
            _ = try await auth.logout(options: LogoutOptions())

            let told = try Auth(config: server.config, store: store).timeline()
            let refreshed = ["refresh_sent", "refreshed", "stored"]
            #expect(told.map(\.event) == ["login", "stored"] + refreshed + ["ended", "revocation", "summary"])
            #expect(
                told.suffix(3).map(\.detail) == [
                    "logged_out", "done", "Logged out because the app, or the person, asked for it on this device.",
                ])
            #expect(told.map(\.atUnixSeconds) == told.map(\.atUnixSeconds).sorted())

            guard case .signedIn(_, _, _, let claimsJson, _, _, _) = session else {
                Issue.record("not signed in: \(session)")
                return
            }
            let claims = try JSONDecoder().decode([String: JSON].self, from: Data(claimsJson.utf8))
            let texts = claims.values.compactMap(\.string)
            #expect(Set(texts).isSuperset(of: ["dev|alice", "Alice", server.issuer]))
            for text in texts + tokens { #expect(!"\(told)".contains(text), "\(told)") }
        }
    }

    @Test("tokens that the store does not take are used, said to be unstored, and stored later")
    func unstored() async throws {
        try await DevServer.run { server in
            let store = FullStore()
            let auth = try Auth(config: server.config, store: store)
            try await server.logIn(auth)
            // The claim, and the word that it is being sent; then there is no more room.
            store.set(room: 2)
            let token = try await refresh(auth)
            #expect(persisted(auth) == false)
            let events = ["login", "stored", "refresh_sent", "refreshed", "persist_pending"]
            #expect(auth.timeline().map(\.event) == events + ["summary"])
            #expect(auth.timeline().last?.detail?.contains("has not taken the newest tokens") == true)

            store.set(room: .max)
            await auth.resumed()
            #expect(persisted(auth) == true)
            #expect(auth.timeline().map(\.event) == events + ["stored", "summary"])
            let next = try Auth(config: server.config, store: store)
            #expect(try await next.accessToken(options: AccessTokenOptions()).value == token)
            #expect(try await refresh(next) != token, "the refresh token that is stored is the one that counts")
            #expect(try await server.stats().refresh_token_reuse == 0)
        }
    }

    @Test("two of one process, in its role, send one token once")
    func role() async throws {
        try await DevServer.run { server in
            let store = memoryStore()
            try await expire(store, at: server)
            var config = server.config
            config.singleInstanceRole = "app"
            try await server.setFaults("token:gate=slow,after_commit@1")
            let first = try Auth(config: config, store: store)
            async let waiting = first.accessToken(options: AccessTokenOptions()).value
            try await server.reached(gate: "slow")

            // It finds the claim of the first, which is not gone although it is of the same role.
            let second = try Auth(config: config, store: store)
            #expect(second.timeline().dropLast().last?.event == "refresh_unresolved")
            async let other = second.accessToken(options: AccessTokenOptions()).value
            try await server.open(gate: "slow")
            let tokens = try await [waiting, other]
            #expect(tokens[0] == tokens[1])
            let stats = try await server.stats()
            #expect(stats.requests["token"] == 1)
            #expect(stats.refresh_token_reuse == 0)
        }
    }

    @discardableResult
    private func refresh(_ auth: Auth) async throws -> String {
        try await auth.accessToken(options: AccessTokenOptions(forceRefresh: true)).value
    }

    /// Alice is logged in, and a refresh asks for time in the background.
    private func loggedIn(at server: DevServer) async throws -> (Auth, Granted) {
        let auth = try Auth(config: server.config, store: memoryStore())
        try await server.logIn(auth)
        let time = Granted()
        auth.setBackgroundTime(backgroundTime: time)
        return (auth, time)
    }

    /// Alice is logged in, and her access token has ended.
    private func expire(_ store: any SecureStore, at server: DevServer) async throws {
        try await server.setFaults("token:expires_in=0")
        try await server.logIn(try Auth(config: server.config, store: store))
        try await server.setFaults("")
        try await server.resetStats()
    }

    private func persisted(_ auth: Auth) -> Bool? {
        if case .signedIn(_, _, _, _, _, _, let persisted) = auth.session() { persisted } else { nil }
    }
}

/// Numbers that come one by one, for somebody who waits for them.
private final class Numbers: Sendable {
    private let stream: AsyncStream<UInt64>
    private let continuation: AsyncStream<UInt64>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func add(_ number: UInt64) {
        continuation.yield(number)
    }

    func next() async -> UInt64? {
        for await number in stream { return number }
        return nil
    }
}

/// Grants what the test says, under the numbers 1, 2, ….
private final class Granted: BackgroundTime {
    private let count = Guarded<UInt64>(0)
    private let secondsLeft = Guarded<UInt64?>(nil)
    private let ended = Numbers()

    var begun: UInt64 { count.value }

    func grant(secondsLeft seconds: UInt64?) {
        secondsLeft.withLock { $0 = seconds }
    }

    func begin() throws -> BackgroundGrant {
        let id = count.withLock { count in
            count += 1
            return count
        }
        return BackgroundGrant(id: id, secondsLeft: secondsLeft.value)
    }

    func end(id: UInt64) throws {
        ended.add(id)
    }

    /// It is given back beside the call that has used it.
    func nextEnd() async -> UInt64? {
        await ended.next()
    }
}

private final class Broken: BackgroundTime {
    private let grant: Result<BackgroundGrant, any Error>
    private let thanks: Result<Void, any Error>
    private let count = Guarded(0)
    private let ended = Numbers()

    init(begin grant: Result<BackgroundGrant, any Error>, end thanks: Result<Void, any Error>) {
        self.grant = grant
        self.thanks = thanks
    }

    var begun: Int { count.value }

    func begin() throws -> BackgroundGrant {
        count.withLock { $0 += 1 }
        return try grant.get()
    }

    func end(id: UInt64) throws {
        ended.add(id)
        try thanks.get()
    }

    func nextEnd() async -> UInt64? {
        await ended.next()
    }
}

private struct Surprise: Error, CustomStringConvertible {
    let description = "canary: what the app was working on"
}

/// Has room for so many more writes of the session.
private final class FullStore: SecureStore {
    private let store = memoryStore()
    private let room = Guarded(Int.max)

    func set(room: Int) {
        self.room.withLock { $0 = room }
    }

    func load(key: String) throws -> StoredItem? {
        try store.load(key: key)
    }

    func swap(key: String, expected: Data?, next: StoredItem?) throws {
        let fits = room.withLock { room in
            if key.hasPrefix("session.") { room -= 1 }
            return room >= 0
        }
        guard fits || !key.hasPrefix("session.") else { throw StoreError.Unavailable }
        try store.swap(key: key, expected: expected, next: next)
    }
}

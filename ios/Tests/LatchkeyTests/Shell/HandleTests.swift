import Foundation
import Latchkey
import TestStores
import Testing

extension ShellTests {
    @MainActor
    @Suite("An address that the app was opened with")
    struct HandleTests {
        @Test("a login that began before the app was killed is finished by the same call")
        func afterARestart() async throws {
            try await inFolder { folder in
                try await Phone.run(store: FolderStore(folder: folder)) { phone in
                    let server = phone.server
                    let killed = try storeWorker(
                        "files", "begin", folder, server.issuer, server.clientId, DevServer.redirectUri,
                        server.audience)
                    let page = try #require(try await killed.line())
                    killed.kill()
                    #expect(await killed.status() == SIGKILL)

                    let answer = try #require(URL(string: try await server.callback(page)))
                    #expect(await phone.client.handle(answer))
                    #expect(phone.client.isSignedIn)
                    #expect(phone.client.loginState == .none)
                    #expect(try await phone.client.ping(server.api).pingPrivate().message.hasPrefix("Hello"))
                    #expect(await phone.client.handle(answer) == false, "it is good once")
                    #expect(phone.client.isSignedIn)
                }
            }
        }

        @Test("an answer that fails in the new process is told to all who watch")
        func failsAfterARestart() async throws {
            try await Phone.run { phone in
                // No login of this process is open; the core has one that another process began.
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                try await phone.server.setFaults("token:status=503")
                let answer = try #require(URL(string: try await phone.server.callback(sheet.url)))
                #expect(await phone.client.handle(answer))
                let error = try #require(await failure(of: login))
                #expect(error.kind() == "network")
                #expect(phone.client.loginState == .failed(error))
                #expect(!sheet.isOpen)
            }
        }

        @Test("an answer that comes as a universal link closes the sheet and ends the login")
        func universalLink() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                let answer = try #require(URL(string: try await phone.server.callback(sheet.url)))
                #expect(await phone.client.handle(answer))
                #expect(!sheet.isOpen)
                #expect(try await login.value.word == "signed_in")
            }
        }

        @Test("the same answer by both doors is one login and one token request")
        func bothDoors() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                let answer = try await phone.server.callback(sheet.url)
                let handled = Task { await phone.client.handle(try #require(URL(string: answer))) }
                sheet.answer(answer)
                #expect(try await login.value.word == "signed_in")
                _ = try await handled.value
                await phone.client.until(.none)
                #expect(try await phone.server.stats().requests["token"] == 1)
                #expect(try await phone.client.timeline().filter { $0.event == "login" }.count == 1)
            }
        }

        @Test("an address from another app changes nothing and leaves the sheet in front")
        func foreign() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                for query in ["?code=stolen&state=guessed", "?error=access_denied", ""] {
                    let address = try #require(URL(string: DevServer.redirectUri + query))
                    #expect(await phone.client.handle(address) == false)
                    #expect(phone.client.loginState == .inBrowser)
                }
                #expect(sheet.isOpen)
                #expect(try await phone.server.stats().requests["token"] == 0)
                try await phone.submit(sheet)
                #expect(try await login.value.word == "signed_in")
            }
        }

        @Test("an address while no login is open changes nothing")
        func noLogin() async throws {
            try await Phone.run { phone in
                let address = try #require(URL(string: "\(DevServer.redirectUri)?code=c&state=s"))
                #expect(await phone.client.handle(address) == false)
                #expect(phone.client.loginState == .none)
                #expect(phone.client.session == .signedOut(reason: .never))
            }
        }

        @Test("an answer that comes while its login is given up waits for that, and is not taken")
        func whileGivingUp() async throws {
            let store = SlowStore()
            try await Phone.run(store: store) { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                let answer = try #require(URL(string: try await phone.server.callback(sheet.url)))
                let held = store.holdNextSwap()
                phone.client.cancelLogin()
                #expect(await failure(of: login) == .Cancelled)
                await held.reached()
                let handling = Task { await phone.client.handle(answer) }
                await phone.settle()
                // Time enough for a look at the logins, if anybody was about to.
                for _ in 0..<10 { _ = try await phone.server.stats() }
                #expect(held.loads.value == 0)
                held.open()
                #expect(await handling.value == false)
                #expect(!phone.client.isSignedIn)
            }
        }

        @Test("an exchange that fails after its login was given up leaves the next login as it is")
        func failsTooLate() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                let answer = try await phone.server.callback(try await phone.sheet().url)
                try await phone.server.setFaults("token:gate=here,status=400,error=invalid_grant@1")
                let handling = Task { await phone.client.handle(try #require(URL(string: answer))) }
                try await phone.server.reached(gate: "here")
                phone.client.cancelLogin()
                #expect(await failure(of: first) == .Cancelled)
                let second = await phone.tap()
                let sheet = try await phone.sheet()
                try await phone.server.open(gate: "here")
                #expect(try await handling.value)
                #expect(sheet.isOpen)
                #expect(phone.client.loginState == .inBrowser)
                try await phone.submit(sheet)
                #expect(try await second.value.word == "signed_in")
            }
        }

        @Test("no address is an answer to a client whose configuration is refused")
        func misconfigured() async throws {
            let config = AuthConfig(issuer: "https://login.example.com", clientId: "app", redirectUri: "nonsense")
            let client = LatchkeyClient(config: config, store: memoryStore())
            #expect(await !client.handle(try #require(URL(string: "com.example.app:/other"))))
            #expect(client.loginState == .none)
        }

        @Test("an exchange that succeeds after its login was given up leaves the next login open")
        func succeedsTooLate() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                let answer = try await phone.server.callback(try await phone.sheet().url)
                try await phone.server.setFaults("token:gate=here@1")
                let handling = Task { await phone.client.handle(try #require(URL(string: answer))) }
                try await phone.server.reached(gate: "here")
                phone.client.cancelLogin()
                #expect(await failure(of: first) == .Cancelled)
                let second = await phone.tap()
                let sheet = try await phone.sheet()
                try await phone.server.open(gate: "here")
                #expect(try await handling.value)
                #expect(phone.client.isSignedIn && sheet.isOpen)
                #expect(phone.client.loginState == .inBrowser)
                try await phone.submit(sheet)
                #expect(try await second.value.word == "signed_in")
            }
        }

        @Test("the answer to a login that has expired does not end the one that is open")
        func expiredBesideAnOpenOne() async throws {
            try await inFolder { folder in
                try await Phone.run(store: FolderStore(folder: folder)) { phone in
                    let earlier = try Auth(config: phone.server.config, store: FolderStore(folder: folder))
                    let old = try await phone.server.callback(try await earlier.beginLogin(options: LoginOptions()).url)
                    try expireLogins(folder)
                    let login = await phone.tap()
                    let sheet = try await phone.sheet()
                    #expect(await phone.client.handle(try #require(URL(string: old))) == false)
                    #expect(sheet.isOpen && phone.client.loginState == .inBrowser)
                    try await phone.submit(sheet)
                    #expect(try await login.value.word == "signed_in")
                }
            }
        }

        /// As if the logins that are open had begun long ago.
        private func expireLogins(_ folder: String) throws {
            let items = try FileManager.default.contentsOfDirectory(atPath: folder)
            let name = try #require(items.first { $0.hasPrefix("item.logins") })
            let store = FolderStore(folder: folder)
            let key = String(name.dropFirst("item.".count))
            let item = try #require(try store.load(key: key))
            let stored = try JSONSerialization.jsonObject(with: item.bytes) as? [String: Any]
            var record = try #require(stored)
            record["open"] = (record["open"] as? [[String: Any]])?.map { login in
                login.filter { $0.key != "created" }.merging(["created_at": 0]) { $1 }
            }
            let bytes = try JSONSerialization.data(withJSONObject: record)
            let next = StoredItem(tag: Data(repeating: 7, count: 16), bytes: bytes)
            try store.swap(key: key, expected: item.tag, next: next)
        }

        @Test("a caller that leaves in the middle of the exchange loses no login")
        func leavingInTheExchange() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                let answer = try #require(URL(string: try await phone.server.callback(sheet.url)))
                try await phone.server.setFaults("token:gate=here")
                let handling = Task { await phone.client.handle(answer) }
                try await phone.server.reached(gate: "here")
                #expect(phone.client.loginState == .finishing)
                handling.cancel()
                try await phone.server.open(gate: "here")
                #expect(await handling.value)
                #expect(try await login.value.word == "signed_in")
            }
        }
    }
}

/// Holds one write of the open logins until the test lets it go.
private final class SlowStore: SecureStore {
    private let store = memoryStore()
    private let next = Guarded<Held?>(nil)
    private let now = Guarded<Held?>(nil)

    func holdNextSwap() -> Held {
        let held = Held()
        next.withLock { $0 = held }
        return held
    }

    func load(key: String) throws -> StoredItem? {
        if key.hasPrefix("logins.") { now.value?.loads.withLock { $0 += 1 } }
        return try store.load(key: key)
    }

    func swap(key: String, expected: Data?, next item: StoredItem?) throws {
        if key.hasPrefix("logins."), let held = next.withLock({ $0.take() }) {
            now.withLock { $0 = held }
            held.wait()
            now.withLock { $0 = nil }
        }
        try store.swap(key: key, expected: expected, next: item)
    }
}

/// A write that is held, and how often the logins were read meanwhile.
private final class Held: Sendable {
    let loads = Guarded(0)
    private let gate = DispatchSemaphore(value: 0)
    private let arrived = AsyncStream<Void>.makeStream()

    func reached() async {
        for await _ in arrived.stream { return }
    }

    func open() {
        gate.signal()
    }

    func wait() {
        arrived.continuation.yield()
        gate.wait()
    }
}

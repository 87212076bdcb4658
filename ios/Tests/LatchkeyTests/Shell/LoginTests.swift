import AuthenticationServices
import Foundation
import Latchkey
import TestStores
import Testing

extension ShellTests {
    @MainActor
    @Suite("From the tap to the message")
    struct LoginTests {
        @Test("alice taps, logs in in the sheet, and the app shows the API's message")
        func wholeStory() async throws {
            try await Phone.run { phone in
                let client = phone.client
                await client.until(.signedOut(reason: .never))
                let message = Task {
                    try await client.login()
                    return try await client.ping(phone.server.api).pingPrivate().message
                }
                let sheet = try await phone.sheet()
                #expect(client.loginState == .inBrowser)
                #expect(sheet.callback == "scheme dev.latchkey.sample")
                #expect(!sheet.isEphemeral)
                try await phone.submit(sheet)
                #expect(try await message.value.hasPrefix("Hello from a private endpoint!"))
                #expect(client.isSignedIn)
                #expect(client.loginState == .none)
            }
        }

        @Test("the app's own requests carry the token, and a logout ends the session for all who watch")
        func ownRequests() async throws {
            try await Phone.run { phone in
                let client = phone.client
                try await phone.logIn()
                let answer = try await client.api(phone.server.api).send(ApiRequest(method: "GET", path: "/private"))
                #expect(answer.status == 200)
                #expect(try await client.userInfo().contains("dev|alice"))
                #expect(try await client.accessToken().tokenType == "Bearer")
                let checks = try await client.checkUp()
                #expect(checks.contains { $0.name == "session" && $0.result == .ok })
                #expect(try await client.logout().revocation == .done)
                #expect(client.session == .signedOut(reason: .loggedOut))
                #expect(await failure { try await client.accessToken() } == .LoginRequired(reason: .loggedOut))
                #expect(try await client.timeline().map(\.event).contains("ended"))
            }
        }

        @Test("the store is never read or written in the main thread")
        func mainThread() async throws {
            let store = Watched()
            DispatchQueue.main.setSpecific(key: inMain, value: true)
            #expect(DispatchQueue.getSpecific(key: inMain) == true, "this test sees the main thread")
            try await Phone.run(store: store) { phone in
                let client = phone.client
                await client.until(.signedOut(reason: .never))
                try await phone.logIn()
                _ = try await client.ping(phone.server.api).pingPrivate()
                _ = try await client.timeline()
                try await client.resumed()
                try await client.logout()
            }
            #expect(store.calls.value.count > 8)
            #expect(!store.calls.value.contains(true))
        }

        @Test("a person who lacks a scope is asked for it, with the options that the error carries")
        func stepUp() async throws {
            try await Phone.run(scopes: ["openid", "offline_access"]) { phone in
                let ping = phone.client.ping(phone.server.api)
                try await phone.logIn()
                let refused = await failure { try await ping.pingPrivateScoped() }
                guard case .StepUpRequired(_, _, _, _, let options) = refused else {
                    Issue.record("another end: \(String(describing: refused))")
                    return
                }
                let login = await phone.tap(options: options)
                try await phone.submit(try await phone.sheet())
                _ = try await login.value
                #expect(try await ping.pingPrivateScoped().message.contains("read:messages"))
            }
        }

        @Test("a person who says no at the provider is a typed error to the caller and to all who watch")
        func denied() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                let query = try #require(URLComponents(string: sheet.url)?.queryItems)
                let state = try #require(query.first { $0.name == "state" }?.value)
                sheet.answer("\(DevServer.redirectUri)?error=access_denied&state=\(state)&iss=\(phone.server.issuer)")
                let error = await failure(of: login)
                #expect(error == .Denied(code: "access_denied"))
                #expect(phone.client.loginState == .failed(.Denied(code: "access_denied")))
            }
        }

        @Test("without a network the login ends with its error and opens nothing")
        func offline() async throws {
            try await Phone.run { phone in
                try await phone.server.setFaults("discovery:status=503")
                let error = try #require(await failure(of: await phone.tap()))
                #expect(error.kind() == "network")
                #expect(phone.client.loginState == .failed(error))
                try await phone.server.setFaults("")
                let next = await phone.tap()
                try await phone.submit(try await phone.sheet())
                #expect(try await next.value.word == "signed_in", "the next sheet is the next login's")
            }
        }

        @Test("a mistake in the configuration is thrown by the first call, not where the client is made")
        func misconfigured() async throws {
            try await Phone.run(redirectUri: "nonsense") { phone in
                let error = await failure(of: await phone.tap())
                #expect(error?.problems.keys.sorted() == ["redirect_uri"])
                #expect(await failure { try await phone.client.accessToken() } == error)
                #expect(phone.client.session == nil)
            }
        }

        @Test("two clients have two sessions, and each takes its own answer alone")
        func twoClients() async throws {
            try await Phone.run { phone in
                var config = phone.server.config
                config.clientId = "another"
                let other = LatchkeyClient(config: config, store: memoryStore())
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                let answer = try #require(URL(string: try await phone.server.callback(sheet.url)))
                #expect(await other.handle(answer) == false)
                #expect(await phone.client.handle(answer))
                #expect(try await login.value.word == "signed_in")
                #expect(!other.isSignedIn)
            }
        }
    }
}

nonisolated(unsafe) private let inMain = DispatchSpecificKey<Bool>()

/// Notes of each call whether it was made in the main thread.
private final class Watched: SecureStore {
    let calls = Guarded<[Bool]>([])
    private let store = memoryStore()

    func load(key: String) throws -> StoredItem? {
        note()
        return try store.load(key: key)
    }

    func swap(key: String, expected: Data?, next: StoredItem?) throws {
        note()
        try store.swap(key: key, expected: expected, next: next)
    }

    private func note() {
        calls.withLock { $0.append(DispatchQueue.getSpecific(key: inMain) == true) }
    }
}

import Foundation
import Latchkey
import TestStores
import Testing

@Suite("The story: login, ping, refresh, logout", .timeLimit(.minutes(2)))
struct StoryTests {
    @Test("alice logs in, the app is killed meanwhile, and everything works until she logs out")
    func wholeStory() async throws {
        try await inFolder { folder in
            try await DevServer.run { server in
                let first = try Auth(config: server.config, store: FolderStore(folder: folder))
                #expect(first.session() == .signedOut(reason: .never))
                let request = try await first.beginLogin(options: LoginOptions())
                #expect(request.redirectUri == DevServer.redirectUri)

                // As after a restart: nothing but the store is left.
                let auth = try Auth(config: server.config, store: FolderStore(folder: folder))
                let session = try await auth.finishLogin(callbackUrl: server.callback(request.url))
                guard case .signedIn(_, let subject, let scopes, _, _, let refreshable, let persisted) = session else {
                    Issue.record("not signed in: \(session)")
                    return
                }
                #expect(subject == "dev|alice")
                #expect(scopes.contains("read:messages"))
                #expect(refreshable && persisted)
                #expect(session.claim(name: "name") == "Alice")

                let ping = try PingClient(auth: auth, apiUrl: server.api)
                #expect(try await ping.pingPrivate().message.hasPrefix("Hello from a private endpoint!"))
                #expect(try await ping.pingPrivateScoped().message.contains("read:messages"))

                let before = try await auth.accessToken(options: AccessTokenOptions())
                let after = try await auth.accessToken(options: AccessTokenOptions(forceRefresh: true))
                #expect(before.value != after.value)
                #expect(try await ping.pingPrivate().message.isEmpty == false)
                let info = try JSONDecoder().decode([String: JSON].self, from: Data(try await auth.userInfo().utf8))
                #expect(info["sub"] == .string("dev|alice"))
                let told = ["login", "stored", "refresh_sent", "refreshed", "stored"]
                #expect(auth.timeline().map(\.event) == told + ["summary"])

                let outcome = try await auth.logout(options: LogoutOptions())
                #expect(outcome.revocation == .done)
                #expect(outcome.endSessionUrl != nil)
                let refused = await failure { try await ping.pingPrivate() }
                #expect(refused == .LoginRequired(reason: .loggedOut))

                // The logout is in the store as well.
                let later = try Auth(config: server.config, store: FolderStore(folder: folder))
                #expect(later.session() == .signedOut(reason: .loggedOut))
                #expect(later.session().error() == .LoginRequired(reason: .loggedOut))
            }
        }
    }

    @Test("bob lacks the scope, and the error carries the options of the login that asks for it")
    func stepUp() async throws {
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: memoryStore())
            try await server.logIn(auth, as: "bob")
            let ping = try PingClient(auth: auth, apiUrl: server.api)
            let refused = await failure { try await ping.pingPrivateScoped() }
            guard case .StepUpRequired(let reason, let scope, _, _, let options) = refused else {
                Issue.record("another end: \(String(describing: refused))")
                return
            }
            #expect(reason == .insufficientScope)
            #expect(scope == "read:messages")
            #expect(options == LoginOptions(scopes: ["read:messages"]))
            #expect(refused?.recovery() == .stepUp)
            let request = try await auth.beginLogin(options: options)
            #expect(
                URLComponents(string: request.url)?.queryItems?.first { $0.name == "scope" }?.value?
                    .contains("read:messages") == true)
        }
    }

    @Test("an error's description is the core's text for people")
    func errorText() {
        let error = AuthError.LoginRequired(reason: .loggedOut)
        #expect("\(error)" == "Logged out. Log in again to go on.")
        #expect(error.localizedDescription == "Logged out. Log in again to go on.")
    }

    @Test("two hundred callers with an expired token make one token request and get the same token")
    func singleFlight() async throws {
        try await DevServer.run { server in
            let auth = try Auth(config: server.config, store: memoryStore())
            try await server.setFaults(Faults.expiredToken)
            try await server.logIn(auth)
            try await server.resetStats()
            try await server.setFaults("token:gate=here")

            let tokens = try await withThrowingTaskGroup(of: String.self, returning: Set<String>.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await auth.accessToken(options: AccessTokenOptions()).value }
                }
                try await server.reached(gate: "here")
                try await server.open(gate: "here")
                return try await group.reduce(into: []) { $0.insert($1) }
            }
            #expect(tokens.count == 1)
            #expect(try await server.stats().requests["token"] == 1)
        }
    }
}

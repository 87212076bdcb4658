import AuthenticationServices
import Foundation
import Latchkey
import TestStores
import Testing

/// What uses the device's one browser, one screen and one list of background tasks: one test after the other.
@Suite("The shell", .serialized, .timeLimit(.minutes(2)))
enum ShellTests {}

/// A phone with one app on it, for one test.
@MainActor
final class Phone {
    let server: DevServer
    let client: LatchkeyClient

    /// Runs `work` on a new phone with a server of its own, and the app on the screen.
    static func run(
        redirectUri: String = DevServer.redirectUri, scopes: [String]? = nil, store: any SecureStore = memoryStore(),
        _ work: @MainActor (Phone) async throws -> Void
    ) async throws {
        BrowserStandIn.reset()
        UIApplication.shared.show(.foregroundActive)
        UIApplication.shared.grantBackground(seconds: .greatestFiniteMagnitude)
        try await DevServer.run { server in
            var config = server.config
            config.redirectUri = redirectUri
            config.scopes = scopes ?? config.scopes
            try await work(Phone(server, LatchkeyClient(config: config, store: store)))
        }
    }

    private init(_ server: DevServer, _ client: LatchkeyClient) {
        self.server = server
        self.client = client
    }

    /// The button is tapped. When this returns, the login has begun, or joined another.
    func tap(
        options: LoginOptions = LoginOptions(), ephemeral: Bool = false, whenOpen: WhenLoginOpen = .join
    ) async -> Task<Session, any Error> {
        let login = Task {
            try await client.login(options: options, ephemeral: ephemeral, whenOpen: whenOpen)
        }
        await settle()
        return login
    }

    /// The sheet that is opened next.
    func sheet() async throws -> Sheet {
        try #require(await BrowserStandIn.next())
    }

    /// The person logs in, in this sheet.
    func submit(_ sheet: Sheet, as user: String = "alice") async throws {
        sheet.answer(try await server.callback(sheet.url, as: user))
    }

    /// A whole login.
    func logIn(as user: String = "alice") async throws {
        let login = await tap()
        try await submit(try await sheet(), as: user)
        _ = try await login.value
    }

    /// What was begun on the main actor before this has come to its first wait.
    func settle() async {
        await Task {}.value
    }
}

extension LatchkeyClient {
    /// Waits until the login is there.
    func until(_ wanted: LoginState) async {
        for await state in loginStates where state == wanted { return }
    }

    /// Waits until the session is there.
    func until(_ wanted: Session) async {
        for await session in sessions where session == wanted { return }
    }

    var isSignedIn: Bool { session?.word == "signed_in" }
}

/// The error that this ends with; nil if it ends well, or with something else.
func failure(of task: Task<Session, any Error>) async -> AuthError? {
    await failure { try await task.value }
}

extension AuthError {
    /// The fields of a `Configuration`, each with its reason.
    var problems: [String: String] {
        guard case .Configuration(let problems) = self else { return [:] }
        return Dictionary(uniqueKeysWithValues: problems.map { ($0.field, $0.reason) })
    }
}

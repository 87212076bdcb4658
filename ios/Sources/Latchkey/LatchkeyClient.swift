import Foundation
import LatchkeyCore
import Observation

/// One person's login with one provider, for an app. Make one when the app starts and keep it: then it is there when the
/// system starts the app anew for the answer.
///
/// ```swift
/// @main struct MyApp: App {
///     let latchkey = LatchkeyClient(config: config)
///     @State var message = ""
///
///     var body: some Scene {
///         WindowGroup {
///             Button("Log in") {
///                 Task {
///                     _ = try await latchkey.login()
///                     message = try await latchkey.ping("https://api.example.com/api").pingPrivate().message
///                 }
///             }
///             Text(message)
///                 .onOpenURL { url in Task { await latchkey.handle(url) } }
///         }
///     }
/// }
/// ```
///
/// Every call may be made on the main actor and blocks nothing: the core and the store work elsewhere. What goes wrong is
/// an `AuthError`; a mistake in the configuration is thrown by the first call, not here. A call whose task is cancelled
/// ends with `AuthError.Cancelled`; a refresh that has begun goes on without it, so no token is lost.
@MainActor
public final class LatchkeyClient: Observable {
    private let core: Core
    private let logins: Logins
    private let foreground: Foreground

    /// Makes a client. It reads the store and the configuration beside: this returns at once.
    ///
    /// - Parameters:
    ///   - config: what the app knows about its provider.
    ///   - store: where the session is kept; left out, the Keychain.
    public init(config: AuthConfig, store: any SecureStore = KeychainStore()) {
        let core = Core(config: config, store: store)
        self.core = core
        logins = Logins(core)
        foreground = Foreground { Task { try? await core.call { auth, _ in await auth.resumed() } } }
        Task { await core.look() }
    }

    /// Who is logged in, as far as this process knows; nil until the store has been read for the first time. A view that
    /// reads it is drawn again when it changes.
    public var session: Session? { core.session.value }

    /// The session as it is now, then each change of it, for as long as it is read.
    public var sessions: AsyncStream<Session> { core.session.stream() }

    /// The login that is open, if one is. A view that reads it is drawn again when it changes.
    public var loginState: LoginState { logins.state.value ?? .none }

    /// The state of the login as it is now, then each change of it, for as long as it is read.
    public var loginStates: AsyncStream<LoginState> { logins.state.stream() }

    /// Opens the login page in the browser's sheet and waits until the person is logged in. A caller whose task is
    /// cancelled (a view that went away) ends nothing: the login stays open and ``session`` tells its end.
    ///
    /// - Parameters:
    ///   - options: what this login asks for, beyond the configuration.
    ///   - ephemeral: the sheet knows no earlier login and forgets this one, and the system does not ask the person first
    ///     whether the app may share the browser's data. The price: nobody is logged in already, at any provider, and the
    ///     password is typed each time.
    ///   - whenOpen: what to do while another login is open.
    /// - Throws: `AuthError.Cancelled` when the person closes the sheet, after ``cancelLogin()``, where `whenOpen` says
    ///   so, and to a caller whose task is cancelled; `CallbackIgnored` when the login has expired; `Configuration` where
    ///   the sheet cannot be opened; otherwise as `Auth.beginLogin` and `Auth.finishLogin`.
    @discardableResult
    public func login(
        options: LoginOptions = LoginOptions(), ephemeral: Bool = false, whenOpen: WhenLoginOpen = .join
    ) async throws -> Session {
        try await logins.login(options, ephemeral: ephemeral, whenOpen)
    }

    /// Gives up the login that is open: its callers get `AuthError.Cancelled`, and an answer that still comes is not taken.
    public func cancelLogin() {
        logins.cancel()
    }

    /// Takes an address that the app was opened with; call it from `onOpenURL` for each. True if it was the answer to a
    /// login, also to one that an earlier process of the app began; then that login has ended, one way or the other.
    @discardableResult
    public func handle(_ url: URL) async -> Bool {
        await logins.receive(url.absoluteString)
    }

    /// Logs out: here at once, also without a network, then at the provider. `LogoutOutcome.endSessionUrl` is the page
    /// that ends the person's login at the provider's site as well.
    @discardableResult
    public func logout(options: LogoutOptions = LogoutOptions()) async throws -> LogoutOutcome {
        try await core.call { auth, _ in try await auth.logout(options: options) }
    }

    /// An access token that is good now, for calls that ``api(_:)`` cannot make. Never into a URL or a log.
    public func accessToken(options: AccessTokenOptions = AccessTokenOptions()) async throws -> AccessToken {
        try await core.call { try await $0.accessToken(options: options, cancellation: $1) }
    }

    /// The app's API below this address: `https`.
    public func api(_ url: String) -> Api {
        Api(core: core, url: url)
    }

    /// The tutorial's API below this address.
    public func ping(_ url: String) -> Ping {
        Ping(core: core, url: url)
    }

    /// The claims of the provider's userinfo endpoint, as a JSON object.
    public func userInfo() async throws -> String {
        try await core.call { try await $0.userInfo(cancellation: $1) }
    }

    /// Sees at once what another process did, such as a logout. No network. It is done by itself when the app comes to
    /// the foreground and when the device is unlocked; in an app extension, call it when it is shown.
    public func resumed() async throws {
        try await core.call { auth, _ in await auth.resumed() }
    }

    /// What happened to this session, for support: no secret, no subject.
    public func timeline() async throws -> [TimelineEvent] {
        try await core.call { auth, _ in await offThread { auth.timeline() } }
    }

    /// Looks at everything that a login depends on, and says in words what to do.
    public func checkUp() async throws -> [Check] {
        try await core.call { auth, _ in await auth.checkUp() }
    }

    /// Sends what happens to `sink`, or to nobody (nil, which is how it starts). No level prints a secret.
    public func log(_ level: LogLevel, to sink: (any LogSink)?) {
        core.log(level, to: sink)
    }
}

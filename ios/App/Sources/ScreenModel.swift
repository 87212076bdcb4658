import Foundation
import Latchkey
import Observation

/// What the details show; `checks` is nil while the provider is looked at.
struct DetailsSeen {
    var timeline: [TimelineEvent] = []
    var checks: [Check]?
}

/// Between the screen and the library: gathers what is ``Seen``, and does what a tap asks for. It outlives the view, and
/// all of it happens on the main actor.
@MainActor
@Observable
final class ScreenModel {
    private let client: LatchkeyClient?
    private let api: String
    private var options = LoginOptions()

    private(set) var seen: Seen
    private(set) var details = DetailsSeen()

    init(_ client: LatchkeyClient?, _ api: String, _ missingSettings: [String]) {
        self.client = client
        self.api = api
        seen = Seen(missingSettings: missingSettings)
        guard let client else { return }
        Task { [weak self] in for await session in client.sessions { self?.seen.session = session } }
        Task { [weak self] in for await login in client.loginStates { self?.loginIs(login) } }
        Task { [weak self] in await self?.read(client) }
    }

    /// A configuration that the core refuses is an error of the first call, and then there is no session at all.
    private func read(_ client: LatchkeyClient) async {
        do {
            try await client.resumed()
        } catch {
            seen.failure = failure(error, .reload)
        }
    }

    private func loginIs(_ login: LoginState) {
        switch login {
        // Any address that the app is opened with is looked at: a call that runs meanwhile is not that login.
        case .beginning, .finishing: seen.running = seen.running ?? .logIn
        default: if seen.running == .logIn { seen.running = nil }
        }
        if login == .beginning {
            seen.failure = nil
            seen.revocation = nil
        }
        if case .failed(let error) = login { seen.failure = Failure(error: error, of: .logIn) }
        seen.login = login
    }

    /// An address that the app was opened with.
    func handle(_ url: URL) {
        guard let client else { return }
        Task { await client.handle(url) }
    }

    /// Begins what a button asks for. The rest needs the screen: see ``MainView``.
    func act(_ action: Action) {
        guard let client else { return }
        switch action {
        case .logIn:
            logIn(client, LoginOptions(), nil)
        case .continueLogin:
            logIn(client, options, nil)
        case .stepUp:
            guard let failure = seen.failure else { return }
            guard case .StepUpRequired(_, _, _, _, let options) = failure.error else { return }
            logIn(client, options, failure.of)
        case .cancelLogin:
            client.cancelLogin()
        case .pingPrivate, .pingPrivateScoped:
            Task { await ping(client, action, false) }
        case .logOut:
            Task {
                await call(action) {
                    let outcome = try await client.logout()
                    seen.revocation = outcome.revocation
                    seen.answer = nil
                }
            }
        case .reload, .unlock:
            Task { await call(action) { try await client.resumed() } }
        case .checkClock, .copyReport:
            break
        }
    }

    /// How it ends is told by the client's login state and session: also to a later process.
    private func logIn(_ client: LatchkeyClient, _ options: LoginOptions, _ next: Action?) {
        self.options = options
        Task {
            guard (try? await client.login(options: options)) != nil, let next else { return }
            await ping(client, next, true)
        }
    }

    private func ping(_ client: LatchkeyClient, _ action: Action, _ afterStepUp: Bool) async {
        await call(action, afterStepUp) {
            let ping = client.ping(api)
            let message = try await action == .pingPrivate ? ping.pingPrivate() : ping.pingPrivateScoped()
            seen.answer = Answer(text: message.message, atUnixSeconds: Int64(Date().timeIntervalSince1970))
        }
    }

    private func call(_ action: Action, _ afterStepUp: Bool = false, _ work: () async throws -> Void) async {
        seen.running = action
        seen.failure = nil
        do {
            try await work()
        } catch {
            seen.failure = failure(error, action, afterStepUp)
        }
        seen.running = nil
    }

    /// The library throws nothing else.
    private func failure(_ error: any Error, _ action: Action, _ afterStepUp: Bool = false) -> Failure? {
        (error as? AuthError).map { Failure(error: $0, of: action, afterStepUp: afterStepUp) }
    }

    func toggleDetails() {
        seen.detailsOpen.toggle()
        guard let client, seen.detailsOpen else { return }
        details = DetailsSeen()
        Task {
            do {
                details.timeline = try await client.timeline()
                details.checks = try await client.checkUp()
            } catch {
                // The configuration: the message says it.
                details.checks = []
            }
        }
    }

    /// For support: fetches the newest events. No secret is in it.
    func report() async -> String? {
        guard let client else { return nil }
        let timeline = (try? await client.timeline()) ?? []
        return Sample.report(seen.failure?.error, DetailsSeen(timeline: timeline, checks: details.checks))
    }
}

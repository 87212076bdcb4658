import LatchkeyCore

/// The one login that is open in this process, and what has become of it. Of OAuth it knows nothing.
@MainActor
final class Logins {
    let state = Told(LoginState.none)

    private let core: Core
    private var open: OpenLogin?
    private var now = LoginState.none
    private var answers = 0
    private var givingUp: Task<Void, Never>?

    init(_ core: Core) {
        self.core = core
    }

    func login(_ options: LoginOptions, ephemeral: Bool, _ whenOpen: WhenLoginOpen) async throws -> Session {
        // A cancel before the start counts: nothing is opened.
        if Task.isCancelled { throw AuthError.Cancelled }
        let login = try choose(OpenLogin(options, ephemeral), whenOpen)
        // Joined: a page that was left is opened again, one that is open stays as it is.
        if now == .unfinished, answers == 0 { show(login) }
        return try await login.wait()
    }

    /// The person or the app gives up.
    func cancel() {
        finish(AuthError.Cancelled)
    }

    /// `url` is an address on its way through the core. True if it was the answer to a login. It goes on if its caller
    /// leaves: a code is good once.
    func receive(_ url: String) async -> Bool {
        let login = open
        answers += 1
        publish()
        let result = await Task {
            // What was given up is gone before an answer to it is looked at.
            await givingUp?.value
            return try await core.call { try await $0.finishLogin(callbackUrl: url, cancellation: $1) }
        }.result
        answers -= 1
        switch result {
        case .success(let session) where open === login:
            succeed(session)
        case .failure(let error as AuthError) where error.recovery() == .keepWaiting:
            publish()
            return false
        case .failure(AuthError.CallbackIgnored) where open != nil:
            // The answer to one that has expired. The login that is open ends by itself when its own time is over.
            publish()
            return false
        case .failure(AuthError.Configuration):
            // A client that was never made has no login that this could be the answer to.
            publish()
            return false
        case .failure(let error) where open === login:
            finish(error)
        case .success, .failure:
            // Its login was given up meanwhile. One that was begun since is none of its affair.
            publish()
        }
        return true
    }

    private func choose(_ asked: OpenLogin, _ whenOpen: WhenLoginOpen) throws -> OpenLogin {
        guard let before = open else { return start(asked) }
        switch whenOpen {
        case .refuse:
            throw AuthError.Cancelled
        case .join where before.asksForTheSame(as: asked):
            return before
        case .join, .replace:
            finish(AuthError.Cancelled)
            return start(asked)
        }
    }

    private func start(_ login: OpenLogin) -> OpenLogin {
        open = login
        tell(.beginning)
        login.work = Task { [weak self, core] in
            do {
                let request = try await core.call {
                    try await $0.beginLogin(options: login.options, cancellation: $1)
                }
                self?.begun(login, request)
                try await Task.sleep(for: .seconds(request.expiresInSeconds))
                throw AuthError.CallbackIgnored(reason: .expired)
            } catch {
                self?.end(login, error)
            }
        }
        return login
    }

    private func begun(_ login: OpenLogin, _ request: LoginRequest) {
        login.request = request
        if open === login { show(login) } else { giveUp(request) }
    }

    private func show(_ login: OpenLogin) {
        guard let request = login.request else { return }
        let sheet = BrowserSheet()
        login.sheet = sheet
        do {
            // Weak, because a session outlives its end, and the login has the person's claims then.
            try sheet.open(request, ephemeral: login.ephemeral) { [weak self, weak sheet, weak login] end in
                guard let self, let sheet, let login, open === login, login.sheet === sheet else { return }
                login.sheet = nil
                came(login, end)
            }
            tell(.inBrowser)
        } catch {
            end(login, error)
        }
    }

    private func came(_ login: OpenLogin, _ end: BrowserSheet.End) {
        switch end {
        case .answer(let url):
            Task {
                let isTaken = await receive(url)
                if !isTaken, open === login, login.sheet == nil { tell(.unfinished) }
            }
        case .closed:
            finish(AuthError.Cancelled)
        case .failed(let error):
            finish(error)
        }
    }

    private func end(_ login: OpenLogin, _ error: any Error) {
        if open === login { finish(error) }
    }

    private func finish(_ error: any Error) {
        let login = close()
        if let request = login?.request { giveUp(request) }
        if let error = error as? AuthError, error != .Cancelled { tell(.failed(error)) } else { tell(.none) }
        login?.end(.failure(error))
    }

    private func succeed(_ session: Session) {
        let login = close()
        // Told first: who waited for the end finds the state that goes with it.
        tell(.none)
        login?.end(.success(session))
    }

    private func close() -> OpenLogin? {
        defer { open = nil }
        open?.sheet?.close()
        open?.work?.cancel()
        return open
    }

    /// No answer finishes this login any more. If the store fails, it ends by itself after its time.
    private func giveUp(_ request: LoginRequest) {
        let before = givingUp
        givingUp = Task { [core] in
            await before?.value
            try? await core.call { auth, _ in try await auth.cancelLogin(id: request.id) }
        }
    }

    private func tell(_ next: LoginState) {
        now = next
        publish()
    }

    private func publish() {
        state.tell(answers > 0 ? .finishing : now)
    }
}

/// A login as it was asked for, and who waits for it.
@MainActor
private final class OpenLogin {
    let options: LoginOptions
    let ephemeral: Bool

    /// Once the core has made it.
    var request: LoginRequest?
    var sheet: BrowserSheet?
    var work: Task<Void, Never>?
    private var waiters: [AsyncThrowingStream<Session, any Error>.Continuation] = []
    private var result: Result<Session, any Error>?

    init(_ options: LoginOptions, _ ephemeral: Bool) {
        self.options = options
        self.ephemeral = ephemeral
    }

    func asksForTheSame(as other: OpenLogin) -> Bool {
        options == other.options && ephemeral == other.ephemeral
    }

    /// Its end. A waiter whose task is cancelled leaves it to the others.
    func wait() async throws -> Session {
        if let result { return try result.get() }
        let (stream, waiter) = AsyncThrowingStream.makeStream(of: Session.self)
        waiters.append(waiter)
        for try await session in stream { return session }
        throw AuthError.Cancelled
    }

    func end(_ result: Result<Session, any Error>) {
        self.result = result
        for waiter in waiters {
            waiter.yield(with: result)
            waiter.finish()
        }
    }
}

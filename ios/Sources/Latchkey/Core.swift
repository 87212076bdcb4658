import Dispatch
import LatchkeyCore

/// The core as the shell calls it: away from the main thread, and afterwards the session is told to all who watch.
@MainActor
final class Core {
    let session = Told<Session>()

    private let made: Task<Auth, any Error>
    private var logging: (level: LogLevel, sink: (any LogSink)?) = (.error, nil)
    private var looks = 0
    private var newestTold = 0

    /// The core is made beside: a mistake in the configuration is thrown by every call.
    init(config: AuthConfig, store: any SecureStore) {
        made = Task {
            let auth = try await Task.detached { try Auth(config: config, store: store) }.value
            #if canImport(UIKit)
                auth.setBackgroundTime(backgroundTime: RefreshTime.forThisProcess())
            #endif
            return auth
        }
    }

    /// A call that a cancelled task gives up.
    nonisolated func call<Success: Sendable>(
        _ work: @Sendable (Auth, Cancellation) async throws -> Success
    ) async throws -> Success {
        let auth = try await made.value
        let result: Result<Success, any Error>
        do {
            result = .success(try await withCancellation { try await work(auth, $0) })
        } catch {
            result = .failure(error)
        }
        await look(auth)
        return try result.get()
    }

    /// The newest words of the app count, however the calls get to the core.
    func log(_ level: LogLevel, to sink: (any LogSink)?) {
        logging = (level, sink)
        Task {
            guard let auth = try? await made.value else { return }
            auth.setLogSink(level: logging.level, sink: logging.sink)
        }
    }

    /// Looks at the session for the first time.
    func look() async {
        if let auth = try? await made.value { await look(auth) }
    }

    /// Of two looks that cross each other, the one that began later has seen more.
    private func look(_ auth: Auth) async {
        looks += 1
        let number = looks
        let seen = await offThread { auth.session() }
        guard number > newestTold else { return }
        newestTold = number
        session.tell(seen)
    }
}

/// For what may read the store: it blocks its thread, and the threads of Swift's tasks are few.
func offThread<Success: Sendable>(_ work: @escaping @Sendable () -> Success) async -> Success {
    await withCheckedContinuation { continuation in
        DispatchQueue.global(qos: .userInitiated).async { continuation.resume(returning: work()) }
    }
}

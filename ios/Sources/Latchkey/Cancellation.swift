import LatchkeyCore

/// Makes `Task.cancel()` reach the core: hand the `Cancellation` on to the call.
///
/// ```swift
/// let token = try await withCancellation { try await auth.accessToken(options: AccessTokenOptions(), cancellation: $0) }
/// ```
///
/// A cancelled call throws `AuthError.Cancelled`, also where the task was cancelled before it began. What must finish
/// once it has started (the exchange of a code, a refresh) goes on in the core without the task, so no token is lost.
public func withCancellation<Success>(
    isolation: isolated (any Actor)? = #isolation,
    _ call: (Cancellation) async throws -> Success
) async throws -> Success {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler(
        operation: { try await call(cancellation) },
        onCancel: { cancellation.cancel() },
        isolation: isolation)
}

import LatchkeyCore

/// The app's own API, below one address. Made by ``LatchkeyClient/api(_:)``.
public struct Api: Sendable {
    let core: Core
    let url: String

    /// Sends one request with the access token, to this API and to no other host. Throws `AuthError`, as
    /// `ApiClient.send` says.
    public func send(_ request: ApiRequest) async throws -> ApiResponse {
        try await core.call { try await ApiClient(auth: $0, apiUrl: url).send(request: request, cancellation: $1) }
    }
}

/// The two calls of the tutorial's API. Made by ``LatchkeyClient/ping(_:)``.
public struct Ping: Sendable {
    let core: Core
    let url: String

    /// For everybody who is logged in. Throws `AuthError`.
    public func pingPrivate() async throws -> PingMessage {
        try await core.call { try await PingClient(auth: $0, apiUrl: url).pingPrivate(cancellation: $1) }
    }

    /// For those who have the scope; `AuthError.StepUpRequired` has the options for a login that asks for it.
    public func pingPrivateScoped() async throws -> PingMessage {
        try await core.call { try await PingClient(auth: $0, apiUrl: url).pingPrivateScoped(cancellation: $1) }
    }
}

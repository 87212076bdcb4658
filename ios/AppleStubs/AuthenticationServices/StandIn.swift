// The browser as a test plays it. Nothing here is Apple's.

/// The system's side of `ASWebAuthenticationSession`.
public enum BrowserStandIn {
    nonisolated(unsafe) private static var refuses = false
    nonisolated(unsafe) private static var sheets = AsyncStream<Sheet>.makeStream()

    /// As after a start of the device. Tests that play the browser run one after the other.
    @MainActor
    public static func reset(refusesToStart: Bool = false) {
        refuses = refusesToStart
        sheets = AsyncStream.makeStream()
    }

    /// The next sheet that is opened.
    @MainActor
    public static func next() async -> Sheet? {
        for await sheet in sheets.stream { return sheet }
        return nil
    }

    /// Started from the main thread, as the pages ask for.
    static func start(_ session: ASWebAuthenticationSession) -> Bool {
        if refuses { return false }
        nonisolated(unsafe) let session = session
        return MainActor.assumeIsolated {
            let sheet = Sheet(session)
            session.sheet = sheet
            guard let provider = session.presentationContextProvider else {
                sheet.fail(.presentationContextNotProvided)
                return true
            }
            guard provider.presentationAnchor(for: session).windowScene != nil else {
                sheet.fail(.presentationContextInvalid)
                return true
            }
            sheets.continuation.yield(sheet)
            return true
        }
    }
}

/// One sheet that was opened. Its session hears of its end once, on a thread of the system's.
public final class Sheet: @unchecked Sendable {
    /// The page that it opened.
    public let url: String
    /// What address it takes for the answer: `scheme S`, `https HOST PATH`, `none`.
    public let callback: String
    /// Whether it knows no earlier login, and forgets this one.
    public let isEphemeral: Bool

    private let lock = NSLock()
    private var completion: ASWebAuthenticationSession.CompletionHandler?
    private var isForgotten = false

    init(_ session: ASWebAuthenticationSession) {
        url = session.url.absoluteString
        callback = session.callback
        isEphemeral = session.prefersEphemeralWebBrowserSession
        completion = session.completionHandler
    }

    /// Whether the person still sees it.
    public var isOpen: Bool { lock.withLock { completion != nil } }

    /// Whether the app keeps its session, whose page the system may still be taking from the screen.
    public var isKept: Bool { lock.withLock { !isForgotten } }

    func forget() {
        lock.withLock { isForgotten = true }
    }

    /// The page went to an address that is taken for the answer.
    public func answer(_ url: String) {
        end(URL(string: url), nil)
    }

    /// The person closes it.
    public func close() {
        fail(.canceledLogin)
    }

    /// The system ends it.
    public func fail(_ code: ASWebAuthenticationSessionError.Code, reason: String? = nil) {
        end(nil, ASWebAuthenticationSessionError(code: code, reason: reason))
    }

    /// The system ends it with an error that nobody has heard of.
    public func fail(_ error: any Error) {
        end(nil, error)
    }

    @discardableResult
    func take() -> ASWebAuthenticationSession.CompletionHandler? {
        lock.withLock {
            defer { completion = nil }
            return completion
        }
    }

    private func end(_ url: URL?, _ error: (any Error)?) {
        nonisolated(unsafe) let completion = take()
        DispatchQueue.global().async { completion?(url, error) }
    }
}

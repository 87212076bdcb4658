import AuthenticationServices
import LatchkeyCore

/// The system's sheet with the login page, for one opening of it. Of OAuth it knows nothing.
@MainActor
final class BrowserSheet: NSObject, ASWebAuthenticationPresentationContextProviding {
    /// How a sheet ended by itself.
    enum End: Sendable {
        /// With an address that may be the provider's answer.
        case answer(String)
        /// The person closed it, or did not let the app open it.
        case closed
        case failed(AuthError)
    }

    private var session: ASWebAuthenticationSession?

    /// Opens the page. `ended` is called once, unless the sheet is closed from here.
    func open(_ request: LoginRequest, ephemeral: Bool, ended: @escaping @MainActor @Sendable (End) -> Void) throws {
        guard let url = URL(string: request.url) else {
            throw browserProblem("cannot be opened: the login page's address is none.")
        }
        let redirect = request.redirect
        // The system calls back on a thread of its own: not on the main one, which Swift would take for granted here.
        let session = BrowserSheet.session(url, redirect) { @Sendable address, error in
            let end = BrowserSheet.end(address, error, redirect)
            Task { @MainActor in ended(end) }
        }
        session.presentationContextProvider = self
        session.prefersEphemeralWebBrowserSession = ephemeral
        self.session = session
        if !session.start() {
            throw browserProblem("could not be opened: the app must be in front, and no other login on the screen.")
        }
    }

    /// Takes the sheet from the screen.
    func close() {
        session?.cancel()
        session = nil
    }

    /// The window in front, which the sheet hangs on.
    func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor {
        #if canImport(UIKit)
            let scenes = (UIApplication.ofThisProcess()?.connectedScenes ?? []).compactMap { $0 as? UIWindowScene }
            let inFront = scenes.filter { $0.activationState == .foregroundActive }
            return (inFront + scenes).lazy.compactMap(\.keyWindow).first ?? ASPresentationAnchor()
        #elseif canImport(AppKit)
            return NSApplication.shared.keyWindow ?? NSApplication.shared.windows.first ?? ASPresentationAnchor()
        #endif
    }

    /// Tells the sheet which address is the answer. Before iOS 17.4 and macOS 14.4 it understands a scheme alone: an
    /// `https` answer then comes to the app as a universal link, and the app gives it to `handle`, which closes the sheet.
    /// So does an app that listens on a port.
    private static func session(
        _ url: URL, _ redirect: Redirect, _ completion: @escaping ASWebAuthenticationSession.CompletionHandler
    ) -> ASWebAuthenticationSession {
        var scheme: String?
        switch redirect {
        case .scheme(let name):
            scheme = name
        case .https(let host, let path):
            if #available(iOS 17.4, macOS 14.4, *) {
                return ASWebAuthenticationSession(
                    url: url, callback: .https(host: host, path: path), completionHandler: completion)
            }
        case .loopback:
            break
        }
        return ASWebAuthenticationSession(url: url, callbackURLScheme: scheme, completionHandler: completion)
    }

    nonisolated private static func end(_ address: URL?, _ error: (any Error)?, _ redirect: Redirect) -> End {
        if let address { return .answer(address.absoluteString) }
        guard let error = error as? ASWebAuthenticationSessionError else {
            return .failed(browserProblem("could not be opened (\(error.map(name) ?? "no reason given")). Try again."))
        }
        switch (error.code, redirect) {
        // The system says "cancelled" here too, but gives a reason, which a person who closes the sheet does not.
        case (.canceledLogin, .https(let host, _)) where error.errorUserInfo[NSLocalizedFailureReasonErrorKey] != nil:
            return .failed(
                problem(
                    "redirect_uri",
                    """
                    is not proven to be this app's: it needs the associated domain webcredentials:\(host), and the site's \
                    apple-app-site-association must name it there.
                    """))
        case (.canceledLogin, _):
            return .closed
        case (_, _):
            return .failed(browserProblem("could not be opened: the app has no window in front. Log in from one."))
        }
    }

    /// An error's domain and number. Its text may be about the person.
    nonisolated private static func name(_ error: any Error) -> String {
        let error = error as NSError
        return "\(error.domain) \(error.code)"
    }
}

private func browserProblem(_ reason: String) -> AuthError {
    problem("browser", reason)
}

private func problem(_ field: String, _ reason: String) -> AuthError {
    .Configuration(problems: [ConfigurationProblem(field: field, reason: reason)])
}

// What the shell needs of AuthenticationServices, for Linux. Each declaration is as on the page that is named above it:
// all of them are below https://developer.apple.com/documentation/authenticationservices/.
// swift-format-ignore-file: the attribute has no other spelling
@_exported import Foundation
@_exported import UIKit

/// aspresentationanchor
public typealias ASPresentationAnchor = UIWindow

/// aswebauthenticationpresentationcontextproviding: there on the main actor, which the systems of Xcode 16 do not say yet.
/// Without it more is asked of the shell: what compiles here compiles with both.
public protocol ASWebAuthenticationPresentationContextProviding: NSObjectProtocol {
    /// aswebauthenticationpresentationcontextproviding/presentationanchor(for:)
    func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor
}

/// aswebauthenticationsession
public class ASWebAuthenticationSession: NSObject {
    /// aswebauthenticationsession/completionhandler
    public typealias CompletionHandler = (URL?, (any Error)?) -> Void

    /// aswebauthenticationsession/callback
    @available(iOS 17.4, macOS 14.4, *)
    public class Callback: NSObject {
        /// aswebauthenticationsession/callback/customscheme(_:)
        public class func customScheme(_ customScheme: String) -> Self {
            Self("scheme \(customScheme)")
        }

        /// aswebauthenticationsession/callback/https(host:path:)
        public class func https(host: String, path: String) -> Self {
            Self("https \(host) \(path)")
        }

        let text: String
        required init(_ text: String) {
            self.text = text
        }
    }

    /// aswebauthenticationsession/init(url:callbackurlscheme:completionhandler:)-7fpox
    public init(url URL: URL, callbackURLScheme: String?, completionHandler: @escaping CompletionHandler) {
        url = URL
        callback = callbackURLScheme.map { "scheme \($0)" } ?? "none"
        self.completionHandler = completionHandler
    }

    /// aswebauthenticationsession/init(url:callback:completionhandler:)-6nut7
    @available(iOS 17.4, macOS 14.4, *)
    public init(url URL: URL, callback: Callback, completionHandler: @escaping CompletionHandler) {
        url = URL
        self.callback = callback.text
        self.completionHandler = completionHandler
    }

    /// aswebauthenticationsession/presentationcontextprovider
    public weak var presentationContextProvider: (any ASWebAuthenticationPresentationContextProviding)?

    /// aswebauthenticationsession/prefersephemeralwebbrowsersession
    public var prefersEphemeralWebBrowserSession = false

    /// aswebauthenticationsession/start()
    @discardableResult
    public func start() -> Bool {
        BrowserStandIn.start(self)
    }

    /// aswebauthenticationsession/cancel()
    public func cancel() {
        sheet?.take()
    }

    let url: URL
    let callback: String
    let completionHandler: CompletionHandler
    var sheet: Sheet?

    deinit { sheet?.forget() }
}

/// aswebauthenticationsessionerror
public struct ASWebAuthenticationSessionError: Error, CustomNSError {
    /// aswebauthenticationsessionerror/code
    public enum Code: Int, Sendable {
        case canceledLogin = 1
        case presentationContextNotProvided, presentationContextInvalid
    }

    /// Every error of a system framework has it, by way of its code's enumeration.
    public let code: Code

    /// aswebauthenticationsessionerror/errordomain
    public static var errorDomain: String { "com.apple.AuthenticationServices.WebAuthenticationSession" }

    /// https://developer.apple.com/documentation/foundation/customnserror/erroruserinfo
    public var errorUserInfo: [String: Any] {
        reason.map { [NSLocalizedFailureReasonErrorKey: $0] } ?? [:]
    }

    let reason: String?
}

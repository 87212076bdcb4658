// What the shell needs of UIKit, for Linux. Each declaration is as on the page that is named above it: all of them are
// below https://developer.apple.com/documentation/uikit/.
// swift-format-ignore-file: the attribute has no other spelling
@_exported import Foundation

/// uiapplication
@MainActor
public class UIApplication: NSObject {
    /// uiapplication/shared
    public class var shared: UIApplication { theOne }
    private static let theOne = UIApplication()

    /// ../objectivec/nsobjectprotocol/perform(_:): of the class itself, which has each method of an object.
    public class func perform(_ aSelector: Selector!) -> Unmanaged<AnyObject>! {
        aSelector.name == "sharedApplication" ? Unmanaged.passUnretained(shared) : nil
    }

    /// uiapplication/connectedscenes
    public internal(set) var connectedScenes: Set<UIScene> = []

    /// uiapplication/willenterforegroundnotification
    public nonisolated class var willEnterForegroundNotification: NSNotification.Name {
        NSNotification.Name("UIApplicationWillEnterForegroundNotification")
    }

    /// uiapplication/protecteddatadidbecomeavailablenotification
    public nonisolated class var protectedDataDidBecomeAvailableNotification: NSNotification.Name {
        NSNotification.Name("UIApplicationProtectedDataDidBecomeAvailable")
    }

    /// uiapplication/backgroundtimeremaining
    public nonisolated var backgroundTimeRemaining: TimeInterval { background.withLock { $0.remaining } }

    /// uiapplication/beginbackgroundtask(withname:expirationhandler:)
    public nonisolated func beginBackgroundTask(
        withName taskName: String?, expirationHandler handler: (@MainActor @Sendable () -> Void)? = nil
    ) -> UIBackgroundTaskIdentifier {
        background.withLock { $0.begin(handler) }
    }

    /// uiapplication/endbackgroundtask(_:)
    public nonisolated func endBackgroundTask(_ identifier: UIBackgroundTaskIdentifier) {
        background.withLock { $0.end(identifier) }
    }

    nonisolated let background = BackgroundStandIn()
}

/// ../objectivec/selector
public struct Selector: Sendable {
    let name: String
}

/// ../foundation/nsselectorfromstring(_:)
public func NSSelectorFromString(_ aSelectorName: String) -> Selector {
    Selector(name: aSelectorName)
}

/// uibackgroundtaskidentifier
public struct UIBackgroundTaskIdentifier: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int

    /// uibackgroundtaskidentifier/init(rawvalue:)
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// uibackgroundtaskidentifier/invalid
    public static let invalid = UIBackgroundTaskIdentifier(rawValue: 0)
}

/// uiscene
@MainActor
public class UIScene: NSObject {
    /// uiscene/activationstate-swift.enum
    public enum ActivationState: Int, Sendable {
        case unattached = -1
        case foregroundActive, foregroundInactive, background
    }

    /// uiscene/activationstate-swift.property
    public internal(set) var activationState: ActivationState = .unattached
}

/// uiwindowscene
public class UIWindowScene: UIScene {
    /// uiwindowscene/keywindow
    public internal(set) var keyWindow: UIWindow?
}

/// uiwindow
@MainActor
public class UIWindow: NSObject {
    /// uiwindow/windowscene
    public weak var windowScene: UIWindowScene?
}

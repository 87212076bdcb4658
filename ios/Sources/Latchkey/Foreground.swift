import Foundation

#if canImport(UIKit)
    import UIKit
#elseif canImport(AppKit)
    import AppKit
#endif

/// Calls `work` each time the app comes to the foreground, or the device is unlocked, for as long as it is kept.
final class Foreground: @unchecked Sendable {
    // Written once: what makes it safe from any thread.
    private let observers: [any NSObjectProtocol]

    init(_ work: @escaping @Sendable () -> Void) {
        observers = Foreground.moments.map { moment in
            NotificationCenter.default.addObserver(forName: moment, object: nil, queue: nil) { _ in work() }
        }
    }

    deinit {
        for observer in observers { NotificationCenter.default.removeObserver(observer) }
    }

    #if canImport(UIKit)
        private static let moments = [
            UIApplication.willEnterForegroundNotification, UIApplication.protectedDataDidBecomeAvailableNotification,
        ]
    #elseif canImport(AppKit)
        private static let moments = [NSApplication.didBecomeActiveNotification]
    #endif
}

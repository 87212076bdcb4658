#if canImport(UIKit)
    import LatchkeyCore
    import UIKit

    /// Asks the system not to suspend the app in the middle of a refresh. What it calls may be called from any thread;
    /// only to get at the application one must be on the main one.
    final class RefreshTime: BackgroundTime, @unchecked Sendable {
        private let app: UIApplication
        private let lock = NSLock()
        // Guarded by the lock, which is never held while the system is called.
        private var count: UInt64 = 0
        private var running: [UInt64: UIBackgroundTaskIdentifier] = [:]

        /// None in an app extension: there is no application to ask.
        @MainActor
        static func forThisProcess(bundlePath: String = Bundle.main.bundlePath) -> RefreshTime? {
            UIApplication.ofThisProcess(bundlePath: bundlePath).map(RefreshTime.init)
        }

        private init(_ app: UIApplication) {
            self.app = app
        }

        func begin() throws -> BackgroundGrant {
            let id = lock.withLock {
                count += 1
                // Its place, because the time may be over before the system's name for it is known.
                running[count] = .invalid
                return count
            }
            let task = app.beginBackgroundTask(withName: "dev.latchkey.refresh") { self.end(id: id) }
            let isOver = lock.withLock { running.updateValue(task, forKey: id) == nil }
            if isOver || task == .invalid {
                end(id: id)
                throw BackgroundError.Refused
            }
            // On the screen it is the greatest number there is, which is no limit.
            return BackgroundGrant(id: id, secondsLeft: UInt64(exactly: app.backgroundTimeRemaining.rounded(.down)))
        }

        /// The refresh is done, or the time is over: whichever comes first.
        func end(id: UInt64) {
            let task = lock.withLock { running.removeValue(forKey: id) }
            if let task, task != .invalid { app.endBackgroundTask(task) }
        }
    }
#endif

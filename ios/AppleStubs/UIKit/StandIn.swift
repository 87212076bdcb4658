// What a test does to the device, and sees of it. Nothing here is Apple's.

extension UIApplication {
    /// Puts one window on the screen, in a scene of this state; none without a state.
    public func show(_ state: UIScene.ActivationState?) {
        connectedScenes = []
        if let state { addScene(state) }
    }

    /// One more scene with a window.
    @discardableResult
    public func addScene(_ state: UIScene.ActivationState) -> UIWindow {
        let scene = UIWindowScene()
        let window = UIWindow()
        window.windowScene = scene
        scene.keyWindow = window
        scene.activationState = state
        connectedScenes.insert(scene)
        return window
    }

    /// How many background tasks have begun, and which of them are not ended.
    public nonisolated var backgroundTasks: (begun: Int, open: Int) {
        background.withLock { ($0.begun, $0.open.count) }
    }

    /// What the system grants from now on: these seconds, or nothing at all.
    public nonisolated func grantBackground(seconds: TimeInterval?) {
        background.withLock {
            $0.refuses = seconds == nil
            $0.remaining = seconds ?? 0
        }
    }

    /// The time is over: each task that is open is told, as the system does it.
    public func expireBackground() {
        for handler in background.withLock({ Array($0.open.values) }) { handler?() }
    }
}

/// The system's list of background tasks.
final class BackgroundStandIn: @unchecked Sendable {
    private let lock = NSLock()
    private var list = List()

    struct List {
        var begun = 0
        var open: [UIBackgroundTaskIdentifier: (@MainActor @Sendable () -> Void)?] = [:]
        var remaining = TimeInterval.greatestFiniteMagnitude
        var refuses = false

        mutating func begin(_ handler: (@MainActor @Sendable () -> Void)?) -> UIBackgroundTaskIdentifier {
            if refuses { return .invalid }
            begun += 1
            let identifier = UIBackgroundTaskIdentifier(rawValue: begun)
            open[identifier] = .some(handler)
            return identifier
        }

        mutating func end(_ identifier: UIBackgroundTaskIdentifier) {
            precondition(open.removeValue(forKey: identifier) != nil, "ended twice, or never begun")
        }
    }

    func withLock<Result>(_ work: (inout List) -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return work(&list)
    }
}

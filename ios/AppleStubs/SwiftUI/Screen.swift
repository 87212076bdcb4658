// The screen and the person in front of it, as a test plays them. Nothing here is Apple's.

/// A device's screen with one app on it. It is drawn again when something changes that the app has read for it.
@MainActor
public final class Screen {
    /// What is on it, from top to bottom.
    public private(set) var elements: [Element] = []
    /// The title of the alert in front of it.
    public var alert: String? { drawn.alert?.title }
    /// The addresses that the app has asked the system to open.
    public private(set) var opened: [URL] = []
    /// Each time that it is drawn anew.
    public let changes: AsyncStream<Void>

    private let content: any View
    private let changed: AsyncStream<Void>.Continuation
    private var drawn = Drawing()
    private var environment = EnvironmentValues()

    public init(_ app: some App) {
        content = Screen.window(of: app.body)
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        environment.openURL = OpenURLAction { [weak self] in self?.opened.append($0) }
        draw()
    }

    /// A view alone, drawn once for a person with this language and clock.
    public static func elements(of view: some View, _ locale: Locale, _ timeZone: TimeZone) -> [Element] {
        let before = EnvironmentValues.current
        defer { EnvironmentValues.current = before }
        EnvironmentValues.current.locale = locale
        EnvironmentValues.current.timeZone = timeZone
        let drawing = Drawing()
        drawing.draw(view)
        return drawing.elements
    }

    /// A finger on a button. One that cannot be pressed takes no notice.
    public func press(_ element: Element) {
        if element.isEnabled { element.press() }
    }

    /// The alert's one button.
    public func dismissAlert() {
        drawn.alert?.dismiss()
    }

    /// The system opens the app with an address: its scheme's, or a universal link.
    public func open(_ url: URL) {
        for opener in drawn.openers { opener(url) }
    }

    /// The app comes to the front, or leaves it.
    public func setPhase(_ phase: ScenePhase) {
        environment.scenePhase = phase
        draw()
    }

    private func draw() {
        let drawing = Drawing()
        EnvironmentValues.current = environment
        withObservationTracking {
            drawing.draw(content)
        } onChange: { [weak self] in
            // What has changed is not there yet.
            Task { @MainActor in self?.draw() }
        }
        let before = drawn
        drawn = drawing
        elements = drawing.elements
        for (old, new) in zip(before.watched, drawing.watched) { new.compare(old.value) }
        changed.yield()
    }

    private static func window(of scene: some Scene) -> any View {
        guard let window = scene as? any Window else { return EmptyView() }
        return window.view
    }
}

@MainActor
private protocol Window {
    var view: any View { get }
}

extension WindowGroup: Window {
    fileprivate var view: any View { content() }
}

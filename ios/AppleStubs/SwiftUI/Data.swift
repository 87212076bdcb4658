// What views keep and read. See View.swift.

/// state: kept by an app and by the view in its window, not by views that are made anew in a `body`. From Xcode 27 on,
/// `@State` is the macro of state() instead.
@propertyWrapper
public struct State<Value> {
    private let box: Box<Value>

    /// state/init(wrappedvalue:)
    public init(wrappedValue value: Value) {
        box = Box(value)
    }

    /// state/wrappedvalue
    public var wrappedValue: Value {
        get { box.value }
        nonmutating set { box.value = newValue }
    }

    /// state/projectedvalue
    public var projectedValue: Binding<Value> {
        Binding(get: { box.value }, set: { box.value = $0 })
    }
}

@Observable
private final class Box<Value> {
    var value: Value

    init(_ value: Value) {
        self.value = value
    }
}

/// binding
@propertyWrapper
public struct Binding<Value> {
    private let get: () -> Value
    private let set: (Value) -> Void

    /// Not for the app: the closures of binding/init(get:set:)-7ufcp are `@isolated(any) @Sendable`.
    init(get: @escaping () -> Value, set: @escaping (Value) -> Void) {
        self.get = get
        self.set = set
    }

    /// binding/wrappedvalue
    public var wrappedValue: Value {
        get { get() }
        nonmutating set { set(newValue) }
    }
}

/// environment
@propertyWrapper
public struct Environment<Value> {
    private let keyPath: KeyPath<EnvironmentValues, Value>

    /// environment/init(_:)
    public init(_ keyPath: KeyPath<EnvironmentValues, Value>) {
        self.keyPath = keyPath
    }

    /// environment/wrappedvalue
    public var wrappedValue: Value { EnvironmentValues.current[keyPath: keyPath] }
}

/// environmentvalues
public struct EnvironmentValues {
    /// environmentvalues/scenephase
    public var scenePhase = ScenePhase.active
    /// environmentvalues/locale
    public var locale = Locale.current
    /// environmentvalues/timezone
    public var timeZone = TimeZone.current
    /// environmentvalues/openurl: on the main actor there, and here the action alone
    public var openURL = OpenURLAction { _ in }

    /// Those of the screen that is drawn: set on the main actor alone.
    nonisolated(unsafe) static var current = EnvironmentValues()
}

/// scenephase
public enum ScenePhase: Comparable, Hashable, Sendable {
    /// scenephase/background, inactive, active
    case background, inactive, active
}

/// openurlaction
@MainActor @preconcurrency
public struct OpenURLAction {
    let open: @MainActor (URL) -> Void

    nonisolated init(open: @escaping @MainActor (URL) -> Void) {
        self.open = open
    }

    /// openurlaction/callasfunction(_:)
    public func callAsFunction(_ url: URL) {
        open(url)
    }
}

/// app
@MainActor @preconcurrency
public protocol App {
    /// app/body-swift.associatedtype
    associatedtype Body: Scene

    /// app/body-swift.property
    @SceneBuilder var body: Body { get }

    /// app/init()
    init()
}

extension App {
    /// app/main(): nothing runs here, tests make the app
    public static func main() {}
}

/// scene
@MainActor @preconcurrency
public protocol Scene {}

/// scenebuilder
@resultBuilder
public struct SceneBuilder {
    /// scenebuilder/buildblock(_:): there of any number of scenes
    public static func buildBlock<Content: Scene>(_ content: Content) -> Content {
        content
    }
}

/// windowgroup
public struct WindowGroup<Content: View>: Scene {
    let content: () -> Content

    /// windowgroup/init(makecontent:)
    public init(@ViewBuilder makeContent: @escaping () -> Content) {
        content = makeContent
    }
}

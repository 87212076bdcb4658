// How the stand-in draws: each view adds what a person can see, hear or press. Nothing here is Apple's.

/// One thing on the screen.
public struct Element {
    public enum Kind: Sendable {
        case text, button, progress, cover
    }

    public let kind: Kind
    /// What is written on it.
    public let text: String
    /// What is read aloud: its own words, unless it was given others.
    public internal(set) var label: String
    /// Those in one row stand side by side.
    public let row: Int
    public internal(set) var isEnabled = true
    /// A button with a wheel on it.
    public internal(set) var isRunning = false
    public internal(set) var isProminent = false
    public internal(set) var isSelectable = false
    public internal(set) var isGrey = false
    public internal(set) var isPrivate = false
    /// Not read aloud.
    public internal(set) var isSilent = false
    public internal(set) var traits: AccessibilityTraits = []
    public internal(set) var minWidth: CGFloat = 0
    public internal(set) var minHeight: CGFloat = 0
    let press: @MainActor () -> Void

    init(_ kind: Kind, _ text: String, row: Int, press: @escaping @MainActor () -> Void = {}) {
        self.kind = kind
        self.text = text
        self.row = row
        self.press = press
        label = text
    }
}

/// An alert, which the person puts away.
struct Alert {
    let title: String
    let dismiss: () -> Void
}

/// A value that somebody wants to hear of when it changes.
struct Watched {
    let value: Any
    let compare: (_ old: Any) -> Void
}

/// One drawing of a screen.
@MainActor
final class Drawing {
    var elements: [Element] = []
    var watched: [Watched] = []
    var openers: [(URL) -> Void] = []
    var alert: Alert?
    private var row = 0
    private var isHorizontal = false
    private var joins = false

    func draw(_ view: any View) {
        if let view = view as? any Drawable { view.draw(in: self) } else { draw(body(of: view)) }
    }

    private func body(of view: some View) -> any View {
        view.body
    }

    func add(_ kind: Element.Kind, _ text: String = "", press: @escaping @MainActor () -> Void = {}) {
        if !joins { row += 1 }
        joins = isHorizontal
        elements.append(Element(kind, text, row: row, press: press))
    }

    func stack(horizontal: Bool, _ content: any View) {
        let before = isHorizontal
        isHorizontal = horizontal
        draw(content)
        isHorizontal = before
        joins = before
    }
}

/// The body of a view that the stand-in draws by itself.
func noBody() -> Never {
    fatalError("a view that is drawn by itself has no body")
}

@MainActor
private protocol Drawable {
    func draw(in drawing: Drawing)
}

extension EmptyView: Drawable {
    func draw(in drawing: Drawing) {}
}

extension TupleView: Drawable {
    func draw(in drawing: Drawing) { for child in children { drawing.draw(child) } }
}

extension ForEach: Drawable {
    func draw(in drawing: Drawing) { for child in children { drawing.draw(child) } }
}

extension _ConditionalContent: Drawable {
    func draw(in drawing: Drawing) { drawing.draw(content) }
}

extension Optional: Drawable where Wrapped: View {
    func draw(in drawing: Drawing) { if let self { drawing.draw(self) } }
}

extension Text: Drawable {
    func draw(in drawing: Drawing) { drawing.add(.text, content) }
}

extension ProgressView: Drawable {
    func draw(in drawing: Drawing) { drawing.add(.progress) }
}

extension Filled: Drawable {
    func draw(in drawing: Drawing) { drawing.add(.cover) }
}

extension HStack: Drawable {
    func draw(in drawing: Drawing) { drawing.stack(horizontal: true, content) }
}

extension VStack: Drawable {
    func draw(in drawing: Drawing) { drawing.stack(horizontal: false, content) }
}

extension Button: Drawable {
    func draw(in drawing: Drawing) {
        let inside = Drawing()
        inside.draw(label)
        let texts = inside.elements.filter { $0.kind == .text }
        drawing.add(.button, texts.map(\.text).joined(separator: " "), press: action)
        let last = drawing.elements.count - 1
        drawing.elements[last].isRunning = texts.count < inside.elements.count
        drawing.elements[last].minWidth = texts.map(\.minWidth).max() ?? 0
        drawing.elements[last].minHeight = texts.map(\.minHeight).max() ?? 0
    }
}

extension Modified: Drawable {
    func draw(in drawing: Drawing) {
        let first = drawing.elements.count
        drawing.draw(content)
        for index in first..<drawing.elements.count { change(&drawing.elements[index]) }
        then(drawing)
    }
}

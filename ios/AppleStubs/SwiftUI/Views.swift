// Views and stacks. See View.swift. Written without having seen the page: the initializer of `ForEach` (the page named
// is that of all its variants, and shows the one for maps).

/// text
public struct Text: View {
    let content: String

    /// text/init(verbatim:)
    public init(verbatim content: String) {
        self.content = content
    }

    /// text/init(_:)-9d1g4
    public init<S: StringProtocol>(_ content: S) {
        self.content = String(content)
    }

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// button
public struct Button<Label: View>: View {
    let action: @MainActor () -> Void
    let label: Label

    /// button/init(action:label:)
    public init(action: @escaping @MainActor () -> Void, @ViewBuilder label: () -> Label) {
        self.action = action
        self.label = label()
    }

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// progressview
public struct ProgressView: View {
    /// progressview/init()
    public init() {}

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// spacer
public struct Spacer: View {
    /// spacer/init(minlength:)
    public init(minLength: CGFloat? = nil) {}

    public var body: some View { EmptyView() }
}

/// hstack
public struct HStack<Content: View>: View {
    let content: Content

    /// hstack/init(alignment:spacing:content:)
    public init(
        alignment: VerticalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content
    ) {
        self.content = content()
    }

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// vstack
public struct VStack<Content: View>: View {
    let content: Content

    /// vstack/init(alignment:spacing:content:)
    public init(
        alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content
    ) {
        self.content = content()
    }

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// scrollview
public struct ScrollView<Content: View>: View {
    private let content: Content

    /// scrollview/init(_:content:)
    public init(_ axes: Axis.Set = .vertical, @ViewBuilder content: () -> Content) {
        self.content = content()
    }

    public var body: some View { content }
}

/// foreach
public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: View {
    let children: [Content]

    /// foreach/init(_:id:content:)
    public init(
        _ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content
    ) {
        precondition(Set(data.map { $0[keyPath: id] }).count == data.count, "two views with one identity")
        children = data.map(content)
    }

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// shape
public protocol Shape: View {}

/// shape: the type of a filled one is `some View`
struct Filled: View {
    var body: Never { noBody() }
}

extension Shape {
    /// view/body-swift.property
    public var body: some View { Filled() }

    /// shape/fill(_:style:)-3y2ud
    public func fill<S: ShapeStyle>(_ content: S) -> some View {
        Filled()
    }
}

/// circle
public struct Circle: Shape {
    /// circle/init()
    public init() {}
}

/// rectangle
public struct Rectangle: Shape {
    /// rectangle/init()
    public init() {}
}

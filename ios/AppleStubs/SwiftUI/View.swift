// What the sample needs of SwiftUI, for Linux: here the views' protocol and their builder. Each declaration is as on
// the page that is named above it: all of them are below https://developer.apple.com/documentation/swiftui/, and a file
// says at its top what was written without having seen its page. What those pages mark `nonisolated` is on the main
// actor here, which asks more of the app's code and not less. Their `ContentBuilder` is a new name for `ViewBuilder`.
// swift-format-ignore-file: the attribute has no other spelling
@_exported import Foundation
@_exported import Observation

/// view
@MainActor @preconcurrency
public protocol View {
    /// view/body-swift.associatedtype
    associatedtype Body: View

    /// view/body-swift.property
    @ViewBuilder var body: Body { get }
}

/// view: "Never" is among the conforming types
extension Never: View {
    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// swift/optional
extension Optional: View where Wrapped: View {
    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// viewbuilder
@MainActor
@resultBuilder
public struct ViewBuilder {
    /// viewbuilder/buildblock()
    public static func buildBlock() -> EmptyView {
        EmptyView()
    }

    /// viewbuilder/buildblock(_:)
    public static func buildBlock<Content: View>(_ content: Content) -> Content {
        content
    }

    /// viewbuilder/buildblock(_:)-2bj1g
    public static func buildBlock<each Content: View>(
        _ content: repeat each Content
    ) -> TupleView<(repeat each Content)> {
        var children: [any View] = []
        repeat children.append(each content)
        return TupleView(children: children)
    }

    /// viewbuilder/buildif(_:)
    public static func buildIf<Content: View>(_ content: Content?) -> Content? {
        content
    }

    /// viewbuilder/buildeither(first:)
    public static func buildEither<First: View, Second: View>(first: First) -> _ConditionalContent<First, Second> {
        _ConditionalContent(content: first)
    }

    /// viewbuilder/buildeither(second:)
    public static func buildEither<First: View, Second: View>(second: Second) -> _ConditionalContent<First, Second> {
        _ConditionalContent(content: second)
    }
}

/// emptyview
public struct EmptyView: View {
    /// emptyview/init()
    public init() {}

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// tupleview
public struct TupleView<T>: View {
    let children: [any View]

    /// view/body-swift.property
    public var body: Never { noBody() }
}

/// viewbuilder/buildeither(first:) names it
public struct _ConditionalContent<TrueContent, FalseContent>: View {
    let content: any View

    /// view/body-swift.property
    public var body: Never { noBody() }
}

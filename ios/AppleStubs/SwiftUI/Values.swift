// What views are given: places, fonts, styles. See View.swift.

/// horizontalalignment
public enum HorizontalAlignment: Sendable {
    /// horizontalalignment/leading, center, trailing
    case leading, center, trailing
}

/// verticalalignment
public enum VerticalAlignment: Sendable {
    /// verticalalignment/top, center, bottom
    case top, center, bottom
}

/// alignment
public enum Alignment: Sendable {
    /// alignment/center, leading, trailing
    case center, leading, trailing
}

/// axis
public enum Axis: Sendable {
    /// axis/set
    public struct Set: Sendable {
        /// axis/set/vertical
        public static let vertical = Set()
    }
}

/// font: each of these grows with the person's text size
public enum Font: Sendable {
    /// font/largetitle, title2, headline, subheadline, body, footnote
    case largeTitle, title2, headline, subheadline, body, footnote
}

/// shapestyle
public protocol ShapeStyle: Sendable {}

/// hierarchicalshapestyle
public struct HierarchicalShapeStyle: ShapeStyle, Equatable {
    let level: Int
}

extension ShapeStyle where Self == HierarchicalShapeStyle {
    /// shapestyle/primary
    public static var primary: HierarchicalShapeStyle { HierarchicalShapeStyle(level: 1) }
    /// shapestyle/secondary
    public static var secondary: HierarchicalShapeStyle { HierarchicalShapeStyle(level: 2) }
    /// shapestyle/quaternary
    public static var quaternary: HierarchicalShapeStyle { HierarchicalShapeStyle(level: 4) }
}

/// backgroundstyle
public struct BackgroundStyle: ShapeStyle {}

extension ShapeStyle where Self == BackgroundStyle {
    /// shapestyle/background
    public static var background: BackgroundStyle { BackgroundStyle() }
}

/// primitivebuttonstyle
@MainActor @preconcurrency
public protocol PrimitiveButtonStyle {}

/// borderedprominentbuttonstyle
public struct BorderedProminentButtonStyle: PrimitiveButtonStyle {}

/// borderedbuttonstyle
public struct BorderedButtonStyle: PrimitiveButtonStyle {}

/// borderlessbuttonstyle
public struct BorderlessButtonStyle: PrimitiveButtonStyle {}

extension PrimitiveButtonStyle where Self == BorderedProminentButtonStyle {
    /// primitivebuttonstyle/borderedprominent
    public static var borderedProminent: BorderedProminentButtonStyle { BorderedProminentButtonStyle() }
}

extension PrimitiveButtonStyle where Self == BorderedButtonStyle {
    /// primitivebuttonstyle/bordered
    public static var bordered: BorderedButtonStyle { BorderedButtonStyle() }
}

extension PrimitiveButtonStyle where Self == BorderlessButtonStyle {
    /// primitivebuttonstyle/borderless
    public static var borderless: BorderlessButtonStyle { BorderlessButtonStyle() }
}

/// textselectability
public protocol TextSelectability {
    /// textselectability/allowsselection
    static var allowsSelection: Bool { get }
}

/// enabledtextselectability
public struct EnabledTextSelectability: TextSelectability {
    public static var allowsSelection: Bool { true }
}

extension TextSelectability where Self == EnabledTextSelectability {
    /// textselectability/enabled
    public static var enabled: EnabledTextSelectability { EnabledTextSelectability() }
}

/// accessibilitytraits
public struct AccessibilityTraits: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// accessibilitytraits/isheader
    public static let isHeader = AccessibilityTraits(rawValue: 1)
}

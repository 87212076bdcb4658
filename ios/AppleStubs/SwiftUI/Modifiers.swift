// Modifiers of views. See View.swift. What changes the look alone is taken and not kept. Written without having seen
// the page: the `frame` below, and the `accessibilityLabel` of a string (the page named is that of all its variants).

extension View {
    /// view/font(_:)
    public func font(_ font: Font?) -> some View { self }

    /// view/foregroundstyle(_:)
    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some View {
        changed { $0.isGrey = style as? HierarchicalShapeStyle == .secondary }
    }

    /// view/padding(_:)-68shk
    public func padding(_ length: CGFloat) -> some View { self }

    /// view/background(_:in:fillstyle:)-89n7j
    public func background<S: ShapeStyle, T: Shape>(_ style: S, in shape: T) -> some View { self }

    /// view/ignoressafearea(_:edges:)
    public func ignoresSafeArea() -> some View { self }

    /// view/frame(minwidth:idealwidth:maxwidth:minheight:idealheight:maxheight:alignment:)
    public func frame(
        minWidth: CGFloat? = nil, idealWidth: CGFloat? = nil, maxWidth: CGFloat? = nil, minHeight: CGFloat? = nil,
        idealHeight: CGFloat? = nil, maxHeight: CGFloat? = nil, alignment: Alignment = .center
    ) -> some View {
        changed {
            $0.minWidth = max(minWidth ?? 0, maxWidth == .infinity ? .infinity : $0.minWidth)
            $0.minHeight = max(minHeight ?? 0, $0.minHeight)
        }
    }

    /// view/disabled(_:)
    public func disabled(_ disabled: Bool) -> some View {
        changed { $0.isEnabled = $0.isEnabled && !disabled }
    }

    /// view/buttonstyle(_:)-66fbx
    public func buttonStyle<S: PrimitiveButtonStyle>(_ style: S) -> some View {
        changed { $0.isProminent = style is BorderedProminentButtonStyle }
    }

    /// view/textselection(_:)
    public func textSelection<S: TextSelectability>(_ selectability: S) -> some View {
        changed { $0.isSelectable = S.allowsSelection }
    }

    /// view/privacysensitive(_:)
    public func privacySensitive(_ sensitive: Bool = true) -> some View {
        changed { $0.isPrivate = sensitive }
    }

    /// view/accessibilitylabel(_:)
    public func accessibilityLabel<S: StringProtocol>(_ label: S) -> some View {
        changed { $0.label = String(label) }
    }

    /// view/accessibilityhidden(_:)
    public func accessibilityHidden(_ hidden: Bool) -> some View {
        changed { $0.isSilent = hidden }
    }

    /// view/accessibilityaddtraits(_:)
    public func accessibilityAddTraits(_ traits: AccessibilityTraits) -> some View {
        changed { $0.traits.formUnion(traits) }
    }

    /// view/onchange(of:initial:_:)-4psgg
    public func onChange<V: Equatable>(
        of value: V, initial: Bool = false, _ action: @escaping (_ oldValue: V, _ newValue: V) -> Void
    ) -> some View {
        Modified(content: self) { drawing in
            drawing.watched.append(Watched(value: value) { if let old = $0 as? V, old != value { action(old, value) } })
        }
    }

    /// view/onopenurl(perform:)
    public func onOpenURL(perform action: @escaping (URL) -> Void) -> some View {
        Modified(content: self) { $0.openers.append(action) }
    }

    /// view/alert(_:ispresented:actions:)-1bkka
    public func alert<S: StringProtocol, A: View>(
        _ title: S, isPresented: Binding<Bool>, @ViewBuilder actions: () -> A
    ) -> some View {
        Modified(content: self) { drawing in
            guard isPresented.wrappedValue else { return }
            drawing.alert = Alert(title: String(title)) { isPresented.wrappedValue = false }
        }
    }

    /// view/overlay(alignment:content:)
    public func overlay<V: View>(alignment: Alignment = .center, @ViewBuilder content: () -> V) -> some View {
        let front = content()
        return Modified(content: self) { $0.draw(front) }
    }

    /// Changes each element that this view draws.
    private func changed(_ change: @escaping (inout Element) -> Void) -> some View {
        Modified(content: self, change: change) { _ in }
    }
}

/// modifiedcontent, as far as a test sees it
struct Modified<Content: View>: View {
    let content: Content
    var change: (inout Element) -> Void = { _ in }
    let then: (Drawing) -> Void

    var body: Never { noBody() }
}

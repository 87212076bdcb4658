import SwiftUI
import Testing

@testable import Sample

@MainActor
@Suite("What a person needs who reads by ear, sees little or has a trembling hand")
struct AccessibilityTests {
    @Test("everything that is read aloud has words, in every state", arguments: try ScreenCases.all())
    func words(_ one: VectorCase) throws {
        for element in try elements(of: one) where !element.isSilent {
            #expect(element.label.contains { !$0.isWhitespace }, "\(element.kind)")
        }
    }

    @Test("every button is at least 44 points wide and high, in every state", arguments: try ScreenCases.all())
    func targets(_ one: VectorCase) throws {
        let elements = try elements(of: one)
        for button in elements where button.kind == .button {
            #expect(min(button.minWidth, button.minHeight) >= 44, "\(button.text)")
        }
    }

    @Test("a button that runs or waits cannot be pressed, and every other one can", arguments: try ScreenCases.all())
    func enabled(_ one: VectorCase) throws {
        let state = screenState(try ScreenCases.seen(one))
        let elements = try screen(state)
        for button in state.buttons {
            let shown = try #require(elements.first { $0.kind == .button && $0.text == button.word.text() })
            #expect(shown.isEnabled == (button.state == .ready))
            #expect(shown.isRunning == (button.state == .running))
            #expect(shown.label == (shown.isRunning ? "\(shown.text), running" : shown.text))
        }
        #expect(elements.filter(\.isProminent).count <= 1, "one leads on")
    }

    @Test("what is looked at, and no name, waits silently: the wheel, the first letter")
    func silent() throws {
        let busy = try screen(ScreenState(busy: true, message: [.word(.pleaseWait)]))
        #expect(busy.filter(\.isSilent).map(\.kind) == [.progress])
        let alice = try screen(ScreenState(account: Account(name: "Alice", detail: "")))
        #expect(alice.filter(\.isSilent).map(\.text) == ["A"])
        #expect(alice.map(\.text) == ["Latchkey", "A", "Alice"])
    }

    @Test("what the screen and the API say can be selected, and headings are headings")
    func selectable() throws {
        let open = try screen(screenState(ScreenCases.seen("the details are open")))
        #expect(
            open.filter { $0.traits.contains(.isHeader) }.map(\.text) == [
                "Latchkey", "What happened", "Check-up of the provider",
            ])
        #expect(open.filter(\.isSelectable).count == 2)
        let message = try screen(screenState(ScreenCases.seen("the API's own text")))
        #expect(message.filter(\.isSelectable).map(\.text) == ["Hello from a private endpoint!"])
        let error = try screen(screenState(ScreenCases.seen("a clock that is fast")))
        #expect(error.filter(\.isSelectable).count == 1)
    }

    @Test("the details say whether they are folded")
    func details() throws {
        var state = ScreenState(details: .folded)
        #expect(try screen(state).last?.label == "Details, show")
        state.details = .open
        #expect(try screen(state).contains { $0.label == "Details, hide" })
    }

    private func elements(of one: VectorCase) throws -> [Element] {
        try screen(screenState(ScreenCases.seen(one)))
    }
}

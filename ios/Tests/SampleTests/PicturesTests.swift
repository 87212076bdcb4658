import Foundation
import SwiftUI
import Testing

@testable import Sample

@MainActor
@Suite("Each state of the screen in characters, as docs/ios-screens.md shows them")
struct PicturesTests {
    /// As the pictures of Android are called, and in their order.
    private static let states = [
        ("settings-missing", "settings that are missing are named, and nothing can be tapped"),
        ("reading", "the session is being read"),
        ("signed-out", "nobody has logged in yet"),
        ("ended", "the screen says why nobody is logged in: revoked"),
        ("logging-in", "the browser is open"),
        ("not-finished", "the person came back without an answer"),
        ("signed-in", "somebody is logged in"),
        ("calling", "the last answer is greyed while the next is fetched"),
        ("message", "the API's own text"),
        ("offline", "no answer keeps the last one, greyed: offline"),
        ("error", "an answer that failed a check can be reported"),
        ("step-up", "a scope that is missing can be allowed"),
        ("clock", "a clock that is fast"),
        ("locked", "the device is locked"),
        ("details", "the details are open"),
    ]

    @Test("each state looks as in the documentation")
    func documented() throws {
        let page = "docs/ios-screens.md"
        let text = try source(page)
        let start = try #require(text.range(of: "## "))
        let seen = try Self.states.map { name, state in
            "## \(name)\n\nIn the vectors: \(state).\n\n```\n\(try screen(screenState(ScreenCases.seen(state))).picture)```\n"
        }.joined(separator: "\n")
        if ProcessInfo.processInfo.environment["LATCHKEY_BLESS"] == "1" {
            let whole = text[..<start.lowerBound] + seen
            try whole.write(to: root.appendingPathComponent(page), atomically: true, encoding: .utf8)
        } else {
            #expect(text[start.lowerBound...] == seen, "to keep the new one: cargo xtask test swift --bless")
        }
    }

    @Test("what is another state is another picture")
    func differ() throws {
        let open = try screen(screenState(ScreenCases.seen("the browser is open"))).picture
        #expect(try open == screen(screenState(ScreenCases.seen("the browser is open"))).picture)
        #expect(try open != screen(screenState(ScreenCases.seen("a login has been tapped"))).picture)
    }
}

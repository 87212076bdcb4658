import Foundation
import Latchkey
import SwiftUI
import Testing

@testable import Sample

/// The screen in a state, for a person who writes dates as in Britain and lives in Greenwich's time.
@MainActor
func screen(_ state: ScreenState) throws -> [Element] {
    let view = ScreenView(state: state, details: details, tapped: { _ in }, fold: {})
    return Screen.elements(of: view, Locale(identifier: "en_GB"), try #require(TimeZone(secondsFromGMT: 0)))
}

extension [Element] {
    /// The screen in characters: what stands side by side in one line, each button in brackets.
    var picture: String {
        var rows: [[String]] = []
        var last = 0
        for element in self {
            if element.row != last { rows.append([]) }
            last = element.row
            rows[rows.count - 1].append(element.picture)
        }
        return rows.map { $0.joined(separator: "  ") }.joined(separator: "\n") + "\n"
    }
}

extension Element {
    fileprivate var picture: String {
        switch kind {
        case .text: isGrey ? text.split(separator: "\n").map { "~ \($0)" }.joined(separator: "\n") : text
        case .progress: "◌"
        case .cover: "█"
        case .button: isRunning ? "[ \(text) ◌ ]" : isEnabled ? "[ \(text) ]" : "( \(text) )"
        }
    }
}

private let details = DetailsSeen(
    timeline: [
        TimelineEvent(atUnixSeconds: 1_767_225_600, event: "login", detail: nil),
        TimelineEvent(atUnixSeconds: 1_767_229_200, event: "refreshed", detail: "rotated"),
        TimelineEvent(
            atUnixSeconds: 1_767_229_200, event: "summary", detail: "Logged in since 2026-01-01, renewed once."),
    ],
    checks: [
        Check(name: "provider", result: .ok, detail: "https://login.example.com/ answers."),
        Check(name: "clock", result: .warning, detail: "This device is 4 s ahead."),
    ])

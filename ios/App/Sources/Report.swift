import Foundation
import Latchkey

/// What a person sends to support: in English, and without a secret, for the core puts none into these texts.
func report(_ error: AuthError?, _ details: DetailsSeen) -> String {
    var lines = ["Latchkey sample"]
    if let error { lines.append("error: \(error.kind()): \(error)") }
    lines += details.timeline.map { line($0, Date($0).formatted(.iso8601)) }
    lines += (details.checks ?? []).map { "check \($0.name): \($0.result.word()): \($0.detail)" }
    return lines.joined(separator: "\n")
}

func line(_ event: TimelineEvent, _ time: String) -> String {
    [time, event.event, event.detail].compactMap(\.self).joined(separator: " ")
}

extension Date {
    init(_ event: TimelineEvent) {
        self.init(timeIntervalSince1970: TimeInterval(event.atUnixSeconds))
    }
}

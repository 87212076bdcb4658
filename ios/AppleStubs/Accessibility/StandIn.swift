// What a test hears of the screen. Nothing here is Apple's.
import Foundation

/// What was said aloud. There is one voice: tests that listen to it run one after the other.
public enum AnnouncementsStandIn {
    private static let lock = NSLock()
    private nonisolated(unsafe) static var list: [String] = []

    /// All of it, in order, since the last time that it was asked for.
    public static func take() -> [String] {
        lock.withLock {
            defer { list = [] }
            return list
        }
    }

    static func add(_ text: String) {
        lock.withLock { list.append(text) }
    }
}

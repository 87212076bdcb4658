import Foundation
import Latchkey
import TestStores

/// The error of a call that must fail; nil when it did not, or with something else.
func failure<Success: Sendable>(
    isolation: isolated (any Actor)? = #isolation, _ call: () async throws -> Success
) async -> AuthError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? AuthError
    }
}

/// Runs `work` with an empty folder that is removed afterwards.
func inFolder(
    isolation: isolated (any Actor)? = #isolation, _ work: (String) async throws -> Void
) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("latchkey-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await work(folder.path)
}

/// Texts of faults, see `latchkey-devserver --help`.
enum Faults {
    /// The next token is over as soon as it is there.
    static let expiredToken = "token:merge=\(base64url(#"{"expires_in":0}"#))"

    /// JSON as the faults want it.
    static func base64url(_ json: String) -> String {
        Data(json.utf8).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}

/// A log sink that keeps every line.
final class Lines: LogSink {
    private let lines = Guarded<[String]>([])

    var all: [String] { lines.value }

    func log(level: LogLevel, line: String) {
        lines.withLock { $0.append("\(level): \(line)") }
    }
}

/// The project's folder.
let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..").standardized

/// A file of the project, by its path in it.
func source(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
}

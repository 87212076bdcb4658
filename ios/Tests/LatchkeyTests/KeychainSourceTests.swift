import Foundation
import Testing

/// On Linux a `CFString` is a `String`, so the compiler there does not see what it would see on a Mac.
@Suite("The sources compile on Apple's systems, as far as a reader can tell")
struct KeychainSourceTests {
    @Test("each word of the Keychain's that is a key is followed by `as String`")
    func keysAreStrings() throws {
        var keys = 0
        for (file, text) in try shellSources() {
            // In brackets to look up, or before a colon in a dictionary.
            for match in text.matches(of: /\bkSec\w+(?<cast> as String)?\s*(?=[\]:])/) {
                keys += 1
                #expect(match.output.cast != nil, "\(file): \(match.output.0)")
            }
        }
        #expect(keys > 10, "the sources were found, and have keys in them")
    }

    /// The shell's files, by their names.
    private func shellSources() throws -> [(String, String)] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let shell = tests.appendingPathComponent("../../Sources/Latchkey").standardizedFileURL
        let paths = try #require(FileManager.default.enumerator(atPath: shell.path))
        return try paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.map { path in
            (path, try String(contentsOf: shell.appendingPathComponent(path), encoding: .utf8))
        }
    }
}

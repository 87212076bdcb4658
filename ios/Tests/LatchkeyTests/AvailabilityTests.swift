import Foundation
import Testing

@Suite("What the compiler on Linux does not check")
struct AvailabilityTests {
    /// Names of the systems' newer APIs: 17.4 and 14.4, or later.
    private static let newer = [
        ".https(host:", ".customScheme(", "callback: .", "additionalHeaderFields", "Synchronization", "Mutex<",
        "Observations",
    ]

    @Test("an API that is newer than iOS 17 and macOS 14 stands below a check for it")
    func newerApis() throws {
        #expect(unchecked("Callback\n.https(host: h)") == [".https(host:"], "this test sees something")
        #expect(unchecked("if #available(iOS 17.4, *) {\nuse(\n.https(host: h))\n}\n") == [])
        for (file, text) in try shellSources() { #expect(unchecked(text) == [], "\(file)") }
    }

    @Test("the shell asks for frameworks, never for systems: code for one system alone is not compiled here")
    func noSystems() throws {
        for (file, text) in try shellSources() {
            let conditions = text.components(separatedBy: "\n").filter { $0.contains("#if") || $0.contains("#elseif") }
            #expect(!conditions.joined().contains("os("), "\(file)")
        }
    }

    @Test("no line names what the compiler refuses in a package that an app extension links")
    func extensions() throws {
        for (file, text) in try shellSources() { #expect(!text.contains("UIApplication.shared"), "\(file)") }
    }

    /// The names that are used without `#available` in the four lines above them.
    private func unchecked(_ text: String) -> [String] {
        let lines = text.components(separatedBy: "\n")
        return lines.indices.flatMap { index in
            let near = lines[max(0, index - 4)...index].joined()
            return Self.newer.filter { lines[index].contains($0) && !near.contains("#available(") }
        }
    }

    private func shellSources() throws -> [(String, String)] {
        let folder = root.appendingPathComponent("ios/Sources/Latchkey")
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        #expect(names.contains("LatchkeyClient.swift") && names.contains("Keychain/KeychainStore.swift"))
        return try names.map { ($0, try source("ios/Sources/Latchkey/\($0)")) }
    }
}

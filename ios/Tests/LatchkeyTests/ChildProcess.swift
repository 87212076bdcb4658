import Foundation
import TestStores

/// A program that a test has started, and ends by its handle.
final class ChildProcess: Sendable {
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()
    private let ended: AsyncStream<Int32>

    init(_ program: URL, _ arguments: [String] = []) throws {
        let (ended, end) = AsyncStream<Int32>.makeStream()
        self.ended = ended
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = input
        process.terminationHandler = { process in
            end.yield(process.terminationStatus)
            end.finish()
        }
        try process.run()
    }

    /// The next line that the program prints; nil when it has ended.
    func line() async throws -> String? {
        try await blocking { [output] in
            var line = Data()
            while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
                if byte == Data("\n".utf8) { return String(decoding: line, as: UTF8.self) }
                line.append(byte)
            }
            return nil
        }
    }

    func write(_ text: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
    }

    /// How the program ended: its status, or the signal that ended it.
    func status() async -> Int32 {
        for await status in ended { return status }
        return process.terminationStatus
    }
}

/// Runs work that blocks its thread on a thread of its own: the threads of Swift's tasks are few.
func blocking<Success: Sendable>(_ work: @escaping @Sendable () throws -> Success) async throws -> Success {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: work)) }
    }
}

/// The program `StoreWorker`, which is built beside the tests.
func storeWorker(_ arguments: String...) throws -> ChildProcess {
    let tests = URL(fileURLWithPath: CommandLine.arguments[0])
    return try ChildProcess(tests.deletingLastPathComponent().appendingPathComponent("StoreWorker"), arguments)
}

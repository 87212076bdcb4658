// The other process: works on the store in a folder, as the tests tell it.
//
//   StoreWorker intact FOLDER                 is what `conformancePrepare` wrote still there?
//   StoreWorker count FOLDER NAME TIMES       says "ready", waits for a line, then counts up in step with others
//   StoreWorker die FOLDER NAME STEP          swaps an item and is killed in this step of it
//   StoreWorker begin FOLDER ISSUER CLIENT AUDIENCE REDIRECT
//                                             begins a login, says its page, and waits to be killed

import Foundation
import Latchkey
import TestStores

func run(_ arguments: [String]) async throws {
    switch (arguments.first, arguments.count) {
    case ("intact", 2):
        try conformanceAssertIntact(store: FolderStore(folder: arguments[1]))
    case ("count", 4):
        print("ready")
        fflush(nil)
        _ = readLine()
        try conformanceRaceWorker(
            store: FolderStore(folder: arguments[1]), key: arguments[2], increments: UInt32(arguments[3]) ?? 0)
    case ("die", 4):
        let store = FolderStore(folder: arguments[1]) { step in
            if step.rawValue == arguments[3] { kill(getpid(), SIGKILL) }
        }
        let current = try store.load(key: arguments[2])
        let next = StoredItem(tag: Data(repeating: 2, count: 16), bytes: Data(repeating: 2, count: 10_000))
        try store.swap(key: arguments[2], expected: current?.tag, next: next)
    case ("begin", 6):
        let config = AuthConfig(
            issuer: arguments[2], clientId: arguments[3], redirectUri: arguments[5], audience: arguments[4])
        let auth = try Auth(config: config, store: FolderStore(folder: arguments[1]))
        print(try await auth.beginLogin(options: LoginOptions()).url)
        fflush(nil)
        _ = readLine()
    default:
        throw Misuse()
    }
}

struct Misuse: Error {}

do {
    try await run(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("StoreWorker: \(error)\n".utf8))
    exit(1)
}

import Foundation
import Latchkey
import TestStores
import Testing

@Suite("A store written in Swift is one that the core can rely on", .timeLimit(.minutes(5)))
struct StoreTests {
    @Test("it passes the core's check", arguments: conformanceChecks())
    func conformance(_ check: String) async throws {
        try await inFolder { folder in
            try await blocking { try runConformanceCheck(name: check, store: FolderStore(folder: folder)) }
        }
    }

    @Test("what was written is there after it was opened anew, also in another process")
    func reopened() async throws {
        try await inFolder { folder in
            try await blocking {
                try conformancePrepare(store: FolderStore(folder: folder))
                try conformanceAssertIntact(store: FolderStore(folder: folder))
            }
            let other = try storeWorker("files", "intact", folder)
            #expect(await other.status() == 0)
        }
    }

    @Test("while it is locked it says so, and afterwards everything is there")
    func locked() async throws {
        try await inFolder { folder in
            let store = FolderStore(folder: folder)
            try await blocking {
                try conformancePrepare(store: store)
                store.setLocked(true)
                try conformanceAssertLocked(store: store)
                store.setLocked(false)
                try conformanceAssertIntact(store: store)
            }
        }
    }

    @Test("an item that is damaged says so and can be replaced")
    func damaged() async throws {
        try await inFolder { folder in
            let store = FolderStore(folder: folder)
            try await blocking {
                try conformancePrepare(store: store)
                for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("item.") {
                    try Data("short".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
                }
                try conformanceAssertReplaceable(store: store)
            }
        }
    }

    @Test("two processes that count together lose no count")
    func twoProcesses() async throws {
        try await inFolder { folder in
            let workers = try (0..<2).map { _ in try storeWorker("files", "count", folder, "conformance.race", "100") }
            for worker in workers { #expect(try await worker.line() == "ready") }
            for worker in workers { try worker.write("go\n") }
            for worker in workers { #expect(await worker.status() == 0) }
            let total = try await blocking {
                try conformanceRaceTotal(store: FolderStore(folder: folder), key: "conformance.race")
            }
            #expect(total == 200)
        }
    }

    @Test("a process that is killed while it counts takes nobody's count with it, and no lock")
    func killedWhileCounting() async throws {
        try await inFolder { folder in
            try await killsOneThatCounts(in: FolderStore(folder: folder), "files", folder)
        }
    }

    @Test(
        "a process that is killed in a step of a swap leaves the old item or the new one",
        arguments: FolderStore.Step.allCases)
    func killedInAStep(_ step: FolderStore.Step) async throws {
        try await inFolder { folder in
            let store = FolderStore(folder: folder)
            let old = StoredItem(tag: Data(repeating: 1, count: 16), bytes: Data(repeating: 1, count: 5_000))
            try store.swap(key: "session", expected: nil, next: old)
            try await blocking { try conformancePrepare(store: store) }

            let worker = try storeWorker("files", "die", folder, "session", step.rawValue)
            #expect(await worker.status() == SIGKILL)

            let left = try #require(try store.load(key: "session"))
            let replaced = step == .renamed || step == .done
            #expect(left.tag == Data(repeating: replaced ? 2 : 1, count: 16))
            #expect(left.bytes == Data(repeating: replaced ? 2 : 1, count: replaced ? 10_000 : 5_000))
            // Its lock has ended with it, and what it left behind is in nobody's way.
            try store.swap(key: "session", expected: left.tag, next: old)
            #expect(try store.load(key: "session") == old)
            try await blocking { try conformanceAssertIntact(store: store) }
        }
    }
}

/// A process that counts in this store is killed: it takes nobody's count with it, and no lock.
func killsOneThatCounts(in store: any SecureStore, _ kind: String, _ folder: String) async throws {
    let endless = try storeWorker(kind, "count", folder, "conformance.race", "4000000000")
    #expect(try await endless.line() == "ready")
    try endless.write("go\n")
    try await blocking { try conformanceRaceWorker(store: store, key: "conformance.race", increments: 50) }
    endless.kill()
    #expect(await endless.status() == SIGKILL)
    let total = try await blocking {
        try conformanceRaceWorker(store: store, key: "conformance.race", increments: 50)
        return try conformanceRaceTotal(store: store, key: "conformance.race")
    }
    #expect(total >= 100)
}

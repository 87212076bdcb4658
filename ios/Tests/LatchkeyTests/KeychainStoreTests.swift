#if os(Linux)
    import Foundation
    import Latchkey
    import Security
    import TestStores
    import Testing

    @Suite("The Keychain's store keeps the contract, over a stand-in", .timeLimit(.minutes(5)))
    struct KeychainStoreTests {
        @Test(
            "it passes the core's check, also if reading wants the person",
            arguments: conformanceChecks(), [false, true])
        func conformance(_ check: String, _ presence: Bool) async throws {
            try await inWorld { world in
                world.personComes()
                try await blocking { try runConformanceCheck(name: check, store: world.store(presence: presence)) }
            }
        }

        @Test("what was written is there after a start, and in another process", arguments: ["keychain", "guarded"])
        func reopened(_ kind: String) async throws {
            try await inFolder { folder in
                let world = KeychainWorld(folder)
                try await blocking { try conformancePrepare(store: world.store(presence: kind == "guarded")) }
                let other = try storeWorker(kind, "intact", folder)
                #expect(await other.status() == 0)
            }
        }

        @Test("behind a locked screen it is read and written")
        func screenLocked() async throws {
            try await inWorld { world in
                try await blocking {
                    try conformancePrepare(store: world.store())
                    world.keychain.setDevice { $0.lock = .screenLocked }
                    try conformanceAssertIntact(store: world.store())
                    try runConformanceCheck(name: "replace_needs_the_current_tag", store: world.store())
                }
            }
        }

        @Test(
            "before the first unlock it is locked, also where the Keychain says that nothing is there",
            arguments: [errSecInteractionNotAllowed, errSecItemNotFound])
        func beforeFirstUnlock(_ answer: OSStatus) async throws {
            try await inWorld { world in
                try await blocking {
                    try conformancePrepare(store: world.store())
                    let kept = world.keychain.items
                    world.keychain.setDevice { $0.answerBeforeFirstUnlock = answer }
                    world.keychain.setDevice { $0.lock = .beforeFirstUnlock }
                    try conformanceAssertLocked(store: world.store())
                    let store = world.store()
                    #expect(throws: StoreError.Locked) { try store.swap(key: "a", expected: nil, next: nil) }
                    let tag = Data(repeating: 0xa5, count: 16)
                    #expect(throws: StoreError.Locked) {
                        try store.swap(key: "conformance.kept", expected: tag, next: nil)
                    }
                    #expect(world.keychain.items == kept)
                    world.keychain.setDevice { $0.lock = .unlocked }
                    try conformanceAssertIntact(store: world.store())
                }
            }
        }

        @Test("an unlock between a search in vain and the proof does not hide an item")
        func unlockedMeanwhile() async throws {
            try await inWorld { world in
                try await blocking { try conformancePrepare(store: world.store()) }
                world.keychain.setDevice {
                    $0.lock = .beforeFirstUnlock
                    $0.answerBeforeFirstUnlock = errSecItemNotFound
                }
                world.keychain.before(.add) { world.keychain.setDevice { $0.lock = .unlocked } }
                try await blocking { try conformanceAssertIntact(store: world.store()) }
            }
        }

        @Test(
            "an item with another tag, or none, is reported, kept, and replaced", arguments: [Data("short".utf8), nil])
        func foreignTag(_ tag: Data?) async throws {
            try await inWorld { world in
                try await blocking {
                    try conformancePrepare(store: world.store())
                    world.keychain.change { items in
                        for index in items.indices {
                            items[index].attributes[kSecAttrGeneric] = tag.map { .bytes($0) }
                        }
                    }
                    try conformanceAssertReplaceable(store: world.store())
                }
            }
        }

        @Test("of two processes that create an item at once, the second is told, and the first one's stays")
        func addedInBetween() async throws {
            try await inWorld { world in
                let store = world.store()
                let (mine, theirs) = (item(1), item(2))
                world.keychain.before(.add) { try? world.store().swap(key: "session", expected: nil, next: theirs) }
                #expect(throws: StoreError.Conflict) { try store.swap(key: "session", expected: nil, next: mine) }
                let kept = try store.load(key: "session")
                #expect(kept == theirs)
            }
        }

        @Test(
            "what another process writes between the look and the write is not overwritten", arguments: [false, true])
        func changedInBetween(_ presence: Bool) async throws {
            try await inWorld { world in
                world.personComes()
                let store = world.store(presence: presence)
                let (old, theirs) = (item(1), item(2))
                try store.swap(key: "session", expected: nil, next: old)
                for call in [StandInKeychain.Call.update, .delete] {
                    let current = try store.load(key: "session")
                    let next = call == .update ? item(3) : nil
                    world.keychain.before(call) {
                        try? world.store(presence: presence).swap(key: "session", expected: current?.tag, next: theirs)
                    }
                    #expect(throws: StoreError.Conflict) {
                        try store.swap(key: "session", expected: current?.tag, next: next)
                    }
                    #expect(try store.load(key: "session") == theirs)
                    try store.swap(key: "session", expected: theirs.tag, next: old)
                }
            }
        }

        @Test("every call names the data protection keychain, and no item leaves the device or waits for the screen")
        func attributes() async throws {
            try await inWorld { world in
                try await blocking {
                    try conformancePrepare(store: world.store())
                    for check in conformanceChecks().prefix(7) {
                        try runConformanceCheck(name: check, store: world.store())
                    }
                }
                let queries = world.keychain.queries
                #expect(queries.count > 20)
                #expect(queries.allSatisfy { $0[kSecUseDataProtectionKeychain] as? Bool == true })
                #expect(queries.allSatisfy { $0[kSecAttrSynchronizable] as? Bool == false })
                #expect(queries.allSatisfy { $0[kSecAttrAccessGroup] as? String == "shared" })
                let added = queries.compactMap { $0[kSecAttrAccessible] as? String }
                #expect(Set(added) == [kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly])
            }
        }

        @Test("app and extension share an access group, and who may not use it is told and sees nothing")
        func accessGroups() async throws {
            try await inWorld { world in
                try world.store().swap(key: "session", expected: nil, next: item(1))
                world.keychain.setDevice { $0.accessGroups = ["extension", "shared"] }
                #expect(try world.store().load(key: "session") == item(1))
                world.keychain.setDevice { $0.accessGroups = ["another app"] }
                #expect(throws: StoreError.Unavailable) { try world.store().load(key: "session") }
                #expect(throws: StoreError.Unavailable) {
                    try world.store().swap(key: "session", expected: nil, next: item(2))
                }
            }
        }

        @Test("a store for one app uses the app's first access group, whichever that is")
        func noAccessGroup() async throws {
            let service = "test.\(UUID().uuidString)"
            let keychain = StandInKeychain(service: service)
            let store = KeychainStore(service: service)
            try store.swap(key: "session", expected: nil, next: item(1))
            #expect(keychain.items.map { $0.attributes[kSecAttrAccessGroup] } == [.text("app")])
            #expect(try KeychainStore(service: service).load(key: "session") == item(1))
            let support = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)
            try FileManager.default.removeItem(at: #require(support.first).appendingPathComponent(service))
        }
    }

    /// Runs `work` on a device of its own, with the items in memory.
    func inWorld(_ work: (KeychainWorld) async throws -> Void) async throws {
        try await inFolder { folder in try await work(KeychainWorld(folder, inMemory: true)) }
    }

    func item(_ number: UInt8) -> StoredItem {
        StoredItem(tag: Data(repeating: number, count: 16), bytes: Data(repeating: number, count: 300))
    }
#endif

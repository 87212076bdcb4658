#if os(Linux)
    import Foundation
    import Latchkey
    import Security
    import TestStores
    import Testing

    @Suite("Reading that asks for the person, and writing that does not", .timeLimit(.minutes(2)))
    struct KeychainPresenceTests {
        @Test("without the person it is written and not read, and nobody is asked")
        func nobodyThere() async throws {
            try await inWorld { world in
                let store = world.store(presence: true)
                try await blocking { try conformancePrepare(store: store) }
                #expect(throws: StoreError.Locked) { try store.load(key: "conformance.kept") }
                let tag = Data(repeating: 0xa5, count: 16)
                try store.swap(key: "conformance.kept", expected: tag, next: item(1))
                try store.swap(key: "conformance.kept", expected: item(1).tag, next: nil)
                #expect(world.keychain.device.timesAsked == 0)
                #expect(world.keychain.items.isEmpty)
            }
        }

        @Test(
            "a person who is not recognised, or does not want to, leaves it locked",
            arguments: [errSecUserCanceled, errSecAuthFailed, errSecInteractionNotAllowed])
        func notRecognised(_ answer: OSStatus) async throws {
            try await inWorld { world in
                let store = world.store(presence: true)
                try await blocking { try conformancePrepare(store: store) }
                world.handOverContext()
                world.keychain.setDevice { $0.answerWithoutPerson = answer }
                #expect(throws: StoreError.Locked) { try store.load(key: "conformance.kept") }
                #expect(world.keychain.device.timesAsked == 1)
                world.personComes()
                try await blocking { try conformanceAssertIntact(store: store) }
            }
        }

        @Test("the system asks on the app's context, and the guard is the person and the passcode")
        func context() async throws {
            try await inWorld { world in
                let store = world.store(presence: true)
                world.personComes()
                try await blocking {
                    try conformancePrepare(store: store)
                    try conformanceAssertIntact(store: store)
                }
                let contexts = world.keychain.queries.compactMap { $0[kSecUseAuthenticationContext] }
                #expect(contexts.count == 1)
                #expect(contexts.first is KeychainWorld.Context)
                let guarded = world.keychain.items.filter(\.needsPerson)
                #expect(guarded.map(\.accessible) == [kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly])
                #expect(guarded.allSatisfy { !$0.data.isEmpty })
                #expect(world.keychain.items.filter { !$0.needsPerson }.map(\.data) == [Data()])
            }
        }

        @Test("an app is locked until the person was asked, and goes on then")
        func app() async throws {
            try await inWorld { world in
                try await DevServer.run { server in
                    world.personComes()
                    try await server.logIn(Auth(config: server.config, store: world.store(presence: true)))
                    let later = world.anotherStart()
                    let auth = try Auth(config: server.config, store: later.store(presence: true))
                    #expect(auth.session() == .locked)
                    let refused = await failure { try await auth.accessToken(options: AccessTokenOptions()) }
                    #expect(refused == .Storage(reason: .locked))
                    later.personComes()
                    await auth.resumed()
                    #expect(auth.session().word == "signed_in")
                    _ = try await auth.accessToken(options: AccessTokenOptions(forceRefresh: true))
                }
            }
        }

        @Test("when the passcode is removed the items are lost, and a login may replace them once there is one again")
        func passcodeRemoved() async throws {
            try await inWorld { world in
                world.personComes()
                let store = world.store(presence: true)
                try await blocking { try conformancePrepare(store: store) }
                world.keychain.removePasscode()
                let tag = Data(repeating: 0xa5, count: 16)
                #expect(throws: StoreError.KeyLost(tag: tag)) { try store.load(key: "conformance.kept") }
                #expect(throws: StoreError.Unavailable) {
                    try store.swap(key: "conformance.kept", expected: tag, next: item(1))
                }
                world.keychain.setDevice { $0.hasPasscode = true }
                try await blocking { try conformanceAssertReplaceable(store: store) }
            }
        }

        @Test("an app whose passcode was removed hears that its session is lost")
        func sessionLost() async throws {
            try await inWorld { world in
                try await DevServer.run { server in
                    world.personComes()
                    let store = world.store(presence: true)
                    try await server.logIn(Auth(config: server.config, store: store))
                    world.keychain.removePasscode()
                    let auth = try Auth(config: server.config, store: store)
                    #expect(auth.session() == .signedOut(reason: .storageLost))
                }
            }
        }

        @Test("what is missing behind a locked screen is locked, not lost")
        func missingBehindTheScreen() async throws {
            try await inWorld { world in
                world.personComes()
                let store = world.store(presence: true)
                try await blocking { try conformancePrepare(store: store) }
                world.keychain.setDevice { $0.lock = .screenLocked }
                #expect(throws: StoreError.Locked) { try store.load(key: "conformance.kept") }
                world.keychain.change { $0.removeAll(where: \.needsPerson) }
                #expect(throws: StoreError.Locked) { try store.load(key: "conformance.kept") }
                world.keychain.setDevice { $0.lock = .unlocked }
                #expect(throws: StoreError.KeyLost(tag: Data(repeating: 0xa5, count: 16))) {
                    try store.load(key: "conformance.kept")
                }
            }
        }

        @Test("a half that is damaged is reported under its tag, and replaced")
        func damaged() async throws {
            try await inWorld { world in
                world.personComes()
                let store = world.store(presence: true)
                try await blocking {
                    try conformancePrepare(store: store)
                    world.keychain.change { items in
                        for index in items.indices where items[index].needsPerson { items[index].isDamaged = true }
                    }
                    try conformanceAssertReplaceable(store: store)
                }
            }
        }

        @Test("who loses against another writer takes its own half away, and leaves the other's")
        func lostRace() async throws {
            try await inWorld { world in
                world.personComes()
                let store = world.store(presence: true)
                try store.swap(key: "session", expected: nil, next: item(1))
                #expect(throws: StoreError.Conflict) { try store.swap(key: "session", expected: nil, next: item(2)) }
                #expect(throws: StoreError.Conflict) {
                    try store.swap(key: "session", expected: item(3).tag, next: item(2))
                }
                #expect(world.keychain.items.count == 2)
                #expect(try store.load(key: "session") == item(1))
            }
        }

        @Test("a write that was done, said otherwise and is tried again does not take its own half away")
        func triedAgain() async throws {
            try await inWorld { world in
                world.personComes()
                let store = world.store(presence: true)
                try store.swap(key: "session", expected: nil, next: item(1))
                world.keychain.answer(.update, -36, once: true, afterwards: true)
                #expect(throws: StoreError.Unavailable) {
                    try store.swap(key: "session", expected: item(1).tag, next: item(2))
                }
                #expect(throws: StoreError.Conflict) {
                    try store.swap(key: "session", expected: item(1).tag, next: item(2))
                }
                #expect(try store.load(key: "session") == item(2))
            }
        }

        @Test("a process that is killed between the two halves leaves the old item or the new one, whole")
        func killedInBetween() async throws {
            for (step, left) in [("update", item(1).tag), ("delete", Data(repeating: 2, count: 16))] {
                try await inFolder { folder in
                    let world = KeychainWorld(folder)
                    world.personComes()
                    let store = world.store(presence: true)
                    try store.swap(key: "session", expected: nil, next: item(1))
                    let worker = try storeWorker("guarded", "die", folder, "session", step)
                    #expect(await worker.status() == SIGKILL)
                    #expect(try store.load(key: "session")?.tag == left)
                    #expect(world.keychain.items.count == 3, "the half that belongs to nothing is still there")
                    try store.swap(key: "session", expected: left, next: item(3))
                    #expect(try store.load(key: "session") == item(3))
                }
            }
        }
    }
#endif

#if os(Linux)
    import Foundation
    import Latchkey
    import Security
    import TestStores
    import Testing

    /// A test for each row of `verdict(on:)`: what the store says, what the app sees, and that the person is still logged
    /// in once the fault is gone, because nothing was deleted.
    @Suite("What each answer of the Keychain's means", .timeLimit(.minutes(2)))
    struct KeychainVerdictsTests {
        @Test(
            "what waits for an unlock, or for the person, is locked, and passes",
            arguments: [
                errSecInteractionNotAllowed, errSecInteractionRequired, errSecAuthFailed, errSecUserCanceled,
            ])
        func locked(_ status: OSStatus) async throws {
            try await passes(status, error: .Locked, session: .locked, reason: .locked)
        }

        @Test(
            "what proves nothing is unavailable, and passes",
            arguments: [errSecMissingEntitlement, errSecParam, errSecNotAvailable, -61, -34, -909, 1, .max, .min])
        func unproven(_ status: OSStatus) async throws {
            let session = Session.unavailable(reason: .unavailable)
            try await passes(status, error: .Unavailable, session: session, reason: .unavailable)
        }

        @Test("an item that is not found is absent if the Keychain can be written, and else it is not known")
        func absent() async throws {
            try await inWorld { world in
                let store = world.store()
                try store.swap(key: "session", expected: nil, next: item(1))
                world.keychain.answer(.copy, errSecItemNotFound)
                #expect(try store.load(key: "session") == nil)
                for (status, error) in [(errSecInteractionNotAllowed, StoreError.Locked), (-34, .Unavailable)] {
                    world.keychain.answer(.add, status)
                    #expect(throws: error) { try store.load(key: "session") }
                    #expect(throws: error) { try store.swap(key: "session", expected: nil, next: nil) }
                    world.keychain.answer(.update, errSecItemNotFound)
                    #expect(throws: error) { try store.swap(key: "session", expected: item(2).tag, next: item(3)) }
                    world.keychain.answer(.delete, errSecItemNotFound)
                    #expect(throws: error) { try store.swap(key: "session", expected: item(2).tag, next: nil) }
                    world.keychain.heal()
                    world.keychain.answer(.copy, errSecItemNotFound)
                }
                world.keychain.heal()
                #expect(try store.load(key: "session") == item(1))
            }
        }

        @Test("a search that finds nothing is made once more after the proof, and only then believed")
        func absentOnce() async throws {
            try await inWorld { world in
                let store = world.store()
                try store.swap(key: "session", expected: nil, next: item(1))
                world.keychain.answer(.copy, errSecItemNotFound, once: true)
                #expect(try store.load(key: "session") == item(1))
            }
        }

        @Test("the proof leaves nothing behind")
        func nothingLeft() async throws {
            try await inWorld { world in
                let found = try world.store().load(key: "session")
                #expect(found == nil)
                #expect(world.keychain.items.isEmpty)
                #expect(world.keychain.queries.count > 2)
            }
        }

        @Test("a duplicate is a conflict")
        func duplicate() async throws {
            try await inWorld { world in
                let store = world.store()
                world.keychain.answer(.add, errSecDuplicateItem, once: true)
                #expect(throws: StoreError.Conflict) { try store.swap(key: "session", expected: nil, next: item(1)) }
                let found = try store.load(key: "session")
                #expect(found == nil)
            }
        }

        @Test("an item that cannot be decoded is damaged, kept, and replaced by whoever expects its tag")
        func damaged() async throws {
            try await inWorld { world in
                try await blocking {
                    try conformancePrepare(store: world.store())
                    damage(world)
                    try conformanceAssertReplaceable(store: world.store())
                }
            }
        }

        @Test("where not even the tag can be decoded nothing is known, and nothing is deleted")
        func damagedTag() async throws {
            try await passes(
                errSecDecode, error: .Unavailable, session: .unavailable(reason: .unavailable), reason: .unavailable)
        }

        @Test("an app with a damaged item is told, and a login replaces it")
        func damagedSession() async throws {
            try await loggedIn { world, server in
                damage(world)
                #expect(try app(world, server).session() == .unavailable(reason: .corrupt))
                try await server.logIn(app(world, server))
                #expect(try app(world, server).session().word == "signed_in")
            }
        }

        @Test("a damaged item that the system takes for absent and removes is absent, and a login stores another")
        func damagedAndRemoved() async throws {
            try await loggedIn { world, server in
                let auth = try app(world, server)
                #expect(auth.session().word == "signed_in")
                damage(world)
                world.keychain.setDevice { $0.removesDamaged = true }
                #expect(try app(world, server).session() == .signedOut(reason: .never))
                try await server.logIn(auth)
                #expect(try app(world, server).session().word == "signed_in")
            }
        }

        @Test("a write that was done and said otherwise is found by the next look, and no token is lost")
        func doneAllTheSame() async throws {
            try await loggedIn { world, server in
                let auth = try app(world, server)
                _ = auth.session()
                world.keychain.answer(.update, -36, afterwards: true)
                let token = try? await auth.accessToken(options: AccessTokenOptions(forceRefresh: true)).value
                world.keychain.heal()
                await auth.resumed()
                let later = try await auth.accessToken(options: AccessTokenOptions()).value
                #expect(token == nil || token == later)
                #expect(try await server.stats().refresh_token_reuse == 0)
                #expect(try app(world, server).session().word == "signed_in")
            }
        }

        /// With the fault in each of the calls the store says `error` and keeps everything; the app sees `session`, and
        /// `reason` when it asks for a token. Without the fault, the session.
        private func passes(
            _ status: OSStatus, error: StoreError, session: Session, reason: StorageReason
        ) async throws {
            try await loggedIn { world, server in
                let store = world.store()
                try store.swap(key: "other", expected: nil, next: item(1))
                let kept = world.keychain.items
                let calls: [(StandInKeychain.Call, () throws -> Void)] = [
                    (.copy, { _ = try store.load(key: "other") }),
                    (.add, { try store.swap(key: "new", expected: nil, next: item(2)) }),
                    (.update, { try store.swap(key: "other", expected: item(1).tag, next: item(2)) }),
                    (.delete, { try store.swap(key: "other", expected: item(1).tag, next: nil) }),
                ]
                for (call, work) in calls {
                    // When it is added, this one does not speak of a person.
                    let adding = call == .add && status == errSecAuthFailed
                    world.keychain.answer(call, status)
                    #expect(throws: adding ? StoreError.Unavailable : error) { try work() }
                    world.keychain.heal()
                    #expect(world.keychain.items == kept)
                }
                world.keychain.answer(.copy, status)
                let auth = try app(world, server)
                #expect(auth.session() == session)
                let refused = await failure { try await auth.accessToken(options: AccessTokenOptions()) }
                #expect(refused == .Storage(reason: reason))
                world.keychain.heal()
                #expect(world.keychain.items.filter { kept.contains($0) } == kept)
                #expect(try app(world, server).session().word == "signed_in")
            }
        }

        private func damage(_ world: KeychainWorld) {
            world.keychain.change { items in
                for index in items.indices { items[index].isDamaged = true }
            }
        }

        private func app(_ world: KeychainWorld, _ server: DevServer) throws -> Auth {
            try Auth(config: server.config, store: world.store())
        }

        private func loggedIn(_ work: (KeychainWorld, DevServer) async throws -> Void) async throws {
            try await inWorld { world in
                try await DevServer.run { server in
                    try await server.logIn(app(world, server))
                    try await work(world, server)
                }
            }
        }
    }
#endif

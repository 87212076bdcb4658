#if os(Linux)
    import Foundation
    import Security
    import TestStores
    import Testing

    @testable import Latchkey

    @Suite("Keychain items outlive the app, and what an earlier one left is no session", .timeLimit(.minutes(2)))
    struct KeychainInstallationTests {
        @Test("after a reinstall nobody is logged in, what was left is there to be told of, and a login erases it")
        func reinstalled() async throws {
            try await inWorld { world in
                try await DevServer.run { server in
                    try await server.logIn(Auth(config: server.config, store: world.store()))
                    let left = world.keychain.items
                    #expect(!left.isEmpty)
                    #expect(try world.store().countLeftByEarlierInstallations() == 0)

                    try world.reinstall()
                    let auth = try Auth(config: server.config, store: world.store())
                    #expect(auth.session() == .signedOut(reason: .never))
                    await auth.resumed()
                    let refused = await failure { try await auth.accessToken(options: AccessTokenOptions()) }
                    #expect(refused == .LoginRequired(reason: .never))
                    #expect(world.keychain.items == left, "nothing is erased before the person does something")
                    #expect(try world.store().countLeftByEarlierInstallations() == left.count)

                    try await server.logIn(auth, as: "bob")
                    #expect(try world.store().countLeftByEarlierInstallations() == 0)
                    #expect(!world.keychain.items.contains { left.contains($0) })
                    #expect(try Auth(config: server.config, store: world.store()).session().word == "signed_in")
                }
            }
        }

        @Test("the halves that want the person are erased as well, without asking")
        func guardedHalves() async throws {
            try await inWorld { world in
                try world.store(presence: true).swap(key: "session", expected: nil, next: item(1))
                #expect(world.keychain.items.filter(\.needsPerson).count == 1)
                try world.reinstall()
                try world.store().swap(key: "session", expected: nil, next: item(2))
                #expect(world.keychain.items.filter(\.needsPerson).isEmpty)
                #expect(world.keychain.items.count == 1)
                #expect(world.keychain.device.timesAsked == 0)
            }
        }

        @Test("a failure to erase fails no login, and the next new record tries again")
        func eraseLater() async throws {
            try await inWorld { world in
                try world.store().swap(key: "session", expected: nil, next: item(1))
                try world.reinstall()
                world.keychain.answer(.delete, errSecInteractionNotAllowed)
                try world.store().swap(key: "session", expected: nil, next: item(2))
                #expect(try world.store().countLeftByEarlierInstallations() == 1)
                world.keychain.heal()
                try world.store().swap(key: "other", expected: nil, next: item(3))
                #expect(try world.store().countLeftByEarlierInstallations() == 0)
                #expect(try world.store().load(key: "session") == item(2))
            }
        }

        @Test("a container that a backup brings back has its items still")
        func restored() async throws {
            try await inWorld { world in
                try world.store().swap(key: "session", expected: nil, next: item(1))
                let backup = world.container.appendingPathExtension("backup")
                try FileManager.default.copyItem(at: world.container, to: backup)
                try world.reinstall()
                #expect(try world.store().load(key: "session") == nil)
                try world.reinstall()
                try FileManager.default.moveItem(at: backup, to: world.container)
                #expect(try world.store().load(key: "session") == item(1))
            }
        }

        @Test("app and extension that start at once on a new device agree on the installation")
        func together() async throws {
            for _ in 0..<20 {
                try await inWorld { world in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 1...4 as ClosedRange<UInt8> {
                            group.addTask {
                                try await blocking {
                                    try world.store().swap(key: "item.\(number)", expected: nil, next: item(number))
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    for number in 1...4 as ClosedRange<UInt8> {
                        #expect(try world.store().load(key: "item.\(number)") == item(number))
                    }
                    let files = try FileManager.default.contentsOfDirectory(atPath: world.container.path)
                    #expect(files == ["installation"], "and leave no half-made file")
                }
            }
        }

        @Test("a protected file, which can neither be read nor made before the first unlock, is locked")
        func protected() {
            #expect(verdict(on: CocoaError(.fileReadNoPermission)) == .locked)
            #expect(verdict(on: CocoaError(.fileWriteNoPermission)) == .locked)
            #expect(verdict(on: CocoaError(.fileWriteOutOfSpace)) == .unproven)
        }

        @Test("an installation that cannot be told proves nothing, and nothing is made, changed or deleted")
        func unreadable() async throws {
            try await inWorld { world in
                try world.store().swap(key: "session", expected: nil, next: item(1))
                let kept = world.keychain.items
                let file = world.container.appendingPathComponent("installation")
                let word = try Data(contentsOf: file)
                for wrong in [Data(), Data("short".utf8), Data(repeating: 0x7a, count: 32), word + word] {
                    try wrong.write(to: file)
                    #expect(throws: StoreError.Unavailable) { try world.store().load(key: "session") }
                    #expect(throws: StoreError.Unavailable) {
                        try world.store().swap(key: "session", expected: nil, next: item(2))
                    }
                }
                #expect(world.keychain.items == kept)
                try word.write(to: file)
                #expect(try world.store().load(key: "session") == item(1))
            }
        }
    }
#endif

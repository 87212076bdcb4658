import Foundation
import Latchkey
import Observation
import TestStores
import Testing
import UIKit

extension ShellTests {
    @MainActor
    @Suite("Who watches the session")
    struct WatchTests {
        @Test("the sequence tells the login, the logout and the session that the provider has ended")
        func sequence() async throws {
            try await Phone.run { phone in
                var sessions = phone.client.sessions.makeAsyncIterator()
                #expect(await sessions.next() == .signedOut(reason: .never))
                try await phone.logIn()
                #expect(await sessions.next()?.word == "signed_in")
                try await phone.client.logout()
                #expect(await sessions.next() == .signedOut(reason: .loggedOut))
                try await phone.logIn()
                #expect(await sessions.next()?.word == "signed_in")
                try await phone.server.admin("revoke/alice")
                let ended = await failure { try await phone.client.ping(phone.server.api).pingPrivate() }
                #expect(ended == .LoginRequired(reason: .revoked))
                #expect(await sessions.next() == .signedOut(reason: .revoked))
            }
        }

        @Test("who asks for it is told what happens, line by line, and is not when they have asked for silence")
        func log() async throws {
            try await Phone.run { phone in
                let (kept, dropped) = (Lines(), Lines())
                phone.client.log(.debug, to: dropped)
                phone.client.log(.debug, to: kept)
                try await phone.logIn()
                #expect(kept.all.joined().contains("a login has begun"))
                #expect(dropped.all.isEmpty)
                phone.client.log(.error, to: nil)
                let before = kept.all
                try await phone.client.logout()
                #expect(kept.all == before)
            }
        }

        @Test("a view that has read the session is told that it changes, and one that has read the login too")
        func observation() async throws {
            try await Phone.run { phone in
                await phone.client.until(.signedOut(reason: .never))
                let changed = Guarded<[String]>([])
                withObservationTracking {
                    _ = phone.client.session
                } onChange: {
                    changed.withLock { $0.append("session") }
                }
                withObservationTracking {
                    _ = phone.client.loginState
                } onChange: {
                    changed.withLock { $0.append("login") }
                }
                try await phone.logIn()
                #expect(changed.value == ["login", "session"])
            }
        }

        @Test("two readers get the same, and one that has left is in nobody's way")
        func readers() async throws {
            try await Phone.run { phone in
                let leaving = Task { for await _ in phone.client.sessions {} }
                await phone.settle()
                leaving.cancel()
                await leaving.value
                try await phone.logIn()
                for _ in 0..<2 {
                    var sessions = phone.client.sessions.makeAsyncIterator()
                    #expect(await sessions.next()?.word == "signed_in")
                }
            }
        }

        @Test(
            "another process's logout is seen when the app comes to the foreground, or the device is unlocked",
            arguments: [
                UIApplication.willEnterForegroundNotification,
                UIApplication.protectedDataDidBecomeAvailableNotification,
            ])
        func foreground(_ moment: Notification.Name) async throws {
            try await inFolder { folder in
                try await Phone.run(store: FolderStore(folder: folder)) { phone in
                    try await phone.logIn()
                    let there = try Auth(config: phone.server.config, store: FolderStore(folder: folder))
                    _ = try await there.logout(options: LogoutOptions())
                    #expect(phone.client.isSignedIn, "nobody has looked")
                    NotificationCenter.default.post(name: moment, object: nil)
                    await phone.client.until(.signedOut(reason: .loggedOut))
                }
            }
        }

        @Test("a device that is locked is told as such, and the session is there when it is unlocked")
        func locked() async throws {
            try await inFolder { folder in
                let store = FolderStore(folder: folder)
                try await Phone.run(store: store) { phone in
                    try await phone.logIn()
                    store.setLocked(true)
                    let later = LatchkeyClient(config: phone.server.config, store: store)
                    await later.until(.locked)
                    #expect(await failure { try await later.accessToken() } == .Storage(reason: .locked))
                    store.setLocked(false)
                    try await later.resumed()
                    #expect(later.isSignedIn)
                }
            }
        }
    }
}

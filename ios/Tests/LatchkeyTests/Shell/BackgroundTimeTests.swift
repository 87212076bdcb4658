import Foundation
import Testing
import UIKit

@testable import Latchkey

extension ShellTests {
    @MainActor
    @Suite("Time in the background for a refresh")
    struct BackgroundTimeTests {
        private var app: UIApplication { .shared }

        @Test("a refresh has a background task, which is ended with it")
        func refresh() async throws {
            try await Phone.run { phone in
                try await phone.logIn()
                let before = app.backgroundTasks.begun
                try await phone.server.setFaults("token:gate=here")
                let refreshing = Task {
                    try await phone.client.accessToken(options: AccessTokenOptions(forceRefresh: true)).value
                }
                try await phone.server.reached(gate: "here")
                #expect(app.backgroundTasks == (before + 1, 1))
                try await phone.server.open(gate: "here")
                _ = try await refreshing.value
                // It is given back beside the call.
                while app.backgroundTasks.open != 0 { await Task.yield() }
                #expect(app.backgroundTasks.begun == before + 1)
            }
        }

        @Test("time that runs out is given back at once, the refresh goes on, and nothing is ended twice")
        func expired() async throws {
            try await Phone.run { phone in
                try await phone.logIn()
                try await phone.server.setFaults("token:gate=here")
                let refreshing = Task {
                    try await phone.client.accessToken(options: AccessTokenOptions(forceRefresh: true)).value
                }
                try await phone.server.reached(gate: "here")
                app.expireBackground()
                #expect(app.backgroundTasks.open == 0)
                try await phone.server.open(gate: "here")
                #expect(try await refreshing.value.isEmpty == false)
            }
        }

        @Test("with too few seconds left nothing is sent, and with no background task at all the refresh is made")
        func fewSeconds() async throws {
            try await Phone.run { phone in
                try await phone.server.setFaults(Faults.expiredToken)
                try await phone.logIn()
                try await phone.server.setFaults("")
                try await phone.server.resetStats()
                app.grantBackground(seconds: 5)
                let refused = await failure { try await phone.client.accessToken() }
                #expect(refused == .Network(reason: .unavailable, retryAfterSeconds: nil))
                #expect(try await phone.server.stats().requests["token"] == 0)
                app.grantBackground(seconds: nil)
                _ = try await phone.client.accessToken()
                #expect(try await phone.server.stats().requests["token"] == 1)
            }
        }

        @Test("what is granted has a name of its own and the seconds that are left, none while there is no limit")
        func grant() throws {
            let time = try #require(RefreshTime.forThisProcess())
            app.grantBackground(seconds: .greatestFiniteMagnitude)
            let first = try time.begin()
            app.grantBackground(seconds: 29.7)
            let second = try time.begin()
            #expect(first.secondsLeft == nil)
            #expect(second.secondsLeft == 29)
            #expect(first.id != second.id)
            time.end(id: second.id)
            time.end(id: first.id)
            time.end(id: first.id)
            #expect(app.backgroundTasks.open == 0)
        }

        @Test("an app extension has no application to ask")
        func appExtension() {
            #expect(RefreshTime.forThisProcess(bundlePath: "/Apps/A.app/PlugIns/Share.appex") == nil)
            #expect(RefreshTime.forThisProcess(bundlePath: "/Apps/A.app") != nil)
        }
    }
}

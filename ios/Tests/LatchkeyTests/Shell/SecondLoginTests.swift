import Foundation
import Latchkey
import TestStores
import Testing

extension ShellTests {
    @MainActor
    @Suite("A login while another one is open, and callers that leave")
    struct SecondLoginTests {
        @Test("a double tap opens one page, and both taps get the session")
        func doubleTap() async throws {
            try await Phone.run { phone in
                let taps = [await phone.tap(), await phone.tap()]
                let sheet = try await phone.sheet()
                let third = await phone.tap()
                try await phone.submit(sheet)
                for tap in taps + [third] { #expect(try await tap.value.word == "signed_in") }
                #expect(try await phone.server.stats().requests["token"] == 1)
            }
        }

        @Test("a login that asks for something else takes the place of the one that is open")
        func another() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                let before = try await phone.sheet()
                let second = await phone.tap(options: LoginOptions(prompt: "login"))
                #expect(await failure(of: first) == .Cancelled)
                let sheet = try await phone.sheet()
                #expect(!before.isOpen)
                #expect(sheet.url != before.url)
                try await phone.submit(sheet)
                #expect(try await second.value.word == "signed_in")
            }
        }

        @Test("by policy the new login replaces the one that is open, even for the same")
        func replace() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                let before = try await phone.sheet()
                let late = try #require(URL(string: try await phone.server.callback(before.url)))
                let second = await phone.tap(whenOpen: .replace)
                #expect(await failure(of: first) == .Cancelled)
                let sheet = try await phone.sheet()
                #expect(await phone.client.handle(late) == false, "what was replaced is over")
                try await phone.submit(sheet, as: "bob")
                #expect(try await second.value.claim(name: "name") == "Bob")
            }
        }

        @Test("by policy the new login is refused and the one that is open goes on")
        func refuse() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                let sheet = try await phone.sheet()
                #expect(await failure(of: await phone.tap(whenOpen: .refuse)) == .Cancelled)
                #expect(sheet.isOpen)
                try await phone.submit(sheet)
                #expect(try await first.value.word == "signed_in")
            }
        }

        @Test("a caller that leaves ends nothing: the sheet stays, and the session tells the login's end")
        func leaving() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                login.cancel()
                #expect(await failure(of: login) == .Cancelled)
                #expect(phone.client.loginState == .inBrowser)
                try await phone.submit(sheet)
                await phone.client.until(.none)
                #expect(phone.client.isSignedIn)
            }
        }

        @Test("a task that was cancelled before it began opens nothing")
        func cancelledBefore() async throws {
            try await Phone.run { phone in
                let login = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await failure { try await phone.client.login() }
                }
                #expect(await login.value == .Cancelled)
                #expect(phone.client.loginState == .none)
                let requests = try await phone.server.stats().requests
                #expect(requests["discovery"] == 0)
            }
        }

        @Test("giving up while the page is prepared reaches the core, and no sheet is opened")
        func givenUpEarly() async throws {
            try await Phone.run { phone in
                try await phone.server.setFaults("discovery:gate=here")
                let login = await phone.tap()
                #expect(phone.client.loginState == .beginning)
                try await phone.server.reached(gate: "here")
                phone.client.cancelLogin()
                #expect(await failure(of: login) == .Cancelled)
                #expect(phone.client.loginState == .none)
                try await phone.server.open(gate: "here")
                try await phone.server.setFaults("")
                let next = await phone.tap(options: LoginOptions(prompt: "login"))
                let sheet = try await phone.sheet()
                #expect(sheet.url.contains("prompt=login"), "the first sheet there is, is the second login's")
                try await phone.submit(sheet)
                _ = try await next.value
            }
        }

        @Test("a cancelled call loses no token: the refresh goes on, and its token is there")
        func cancelledCall() async throws {
            try await Phone.run { phone in
                let client = phone.client
                try await phone.server.setFaults(Faults.expiredToken)
                try await phone.logIn()
                try await phone.server.resetStats()
                try await phone.server.setFaults("token:gate=here")
                let leaving = Task { await failure { try await client.accessToken() } }
                try await phone.server.reached(gate: "here")
                leaving.cancel()
                #expect(await leaving.value == .Cancelled)
                let staying = Task { try await client.accessToken().value }
                try await phone.server.open(gate: "here")
                let token = try await staying.value
                let stats = try await phone.server.stats()
                #expect(stats.requests["token"] == 1)
                let next = try await client.accessToken(options: AccessTokenOptions(forceRefresh: true)).value
                #expect(next != token)
                #expect(try await phone.server.stats().refresh_token_reuse == 0)
            }
        }
    }
}

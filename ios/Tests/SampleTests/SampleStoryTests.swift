import Accessibility
import AuthenticationServices
import Foundation
import Latchkey
import SwiftUI
import TestStores
import Testing

@testable import Sample

extension ShellTests {
    @MainActor
    @Suite("The sample as a person uses it")
    struct SampleStoryTests {
        @Test("alice logs in, pings, allows access, and logs out")
        func wholeStory() async throws {
            try await SamplePhone.run { phone in
                try await phone.logIn()
                #expect(phone.texts.contains("Alice"))
                try await phone.tap("Ping private")
                await phone.until { phone.texts.contains { $0.hasPrefix("Hello from a private endpoint!") } }

                try await phone.tap("Ping private-scoped")
                await phone.says("This needs the permission “read:messages”, which you have not given yet.")
                try await phone.tap("Allow access")
                try await phone.submit(try await phone.sheet())
                await phone.until { phone.texts.contains { $0.contains("read:messages to see this") } }
                #expect(phone.texts.contains("alice · read:messages"))

                try await phone.tap("Log out")
                await phone.says("You are logged out.")
                #expect(!phone.texts.contains("Alice"))
            }
        }

        @Test("bob may not, and after the step-up the screen says so and asks no more")
        func refused() async throws {
            try await SamplePhone.run { phone in
                try await phone.logIn(as: "bob")
                try await phone.tap("Ping private-scoped")
                try await phone.tap("Allow access")
                try await phone.submit(try await phone.sheet(), as: "bob")
                await phone.says(Word.stepUpRefused.text())
                #expect(phone.button("Allow access") == nil)
            }
        }

        @Test("a second tap does nothing")
        func secondTap() async throws {
            try await SamplePhone.run { phone in
                let button = try #require(phone.button("Log in"))
                phone.screen.press(button)
                phone.screen.press(button)
                let sheet = try await phone.sheet()
                try await phone.submit(sheet)
                await phone.until { phone.button("Ping private")?.isEnabled == true }
                try await phone.server.resetStats()
                try await phone.server.setFaults("api:gate=here@1")
                let ping = try #require(phone.button("Ping private"))
                phone.screen.press(ping)
                try await phone.server.reached(gate: "here")
                await phone.until { phone.button("Ping private")?.isRunning == true }
                phone.screen.press(ping)
                try await phone.server.open(gate: "here")
                await phone.until { phone.button("Ping private")?.isEnabled == true }
                #expect(try await phone.server.stats().requests["api"] == 1)
            }
        }

        @Test("a button that runs shows it, and the others wait")
        func running() async throws {
            try await SamplePhone.run { phone in
                try await phone.logIn()
                try await phone.server.setFaults("api:gate=here")
                try await phone.tap("Ping private")
                try await phone.server.reached(gate: "here")
                await phone.until { phone.button("Ping private")?.isRunning == true }
                #expect(phone.button("Ping private")?.label == "Ping private, running")
                #expect(phone.button("Log out")?.isEnabled == false)
                #expect(phone.button("Log out")?.isRunning == false)
                try await phone.server.open(gate: "here")
                await phone.until { phone.button("Log out")?.isEnabled == true }
            }
        }

        @Test("who closes the sheet is where they were")
        func closed() async throws {
            try await SamplePhone.run { phone in
                try await phone.tap("Log in")
                let sheet = try await phone.sheet()
                await phone.says("Continue in the browser.")
                sheet.close()
                await phone.says("Not logged in.")
                #expect(phone.button("Log in")?.isEnabled == true)
            }
        }

        @Test("who gives up is where they were, and the sheet is gone")
        func givenUp() async throws {
            try await SamplePhone.run { phone in
                try await phone.tap("Log in")
                let sheet = try await phone.sheet()
                try await phone.tap("Cancel")
                await phone.says("Not logged in.")
                #expect(!sheet.isOpen)
            }
        }

        @Test("a sheet that goes with another answer can be opened again, and an answer that comes later counts")
        func unfinished() async throws {
            try await SamplePhone.run { phone in
                try await phone.tap("Log in")
                let sheet = try await phone.sheet()
                let answer = try #require(URL(string: try await phone.server.callback(sheet.url)))
                sheet.answer("\(DevServer.redirectUri)?code=other&state=other")
                await phone.says("Logging in was not finished.")
                try await phone.tap("Continue")
                #expect(try await phone.sheet().url == sheet.url, "the same page")
                phone.screen.open(answer)
                await phone.says("Alice")
            }
        }

        @Test("an app that was killed in the middle of a login takes the answer all the same")
        func restart() async throws {
            try await inFolder { folder in
                try await DevServer.run { server in
                    let killed = try storeWorker(
                        "files", "begin", folder, server.issuer, server.clientId, DevServer.redirectUri, server.audience
                    )
                    let page = try #require(try await killed.line())
                    killed.kill()
                    _ = await killed.status()
                    let phone = SamplePhone(server, FolderStore(folder: folder))
                    phone.screen.open(try #require(URL(string: try await server.callback(page))))
                    await phone.says("Alice")
                }
            }
        }

        @Test("without an answer the last one stays, grey and with its time, and can be tried again")
        func offline() async throws {
            try await SamplePhone.run { phone in
                try await phone.logIn()
                try await phone.tap("Ping private")
                await phone.until { phone.texts.contains { $0.hasPrefix("Hello") } }
                try await phone.server.setFaults("api:drop_before_commit")
                try await phone.tap("Ping private")
                await phone.until { phone.button("Try again") != nil }
                let last = try #require(phone.screen.elements.first { $0.text.hasPrefix("Hello") })
                #expect(last.isGrey)
                #expect(phone.texts.contains { $0.hasPrefix("As of ") })
                try await phone.server.setFaults("")
                try await phone.tap("Try again")
                await phone.until { phone.screen.elements.contains { $0.text.hasPrefix("Hello") && !$0.isGrey } }
            }
        }

        @Test("what changes is read aloud, and once")
        func announced() async throws {
            try await SamplePhone.run { phone in
                try await phone.logIn()
                try await phone.tap("Ping private")
                await phone.until { phone.texts.contains { $0.hasPrefix("Hello") } }
                await phone.until { phone.button("Ping private")?.isEnabled == true }
                let said = AnnouncementsStandIn.take()
                #expect(said.first == "One moment…" || said.first == "Not logged in.")
                #expect(said.contains("Continue in the browser."))
                #expect(said.last?.hasPrefix("Hello from a private endpoint!") == true)
                #expect(zip(said, said.dropFirst()).allSatisfy { $0 != $1 })
            }
        }

        @Test("the details open, and the report has no secret in it")
        func details() async throws {
            try await SamplePhone.run { phone in
                try await phone.logIn()
                try await phone.tap("Details ▸")
                await phone.until { phone.texts.contains { $0.contains("provider: fine") } }
                #expect(phone.texts.contains { $0.contains(" login") })
                try await phone.tap("Copy report")
                await phone.until { phone.screen.alert == Word.reportCopied.text() }
                let report = try #require(UIPasteboard.general.string)
                #expect(report.contains("check provider: ok"))
                for secret in ["eyJ", "code=", "state=", "dev|alice"] { #expect(!report.contains(secret)) }
                phone.screen.dismissAlert()
                await phone.until { phone.screen.alert == nil }
                try await phone.tap("Details ▾")
                await phone.until { phone.button("Copy report") == nil }
            }
        }

        @Test("the app switcher's picture shows nothing of it, and who is logged in is marked as private")
        func privacy() async throws {
            try await SamplePhone.run { phone in
                try await phone.logIn()
                #expect(phone.screen.elements.last?.kind != .cover)
                phone.screen.setPhase(.inactive)
                #expect(phone.screen.elements.last?.kind == .cover)
                phone.screen.setPhase(.active)
                #expect(phone.screen.elements.last?.kind != .cover)
                #expect(phone.screen.elements.first { $0.text == "Alice" }?.isPrivate == true)
            }
        }

        @Test("an app whose settings are not filled in names them, and offers nothing to tap")
        func settingsMissing() {
            let screen = Screen(SampleApp())
            let names = "issuer, client_id, audience, api"
            #expect(screen.elements.map(\.text) == ["Latchkey", Word.settingsMissing.text(names)])
            #expect(screen.elements.last?.text.contains("Settings.plist") == true)
        }
    }
}

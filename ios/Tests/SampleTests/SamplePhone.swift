import Accessibility
import AuthenticationServices
import Foundation
import Latchkey
import SwiftUI
import Testing

@testable import Sample

/// A phone with the sample app on its screen, and the person who uses it, for one test.
@MainActor
final class SamplePhone {
    let server: DevServer
    let screen: Screen

    /// Runs `work` on a new phone with a server of its own, to which the app's settings lead.
    static func run(
        store: any SecureStore = memoryStore(), _ work: @MainActor (SamplePhone) async throws -> Void
    ) async throws {
        try await DevServer.run { server in
            let phone = SamplePhone(server, store)
            await phone.says("Not logged in.")
            try await work(phone)
        }
    }

    /// The app is started.
    init(_ server: DevServer, _ store: any SecureStore) {
        BrowserStandIn.reset()
        UIApplication.shared.show(.foregroundActive)
        UIPasteboard.general.string = nil
        _ = AnnouncementsStandIn.take()
        self.server = server
        let settings = Settings(
            issuer: server.issuer, clientId: server.clientId, audience: server.audience, api: server.api,
            redirectUri: DevServer.redirectUri)
        screen = Screen(SampleApp(settings, store))
    }

    /// All that is written on the screen, buttons apart.
    var texts: [String] { screen.elements.filter { $0.kind == .text }.map(\.text) }

    /// The button with this text; nil if there is none.
    func button(_ text: String) -> Element? {
        screen.elements.first { $0.kind == .button && $0.text == text }
    }

    /// Waits until the screen is so. The suite's time limit ends a test that waits in vain.
    func until(_ holds: () -> Bool) async {
        if holds() { return }
        for await _ in screen.changes where holds() { return }
    }

    func says(_ text: String) async {
        await until { texts.contains(text) }
    }

    /// Waits for the button, and taps it.
    func tap(_ text: String) async throws {
        await until { button(text)?.isEnabled == true }
        screen.press(try #require(button(text)))
    }

    /// The sheet that is opened next.
    func sheet() async throws -> Sheet {
        try #require(await BrowserStandIn.next())
    }

    /// The person logs in, in this sheet.
    func submit(_ sheet: Sheet, as user: String = "alice") async throws {
        sheet.answer(try await server.callback(sheet.url, as: user))
    }

    func logIn(as user: String = "alice") async throws {
        try await tap("Log in")
        try await submit(try await sheet(), as: user)
        await until { button("Log out")?.isEnabled == true }
    }
}

import AuthenticationServices
import Foundation
@testable import Latchkey
import Testing

extension ShellTests {
    @MainActor
    @Suite("The browser's sheet")
    struct SheetTests {
        private static let link = "https://app.example.com/callback"

        @Test("an https redirect is taken by its host and path")
        func https() async throws {
            try await Phone.run(redirectUri: Self.link) { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                #expect(sheet.callback == "https app.example.com /callback")
                phone.client.cancelLogin()
                #expect(await failure(of: login) == .Cancelled)
            }
        }

        @Test("a loopback redirect is none of the sheet's")
        func loopback() async throws {
            try await Phone.run(redirectUri: "http://127.0.0.1/callback") { phone in
                let options = LoginOptions(redirectUri: "http://127.0.0.1:49152/callback")
                let login = await phone.tap(options: options)
                let sheet = try await phone.sheet()
                #expect(sheet.callback == "none")
                phone.client.cancelLogin()
                #expect(await failure(of: login) == .Cancelled)
            }
        }

        @Test("an ephemeral login is asked for as such")
        func ephemeral() async throws {
            try await Phone.run { phone in
                let login = await phone.tap(ephemeral: true)
                let sheet = try await phone.sheet()
                #expect(sheet.isEphemeral)
                try await phone.submit(sheet)
                #expect(try await login.value.word == "signed_in")
            }
        }

        @Test("a person who closes the sheet has cancelled, and no late answer logs them in")
        func closed() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                let answer = try #require(URL(string: try await phone.server.callback(sheet.url)))
                sheet.close()
                #expect(await failure(of: login) == .Cancelled)
                #expect(phone.client.loginState == .none)
                #expect(await phone.client.handle(answer) == false)
                #expect(!phone.client.isSignedIn)
                #expect(try await phone.server.stats().requests["token"] == 0)
            }
        }

        @Test("an app that gives up closes the sheet, and the next login is a new one")
        func givenUp() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                let sheet = try await phone.sheet()
                phone.client.cancelLogin()
                #expect(!sheet.isOpen)
                #expect(await failure(of: first) == .Cancelled)
                #expect(phone.client.loginState == .none)
                let second = await phone.tap()
                let next = try await phone.sheet()
                #expect(next.url != sheet.url)
                try await phone.submit(next)
                _ = try await second.value
            }
        }

        @Test("a session outlives its end, for the system is still busy with it; the next one takes its place")
        func kept() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let sheet = try await phone.sheet()
                sheet.close()
                #expect(await failure(of: login) == .Cancelled)
                #expect(sheet.isKept)
                try await phone.logIn()
                #expect(!sheet.isKept)
            }
        }

        @Test("a sheet that does not start is the developer's mistake, in words")
        func refused() async throws {
            try await Phone.run { phone in
                BrowserStandIn.reset(refusesToStart: true)
                let error = try #require(await failure(of: await phone.tap()))
                #expect(error.problems["browser"]?.contains("the app must be in front") == true)
                #expect(phone.client.loginState == .failed(error))
            }
        }

        @Test("without a window there is nothing to hang the sheet on, and the error says what to do")
        func noWindow() async throws {
            try await Phone.run { phone in
                UIApplication.shared.show(nil)
                let error = try #require(await failure(of: await phone.tap()))
                #expect(error.problems["browser"]?.contains("no window in front") == true)
                #expect(error.recovery() == .fixConfiguration)
            }
        }

        @Test(
            "what the system says about the window is told in the same words",
            arguments: [
                ASWebAuthenticationSessionError.Code.presentationContextNotProvided, .presentationContextInvalid,
            ])
        func wrongContext(_ code: ASWebAuthenticationSessionError.Code) async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                try await phone.sheet().fail(code)
                #expect(await failure(of: login)?.problems["browser"]?.contains("no window in front") == true)
            }
        }

        @Test("an error that nobody has heard of is named by its domain and number, without its text")
        func unknown() async throws {
            try await Phone.run { phone in
                let login = await phone.tap()
                let error = NSError(domain: "odd", code: 7, userInfo: [NSLocalizedDescriptionKey: "about alice"])
                try await phone.sheet().fail(error)
                let reason = try #require(await failure(of: login)?.problems["browser"])
                #expect(reason.contains("odd 7"))
                #expect(!reason.contains("alice"))
            }
        }

        @Test("an https redirect that is not proven to be the app's is no cancel: the error names the domain to add")
        func notOwned() async throws {
            try await Phone.run(redirectUri: Self.link) { phone in
                let login = await phone.tap()
                try await phone.sheet().fail(.canceledLogin, reason: "not associated with the domain")
                let error = try #require(await failure(of: login))
                #expect(error.problems["redirect_uri"]?.contains("webcredentials:app.example.com") == true)
                #expect(phone.client.loginState == .failed(error))
            }
        }

        @Test("an answer that is not this login's leaves it unfinished, and the next tap opens the same page again")
        func foreignAnswer() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                let sheet = try await phone.sheet()
                sheet.answer("\(DevServer.redirectUri)?code=c&state=other")
                await phone.client.until(.unfinished)
                let second = await phone.tap()
                let again = try await phone.sheet()
                #expect(again.url == sheet.url)
                #expect(phone.client.loginState == .inBrowser)
                try await phone.submit(again)
                #expect(try await first.value == second.value)
            }
        }

        @Test("a page that cannot be opened again ends the login for all who wait, also for the one who asked last")
        func notAgain() async throws {
            try await Phone.run { phone in
                let first = await phone.tap()
                try await phone.sheet().answer("\(DevServer.redirectUri)?code=c&state=other")
                await phone.client.until(.unfinished)
                BrowserStandIn.reset(refusesToStart: true)
                let second = await phone.tap()
                let error = try #require(await failure(of: first))
                #expect(error.problems.keys.sorted() == ["browser"])
                #expect(await failure(of: second) == error)
            }
        }

        @Test("the sheet hangs on the window of the scene in front")
        func inFront() async throws {
            let app = UIApplication.shared
            app.show(nil)
            let behind = app.addScene(.background)
            #expect(BrowserSheet().presentationAnchor(for: anySession) === behind, "better than none")
            app.addScene(.foregroundInactive)
            let front = app.addScene(.foregroundActive)
            #expect(BrowserSheet().presentationAnchor(for: anySession) === front)
        }

        private var anySession: ASWebAuthenticationSession {
            ASWebAuthenticationSession(url: URL(fileURLWithPath: "/"), callbackURLScheme: nil) { _, _ in }
        }
    }
}

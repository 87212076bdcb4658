import SwiftUI
import Testing

@testable import Latchkey
@testable import Sample

@Suite("The cases of screen.json, as Kotlin runs them too")
struct ScreenStateTests {
    @Test("a state of the screen is as written", arguments: try ScreenCases.all())
    func state(_ one: VectorCase) throws {
        let state = screenState(try ScreenCases.seen(one))
        let expect = try #require(one["expect"]?.object)
        let words = state.words
        for name in expect.keys { #expect(words[name] != nil, "no such field: \(name)") }
        let usual: [String: JSON] = [
            "account": .null, "busy": .bool(false), "message": .array([]), "answer": .null, "buttons": .array([]),
            "details": .string("folded"),
        ]
        #expect(words == usual.merging(expect) { _, new in new })
    }

    @Test("no state has more than two buttons besides the pings and the logout", arguments: try ScreenCases.all())
    func fewButtons(_ one: VectorCase) throws {
        let own: [Action] = [.pingPrivate, .pingPrivateScoped, .logOut]
        let words: [Word] = [.pingPrivate, .pingPrivateScoped, .logOut]
        let others = screenState(try ScreenCases.seen(one)).buttons.filter {
            !own.contains($0.action) || !words.contains($0.word)
        }
        #expect(others.count <= 2)
    }

    @Test("while a call runs nothing can be tapped but Cancel", arguments: Action.allCases)
    func running(_ action: Action) {
        let state = screenState(Seen(session: .signedOut(reason: .never), running: action))
        let ready = state.buttons.filter { $0.state == .ready }.map(\.action)
        #expect(ready == (action == .logIn ? [.cancelLogin] : []))
    }

    @Test("settings that are filled in are all there, and each that is not is named as in the file")
    func settings() {
        #expect(Settings.of(.sample).missing() == ["issuer", "client_id", "audience", "api"])
        #expect(Settings.of(.sample).redirectUri == "dev.latchkey.sample:/callback")
        let filled = Settings(issuer: "i", clientId: "c", audience: "a", api: "u", redirectUri: "r")
        #expect(filled.missing() == [])
        #expect(
            filled.config()
                == AuthConfig(
                    issuer: "i", clientId: "c", redirectUri: "r", audience: "a", singleInstanceRole: "app"))
    }
}

extension ScreenState {
    /// The state in the words of the vectors.
    fileprivate var words: [String: JSON] {
        [
            "account": account.map { .object(["name": JSON($0.name), "detail": .string($0.detail)]) } ?? .null,
            "busy": .bool(busy),
            "message": .array(message.flatMap(\.words).map { .array($0.map(JSON.string)) }),
            "answer": answer.map(\.words) ?? .null,
            "buttons": .array(
                buttons.map { .array([$0.action.rawValue, $0.word.rawValue, $0.state.rawValue].map(JSON.string)) }),
            "details": .string(details.rawValue),
        ]
    }
}

extension ShownAnswer {
    fileprivate var words: JSON {
        .object([
            "text": .string(answer.text), "at_unix_seconds": .number(Double(answer.atUnixSeconds)), "old": .bool(old),
        ])
    }
}

extension Sample.Sentence {
    /// Key and argument of each sentence of it; the library's keys have a prefix.
    fileprivate var words: [[String]] {
        switch self {
        case .word(let word, let argument): [[word.rawValue, argument].filter { !$0.isEmpty }]
        case .error(let error): error.sentences.map(words)
        case .revocation(let revocation): revocation.sentences.map(words)
        }
    }

    private func words(_ said: Latchkey.Sentence) -> [String] {
        [said.key.replacingOccurrences(of: "latchkey_", with: ""), said.argument].filter { !$0.isEmpty }
    }
}

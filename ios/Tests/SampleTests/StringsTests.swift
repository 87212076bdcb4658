import Foundation
import Testing

@testable import Sample

@Suite("The sample's texts in their five languages")
struct StringsTests {
    private static let languages = ["en", "de", "fr", "es", "ja"]

    @Test("every language has every text, and none that the app does not know", arguments: languages)
    func complete(_ language: String) throws {
        let keys = try strings(language).map(\.key)
        #expect(keys.sorted() == Word.allCases.map(\.rawValue).sorted())
        let bundle = try bundle(language)
        for word in Word.allCases {
            let text = word.text("✽", in: bundle)
            #expect(text != word.rawValue && !text.isEmpty && !text.contains("%"), "\(word)")
        }
    }

    @Test("every language has the same places to fill in", arguments: languages)
    func places(_ language: String) throws {
        let english = try strings("en")
        for ((key, text), (_, other)) in zip(try strings(language), english) {
            #expect(text.contains("%1$@") == other.contains("%1$@"), "\(key)")
        }
    }

    @Test("every sentence is translated", arguments: languages.dropFirst())
    func translated(_ language: String) throws {
        let same = zip(try strings(language), try strings("en")).filter { $0 == $1 && $0.text.contains(" ") }
        #expect(same.map(\.0.key).filter { !$0.hasPrefix("ping_private") } == [])
    }

    @Test("the words are Android's, but for the name of a file", arguments: languages)
    func sameAsAndroid(_ language: String) throws {
        let folder = language == "en" ? "values" : "values-\(language)"
        let theirs = try pairs(
            "android/app/src/main/res/\(folder)/strings.xml", #"^ *<string name="([a-z_]+)">(.*)</string>$"#)
        let known = Set(Word.allCases.map(\.rawValue))
        let ours = try strings(language).map { key, text in
            let file = key == "settings_missing" ? "res/values/settings.xml" : "Settings.plist"
            return "\(key) = \(text.replacingOccurrences(of: "Settings.plist", with: file))"
        }
        let expected = theirs.filter { known.contains($0.key) }
            .map { "\($0.key) = \($0.text.replacingOccurrences(of: "%1$s", with: "%1$@"))" }
        #expect(ours.sorted() == expected.sorted())
    }

    @Test("no text is left that the app does not use")
    func used() throws {
        let folder = root.appendingPathComponent("ios/App/Sources")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        let sources = try files.map { try source("ios/App/Sources/\($0)") }.joined()
        for word in Word.allCases {
            #expect(try sources.contains(Regex("\\.\(word)(?![A-Za-z])")), "\(word)")
        }
    }

    private func bundle(_ language: String) throws -> Bundle {
        let path = try #require(Bundle.sample.path(forResource: language, ofType: "lproj"))
        return try #require(Bundle(path: path))
    }

    private func strings(_ language: String) throws -> [(key: String, text: String)] {
        try pairs(
            "ios/App/Sources/Resources/\(language).lproj/Localizable.strings", #"^"([a-z_]+)" = "(.*)";$"#)
    }

    private func pairs(_ file: String, _ pattern: String) throws -> [(key: String, text: String)] {
        let line = try Regex(pattern, as: (Substring, Substring, Substring).self).anchorsMatchLineEndings()
        return try source(file).matches(of: line).map { (String($0.1), String($0.2)) }
    }
}

import Foundation
import Testing

@testable import Sample

/// What can be said of the Xcode project where there is no Xcode.
@Suite("The Xcode project of the sample")
struct ProjectTests {
    @Test("it can be read, and each object that it refers to is there, and is used")
    func references() throws {
        let project = try list("ios/App/Sample.xcodeproj/project.pbxproj")
        #expect(project["objectVersion"] as? String == "77")
        let objects = try #require(project["objects"] as? [String: [String: Any]])
        var named = Set([try #require(project["rootObject"] as? String)])
        for object in objects.values { named.formUnion(identifiers(in: Array(object.values))) }
        #expect(named == Set(objects.keys))
        for (id, object) in objects { #expect(object["isa"] is String, "\(id)") }
    }

    @Test("each path that it names is there, and the package at its end has the product")
    func paths() throws {
        let project = try list("ios/App/Sample.xcodeproj/project.pbxproj")
        let objects = try #require(project["objects"] as? [String: [String: Any]]).values
        let groups = objects.filter { $0["sourceTree"] as? String == "<group>" }.compactMap { $0["path"] as? String }
        let settings = objects.compactMap { $0["buildSettings"] as? [String: Any] }
        let files = settings.flatMap { [$0["INFOPLIST_FILE"], $0["CODE_SIGN_ENTITLEMENTS"]] }.compactMap {
            $0 as? String
        }
        #expect(groups.sorted() == ["Info.plist", "Sample.entitlements", "Sources"])
        #expect(files.count == 4)
        for path in groups + files { #expect(exists("ios/App/\(path)"), "\(path)") }
        let package = try #require(objects.compactMap { $0["relativePath"] as? String }.first)
        let manifest = try source("ios/App/\(package)/Package.swift")
        let product = try #require(objects.compactMap { $0["productName"] as? String }.first { $0 != "Sample" })
        #expect(manifest.contains(".library(name: \"\(product)\""))
    }

    @Test("the app's scheme, its settings and its languages are the same wherever they are written")
    func same() throws {
        let info = try list("ios/App/Info.plist")
        let types = try #require(info["CFBundleURLTypes"] as? [[String: Any]])
        let schemes = types.flatMap { $0["CFBundleURLSchemes"] as? [String] ?? [] }
        #expect(schemes.map { "\($0):/callback" } == [Settings.of(.sample).redirectUri])
        let project = try list("ios/App/Sample.xcodeproj/project.pbxproj")
        let objects = try #require(project["objects"] as? [String: [String: Any]]).values
        let regions = try #require(objects.compactMap { $0["knownRegions"] as? [String] }.first)
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: root.appendingPathComponent("ios/App/Sources/Resources").path)
        let languages = folders.filter { $0.hasSuffix(".lproj") }.map {
            $0.replacingOccurrences(of: ".lproj", with: "")
        }
        #expect(Set(regions) == Set(languages + ["Base"]))
    }

    @Test("the entitlements name the site twice and the access group of an extension")
    func entitlements() throws {
        let list = try list("ios/App/Sample.entitlements")
        let domains = list["com.apple.developer.associated-domains"] as? [String]
        #expect(domains == ["applinks:app.example.com", "webcredentials:app.example.com"])
        let groups = try #require(list["keychain-access-groups"] as? [String])
        #expect(groups.first == "$(AppIdentifierPrefix)dev.latchkey.sample", "the app's own is the first")
        #expect(groups.count == 2)
    }

    private func list(_ path: String) throws -> [String: Any] {
        let data = Data(try source(path).utf8)
        return try #require(PropertyListSerialization.propertyList(from: data, format: nil) as? [String: Any])
    }

    private func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// What looks like the name of an object, however deep.
    private func identifiers(in values: [Any]) -> [String] {
        values.flatMap { value -> [String] in
            switch value {
            case let text as String: text.wholeMatch(of: /[0-9A-F]{24}/) == nil ? [] : [text]
            case let array as [Any]: identifiers(in: array)
            case let members as [String: Any]: identifiers(in: Array(members.values))
            default: []
            }
        }
    }
}

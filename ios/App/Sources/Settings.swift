import Foundation
import Latchkey

/// What `Settings.plist` says.
struct Settings: Equatable {
    let issuer: String
    let clientId: String
    let audience: String
    let api: String
    let redirectUri: String

    /// By the names that a developer finds in the file.
    func missing() -> [String] {
        [("issuer", issuer), ("client_id", clientId), ("audience", audience), ("api", api)]
            .filter { _, value in value.trimmingCharacters(in: .whitespaces).isEmpty }
            .map { name, _ in name }
    }

    func config() -> AuthConfig {
        AuthConfig(
            issuer: issuer, clientId: clientId, redirectUri: redirectUri, audience: audience,
            singleInstanceRole: "app")
    }

    static func of(_ bundle: Bundle) -> Settings {
        let file = bundle.url(forResource: "Settings", withExtension: "plist").flatMap { try? Data(contentsOf: $0) }
        let values = file.flatMap { try? PropertyListDecoder().decode([String: String].self, from: $0) } ?? [:]
        return Settings(
            issuer: values["issuer"] ?? "",
            clientId: values["client_id"] ?? "",
            audience: values["audience"] ?? "",
            api: values["api"] ?? "",
            redirectUri: values["redirect_uri"] ?? "")
    }
}

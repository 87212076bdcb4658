import Foundation
import Latchkey
import Testing

/// One case of the behaviour vectors in tests/vectors, which Rust, Kotlin and Swift run alike.
struct VectorCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private let members: [String: JSON]

    /// All cases of a file.
    static func all(_ file: String) throws -> [VectorCase] {
        let path = try program(named: "LATCHKEY_VECTORS").appendingPathComponent(file)
        return try JSONDecoder().decode([[String: JSON]].self, from: Data(contentsOf: path)).map { members in
            guard let name = members["name"]?.string else { throw NotUnderstood(word: "a case without a name") }
            return VectorCase(testDescription: name, members: members)
        }
    }

    subscript(_ name: String) -> JSON? {
        members[name]
    }

    /// A member that this language does not know must fail the case: parity would only seem to be there.
    func onlyKnows(_ names: Set<String>) throws {
        try members.keys.forEach { name in
            if name != "name" && !names.contains(name) { throw NotUnderstood(word: name) }
        }
    }

    /// The server's texts in the place of their names.
    static func fill(_ text: String, _ server: DevServer) -> String {
        text.replacingOccurrences(of: "{issuer}", with: server.issuer)
            .replacingOccurrences(of: "{client_id}", with: server.clientId)
            .replacingOccurrences(of: "{audience}", with: server.audience)
            .replacingOccurrences(of: "{api}", with: server.api)
    }

    /// The configuration of the case.
    func config(_ server: DevServer, audience: String? = nil) throws -> AuthConfig {
        var config = AuthConfig(
            issuer: server.issuer, clientId: server.clientId, redirectUri: DevServer.redirectUri, audience: audience)
        for (name, value) in members["config"]?.object ?? [:] {
            let text = value.string.map { VectorCase.fill($0, server) }
            switch name {
            case "issuer": config.issuer = text ?? ""
            case "client_id": config.clientId = text ?? ""
            case "redirect_uri": config.redirectUri = text ?? ""
            case "audience": config.audience = text
            case "scopes": config.scopes = value.strings
            case "resources": config.resources = value.strings
            case "request_timeout_seconds": config.requestTimeoutSeconds = value.number.map(UInt32.init)
            default: throw NotUnderstood(word: name)
            }
        }
        return config
    }

    /// The login options of the case.
    func options() throws -> LoginOptions {
        var options = LoginOptions()
        for (name, value) in members["options"]?.object ?? [:] {
            switch name {
            case "prompt": options.prompt = value.string
            case "login_hint": options.loginHint = value.string
            case "max_age_seconds": options.maxAgeSeconds = value.number.map(UInt64.init)
            case "acr_values": options.acrValues = value.string
            case "ui_locales": options.uiLocales = value.string
            case "scopes": options.scopes = value.strings
            case "audience": options.audience = value.string
            case "resources": options.resources = value.strings
            case "redirect_uri": options.redirectUri = value.string
            case "extra_parameters": options.extraParameters = value.object.compactMapValues(\.string)
            default: throw NotUnderstood(word: name)
            }
        }
        return options
    }

    /// Sets the case's faults at the server.
    func setFaults(_ server: DevServer) async throws {
        if let faults = members["faults"]?.string { try await server.setFaults(faults) }
    }
}

/// A word in a vector that these tests do not know.
struct NotUnderstood: Error {
    let word: String
}

/// The parameters of a URL's query, each name with all its values.
func parameters(_ url: String) -> [String: [String]] {
    let items = URLComponents(string: url.replacingOccurrences(of: "+", with: "%20"))?.queryItems ?? []
    return Dictionary(grouping: items, by: \.name).mapValues { $0.map { $0.value ?? "" } }
}

import Foundation
import Latchkey

/// A development server of a test's own, on a free port: nobody else's faults and counts are in the way.
final class DevServer: Sendable {
    let issuer: String
    let api: String
    let clientId: String
    let audience: String
    private let passwords: [String: String]
    private let process: ChildProcess
    private let browser = Browser()

    static let redirectUri = "dev.latchkey.sample:/callback"

    /// Runs `work` with a server that is ended afterwards, however `work` ends.
    static func run(
        isolation: isolated (any Actor)? = #isolation, _ work: (DevServer) async throws -> Void
    ) async throws {
        let process = try ChildProcess(program(named: "LATCHKEY_DEVSERVER"))
        let result: Result<Void, any Error>
        do {
            result = .success(try await work(try await DevServer(process)))
        } catch {
            result = .failure(error)
        }
        process.kill()
        _ = await process.status()
        try result.get()
    }

    private init(_ process: ChildProcess) async throws {
        guard let line = try await process.line() else { throw NotReady() }
        let ready = try JSONDecoder().decode(Ready.self, from: Data(line.utf8))
        self.process = process
        issuer = ready.issuer
        api = ready.api
        clientId = ready.client_id
        audience = ready.audience
        passwords = Dictionary(uniqueKeysWithValues: ready.users.map { ($0.name, $0.password) })
    }

    /// What most tests log in with: the API's audience and its scope.
    var config: AuthConfig {
        AuthConfig(
            issuer: issuer, clientId: clientId, redirectUri: DevServer.redirectUri,
            scopes: ["openid", "profile", "offline_access", "read:messages"], audience: audience)
    }

    /// Begins a login, submits the login page as this user, finishes.
    @discardableResult
    func logIn(_ auth: Auth, as user: String = "alice") async throws -> Session {
        let request = try await auth.beginLogin(options: LoginOptions())
        return try await auth.finishLogin(callbackUrl: callback(request.url, as: user))
    }

    /// Submits the login page, and returns the callback URL.
    func callback(_ url: String, as user: String = "alice") async throws -> String {
        try await browser.logIn(url, name: user, password: passwords[user] ?? "")
    }

    /// Replaces all faults; see `latchkey-devserver --help`.
    func setFaults(_ text: String) async throws {
        try await steer("POST", "/faults", text)
    }

    /// Returns when a request waits at the gate.
    func reached(gate: String) async throws {
        try await steer("GET", "/faults/gates/\(gate)/reached")
    }

    func open(gate: String) async throws {
        try await steer("POST", "/faults/gates/\(gate)")
    }

    /// What is done at once: `revoke-all`, `revoke/alice`, `rotate-keys`, or `rotation` with its word.
    func admin(_ path: String, _ word: String? = nil) async throws {
        try await steer("POST", "/admin/\(path)", word)
    }

    /// What was counted since the start, or since the last reset.
    func stats() async throws -> Stats {
        try JSONDecoder().decode(Stats.self, from: Data(try await steer("GET", "/stats").utf8))
    }

    func resetStats() async throws {
        try await steer("POST", "/stats/reset")
    }

    @discardableResult
    private func steer(_ method: String, _ path: String, _ body: String? = nil) async throws -> String {
        let origin = api.replacingOccurrences(of: "/api", with: "")
        let answer = try await browser.send(browser.request(origin + path, method: method, body: body))
        guard (200..<300).contains(answer.status) else { throw Refused(text: answer.text) }
        return answer.text
    }
}

struct Stats: Decodable {
    let requests: [String: Int]
    let refresh_token_reuse: Int
}

private struct Ready: Decodable {
    let issuer, api, client_id, audience: String
    let users: [User]
    struct User: Decodable { let name, password: String }
}

private struct NotReady: Error {}
private struct Refused: Error { let text: String }

/// The path that xtask hands over in this variable.
func program(named variable: String) throws -> URL {
    guard let path = ProcessInfo.processInfo.environment[variable] else { throw NotHandedOver(variable: variable) }
    return URL(fileURLWithPath: path)
}

/// Run the tests with `cargo xtask test swift`: it sets this variable.
private struct NotHandedOver: Error { let variable: String }

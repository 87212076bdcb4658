import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// HTTP as a browser without script and without cookies, which follows no redirect.
final class Browser: NSObject, URLSessionTaskDelegate, Sendable {
    /// Opens the login page, fills its form in and submits it. Returns where the provider then sends the browser, the
    /// callback URL, without going there.
    func logIn(_ url: String, name: String, password: String) async throws -> String {
        let page = try await send(request(url))
        if let callback = page.location { return callback }
        let form = try Form(page.text)
        let answer = try await send(form.filled(["username": name, "password": password], at: url))
        guard let callback = answer.location else { throw NoLoginPage(status: answer.status) }
        return callback
    }

    /// Sends a request and returns its answer, whatever its status.
    func send(_ request: URLRequest) async throws -> Answer {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        let (body, response) = try await session.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw NoLoginPage(status: 0) }
        return Answer(
            status: response.statusCode, location: response.value(forHTTPHeaderField: "Location"),
            text: String(decoding: body, as: UTF8.self))
    }

    func request(_ url: String, method: String = "GET", body: String? = nil) throws -> URLRequest {
        guard let url = URL(string: url) else { throw NoLoginPage(status: 0) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        return request
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

/// An answer to the browser.
struct Answer {
    let status: Int
    let location: String?
    let text: String
}

/// What came was no login page, and no redirect.
struct NoLoginPage: Error {
    let status: Int
}

/// The form of a page of the development server's; this is no HTML parser.
private struct Form {
    private let action: String
    private let fields: [(name: String, value: String)]

    init(_ page: String) throws {
        guard let form = page.between("<form ", "</form>"), let action = Form.attribute("action", of: form) else {
            throw NoLoginPage(status: 200)
        }
        self.action = action
        fields = form.components(separatedBy: "<input ").dropFirst().compactMap { input in
            Form.attribute("name", of: input).map { ($0, Form.attribute("value", of: input) ?? "") }
        }
    }

    func filled(_ values: [String: String], at page: String) throws -> URLRequest {
        guard let url = URL(string: action, relativeTo: URL(string: page)) else { throw NoLoginPage(status: 200) }
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
        let pairs = fields.map { "\(formEncoded($0.name))=\(formEncoded(values[$0.name] ?? $0.value))" }
        request.httpBody = Data(pairs.joined(separator: "&").utf8)
        return request
    }

    /// The value of the first attribute of this name in the text of a tag.
    private static func attribute(_ name: String, of text: String) -> String? {
        let tag = text.prefix { $0 != ">" }
        return " \(tag)".between(" \(name)=\"", "\"")?
            .replacingOccurrences(of: "&quot;", with: "\"").replacingOccurrences(of: "&#39;", with: "'")
            .replacingOccurrences(of: "&lt;", with: "<").replacingOccurrences(of: "&gt;", with: ">")
            .replacingOccurrences(of: "&amp;", with: "&")
    }
}

private func formEncoded(_ text: String) -> String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
}

extension String {
    fileprivate func between(_ start: String, _ end: String) -> String? {
        guard let start = range(of: start) else { return nil }
        let rest = self[start.upperBound...]
        return rest.range(of: end).map { String(rest[..<$0.lowerBound]) }
    }
}

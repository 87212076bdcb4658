/// A generic password. Its primary key is service, account and access group; none of these items is synchronizable.
public struct StandInItem: Codable, Sendable, Equatable {
    /// The attributes by which a search finds an item, under their names.
    public var attributes: [String: Attribute]
    /// When it can be read.
    public let accessible: String
    /// Whether reading, or changing, it asks for the person.
    public let needsPerson: Bool
    /// The secret.
    public var data: Data
    /// Whether the secret can be read no more.
    public var isDamaged = false

    /// An attribute is a text or bytes.
    public enum Attribute: Codable, Sendable, Equatable {
        case text(String)
        case bytes(Data)

        var value: Any {
            switch self {
            case .text(let text): text
            case .bytes(let bytes): bytes
            }
        }

        init?(_ value: Any?) {
            switch value {
            case let text as String: self = .text(text)
            case let bytes as Data: self = .bytes(bytes)
            default: return nil
            }
        }
    }

    var key: [Attribute?] { [kSecAttrService, kSecAttrAccount, kSecAttrAccessGroup].map { attributes[$0] } }
}

/// A test that fails prints items, and their bytes are tokens.
extension StandInItem: CustomStringConvertible, CustomReflectable {
    /// Without the secret.
    public var description: String { "StandInItem(\(attributes.mapValues(\.value)), \(data.count) bytes)" }

    /// Without the secret.
    public var customMirror: Mirror {
        Mirror(self, children: ["attributes": attributes, "count": data.count], displayStyle: .struct)
    }
}

/// Where the items are: in memory, or in a file of a folder that several processes share. There the lock is the
/// system's, which counts between threads and processes alike and ends with a process that is killed.
final class Shelf: @unchecked Sendable {
    private let folder: String?
    private let lock = NSLock()
    private var inMemory: [StandInItem] = []

    init(folder: String?) {
        self.folder = folder
    }

    /// Reads and changes the items while nobody else does.
    func change<Result>(_ work: (inout [StandInItem]) throws -> Result) throws -> Result {
        guard let folder else { return try lock.withLock { try work(&inMemory) } }
        let lock = open("\(folder)/keychain.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw CocoaError(.fileWriteUnknown) }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw CocoaError(.fileLocking) }
        }
        let file = URL(fileURLWithPath: "\(folder)/keychain")
        let stored = try? Data(contentsOf: file)
        let before = try stored.map { try PropertyListDecoder().decode([StandInItem].self, from: $0) } ?? []
        var items = before
        let result = try work(&items)
        if items != before {
            let encoder = PropertyListEncoder()
            encoder.outputFormat = .binary
            try encoder.encode(items).write(to: file, options: .atomic)
        }
        return result
    }
}

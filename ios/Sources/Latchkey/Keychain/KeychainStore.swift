import Foundation
import LatchkeyCore

/// The store of an app on Apple's systems: items of the Keychain, which stay on this device, are in no iCloud and can be
/// read from the first unlock after a restart on, also behind a locked screen. On macOS it is the data protection
/// keychain, which a signed app has.
///
/// ```swift
/// let auth = try Auth(config: config, store: KeychainStore())
/// ```
///
/// An app and its extensions that share a login name one access group and one folder, that of their app group:
///
/// ```swift
/// // Nil where the app lacks the entitlement for the group.
/// let folder = FileManager.default.containerURL(forSecurityApplicationGroupIdentifier: "group.com.example.app")!
/// KeychainStore(service: "com.example.app.login", accessGroup: "ABCDE12345.com.example.shared", folder: folder)
/// ```
///
/// The Keychain keeps its items when an app is deleted. What an earlier installation has left is not this one's session:
/// it is put aside, and erased by the first record that this one stores. `countLeftByEarlierInstallations` tells of it
/// until then.
///
/// Each item is one generic password, and the Keychain itself compares the tag and writes, in one step. With `presence`
/// an item has two halves: one with the tag, which asks nobody, and one with the bytes, which asks for the person when it
/// is read and never when it is written. What each answer of the Keychain's means is in one table, `verdict(on:)`.
public final class KeychainStore: SecureStore {
    private let items: KeychainItems
    /// The halves with the bytes; nil without presence.
    private let halves: KeychainItems?
    private let presence: (@Sendable () -> AnyObject?)?
    private let installation: Installation

    /// A store that this app alone uses. Looks at nothing yet.
    ///
    /// - Parameters:
    ///   - service: The name of its items; no other app, extension or store may use it. If left out, it is made from the
    ///     app's bundle identifier.
    ///   - presence: If given, reading needs the person: see `init(service:accessGroup:folder:presence:)`.
    public convenience init(
        service: String? = nil, presence: (@Sendable () -> AnyObject?)? = nil
    ) {
        let service = service ?? "\(Bundle.main.bundleIdentifier ?? ProcessInfo.processInfo.processName).latchkey"
        let support = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask).first
        let folder = (support ?? FileManager.default.temporaryDirectory).appendingPathComponent(service)
        self.init(service: service, group: nil, folder: folder, presence: presence)
    }

    /// A store that several processes share: all of them with the same service, group and folder. Looks at nothing yet.
    ///
    /// - Parameters:
    ///   - service: The name of its items; no store besides these may use it.
    ///   - accessGroup: One of the app's keychain access groups, with the team's prefix.
    ///   - folder: In the container that these processes share. It is made if it is not there.
    ///   - presence: If given, reading needs the person, by face, finger or passcode, and the items are gone when the
    ///     passcode is removed. It gives the `LAContext` with which the system asks; one on which the person was
    ///     recognised asks no more. Nil means: do not ask now, and reading is `Locked`. The core reads at moments that
    ///     nobody expects, so hand over a context only after the person was asked, and call `auth.resumed()` then.
    public convenience init(
        service: String, accessGroup: String, folder: URL, presence: (@Sendable () -> AnyObject?)? = nil
    ) {
        self.init(service: service, group: accessGroup, folder: folder, presence: presence)
    }

    private init(service: String, group: String?, folder: URL, presence: (@Sendable () -> AnyObject?)?) {
        items = KeychainItems(service: service, accessGroup: group, isGuarded: false)
        let guarded = KeychainItems(service: "\(service).guarded", accessGroup: group, isGuarded: true)
        halves = presence == nil ? nil : guarded
        self.presence = presence
        installation = Installation(folder: folder)
    }

    /// How many items earlier installations of this app have left. They are erased by the first record that is stored.
    public func countLeftByEarlierInstallations() throws -> Int {
        try typed {
            let id = try installation.id()
            return try items.list().count { $0.label != id }
        }
    }

    /// See `SecureStore`.
    public func load(key: String) throws -> StoredItem? {
        try typed {
            let name = try name(of: key)
            return try halves.map { try load(name, from: $0) } ?? loadWhole(name)
        }
    }

    /// See `SecureStore`.
    public func swap(key: String, expected: Data?, next: StoredItem?) throws {
        try typed {
            if let next, !isTag(next.tag) || next.bytes.count > maxItemBytes { throw StoreError.Unavailable }
            let name = try name(of: key)
            guard let halves else { return try compareAndWrite(name, expected, next?.tag, next?.bytes ?? Data()) }
            try swap(name, expected, next, in: halves)
        }
    }

    private func loadWhole(_ name: Name) throws -> StoredItem? {
        do {
            guard let found = try look(name, withData: true) else { return nil }
            return StoredItem(tag: try tag(of: found), bytes: found.data)
        } catch Verdict.damaged {
            guard let found = try look(name, withData: false) else { return nil }
            throw StoreError.Corrupt(tag: try tag(of: found))
        }
    }

    /// The half with the tag says which half with bytes belongs to it. One that is exchanged meanwhile is looked for anew.
    private func load(_ name: Name, from halves: KeychainItems) throws -> StoredItem? {
        for _ in 0..<maxTries {
            guard let found = try look(name, withData: false) else { return nil }
            let tag = try tag(of: found)
            guard let context = presence?() else { throw StoreError.Locked }
            do {
                if let half = try halves.find(name.half(tag), withData: true, context: context) {
                    return StoredItem(tag: tag, bytes: half.data)
                }
            } catch Verdict.damaged {
                throw StoreError.Corrupt(tag: tag)
            }
            // Not found, with its tag still there: the system has taken it, if it keeps such items at this moment.
            guard try look(name, withData: false)?.tag == tag else { continue }
            do {
                try halves.probe(label: name.installation)
            } catch Verdict.noPasscode {
                throw StoreError.KeyLost(tag: tag)
            }
            if try halves.find(name.half(tag), withData: true, context: context) == nil {
                throw StoreError.KeyLost(tag: tag)
            }
        }
        throw StoreError.Unavailable
    }

    /// The bytes first, then the tag: what happens to the tag decides. What lies about after a kill is behind its guard.
    private func swap(_ name: Name, _ expected: Data?, _ next: StoredItem?, in halves: KeychainItems) throws {
        if let next {
            // Tags are made for one write, so one that is there is this write, tried before.
            _ = try halves.add(name.half(next.tag), label: name.installation, tag: nil, data: next.bytes)
        }
        do {
            try compareAndWrite(name, expected, next?.tag, Data())
        } catch StoreError.Conflict {
            if let next, try look(name, withData: false)?.tag != next.tag {
                _ = try? halves.delete(name.half(next.tag), tag: nil)
            }
            throw StoreError.Conflict
        }
        if let expected { _ = try? halves.delete(name.half(expected), tag: nil) }
    }

    /// The compare-and-swap, of an item whose tag becomes `next`; it is deleted if that is none.
    private func compareAndWrite(_ name: Name, _ expected: Data?, _ next: Data?, _ bytes: Data) throws {
        guard let expected else {
            guard let next else {
                if try look(name, withData: false) != nil { throw StoreError.Conflict }
                return
            }
            guard try items.add(name.account, label: name.installation, tag: next, data: bytes) else {
                throw StoreError.Conflict
            }
            return eraseEarlierInstallations(than: name.installation)
        }
        let current = try currentTag(name, expected)
        let isDone =
            if let next {
                try items.update(name.account, from: current, to: next, data: bytes)
            } else {
                try items.delete(name.account, tag: current)
            }
        if !isDone {
            try items.probe(label: name.installation)
            throw StoreError.Conflict
        }
    }

    /// What to search for. An item whose tag is no tag is expected under another one: what it has, then, is compared.
    private func currentTag(_ name: Name, _ expected: Data) throws -> Data? {
        guard expected == unreadableTag else { return expected }
        guard let found = try look(name, withData: false), !isTag(found.tag) else { throw StoreError.Conflict }
        return found.tag
    }

    /// What is there. None is believed after the Keychain could be written: only a search after that has proven anything.
    private func look(_ name: Name, withData: Bool) throws -> KeychainItems.Found? {
        if let found = try items.find(name.account, withData: withData) { return found }
        try items.probe(label: name.installation)
        return try items.find(name.account, withData: withData)
    }

    /// The person has begun anew. If this fails, the next new record does it.
    private func eraseEarlierInstallations(than id: String) {
        let earlier = Set((try? items.list())?.compactMap(\.label) ?? []).subtracting([id])
        for label in earlier {
            // The half that names it goes last.
            try? KeychainItems(service: "\(items.service).guarded", accessGroup: items.accessGroup, isGuarded: true)
                .deleteAll(label: label)
            try? items.deleteAll(label: label)
        }
    }

    private func name(of key: String) throws -> Name {
        let plain = key.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789._-".utf8.contains($0) }
        guard plain, (1...100).contains(key.utf8.count), !key.hasPrefix("."), !key.hasSuffix(".") else {
            throw StoreError.Unavailable
        }
        return Name(installation: try installation.id(), key: key)
    }

    private func tag(of found: KeychainItems.Found) throws -> Data {
        guard let tag = found.tag, isTag(tag) else { throw StoreError.Corrupt(tag: unreadableTag) }
        return tag
    }
}

/// What an item is called in the Keychain.
private struct Name {
    let installation: String
    let key: String

    var account: String { "\(installation).\(key)" }

    func half(_ tag: Data) -> String {
        "\(account)#\(tag.map { String(format: "%02x", $0) }.joined())"
    }
}

private func isTag(_ tag: Data?) -> Bool {
    tag?.count == unreadableTag.count && tag != unreadableTag
}

/// The Keychain's answer ends here.
private func typed<Success>(_ work: () throws -> Success) throws -> Success {
    do {
        return try work()
    } catch let verdict as Verdict {
        throw verdict.error
    }
}

private let maxItemBytes = 16 * 1024
private let unreadableTag = Data(count: 16)
private let maxTries = 10

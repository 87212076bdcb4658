import Foundation
import Security

/// The generic passwords of one service: the Keychain's four calls, and nothing that is decided.
///
/// An item's name is its account. Its tag is `kSecAttrGeneric`: bytes, which a search compares, and which are not of the
/// primary key (service, account, access group, synchronizable), so that an update may change them. Its label is the
/// installation that wrote it. All searches name the tag that they expect, so the Keychain itself compares and writes in
/// one step.
struct KeychainItems: Sendable {
    let service: String
    let accessGroup: String?
    /// Whether reading asks for the person. Items that do are kept only while the device has a passcode.
    let isGuarded: Bool

    struct Found {
        let tag: Data?
        let data: Data
        let label: String?
    }

    /// Nil if nothing was found. Without `withData` nobody is asked, unless the items are guarded.
    func find(_ account: String, withData: Bool, context: AnyObject? = nil) throws -> Found? {
        var query = query(account: account)
        query[kSecReturnAttributes as String] = true
        if withData { query[kSecReturnData as String] = true }
        if let context { query[kSecUseAuthenticationContext as String] = context }
        var found: CFTypeRef?
        guard try succeeded(SecItemCopyMatching(query as CFDictionary, &found), else: .absent) else { return nil }
        return try item(found as? [String: Any])
    }

    /// All of this service, without their data.
    func list() throws -> [Found] {
        var query = query()
        query[kSecReturnAttributes as String] = true
        query[kSecMatchLimit as String] = kSecMatchLimitAll
        var found: CFTypeRef?
        guard try succeeded(SecItemCopyMatching(query as CFDictionary, &found), else: .absent) else { return [] }
        return try (found as? [[String: Any]] ?? []).map(item)
    }

    /// False if there is an item of this name.
    func add(_ account: String, label: String, tag: Data?, data: Data) throws -> Bool {
        var attributes = query(account: account, label: label, tag: tag)
        attributes[kSecValueData as String] = data
        if isGuarded {
            let passcode = kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly as CFTypeRef
            let control = SecAccessControlCreateWithFlags(nil, passcode, .userPresence, nil)
            guard let control else { throw Verdict.unproven }
            attributes[kSecAttrAccessControl as String] = control
        } else {
            attributes[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        }
        return try succeeded(SecItemAdd(attributes as CFDictionary, nil), else: .taken, adding: true)
    }

    /// False if no item of this name has this tag.
    func update(_ account: String, from tag: Data?, to next: Data, data: Data) throws -> Bool {
        let change: [String: Any] = [kSecAttrGeneric as String: next, kSecValueData as String: data]
        let query = query(account: account, tag: tag)
        return try succeeded(SecItemUpdate(query as CFDictionary, change as CFDictionary), else: .absent)
    }

    /// False if no item of this name has this tag.
    func delete(_ account: String, tag: Data?) throws -> Bool {
        try succeeded(SecItemDelete(query(account: account, tag: tag) as CFDictionary), else: .absent)
    }

    /// Deletes all that an installation has written.
    func deleteAll(label: String) throws {
        _ = try succeeded(SecItemDelete(query(label: label) as CFDictionary), else: .absent)
    }

    /// Returns if such items can be written at this moment, and then what the Keychain says of their absence is true.
    /// An item of no meaning is written and taken away again: the Keychain has no call that tells how far it is unlocked.
    func probe(label: String) throws {
        let account = "\(label).probe.\(UUID().uuidString)"
        guard try add(account, label: label, tag: nil, data: Data()) else { throw Verdict.unproven }
        _ = try? delete(account, tag: nil)
    }

    private func query(account: String? = nil, label: String? = nil, tag: Data? = nil) -> [String: Any] {
        var query: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecUseDataProtectionKeychain as String: true,
            kSecAttrSynchronizable as String: false,
            kSecAttrService as String: service,
        ]
        if let accessGroup { query[kSecAttrAccessGroup as String] = accessGroup }
        if let account { query[kSecAttrAccount as String] = account }
        if let label { query[kSecAttrLabel as String] = label }
        if let tag { query[kSecAttrGeneric as String] = tag }
        return query
    }

    private func item(_ attributes: [String: Any]?) throws -> Found {
        guard let attributes else { throw Verdict.unproven }
        return Found(
            tag: attributes[kSecAttrGeneric as String] as? Data,
            data: attributes[kSecValueData as String] as? Data ?? Data(),
            label: attributes[kSecAttrLabel as String] as? String)
    }

    /// True if it was done, false if the answer was `other`; what else was answered is thrown.
    private func succeeded(_ status: OSStatus, else other: Verdict, adding: Bool = false) throws -> Bool {
        let verdict = verdict(on: status, adding: adding)
        guard verdict == .done || verdict == other else { throw verdict }
        return verdict == .done
    }
}

/// One call of the Keychain's, on the items of a shelf. Strict: a word that is not expected is a wrong parameter.
struct Request {
    let shelf: Shelf
    let device: Device
    /// The person is asked.
    let ask: () -> Void

    private static let attributes = [
        kSecAttrService, kSecAttrAccount, kSecAttrAccessGroup, kSecAttrGeneric, kSecAttrLabel,
    ]
    private static let search =
        attributes + [kSecClass, kSecAttrSynchronizable, kSecUseDataProtectionKeychain, kSecUseAuthenticationContext]

    func add(_ attributes: CFDictionary) -> OSStatus {
        let known = Request.search + [kSecAttrAccessible, kSecAttrAccessControl, kSecValueData]
        guard isSound(attributes, known) else { return errSecParam }
        let control = attributes[kSecAttrAccessControl] as? SecAccessControl
        let named = attributes[kSecAttrAccessible] as? String
        // One of the two, as the page of kSecAttrAccessControl says.
        guard let accessible = control?.protection ?? named, control == nil || named == nil else { return errSecParam }
        let group = attributes[kSecAttrAccessGroup] as? String ?? device.accessGroups.first ?? ""
        guard device.accessGroups.contains(group) else { return errSecMissingEntitlement }
        if accessible == kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly && !device.hasPasscode {
            // So Apple's published SecItemDb.c.
            return errSecAuthFailed
        }
        guard isOpen(accessible) else { return errSecInteractionNotAllowed }
        var kept: [String: StandInItem.Attribute] = [:]
        for name in Request.attributes { kept[name] = StandInItem.Attribute(attributes[name]) }
        kept[kSecAttrAccessGroup] = .text(group)
        let item = StandInItem(
            attributes: kept, accessible: accessible, needsPerson: control?.flags.contains(.userPresence) ?? false,
            data: attributes[kSecValueData] as? Data ?? Data())
        return change { items in
            removeDamaged(&items)
            guard !items.contains(where: { $0.key == item.key }) else { return errSecDuplicateItem }
            items.append(item)
            return errSecSuccess
        }
    }

    func copy(_ query: CFDictionary, _ result: inout CFTypeRef?) -> OSStatus {
        let known = Request.search + [kSecReturnData, kSecReturnAttributes, kSecMatchLimit]
        guard isSound(query, known) else { return errSecParam }
        guard mayAsk(query) else { return errSecMissingEntitlement }
        if device.lock == .beforeFirstUnlock { return device.answerBeforeFirstUnlock }
        var found: [StandInItem] = []
        let status = change { items in
            removeDamaged(&items)
            found = items.filter { matches($0, query) }
            return found.isEmpty ? errSecItemNotFound : errSecSuccess
        }
        guard status == errSecSuccess else { return status }
        let isAll = query[kSecMatchLimit] as? String == kSecMatchLimitAll
        let given = isAll ? found : Array(found.prefix(1))
        // Also for the attributes alone: so Apple's published SecDbKeychainItem.m.
        for item in given {
            let refused = opened(item)
            guard refused == errSecSuccess else { return refused }
            if item.isDamaged && query[kSecReturnData] as? Bool == true { return errSecDecode }
        }
        let answers = given.map { item -> [String: Any] in
            var answer = item.attributes.mapValues(\.value)
            // Nothing says whether a secret without a byte is given or left out.
            if query[kSecReturnData] as? Bool == true && !item.data.isEmpty { answer[kSecValueData] = item.data }
            return answer
        }
        result = isAll ? answers as AnyObject : answers[0] as AnyObject
        return errSecSuccess
    }

    func update(_ query: CFDictionary, _ attributes: CFDictionary) -> OSStatus {
        guard isSound(query, Request.search) else { return errSecParam }
        guard attributes.keys.allSatisfy([kSecAttrGeneric, kSecValueData].contains) else { return errSecParam }
        guard mayAsk(query) else { return errSecMissingEntitlement }
        if device.lock == .beforeFirstUnlock { return device.answerBeforeFirstUnlock }
        // Found and changed in one step: Apple's published SecItemDb.c has one exclusive transaction around both.
        return change { items in
            removeDamaged(&items)
            let found = items.indices.filter { matches(items[$0], query) }
            guard !found.isEmpty else { return errSecItemNotFound }
            for index in found {
                let refused = opened(items[index])
                guard refused == errSecSuccess else { return refused }
                if let generic = StandInItem.Attribute(attributes[kSecAttrGeneric]) {
                    items[index].attributes[kSecAttrGeneric] = generic
                }
                if let data = attributes[kSecValueData] as? Data {
                    items[index].data = data
                    items[index].isDamaged = false
                }
            }
            return errSecSuccess
        }
    }

    /// Needs neither the person nor the unlocked screen.
    func delete(_ query: CFDictionary) -> OSStatus {
        guard isSound(query, Request.search) else { return errSecParam }
        guard mayAsk(query) else { return errSecMissingEntitlement }
        if device.lock == .beforeFirstUnlock { return device.answerBeforeFirstUnlock }
        return change { items in
            let before = items.count
            items.removeAll { matches($0, query) }
            return items.count == before ? errSecItemNotFound : errSecSuccess
        }
    }

    private func change(_ work: (inout [StandInItem]) -> OSStatus) -> OSStatus {
        (try? shelf.change(work)) ?? errSecNotAvailable
    }

    /// A generic password, and nothing asked for that is not known here.
    private func isSound(_ dictionary: CFDictionary, _ known: [String]) -> Bool {
        dictionary[kSecClass] as? String == kSecClassGenericPassword && dictionary.keys.allSatisfy(known.contains)
    }

    private func mayAsk(_ query: CFDictionary) -> Bool {
        (query[kSecAttrAccessGroup] as? String).map(device.accessGroups.contains) ?? true
    }

    private func matches(_ item: StandInItem, _ query: CFDictionary) -> Bool {
        guard case .text(let group)? = item.attributes[kSecAttrAccessGroup], device.accessGroups.contains(group) else {
            return false
        }
        return Request.attributes.allSatisfy { name in
            query[name] == nil || StandInItem.Attribute(query[name]) == item.attributes[name]
        }
    }

    private func isOpen(_ accessible: String) -> Bool {
        switch device.lock {
        case .unlocked: true
        case .screenLocked: accessible == kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        case .beforeFirstUnlock: false
        }
    }

    private func removeDamaged(_ items: inout [StandInItem]) {
        if device.removesDamaged { items.removeAll(where: \.isDamaged) }
    }

    private func opened(_ item: StandInItem) -> OSStatus {
        guard isOpen(item.accessible) else { return errSecInteractionNotAllowed }
        guard item.needsPerson else { return errSecSuccess }
        ask()
        return device.personIsThere ? errSecSuccess : device.answerWithoutPerson
    }
}

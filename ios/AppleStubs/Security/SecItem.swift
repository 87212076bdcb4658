// The Keychain's four calls and the words of their dictionaries. A word's value is its own name: Apple's are its affair.

/// documentation/security/ksecclass
public let kSecClass: CFString = "kSecClass"
/// documentation/security/ksecclassgenericpassword
public let kSecClassGenericPassword: CFString = "kSecClassGenericPassword"
/// documentation/security/ksecattrservice
public let kSecAttrService: CFString = "kSecAttrService"
/// documentation/security/ksecattraccount
public let kSecAttrAccount: CFString = "kSecAttrAccount"
/// documentation/security/ksecattrgeneric
public let kSecAttrGeneric: CFString = "kSecAttrGeneric"
/// documentation/security/ksecattrlabel
public let kSecAttrLabel: CFString = "kSecAttrLabel"
/// documentation/security/ksecattraccessgroup
public let kSecAttrAccessGroup: CFString = "kSecAttrAccessGroup"
/// documentation/security/ksecattrsynchronizable
public let kSecAttrSynchronizable: CFString = "kSecAttrSynchronizable"
/// documentation/security/ksecattraccessible
public let kSecAttrAccessible: CFString = "kSecAttrAccessible"
/// documentation/security/ksecattraccessibleafterfirstunlockthisdeviceonly
public let kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly: CFString =
    "kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly"
/// documentation/security/ksecattraccessiblewhenpasscodesetthisdeviceonly
public let kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly: CFString =
    "kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly"
/// documentation/security/ksecattraccesscontrol
public let kSecAttrAccessControl: CFString = "kSecAttrAccessControl"
/// documentation/security/ksecvaluedata
public let kSecValueData: CFString = "kSecValueData"
/// documentation/security/ksecreturndata
public let kSecReturnData: CFString = "kSecReturnData"
/// documentation/security/ksecreturnattributes
public let kSecReturnAttributes: CFString = "kSecReturnAttributes"
/// documentation/security/ksecmatchlimit
public let kSecMatchLimit: CFString = "kSecMatchLimit"
/// documentation/security/ksecmatchlimitall
public let kSecMatchLimitAll: CFString = "kSecMatchLimitAll"
/// documentation/security/ksecusedataprotectionkeychain
public let kSecUseDataProtectionKeychain: CFString = "kSecUseDataProtectionKeychain"
/// documentation/security/ksecuseauthenticationcontext
public let kSecUseAuthenticationContext: CFString = "kSecUseAuthenticationContext"

/// documentation/security/secitemadd(_:_:)
public func SecItemAdd(_ attributes: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus {
    StandInKeychain.asked(attributes).call(.add, attributes) { $0.add(attributes) }
}

/// documentation/security/secitemcopymatching(_:_:)
public func SecItemCopyMatching(_ query: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus {
    var found: CFTypeRef?
    let status = StandInKeychain.asked(query).call(.copy, query) { $0.copy(query, &found) }
    if status == errSecSuccess { result?.pointee = found }
    return status
}

/// documentation/security/secitemupdate(_:_:)
public func SecItemUpdate(_ query: CFDictionary, _ attributesToUpdate: CFDictionary) -> OSStatus {
    StandInKeychain.asked(query).call(.update, query) { $0.update(query, attributesToUpdate) }
}

/// documentation/security/secitemdelete(_:)
public func SecItemDelete(_ query: CFDictionary) -> OSStatus {
    StandInKeychain.asked(query).call(.delete, query) { $0.delete(query) }
}

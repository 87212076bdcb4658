// A stand-in for Apple's Security, for Linux alone: as much of it as the shell uses, so that the shell's files are
// compiled and run in tests as they are. Each declaration names the page of developer.apple.com that it was taken from
// (and the numbers are those of Apple's published SecBase.h); what is not there compiles nowhere.
@_exported import Foundation

// The Foundation of Linux has no Core Foundation: these let `query as CFDictionary` and `found as? Data` compile on both.

/// documentation/corefoundation/cfstring
public typealias CFString = String
/// documentation/corefoundation/cfdictionary
public typealias CFDictionary = [String: Any]
/// documentation/corefoundation/cftyperef
public typealias CFTypeRef = AnyObject
/// documentation/corefoundation/cfallocator: only nil is ever handed over.
public typealias CFAllocator = NSObject
/// documentation/corefoundation/cferror
public typealias CFError = NSError
/// documentation/corefoundation/cfoptionflags
public typealias CFOptionFlags = UInt
/// documentation/kernel/osstatus
public typealias OSStatus = Int32

/// documentation/security/errsecsuccess
public var errSecSuccess: OSStatus { 0 }
/// documentation/security/errsecparam
public var errSecParam: OSStatus { -50 }
/// documentation/security/errsecusercanceled
public var errSecUserCanceled: OSStatus { -128 }
/// documentation/security/errsecmissingentitlement
public var errSecMissingEntitlement: OSStatus { -34018 }
/// documentation/security/errsecnotavailable
public var errSecNotAvailable: OSStatus { -25291 }
/// documentation/security/errsecauthfailed
public var errSecAuthFailed: OSStatus { -25293 }
/// documentation/security/errsecduplicateitem
public var errSecDuplicateItem: OSStatus { -25299 }
/// documentation/security/errsecitemnotfound
public var errSecItemNotFound: OSStatus { -25300 }
/// documentation/security/errsecinteractionnotallowed
public var errSecInteractionNotAllowed: OSStatus { -25308 }
/// documentation/security/errsecinteractionrequired
public var errSecInteractionRequired: OSStatus { -25315 }
/// documentation/security/errsecdecode
public var errSecDecode: OSStatus { -26275 }

/// documentation/security/secaccesscontrol
public final class SecAccessControl: Sendable {
    let protection: String
    let flags: SecAccessControlCreateFlags

    init(protection: String, flags: SecAccessControlCreateFlags) {
        self.protection = protection
        self.flags = flags
    }
}

/// documentation/security/secaccesscontrolcreateflags
public struct SecAccessControlCreateFlags: OptionSet, Sendable {
    /// documentation/security/secaccesscontrolcreateflags/init(rawvalue:)
    public let rawValue: CFOptionFlags

    /// documentation/security/secaccesscontrolcreateflags/init(rawvalue:)
    public init(rawValue: CFOptionFlags) {
        self.rawValue = rawValue
    }

    /// documentation/security/secaccesscontrolcreateflags/userpresence
    public static var userPresence: SecAccessControlCreateFlags { SecAccessControlCreateFlags(rawValue: 1) }
}

/// documentation/security/secaccesscontrolcreatewithflags(_:_:_:_:)
public func SecAccessControlCreateWithFlags(
    _ allocator: CFAllocator?, _ protection: CFTypeRef, _ flags: SecAccessControlCreateFlags,
    _ error: UnsafeMutablePointer<Unmanaged<CFError>?>?
) -> SecAccessControl? {
    (protection as? String).map { SecAccessControl(protection: $0, flags: flags) }
}

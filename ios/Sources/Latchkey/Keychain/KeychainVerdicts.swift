import LatchkeyCore
import Security

/// What an answer of the Keychain's proves.
enum Verdict: Error, Equatable {
    case done
    /// Nothing was found. Alone it does not prove that nothing is there.
    case absent
    /// There is an item of this name already.
    case taken
    /// It waits for an unlock, or for the person.
    case locked
    /// The item is there, and cannot be read.
    case damaged
    /// What is kept only while the device has a passcode has no place on it.
    case noPasscode
    /// Anything at all. Nobody is logged out by it, and nothing is deleted.
    case unproven

    /// What the core is told where no call gives it another meaning.
    var error: StoreError {
        switch self {
        case .locked: .Locked
        case .taken: .Conflict
        case .done, .absent, .damaged, .noPasscode, .unproven: .Unavailable
        }
    }
}

/// The one table of what the Keychain answers.
///
/// | status | the system says | it means | verdict |
/// | --- | --- | --- | --- |
/// | 0 | success | | done |
/// | −25300 | item not found | absent; or another tag; before the first unlock nothing at all; of a guarded half: the passcode was removed | absent, and then looked at: below |
/// | −25299 | duplicate item | another process was there first | taken |
/// | −25308 | interaction not allowed | before the first unlock; behind a locked screen; a context that may not ask | locked |
/// | −25315 | interaction required | the same | locked |
/// | −25293 | authentication failed | the person was not recognised | locked |
/// | −25293 when adding | the same | the device has no passcode, and the item needs one | no passcode |
/// | −128 | user cancelled | the person did not want to | locked |
/// | −26275 | decode | the item was damaged, or its key is not the one it was stored with | damaged |
/// | −34018 | missing entitlement | the app's signature lacks the access group; on some systems it passes | unproven |
/// | −50 | parameter | a word that this system does not take | unproven |
/// | −25291 | not available | there is no keychain now | unproven |
/// | any other | disk full, write permission (−61), … | | unproven |
///
/// What follows is `KeychainStore`'s. From *absent*: none or `Conflict` if the Keychain can be written at that moment,
/// `Locked` if not, and `KeyLost` where one half of an item is there and the system has taken the other. From *damaged*:
/// `Corrupt` if the tag can still be read, else `Unavailable`. From *no passcode*: `Unavailable`, and nothing is stored.
func verdict(on status: OSStatus, adding: Bool = false) -> Verdict {
    switch status {
    case errSecSuccess: .done
    case errSecAuthFailed where adding: .noPasscode
    case errSecItemNotFound: .absent
    case errSecDuplicateItem: .taken
    case errSecInteractionNotAllowed, errSecInteractionRequired, errSecAuthFailed, errSecUserCanceled: .locked
    case errSecDecode: .damaged
    default: .unproven
    }
}

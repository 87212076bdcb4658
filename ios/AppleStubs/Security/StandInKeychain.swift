/// The Keychain of a test, and the device that it is on.
///
/// The Keychain's calls have no object, and tests run side by side: each test takes a service of its own, and a call
/// goes to the stand-in whose service begins the one in its dictionary. Without a folder the items are in memory; with
/// one, all processes that name it share them.
public final class StandInKeychain: @unchecked Sendable {
    /// The four calls.
    public enum Call: Sendable {
        case add, copy, update, delete
    }

    /// What happens to a call: something before it, and an answer in its place or after it was done.
    private struct Fault {
        let call: Call
        let before: (@Sendable () -> Void)?
        let status: OSStatus?
        let isDone: Bool
        let isOnce: Bool
    }

    private static let lock = NSLock()
    private nonisolated(unsafe) static var all: [StandInKeychain] = []

    private let service: String
    private let shelf: Shelf
    private let lock = NSLock()
    private var faults: [Fault] = []
    private var state = Device()
    private var log: [CFDictionary] = []

    /// A Keychain, empty unless the folder holds one, on a device that is unlocked.
    public init(service: String, folder: String? = nil) {
        self.service = service
        shelf = Shelf(folder: folder)
        StandInKeychain.lock.withLock { StandInKeychain.all.append(self) }
    }

    /// The device as it is now.
    public var device: Device { lock.withLock { state } }

    /// The dictionaries of all calls.
    public var queries: [CFDictionary] { lock.withLock { log } }

    /// What is kept.
    public var items: [StandInItem] { (try? shelf.change { $0 }) ?? [] }

    /// Changes the device: locks it, lets the person come.
    public func setDevice(_ change: (inout Device) -> Void) {
        lock.withLock { change(&state) }
    }

    /// Changes an item behind everybody's back.
    public func change(_ work: (inout [StandInItem]) -> Void) {
        _ = try? shelf.change { work(&$0) }
    }

    /// Takes the passcode away; what was kept only while there is one goes with it.
    public func removePasscode() {
        setDevice { $0.hasPasscode = false }
        change { $0.removeAll { $0.accessible == kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly } }
    }

    /// From now on (or only the next time) this call answers so, undone, or after it was done.
    public func answer(_ call: Call, _ status: OSStatus, once: Bool = false, afterwards: Bool = false) {
        lock.withLock {
            faults.append(Fault(call: call, before: nil, status: status, isDone: afterwards, isOnce: once))
        }
    }

    /// Does something before the next such call, such as what another process does at that moment.
    public func before(_ call: Call, _ work: @escaping @Sendable () -> Void) {
        lock.withLock {
            faults.append(Fault(call: call, before: work, status: nil, isDone: true, isOnce: true))
        }
    }

    /// Ends all faults.
    public func heal() {
        lock.withLock { faults = [] }
    }

    static func asked(_ dictionary: CFDictionary) -> StandInKeychain {
        let service = dictionary[kSecAttrService] as? String ?? ""
        let found = lock.withLock { all.last { service.hasPrefix($0.service) } }
        return found ?? StandInKeychain(service: service)
    }

    func call(_ call: Call, _ dictionary: CFDictionary, _ work: (Request) -> OSStatus) -> OSStatus {
        let fault: Fault? = lock.withLock {
            log.append(dictionary)
            guard let index = faults.firstIndex(where: { $0.call == call }) else { return nil }
            return faults[index].isOnce ? faults.remove(at: index) : faults[index]
        }
        fault?.before?()
        if let fault, let status = fault.status, !fault.isDone { return status }
        let now = device
        let request = Request(shelf: shelf, device: now) { self.setDevice { $0.timesAsked += 1 } }
        let status = work(request)
        return fault?.status ?? status
    }
}

/// What the Keychain's answers depend on.
public struct Device: Sendable {
    /// How far the device is unlocked.
    public enum Lock: Sendable {
        case unlocked, screenLocked, beforeFirstUnlock
    }

    /// Unlocked, at first.
    public var lock = Lock.unlocked
    /// What a search is answered before the first unlock: some systems say that nothing is there.
    public var answerBeforeFirstUnlock = errSecInteractionNotAllowed
    /// Whether the person is recognised when asked.
    public var personIsThere = false
    /// What is answered if not.
    public var answerWithoutPerson = errSecUserCanceled
    /// How often the person was asked, also in vain.
    public var timesAsked = 0
    /// Whether the device has a passcode.
    public var hasPasscode = true
    /// What becomes of a damaged item. Apple's published SecItemDb.c takes it for absent and removes it, when it is read
    /// as well as when it is changed; otherwise reading says that it cannot be decoded, and it can be changed.
    public var removesDamaged = false
    /// The app's access groups; what names none goes to the first.
    public var accessGroups = ["app"]
}

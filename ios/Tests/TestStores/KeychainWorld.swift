#if os(Linux)
    import Foundation
    import Latchkey
    import Security

    /// A device's Keychain and an app's folder, both in a folder of the test's. Another process that makes one in the
    /// same folder is on the same device, unless the items are kept in memory.
    public final class KeychainWorld: Sendable {
        public let keychain: StandInKeychain
        /// The container of the app, or of the app group.
        public let container: URL
        private let service: String
        private let context = Guarded<Context?>(nil)

        /// What the person was recognised on.
        public final class Context: Sendable {}

        public init(_ folder: String, inMemory: Bool = false) {
            service = folder
            container = URL(fileURLWithPath: folder).appendingPathComponent("container")
            keychain = StandInKeychain(service: folder, folder: inMemory ? nil : folder)
            keychain.setDevice { $0.accessGroups = ["app", "shared"] }
        }

        private init(_ earlier: KeychainWorld) {
            (service, container, keychain) = (earlier.service, earlier.container, earlier.keychain)
        }

        /// The app is started anew: nobody was recognised in this process.
        public func anotherStart() -> KeychainWorld {
            KeychainWorld(self)
        }

        /// The app's store, as after a start. With `presence` it hands over a context once `personComes` was called.
        public func store(presence: Bool = false) -> KeychainStore {
            let given: @Sendable () -> AnyObject? = { [context] in context.value }
            return KeychainStore(
                service: service, accessGroup: "shared", folder: container, presence: presence ? given : nil)
        }

        /// The app has a context to hand over. Whether the person is recognised on it is the device's affair.
        public func handOverContext() {
            context.withLock { $0 = Context() }
        }

        /// The person was recognised, and the app hands over the context.
        public func personComes() {
            keychain.setDevice { $0.personIsThere = true }
            handOverContext()
        }

        /// The app is deleted and installed anew: the Keychain stays.
        public func reinstall() throws {
            try FileManager.default.removeItem(at: container)
        }
    }
#endif

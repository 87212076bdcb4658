import Foundation
import Latchkey

/// A store of plain files, for tests: what a store in Swift owes the core, and no more (it seals nothing).
///
/// Each item is a file: the tag, 16 bytes, then the item's bytes. A write is: lock, compare the tag, write `tmp`, sync
/// it, rename it, sync the folder, unlock. The lock is the system's, on a file that is opened for each write, so it
/// counts between threads and processes alike and ends with a process that is killed. A load needs no lock: a rename
/// shows the old item or the new one.
public final class FolderStore: SecureStore {
    /// The steps of a write, for tests that end the process in one of them.
    public enum Step: String, CaseIterable, Sendable {
        case locked, opened, halfWritten, written, synced, renamed, done
    }

    private let folder: String
    private let locked = Guarded(false)
    private let reached: @Sendable (Step) -> Void

    /// A store in this folder, which exists.
    public init(folder: String, reached: @escaping @Sendable (Step) -> Void = { _ in }) {
        self.folder = folder
        self.reached = reached
    }

    /// Makes this object behave as on a device that is locked, or no more.
    public func setLocked(_ isLocked: Bool) {
        locked.withLock { $0 = isLocked }
    }

    public func load(key: String) throws -> StoredItem? {
        let file = try file(of: key)
        guard let contents = try read(file) else { return nil }
        guard contents.count >= tagBytes else { throw StoreError.Corrupt(tag: unreadableTag) }
        return StoredItem(tag: contents.prefix(tagBytes), bytes: Data(contents.dropFirst(tagBytes)))
    }

    public func swap(key: String, expected: Data?, next: StoredItem?) throws {
        let file = try file(of: key)
        if let next, next.tag.count != tagBytes || next.tag == unreadableTag || next.bytes.count > maxItemBytes {
            throw StoreError.Unavailable
        }
        let lock = try waitForLock()
        defer { close(lock) }
        reached(.locked)
        let current = try read(file).map { $0.count >= tagBytes ? $0.prefix(tagBytes) : unreadableTag }
        guard current == expected else { throw StoreError.Conflict }
        if let next {
            try write(next.tag + next.bytes, to: "\(folder)/tmp")
            try succeed(rename("\(folder)/tmp", file))
            reached(.renamed)
        } else if expected != nil {
            try succeed(unlink(file))
        }
        try sync(folder)
        reached(.done)
    }

    /// The prefix keeps items apart from `lock` and `tmp`.
    private func file(of key: String) throws -> String {
        if locked.value { throw StoreError.Locked }
        let plain = key.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789._-".utf8.contains($0) }
        guard plain, (1...100).contains(key.utf8.count), !key.hasPrefix("."), !key.hasSuffix(".") else {
            throw StoreError.Unavailable
        }
        return "\(folder)/item.\(key)"
    }

    /// The open lock file: closing it gives the lock back. `flock` knows no deadline, so it is asked again and again.
    private func waitForLock() throws -> Int32 {
        let lock = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        try succeed(lock)
        let deadline = Date(timeIntervalSinceNow: 5)
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, Date() < deadline else {
                close(lock)
                throw StoreError.Unavailable
            }
            poll(nil, 0, 1)
        }
        return lock
    }

    private func read(_ file: String) throws -> Data? {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0 && errno == ENOENT { return nil }
        try succeed(descriptor)
        defer { close(descriptor) }
        var contents = Data()
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Foundation.read(descriptor, &buffer, buffer.count)
            try succeed(Int32(count))
            if count == 0 { return contents }
            contents.append(contentsOf: buffer.prefix(count))
        }
    }

    private func write(_ contents: Data, to file: String) throws {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        try succeed(descriptor)
        defer { close(descriptor) }
        reached(.opened)
        let half = contents.count / 2
        try writeAll(contents.prefix(half), to: descriptor)
        reached(.halfWritten)
        try writeAll(contents.dropFirst(half), to: descriptor)
        reached(.written)
        try succeed(fsync(descriptor))
        reached(.synced)
    }

    private func writeAll(_ bytes: Data, to descriptor: Int32) throws {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            try succeed(Int32(count))
            rest = rest.dropFirst(count)
        }
    }

    private func sync(_ folder: String) throws {
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        try succeed(descriptor)
        defer { close(descriptor) }
        try succeed(fsync(descriptor))
    }

    /// What a system call gave; why it failed is nobody's affair outside.
    private func succeed(_ result: Int32) throws {
        if result < 0 { throw StoreError.Unavailable }
    }
}

private let tagBytes = 16
private let maxItemBytes = 16 * 1024
private let unreadableTag = Data(count: tagBytes)

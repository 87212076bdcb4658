import Foundation

/// This installation of the app, told apart from an earlier one on the same device: the Keychain keeps its items when an
/// app is deleted, the app's folders go. So a random word is kept in a folder, and names the items.
///
/// Two processes that make it at once get the same word. The file is readable from the first unlock on, as the items
/// are, and a backup may take it along (docs/decisions/0012-keychain-items-belong-to-an-installation.md says why).
struct Installation: Sendable {
    let folder: URL

    private var file: URL { folder.appendingPathComponent("installation") }

    /// The word, made now if there is none.
    func id() throws -> String {
        if let id = try read() { return id }
        do {
            try make()
        } catch let error as CocoaError {
            throw verdict(on: error)
        }
        guard let id = try read() else { throw Verdict.unproven }
        return id
    }

    private func read() throws -> String? {
        let contents: Data
        do {
            contents = try Data(contentsOf: file)
        } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
            return nil
        } catch {
            throw verdict(on: error)
        }
        let id = String(decoding: contents, as: UTF8.self)
        guard id.count == 32, id.allSatisfy(\.isHexDigit) else { throw Verdict.unproven }
        return id
    }

    /// Written beside, then linked: the file is there whole or not at all, and the first one stays.
    private func make() throws {
        let files = FileManager.default
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        let id = UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        let fresh = folder.appendingPathComponent("installation.\(id)")
        defer { try? files.removeItem(at: fresh) }
        try Data(id.utf8).write(to: fresh, options: .completeFileProtectionUntilFirstUserAuthentication)
        try sync(fresh)
        do {
            try files.linkItem(at: fresh, to: file)
        } catch CocoaError.fileWriteFileExists {
            // Another process was first.
        }
        try sync(folder)
    }

    /// Items that are stored under a word that a power cut takes away would be lost with it.
    private func sync(_ url: URL) throws {
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Verdict.unproven }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Verdict.unproven }
    }
}

/// A protected file may not be read, nor made, before the first unlock.
func verdict(on error: any Error) -> Verdict {
    switch error {
    case CocoaError.fileReadNoPermission, CocoaError.fileWriteNoPermission: .locked
    default: .unproven
    }
}

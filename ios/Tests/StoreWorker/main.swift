// The other process: works on the store in a folder, as the tests tell it. STORE is `files`; on Linux also
// `keychain`, or `guarded`, which wants the person for reading.
//
//   StoreWorker STORE intact FOLDER                 is what `conformancePrepare` wrote still there?
//   StoreWorker STORE count FOLDER NAME TIMES       says "ready", waits for a line, then counts up in step with others
//   StoreWorker STORE die FOLDER NAME STEP          swaps an item and is killed in this step of it
//   StoreWorker STORE begin FOLDER CONFIG           begins a login, says its URL, waits for a line
//   StoreWorker STORE token FOLDER CONFIG           says "ready", waits for a line, then says an access token
//
// CONFIG is issuer, client, redirect URI and audience; the scopes are fixed.

import Foundation
import Latchkey
import TestStores

#if os(Linux)
    import Security
#endif

func run(_ arguments: [String]) async throws {
    guard arguments.count >= 3 else { throw Misuse() }
    let step = arguments[1] == "die" ? arguments.last : nil
    let store = try store(arguments[0], folder: arguments[2], diesIn: step)
    let more = Array(arguments.dropFirst(3))
    switch (arguments[1], more.count) {
    case ("intact", 0):
        try conformanceAssertIntact(store: store)
    case ("count", 2):
        say("ready")
        _ = readLine()
        try conformanceRaceWorker(store: store, key: more[0], increments: UInt32(more[1]) ?? 0)
    case ("die", 2):
        let current = try store.load(key: more[0])
        let next = StoredItem(tag: Data(repeating: 2, count: 16), bytes: Data(repeating: 2, count: 10_000))
        try store.swap(key: more[0], expected: current?.tag, next: next)
    case ("begin", 4):
        say(try await Auth(config: config(more), store: store).beginLogin(options: LoginOptions()).url)
        _ = readLine()
    case ("token", 4):
        let auth = try Auth(config: config(more), store: store)
        say("ready")
        _ = readLine()
        say(try await auth.accessToken(options: AccessTokenOptions()).value)
    default:
        throw Misuse()
    }
}

func store(_ kind: String, folder: String, diesIn step: String?) throws -> any SecureStore {
    switch kind {
    case "files":
        return FolderStore(folder: folder) { if $0.rawValue == step { kill(getpid(), SIGKILL) } }
    #if os(Linux)
        case "keychain":
            let world = KeychainWorld(folder)
            return world.store()
        case "guarded":
            let world = KeychainWorld(folder)
            world.personComes()
            if step == "update" { world.keychain.before(.update) { kill(getpid(), SIGKILL) } }
            if step == "delete" { world.keychain.before(.delete) { kill(getpid(), SIGKILL) } }
            return world.store(presence: true)
    #endif
    default: throw Misuse()
    }
}

func config(_ words: [String]) -> AuthConfig {
    AuthConfig(
        issuer: words[0], clientId: words[1], redirectUri: words[2],
        scopes: ["openid", "profile", "offline_access", "read:messages"], audience: words[3])
}

func say(_ line: String) {
    print(line)
    fflush(nil)
}

struct Misuse: Error {}

do {
    try await run(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("StoreWorker: \(error)\n".utf8))
    exit(1)
}

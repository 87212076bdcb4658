// The package for apps: the core's API as it is generated, and the little that Swift needs around it.
//
// `import Latchkey` is enough: `Auth`, `PingClient`, `SecureStore`, `AuthError`, … are the core's, documented there.
// swift-format-ignore-file: the attribute has no other spelling
@_exported import LatchkeyCore

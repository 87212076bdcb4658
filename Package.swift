// swift-tools-version: 6.0
// The Swift package, for apps and for the tests on Linux. It stands at the root because SwiftPM users add a package by
// its repository's address; what it is made of is in ios/.
//
// LATCHKEY_LIB_DIR names the folder of a liblatchkey built for this machine: the tests set it (`cargo xtask test swift`).
// Without it the core is the XCFramework that a release carries. The sources of LatchkeyCore and LatchkeyCoreFFI are
// generated (`cargo xtask bindings`).
import PackageDescription

var targets: [Target] = []
var link: [LinkerSetting] = []

if let libDir = Context.environment["LATCHKEY_LIB_DIR"] {
    targets.append(.systemLibrary(name: "LatchkeyCoreFFI", path: "ios/Sources/LatchkeyCoreFFI"))
    link.append(.unsafeFlags(["-L\(libDir)", "-llatchkey", "-Xlinker", "-rpath", "-Xlinker", libDir]))
} else {
    targets.append(.binaryTarget(name: "LatchkeyCoreFFI", path: "ios/LatchkeyCoreFFI.xcframework"))
    link.append(.linkedFramework("Security"))
    link.append(.linkedFramework("CoreFoundation"))
}
#if os(Linux)
    // The Observation library of Swift 6.0.3 lacks a symbol.
    link.append(.unsafeFlags(["-Xlinker", "--allow-shlib-undefined"]))
#endif

targets.append(
    .target(
        name: "LatchkeyCore", dependencies: ["LatchkeyCoreFFI"], path: "ios/Sources/LatchkeyCore",
        linkerSettings: link))

// On Linux the few declarations that the shell needs of Apple's frameworks stand in for them, so that it is compiled and
// tested unchanged. The tests of that part need what those can do more.
var frameworks: [Target.Dependency] = []
var notOnAMac: [String] = ["Shell"]
#if os(Linux)
    targets.append(.target(name: "UIKit", path: "ios/AppleStubs/UIKit"))
    targets.append(
        .target(
            name: "AuthenticationServices", dependencies: ["UIKit"], path: "ios/AppleStubs/AuthenticationServices"))
    frameworks.append("UIKit")
    frameworks.append("AuthenticationServices")
    notOnAMac = []
#endif
var shell: [Target.Dependency] = frameworks
shell.append("LatchkeyCore")
targets.append(
    .target(
        name: "Latchkey", dependencies: shell, path: "ios/Sources/Latchkey",
        resources: [.process("Resources"), .process("PrivacyInfo.xcprivacy")]))

// A store of plain files and the program that shares it with the tests, to see what two processes do to each other.
targets.append(.target(name: "TestStores", dependencies: ["Latchkey"], path: "ios/Tests/TestStores"))
targets.append(
    .executableTarget(name: "StoreWorker", dependencies: ["TestStores"], path: "ios/Tests/StoreWorker"))
var tests: [Target.Dependency] = frameworks
tests.append("Latchkey")
tests.append("TestStores")
tests.append("StoreWorker")
targets.append(
    .testTarget(name: "LatchkeyTests", dependencies: tests, path: "ios/Tests/LatchkeyTests", exclude: notOnAMac))

let package = Package(
    name: "latchkey",
    defaultLocalization: "en",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [.library(name: "Latchkey", targets: ["Latchkey"])],
    targets: targets,
    swiftLanguageModes: [.v6]
)

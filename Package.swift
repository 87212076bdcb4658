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

// Linux has none of Apple's modules: stand-ins of their names let the shell be compiled and tested there as it is.
var apple: [Target.Dependency] = []
// The tests that play the stand-ins' part are for Linux alone.
var elsewhere: [String] = ["TestStores", "StoreWorker", "LatchkeyTests/Shell", "SampleTests"]
#if os(Linux)
    for name: String in ["AuthenticationServices", "Security", "UIKit"] {
        let needs: [Target.Dependency] = name == "AuthenticationServices" ? ["UIKit"] : []
        targets.append(.target(name: name, dependencies: needs, path: "ios/AppleStubs/\(name)"))
        apple.append(.byName(name: name))
    }
    elsewhere = ["TestStores", "StoreWorker"]
#endif
let shell: [Target.Dependency] = ["LatchkeyCore"] + apple
targets.append(
    .target(
        name: "Latchkey", dependencies: shell, path: "ios/Sources/Latchkey",
        resources: [.process("Resources"), .process("PrivacyInfo.xcprivacy")]))

// The sample app. On a Mac it is built by Xcode, from ios/App/Sample.xcodeproj.
var sample: [Target.Dependency] = ["Latchkey"] + apple
#if os(Linux)
    for name: String in ["Accessibility", "SwiftUI"] {
        targets.append(.target(name: name, path: "ios/AppleStubs/\(name)"))
        sample.append(.byName(name: name))
    }
    targets.append(
        .executableTarget(
            name: "Sample", dependencies: sample, path: "ios/App/Sources", resources: [.process("Resources")]))
    sample.append("Sample")
#endif

// A store of plain files and the program that shares it with the tests, to see what two processes do to each other.
let stores: [Target.Dependency] = ["Latchkey"] + apple
targets.append(.target(name: "TestStores", dependencies: stores, path: "ios/Tests/TestStores"))
targets.append(
    .executableTarget(name: "StoreWorker", dependencies: ["TestStores"], path: "ios/Tests/StoreWorker"))
let tests: [Target.Dependency] = ["TestStores", "StoreWorker"] + sample
targets.append(
    .testTarget(
        name: "LatchkeyTests", dependencies: tests, path: "ios/Tests", exclude: elsewhere,
        sources: ["LatchkeyTests", "SampleTests"]))

let package = Package(
    name: "latchkey",
    defaultLocalization: "en",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [.library(name: "Latchkey", targets: ["Latchkey"])],
    targets: targets,
    swiftLanguageModes: [.v6]
)

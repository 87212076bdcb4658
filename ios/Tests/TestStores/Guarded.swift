import Foundation

/// A value behind a lock.
public final class Guarded<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var guarded: Value

    public init(_ value: Value) {
        guarded = value
    }

    /// The value as it is now.
    public var value: Value {
        withLock { $0 }
    }

    /// Looks at the value, or changes it, while nobody else does.
    @discardableResult
    public func withLock<Result>(_ work: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try work(&guarded)
    }
}

import Observation

/// A value for those who look at it, and for those who wait for its changes.
@MainActor
@Observable
final class Told<Value: Equatable & Sendable> {
    /// Nothing until it was told for the first time.
    private(set) var value: Value?

    @ObservationIgnored private var listeners: [Int: AsyncStream<Value>.Continuation] = [:]
    @ObservationIgnored private var count = 0

    init(_ value: Value? = nil) {
        self.value = value
    }

    func tell(_ next: Value) {
        guard next != value else { return }
        value = next
        for listener in listeners.values { listener.yield(next) }
    }

    /// The value as it is, then each new one. A reader that is slow gets the newest.
    func stream() -> AsyncStream<Value> {
        let (stream, listener) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingNewest(1))
        count += 1
        let id = count
        listeners[id] = listener
        listener.onTermination = { [weak self] _ in Task { @MainActor in self?.listeners[id] = nil } }
        if let value { listener.yield(value) }
        return stream
    }
}

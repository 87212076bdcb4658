import Foundation
import Testing

/// A JSON value as it is, so that an absent member and `null` can be told apart.
enum JSON: Decodable, Equatable, Sendable, CustomTestStringConvertible {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([JSON].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    /// The member of an object; nil where there is none, or no object.
    subscript(_ name: String) -> JSON? {
        object[name]
    }

    var object: [String: JSON] {
        if case .object(let members) = self { members } else { [:] }
    }

    var array: [JSON] {
        if case .array(let values) = self { values } else { [] }
    }

    var strings: [String] {
        array.compactMap(\.string)
    }

    var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var number: Double? {
        if case .number(let number) = self { number } else { nil }
    }

    /// The value as JSON, so that a failed comparison can be read.
    var testDescription: String {
        switch self {
        case .null: "null"
        case .bool(let bool): "\(bool)"
        case .number(let number): String(format: "%g", number)
        case .string(let text): "\"\(text)\""
        case .array(let values): "[\(values.map(\.testDescription).joined(separator: ", "))]"
        case .object(let members):
            "{\(members.sorted { $0.key < $1.key }.map { "\"\($0)\": \($1.testDescription)" }.joined(separator: ", "))}"
        }
    }

    /// A text, or null where there is none.
    init(_ text: String?) {
        self = text.map(JSON.string) ?? .null
    }

    /// A number, or null where there is none.
    init(_ number: (some BinaryInteger)?) {
        self = number.map { .number(Double($0)) } ?? .null
    }
}

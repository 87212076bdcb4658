import LatchkeyCore

// What Swift prints of the core's types. Its own way is to print every field, with `print`, in a string, in `dump`, in
// the debugger and in a failed test: of these types that would be a token, or the person.

/// `"\(error)"` and `error.localizedDescription` are the core's text for people; it holds no secret.
extension AuthError: CustomStringConvertible {}

extension AccessToken: CustomReflectable {
    /// Without the token.
    public var customMirror: Mirror {
        Mirror(self, children: ["expiresInSeconds": expiresInSeconds as Any, "scopes": scopes], displayStyle: .struct)
    }
}

extension LoginRequest: CustomReflectable {
    /// Without the URL: its `state` and `nonce` are for the browser alone.
    public var customMirror: Mirror {
        Mirror(
            self, children: ["redirectUri": redirectUri, "expiresInSeconds": expiresInSeconds], displayStyle: .struct)
    }
}

extension StoredItem: CustomReflectable {
    /// Without a byte of the item.
    public var customMirror: Mirror {
        Mirror(self, children: ["count": bytes.count], displayStyle: .struct)
    }
}

extension Session: CustomReflectable {
    /// Without the subject and the claims, which are personal.
    public var customMirror: Mirror {
        switch self {
        case .signedOut(let reason):
            Mirror(self, children: ["signedOut": reason], displayStyle: .struct)
        case .signedIn(_, _, let scopes, _, let expiresInSeconds, let refreshable, let persisted):
            Mirror(
                self,
                children: [
                    "scopes": scopes, "expiresInSeconds": expiresInSeconds as Any, "refreshable": refreshable,
                    "persisted": persisted,
                ],
                displayStyle: .struct)
        case .locked:
            Mirror(self, children: ["locked": true], displayStyle: .struct)
        case .unavailable(let reason):
            Mirror(self, children: ["unavailable": reason], displayStyle: .struct)
        }
    }
}

extension ApiRequest: CustomReflectable {
    /// Without path, headers and body, which are the app's own affair.
    public var customMirror: Mirror {
        Mirror(self, children: ["method": method], displayStyle: .struct)
    }
}

extension ApiResponse: CustomReflectable {
    /// Without headers and body, which are the app's own affair.
    public var customMirror: Mirror {
        Mirror(self, children: ["status": status, "count": body.count], displayStyle: .struct)
    }
}

extension Header: CustomReflectable {
    /// Without the value.
    public var customMirror: Mirror {
        Mirror(self, children: ["name": name], displayStyle: .struct)
    }
}

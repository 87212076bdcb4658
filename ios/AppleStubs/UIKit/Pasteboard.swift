import Foundation

/// uipasteboard
@MainActor
public class UIPasteboard: NSObject {
    /// uipasteboard/general
    public class var general: UIPasteboard { theOne }
    private static let theOne = UIPasteboard()

    /// uipasteboard/string
    public var string: String?
}

extension UIApplication {
    /// uiapplication/opensettingsurlstring
    public nonisolated class var openSettingsURLString: String { "app-settings:" }
}

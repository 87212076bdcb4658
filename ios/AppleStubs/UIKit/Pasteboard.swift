import Foundation

/// uipasteboard: not on the main actor there, and here it is, which asks more of the app's code and not less
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

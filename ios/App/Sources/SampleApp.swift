import Latchkey
import SwiftUI

/// Makes the one client when the app starts, so that it is there when the system starts the app for the answer alone.
@main
struct SampleApp: App {
    @State private var model: ScreenModel

    /// The session is kept in the Keychain, so that a login goes on after the system has killed the app.
    init() {
        self.init(.of(.sample), KeychainStore())
    }

    init(_ settings: Settings, _ store: any SecureStore) {
        let missing = settings.missing()
        let client = missing.isEmpty ? LatchkeyClient(config: settings.config(), store: store) : nil
        model = ScreenModel(client, settings.api, missing)
    }

    var body: some Scene {
        WindowGroup {
            MainView(model: model)
        }
    }
}

import Accessibility
import SwiftUI
import UIKit

/// The one screen. It shows what ``screenState(_:)`` says, and hands every tap on.
struct MainView: View {
    let model: ScreenModel
    @Environment(\.scenePhase) private var scenePhase
    @Environment(\.openURL) private var openURL
    @State private var isCopied = false

    var body: some View {
        let state = screenState(model.seen)
        ScreenView(state: state, details: model.details, tapped: act, fold: model.toggleDetails)
            .onChange(of: spoken(state)) { _, new in
                if !new.isEmpty { AccessibilityNotification.Announcement(new).post() }
            }
            // Universal links come here, too.
            .onOpenURL { model.handle($0) }
            .alert(Word.reportCopied.text(), isPresented: $isCopied) {}
            .overlay {
                // The picture that the app switcher keeps is nobody's business.
                if scenePhase != .active { Rectangle().fill(.background).ignoresSafeArea() }
            }
    }

    /// What a person who reads by ear must hear of when it changes.
    private func spoken(_ state: ScreenState) -> String {
        let answer = state.answer.flatMap { $0.old ? nil : $0.answer.text }
        return [state.message.text, answer ?? ""].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private func act(_ action: Action) {
        // A second tap may be on its way while the button already says that it runs.
        let state = screenState(model.seen)
        let offered = state.buttons.contains { $0.action == action && $0.state == .ready }
        guard offered || (action == .copyReport && state.details == .open) else { return }
        switch action {
        case .checkClock: openSettings()
        case .copyReport: Task { await copyReport() }
        default: model.act(action)
        }
    }

    /// The app's page in the Settings: no address leads to the page of the clock. The message says what to do.
    private func openSettings() {
        if let settings = URL(string: UIApplication.openSettingsURLString) { openURL(settings) }
    }

    private func copyReport() async {
        guard let report = await model.report() else { return }
        UIPasteboard.general.string = report
        isCopied = true
    }
}

import Accessibility
import Latchkey
import SwiftUI
import UIKit

/// Draws a ``ScreenState``, and hands every tap on. Which view shows what, and nothing else.
struct ScreenView: View {
    @Bindable var model: ScreenModel
    @Environment(\.scenePhase) private var scenePhase
    @Environment(\.openURL) private var openURL
    @State private var isCopied = false

    var body: some View {
        let state = screenState(model.seen)
        ScrollView {
            VStack(alignment: .leading, spacing: 24) {
                Text(verbatim: "Latchkey")
                    .font(.largeTitle)
                    .accessibilityAddTraits(.isHeader)
                if let account = state.account { AccountRow(account: account) }
                ButtonList(buttons: state.buttons.filter { $0.place == .pings }, tapped: act)
                if !state.message.isEmpty { message(state) }
                if let answer = state.answer { AnswerView(shown: answer) }
                ButtonList(buttons: state.buttons.filter { $0.place == .waysOn }.cancelLast, tapped: act)
                bottom(state)
                if state.details == .open {
                    DetailsView(seen: model.details, copyReport: { act(.copyReport) })
                }
            }
            .padding(24)
        }
        .onChange(of: spoken(state)) { _, new in
            if !new.isEmpty { AccessibilityNotification.Announcement(new).post() }
        }
        .onOpenURL { model.handle($0) }
        .alert(Word.reportCopied.text(), isPresented: $isCopied) {}
        .overlay {
            // The picture that the app switcher keeps is nobody's business.
            if scenePhase != .active { Rectangle().fill(.background).ignoresSafeArea() }
        }
    }

    private func message(_ state: ScreenState) -> some View {
        HStack(spacing: 16) {
            if state.busy { ProgressView().accessibilityHidden(true) }
            Text(state.message.text)
                .textSelection(.enabled)
        }
    }

    private func bottom(_ state: ScreenState) -> some View {
        HStack {
            ForEach(state.buttons.filter { $0.place == .bottom }, id: \.action) { button in
                ButtonView(button: button, tapped: act)
                    .buttonStyle(.borderless)
            }
            Spacer()
            if state.details != .hidden {
                SwiftUI.Button(action: model.toggleDetails) {
                    Text(Word.details.text() + (state.details == .open ? " ▾" : " ▸"))
                        .frame(minWidth: 44, minHeight: 44)
                }
                .buttonStyle(.borderless)
                .accessibilityLabel(state.details == .open ? Word.detailsHide.text() : Word.detailsShow.text())
            }
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

private struct AccountRow: View {
    let account: Account

    var body: some View {
        let name = account.name ?? Word.loggedIn.text()
        HStack(spacing: 16) {
            Text(name.prefix(1).uppercased())
                .font(.title2)
                .frame(minWidth: 48, minHeight: 48)
                .background(.quaternary, in: Circle())
                .accessibilityHidden(true)
            VStack(alignment: .leading) {
                Text(name)
                    .font(.headline)
                if !account.detail.isEmpty {
                    Text(account.detail)
                        .font(.subheadline)
                        .foregroundStyle(.secondary)
                }
            }
        }
        .privacySensitive()
    }
}

private struct AnswerView: View {
    let shown: ShownAnswer
    @Environment(\.locale) private var locale
    @Environment(\.timeZone) private var timeZone

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(shown.answer.text)
                .font(.title2)
                .foregroundStyle(shown.old ? .secondary : .primary)
                .textSelection(.enabled)
            if shown.old {
                Text(Word.answerOld.text(time(shown.answer.atUnixSeconds, locale, timeZone)))
                    .font(.footnote)
                    .foregroundStyle(.secondary)
            }
        }
        .privacySensitive()
    }
}

/// The one that leads on stands out.
private struct ButtonList: View {
    let buttons: [Button]
    let tapped: @MainActor (Action) -> Void

    var body: some View {
        ForEach(buttons, id: \.action) { button in
            if button == buttons.first && button.place == .waysOn && button.word != .cancel {
                ButtonView(button: button, tapped: tapped, isWide: true)
                    .buttonStyle(.borderedProminent)
            } else {
                ButtonView(button: button, tapped: tapped, isWide: true)
                    .buttonStyle(.bordered)
            }
        }
    }
}

private struct ButtonView: View {
    let button: Button
    let tapped: @MainActor (Action) -> Void
    var isWide = false

    var body: some View {
        let runs = button.state == .running
        let text = button.word.text()
        SwiftUI.Button(action: { tapped(button.action) }) {
            HStack {
                Text(text)
                if runs { ProgressView() }
            }
            .frame(minWidth: 44, maxWidth: isWide ? .infinity : nil, minHeight: 44)
        }
        .disabled(button.state != .ready)
        .accessibilityLabel(runs ? Word.buttonRunning.text(text) : text)
    }
}

private struct DetailsView: View {
    let seen: DetailsSeen
    let copyReport: @MainActor () -> Void
    @Environment(\.locale) private var locale
    @Environment(\.timeZone) private var timeZone

    var body: some View {
        VStack(alignment: .leading, spacing: 16) {
            heading(.detailsTimeline)
            if !seen.timeline.isEmpty {
                lines(seen.timeline.map { line($0, time($0.atUnixSeconds, locale, timeZone)) })
            }
            heading(.detailsChecks)
            lines(seen.checks.map { $0.map(text) } ?? [Word.pleaseWait.text()])
            SwiftUI.Button(action: copyReport) {
                Text(Word.copyReport.text())
                    .frame(maxWidth: .infinity, minHeight: 44)
            }
            .buttonStyle(.bordered)
        }
    }

    private func heading(_ word: Word) -> some View {
        Text(word.text())
            .font(.headline)
            .accessibilityAddTraits(.isHeader)
    }

    private func lines(_ lines: [String]) -> some View {
        Text(lines.joined(separator: "\n"))
            .font(.footnote)
            .textSelection(.enabled)
    }

    private func text(_ check: Check) -> String {
        "\(check.name): \(check.result.word.text()). \(check.detail)"
    }
}

private enum Place {
    case pings, waysOn, bottom
}

extension Button {
    /// Most buttons have a place of their own.
    fileprivate var place: Place {
        switch word {
        case .pingPrivate, .pingPrivateScoped: .pings
        case .logOut: .bottom
        default: .waysOn
        }
    }
}

extension [Button] {
    fileprivate var cancelLast: [Button] { filter { $0.word != .cancel } + filter { $0.word == .cancel } }
}

private func time(_ unixSeconds: Int64, _ locale: Locale, _ timeZone: TimeZone) -> String {
    Date(timeIntervalSince1970: TimeInterval(unixSeconds))
        .formatted(Date.FormatStyle(date: .abbreviated, time: .shortened, locale: locale, timeZone: timeZone))
}

import Latchkey
import SwiftUI

/// Draws a ``ScreenState``. Which view shows what, and nothing else.
struct ScreenView: View {
    let state: ScreenState
    let details: DetailsSeen
    let tapped: @MainActor (Action) -> Void
    let fold: @MainActor () -> Void

    var body: some View {
        ScrollView {
            VStack(alignment: .leading, spacing: 24) {
                Text(verbatim: "Latchkey")
                    .font(.largeTitle)
                    .accessibilityAddTraits(.isHeader)
                if let account = state.account { AccountRow(account: account) }
                ButtonList(buttons: state.buttons.filter { $0.place == .pings }, tapped: tapped)
                if !state.message.isEmpty { message }
                if let answer = state.answer { AnswerView(shown: answer) }
                ButtonList(buttons: state.buttons.filter { $0.place == .waysOn }.cancelLast, tapped: tapped)
                bottom
                if state.details == .open {
                    DetailsView(seen: details, copyReport: { tapped(.copyReport) })
                }
            }
            .padding(24)
        }
    }

    private var message: some View {
        HStack(spacing: 16) {
            if state.busy { ProgressView().accessibilityHidden(true) }
            Text(state.message.text)
                .textSelection(.enabled)
        }
    }

    private var bottom: some View {
        HStack {
            ForEach(state.buttons.filter { $0.place == .bottom }, id: \.action) { button in
                ButtonView(button: button, tapped: tapped)
                    .buttonStyle(.borderless)
            }
            Spacer()
            if state.details != .hidden {
                SwiftUI.Button(action: fold) {
                    Text(Word.details.text() + (state.details == .open ? " ▾" : " ▸"))
                        .frame(minWidth: 44, minHeight: 44)
                }
                .buttonStyle(.borderless)
                .accessibilityLabel(state.details == .open ? Word.detailsHide.text() : Word.detailsShow.text())
            }
        }
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

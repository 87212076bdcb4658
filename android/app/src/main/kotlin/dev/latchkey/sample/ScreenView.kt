package dev.latchkey.sample

import android.content.Context
import android.graphics.Color
import android.graphics.drawable.Animatable
import android.graphics.drawable.ColorDrawable
import android.graphics.drawable.Drawable
import android.text.format.DateUtils
import android.view.LayoutInflater
import android.view.View
import android.widget.TextView
import dev.latchkey.CheckResult
import dev.latchkey.text
import android.widget.Button as ButtonView

/** Draws a [ScreenState]. Which view shows what, and nothing else. */
class ScreenView(private val context: Context, private val tapped: (Action) -> Unit, private val fold: () -> Unit) {
    val root: View = LayoutInflater.from(context).inflate(R.layout.screen, null)
    private val message: TextView = root.requireViewById(R.id.message)
    private val answer: TextView = root.requireViewById(R.id.answer)
    private val detailsButton: ButtonView = root.requireViewById(R.id.details_button)

    fun show(state: ScreenState, details: DetailsSeen) {
        showAccount(state.account)
        showButtons(state.buttons)
        root.requireViewById<View>(R.id.saying).visibility = visible(state.message.isNotEmpty())
        root.requireViewById<View>(R.id.busy).visibility = visible(state.busy)
        say(message, state.message.text(context))
        showAnswer(state.answer)
        showDetails(state.details, details)
    }

    private fun showAccount(account: Account?) {
        root.requireViewById<View>(R.id.account).visibility = visible(account != null)
        val name = account?.name ?: context.getString(R.string.logged_in)
        say(root.requireViewById(R.id.avatar), name.take(1).uppercase())
        say(root.requireViewById(R.id.name), name)
        say(root.requireViewById(R.id.detail), account?.detail.orEmpty())
    }

    /** Most buttons have a place of their own; the one that leads on stands out. */
    private fun showButtons(buttons: List<Button>) {
        val (placed, waysOn) = buttons.partition { it.text in OWN_PLACES }
        val (cancel, others) = waysOn.partition { it.text == R.string.cancel }
        for ((text, id) in OWN_PLACES) showButton(root.requireViewById(id), placed.find { it.text == text })
        showButton(root.requireViewById(R.id.first), others.firstOrNull())
        showButton(root.requireViewById(R.id.second), cancel.firstOrNull() ?: others.getOrNull(1))
        root.requireViewById<View>(R.id.ways_on).visibility = visible(waysOn.isNotEmpty())
    }

    private fun showButton(view: ButtonView, button: Button?) {
        view.visibility = visible(button != null)
        if (button == null) return
        val runs = button.state == ButtonState.RUNNING
        val text = context.getString(button.text)
        say(view, text)
        view.contentDescription = if (runs) context.getString(R.string.button_running, text) else null
        view.isEnabled = button.state == ButtonState.READY
        view.setOnClickListener { tapped(button.action) }
        if (view.isActivated != runs) {
            view.isActivated = runs
            spin(view, runs)
        }
    }

    /** A small wheel at the button's end; at its start as much room, for the text to stay where it is. */
    private fun spin(view: ButtonView, runs: Boolean) {
        val wheel = if (runs) sized(context.getDrawable(R.drawable.wheel)?.mutate()) else null
        wheel?.setTint(view.currentTextColor)
        val room = if (runs) sized(ColorDrawable(Color.TRANSPARENT)) else null
        view.setCompoundDrawablesRelative(room, null, wheel, null)
        (wheel as? Animatable)?.start()
    }

    private fun sized(drawable: Drawable?): Drawable? {
        val size = (WHEEL_DP * context.resources.displayMetrics.density).toInt()
        drawable?.setBounds(0, 0, size, size)
        return drawable
    }

    private fun showAnswer(shown: ShownAnswer?) {
        answer.visibility = visible(shown != null)
        answer.setTextColor(context.getColor(if (shown?.old == true) R.color.text_old else R.color.text))
        say(answer, shown?.answer?.text.orEmpty())
        val time = root.requireViewById<TextView>(R.id.answer_time)
        time.visibility = visible(shown?.old == true)
        if (shown?.old == true) say(time, context.getString(R.string.answer_old, time(shown.answer.atUnixSeconds)))
    }

    private fun time(unixSeconds: Long): String = DateUtils.formatDateTime(
        context,
        unixSeconds * 1000,
        DateUtils.FORMAT_SHOW_DATE or DateUtils.FORMAT_SHOW_TIME or DateUtils.FORMAT_ABBREV_MONTH,
    )

    private fun showDetails(fold: Details, seen: DetailsSeen) {
        val open = fold == Details.OPEN
        detailsButton.visibility = visible(fold != Details.HIDDEN)
        say(detailsButton, context.getString(R.string.details) + if (open) " ▾" else " ▸")
        detailsButton.contentDescription = context.getString(if (open) R.string.details_hide else R.string.details_show)
        detailsButton.setOnClickListener { fold() }
        root.requireViewById<View>(R.id.details).visibility = visible(open)
        if (!open) return
        say(root.requireViewById(R.id.timeline), seen.timeline.joinToString("\n") { line(it, time(it.atUnixSeconds)) })
        val checks = seen.checks?.joinToString("\n") { "${it.name}: ${context.getString(word(it.result))}. ${it.detail}" }
        say(root.requireViewById(R.id.checks), checks ?: context.getString(R.string.please_wait))
        root.requireViewById<View>(R.id.copy_report).setOnClickListener { tapped(Action.COPY_REPORT) }
    }

    private fun word(result: CheckResult): Int = when (result) {
        CheckResult.OK -> R.string.check_ok
        CheckResult.WARNING -> R.string.check_warning
        CheckResult.FAILED -> R.string.check_failed
    }

    /** Only what is new: a text that is set again would be read aloud again. */
    private fun say(view: TextView, text: String) {
        if (view.text.toString() != text) view.text = text
    }

    private fun visible(yes: Boolean) = if (yes) View.VISIBLE else View.GONE

    private companion object {
        const val WHEEL_DP = 20

        val OWN_PLACES = mapOf(
            R.string.ping_private to R.id.ping_private,
            R.string.ping_private_scoped to R.id.ping_private_scoped,
            R.string.log_out to R.id.log_out,
        )
    }
}

package dev.latchkey.sample

import android.app.Activity
import android.app.KeyguardManager
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.ClipboardManager
import android.content.Intent
import android.os.Build
import android.os.Bundle
import android.provider.Settings
import android.view.WindowManager
import android.widget.Toast

/** The one screen. It shows what [screenState] says, and hands every tap on. */
class MainActivity : Activity() {
    private val model get() = (application as SampleApp).model
    private val redraw: () -> Unit = ::draw
    internal lateinit var screen: ScreenView
        private set

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        hideFromRecents()
        screen = ScreenView(this, tapped = ::act, fold = { model.toggleDetails() })
        setContentView(screen.root)
    }

    override fun onStart() {
        super.onStart()
        model.onChange = redraw
        draw()
    }

    override fun onStop() {
        // Another one may have come in front before this one goes.
        if (model.onChange === redraw) model.onChange = {}
        super.onStop()
    }

    private fun draw() = screen.show(screenState(model.seen), model.details)

    private fun act(action: Action) {
        // A second tap may be on its way while the button already says that it runs.
        val state = screenState(model.seen)
        val offered = state.buttons.any { it.action == action && it.state == ButtonState.READY }
        if (!offered && !(action == Action.COPY_REPORT && state.details == Details.OPEN)) return
        when (action) {
            Action.UNLOCK -> unlock()
            Action.CHECK_CLOCK -> openClockSettings()
            Action.COPY_REPORT -> model.report(::copy)
            else -> model.act(action, this)
        }
    }

    private fun unlock() {
        val keyguard = checkNotNull(getSystemService(KeyguardManager::class.java))
        if (!keyguard.isKeyguardLocked) return model.act(Action.UNLOCK, this)
        val unlocked = object : KeyguardManager.KeyguardDismissCallback() {
            override fun onDismissSucceeded() = model.act(Action.UNLOCK, this@MainActivity)
        }
        keyguard.requestDismissKeyguard(this, unlocked)
    }

    private fun openClockSettings() = try {
        startActivity(Intent(Settings.ACTION_DATE_SETTINGS))
    } catch (_: ActivityNotFoundException) {
        // The message says what to do.
    }

    private fun copy(report: String) {
        val clipboard = checkNotNull(getSystemService(ClipboardManager::class.java))
        clipboard.setPrimaryClip(ClipData.newPlainText(getString(R.string.app_name), report))
        // From Android 13 on the system shows what was copied.
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.TIRAMISU) {
            Toast.makeText(this, R.string.report_copied, Toast.LENGTH_LONG).show()
        }
    }

    /** The picture that the app switcher keeps is nobody's business. */
    private fun hideFromRecents() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) setRecentsScreenshotEnabled(false)
        else window.addFlags(WindowManager.LayoutParams.FLAG_SECURE)
    }
}

package dev.latchkey.browser

import android.app.Activity
import android.os.Bundle

/**
 * What the redirect URI opens. Anybody may open it, with anything: the address goes to the core, and only if it was the
 * answer to a login is the browser's tab closed. Else the tab is seen again and the login goes on. Apps with an App Link name
 * it in their manifests, so it keeps its name.
 */
internal class RedirectActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val uri = intent.data?.toString() ?: return finish()
        val app = applicationContext
        Doors.deliver(uri) { taken ->
            runOnUiThread {
                if (taken) app.startActivity(LoginActivity.returnIntent(app))
                finish()
            }
        }
    }
}

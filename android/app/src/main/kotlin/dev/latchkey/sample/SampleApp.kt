package dev.latchkey.sample

import android.app.Application
import dev.latchkey.LatchkeyClient
import dev.latchkey.SecureStore
import kotlinx.coroutines.asCoroutineDispatcher

/** Makes the one client, so that it is there when the system starts the app for the redirect alone. */
open class SampleApp : Application() {
    lateinit var model: ScreenModel
        private set

    override fun onCreate() {
        super.onCreate()
        val settings = settings()
        val missing = settings.missing()
        val client = if (missing.isEmpty()) LatchkeyClient(this, settings.config(), store()) else null
        model = ScreenModel(client, settings.api, missing, mainExecutor.asCoroutineDispatcher())
    }

    protected open fun settings(): Settings = Settings.of(resources)

    /** Left out: sealed by Android Keystore, so that a login goes on after the system has killed the app. */
    protected open fun store(): SecureStore? = null
}

package dev.latchkey.store

import android.content.Context
import android.hardware.biometrics.BiometricManager.Authenticators
import android.hardware.biometrics.BiometricPrompt
import android.os.Build
import android.os.CancellationSignal
import kotlin.coroutines.resume
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * Asks for the person, with the system's own dialog: what opens a store with a [PresenceSealer]. When the core says
 * `Locked`: `if (prompt.ask(activity)) auth.resumed()`.
 *
 * From Android 10 on the device's PIN, pattern or password does as well; on 9 it is a fingerprint alone, and
 * [cancelText] stands on the dialog's button. The app's manifest needs the permission `USE_BIOMETRIC`.
 */
fun interface PresencePrompt {
    /** True once the person was there; false if not, or if the device has no way to tell. On the main thread. */
    suspend fun ask(activity: Context): Boolean

    companion object {
        fun of(title: String, cancelText: String): PresencePrompt = PresencePrompt { activity ->
            suspendCancellableCoroutine { waiting ->
                val builder = BiometricPrompt.Builder(activity).setTitle(title)
                when {
                    Build.VERSION.SDK_INT >= Build.VERSION_CODES.R ->
                        builder.setAllowedAuthenticators(
                            Authenticators.BIOMETRIC_STRONG or Authenticators.DEVICE_CREDENTIAL,
                        )
                    Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q ->
                        @Suppress("DEPRECATION") builder.setDeviceCredentialAllowed(true)
                    else ->
                        builder.setNegativeButton(cancelText, activity.mainExecutor) { _, _ ->
                            if (waiting.isActive) waiting.resume(false)
                        }
                }
                val answer = object : BiometricPrompt.AuthenticationCallback() {
                    override fun onAuthenticationSucceeded(result: BiometricPrompt.AuthenticationResult?) = end(true)

                    override fun onAuthenticationError(errorCode: Int, errString: CharSequence?) = end(false)

                    private fun end(wasThere: Boolean) {
                        if (waiting.isActive) waiting.resume(wasThere)
                    }
                }
                val cancel = CancellationSignal()
                waiting.invokeOnCancellation { cancel.cancel() }
                builder.build().authenticate(cancel, activity.mainExecutor, answer)
            }
        }
    }
}

package dev.latchkey.store

import android.app.Application
import android.os.UserManager
import org.junit.Before
import org.junit.Rule
import org.junit.rules.TemporaryFolder
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

/** Tests on a device that was unlocked since it started, with a Keystore of their own. */
abstract class OnADevice {
    @get:Rule
    val keys = TemporaryFolder()

    @get:Rule
    val keystore = FakeAndroidKeyStore { keys.root }

    protected val context: Application = RuntimeEnvironment.getApplication()

    @Before
    fun unlocked() = setUnlocked(true)
}

/** Whether the person has unlocked the device since it started. */
internal fun setUnlocked(isUnlocked: Boolean) {
    val users = RuntimeEnvironment.getApplication().getSystemService(UserManager::class.java)
    shadowOf(users).setUserUnlocked(isUnlocked)
}

package dev.latchkey

import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** A client that is given nothing but its configuration. */
@RunWith(RobolectricTestRunner::class)
class DefaultsTest {
    @get:Rule
    val phone = Phone()

    @Test
    fun `it keeps its session in the folder that no backup takes along`() {
        val config = AuthConfig("https://login.example", "app", REDIRECT_URI)
        val client = LatchkeyClient(phone.app, config)
        until { client.session.value != null }
        assertEquals(Session.SignedOut(SignedOutReason.NEVER), client.session.value)
        assertTrue(File(phone.app.noBackupFilesDir, "latchkey").isDirectory)
    }

    @Test
    fun `a store that cannot be opened is told, and tried again by the next call`() {
        val folder = File(phone.app.noBackupFilesDir, "latchkey")
        folder.writeText("in the way")
        val client = LatchkeyClient(phone.app, AuthConfig("https://login.example", "app", REDIRECT_URI))
        val error = inMain { client.accessToken() }.error<AuthException.Storage>()
        assertEquals(StorageReason.UNAVAILABLE, error.reason)
        folder.delete()
        inMain { client.accessToken() }.error<AuthException.LoginRequired>()
    }

    @Test
    fun `a device that was not unlocked yet is told as the core tells it`() {
        val config = AuthConfig("https://login.example", "app", REDIRECT_URI)
        val thrown = assertThrows(AuthException.Storage::class.java) {
            openAuth(config) { throw StoreException.Locked() }
        }
        assertEquals(StorageReason.LOCKED, thrown.reason)
    }

    @Test
    fun `a mistake in the configuration comes before a store that cannot be opened`() {
        val config = AuthConfig("no address", "app", REDIRECT_URI)
        assertThrows(AuthException.Configuration::class.java) {
            openAuth(config) { throw StoreException.Unavailable() }
        }
    }
}

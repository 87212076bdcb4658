package dev.latchkey

import android.os.Looper
import dev.latchkey.browser.Mode
import dev.latchkey.store.FakeAndroidKeyStore
import dev.latchkey.store.KeystoreSealer
import dev.latchkey.store.latchkeyStore
import dev.latchkey.store.setUnlocked
import dev.latchkey.trust.TestCertificates
import dev.latchkey.trust.TlsFront
import kotlinx.coroutines.Dispatchers
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** The app's calls come from the main thread, and none of what they lead to is done there. */
@RunWith(RobolectricTestRunner::class)
class MainThreadTest {
    @get:Rule
    val folder = TemporaryFolder()

    @get:Rule
    val keystore = FakeAndroidKeyStore { folder.root }

    @get:Rule
    val phone = Phone()

    private val threads get() = phone.threads

    /** Who was called, in whichever thread. */
    private val called = mutableSetOf<String>()

    private fun note(what: String) {
        threads += Thread.currentThread()
        synchronized(called) { called += what }
    }

    private fun assertNoneInMain() = assertTrue(Looper.getMainLooper().thread !in threads)

    @Test
    fun `neither the core nor the store nor Keystore is called there, from the login to the logout`() {
        setUnlocked(true)
        val client = LatchkeyClient(phone.app, phone.config(), Dispatchers.IO) {
            val sealer = NotingSealer(KeystoreSealer(phone.app))
            val store = RecordingStore(latchkeyStore(phone.app, sealer), threads)
            RecordingAuth(phone.config(), store, threads, null)
        }
        phone.client = client
        phone.signIn()
        inMain { client.ping(server.api).pingPrivate() }.result()
        inMain { client.api(server.api).send(ApiRequest("GET", "/private")) }.result()
        inMain { client.accessToken() }.result()
        phone.tap()
        phone.openLogin()
        client.cancelLogin()
        inMain { client.logout() }.result()
        assertEquals(setOf("createKey", "seal", "unseal"), called)
        assertTrue(threads.size > 12)
        assertNoneInMain()
    }

    @Test
    fun `nor is a certificate judged there`() {
        val certificates = TestCertificates(folder.newFolder("certificates"))
        TlsFront(certificates.context("good"), server.issuer).use { front ->
            val config = phone.config().copy(issuer = front.origin)
            val trust = object : TrustEvaluator {
                override fun evaluate(certificates: List<ByteArray>, host: String) = note("trust")
            }
            server.faults(front.speaksAs())
            phone.install("org.browser", Mode.CUSTOM_TAB)
            phone.client = LatchkeyClient(phone.app, config, Dispatchers.IO) {
                Auth.withTrust(config, RecordingStore(memoryStore(), threads), trust)
            }
            phone.tap()
            phone.openLogin()
            assertEquals(setOf("trust"), called)
            assertNoneInMain()
        }
    }

    private inner class NotingSealer(private val sealer: Sealer) : Sealer {
        override fun createKey() = sealer.createKey().also { note("createKey") }

        override fun seal(associatedData: ByteArray, plaintext: ByteArray) =
            sealer.seal(associatedData, plaintext).also { note("seal") }

        override fun unseal(associatedData: ByteArray, sealed: ByteArray) =
            sealer.unseal(associatedData, sealed).also { note("unseal") }
    }
}

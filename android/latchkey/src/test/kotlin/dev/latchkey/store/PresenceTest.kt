package dev.latchkey.store

import android.os.Build
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import dev.latchkey.AccessTokenOptions
import dev.latchkey.SealException
import dev.latchkey.StoreException
import dev.latchkey.conformanceAssertIntact
import dev.latchkey.conformanceAssertReplaceable
import dev.latchkey.conformanceChecks
import dev.latchkey.conformancePrepare
import dev.latchkey.runConformanceCheck
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** Reading that asks for a person, and writing that does not. */
@RunWith(RobolectricTestRunner::class)
class PresenceTest : OnADevice() {
    private val sealer by lazy { PresenceSealer(KeystoreSealer(context), seconds = 60) }
    private val store by lazy { latchkeyStore(context, sealer) }

    /** A dialog that the person answers. */
    private val prompt = PresencePrompt {
        keystore.personIsThere = true
        true
    }

    @Before
    fun start() = server.reset()

    @Test
    fun `each check of the core's passes while the person is there`() {
        keystore.personIsThere = true
        conformanceChecks().forEach { runConformanceCheck(it, store) }
    }

    @Test
    fun `without the person the store is written and not read`() {
        conformancePrepare(store)
        fails<StoreException.Locked> { store.load("conformance.kept") }
        keystore.personIsThere = true
        conformanceAssertIntact(store)
    }

    @Test
    fun `an app is locked until the person was asked, and goes on then`() = runs {
        keystore.personIsThere = true
        app(store).logIn()
        keystore.personIsThere = false
        val auth = app(store)
        assertEquals("locked", state(auth.session()))
        assertEquals("storage: LOCKED", tokenError(auth))
        assertTrue(prompt.ask(context))
        auth.resumed()
        assertEquals("signed in", state(auth.session()))
        auth.accessToken(AccessTokenOptions())
    }

    @Test
    fun `the key that reads wants the person, by fingerprint, face or the device's PIN`() {
        conformancePrepare(store)
        val spec = keystore.made.single { it.isUserAuthenticationRequired }
        assertEquals("dev.latchkey.presence", spec.keystoreAlias)
        assertEquals(KeyProperties.PURPOSE_DECRYPT, spec.purposes)
        assertEquals(60, spec.userAuthenticationValidityDurationSeconds)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) {
            val anyone = KeyProperties.AUTH_BIOMETRIC_STRONG or KeyProperties.AUTH_DEVICE_CREDENTIAL
            assertEquals(anyone, spec.userAuthenticationType)
        }
    }

    @Test
    fun `without the screen lock the key is lost, and a login makes another`() {
        keystore.personIsThere = true
        conformancePrepare(store)
        val broken = keystore.everything()[READING]
        keystore.faults[FakeAndroidKeyStore.Step.INIT] = { alias ->
            KeyPermanentlyInvalidatedException().takeIf { alias == READING && keystore.everything()[READING] == broken }
        }
        fails<StoreException.KeyLost> { store.load("conformance.kept") }
        conformanceAssertReplaceable(store)
    }

    @Test
    fun `what was stored without it, or by another key of it, is damaged`() {
        keystore.personIsThere = true
        sealer.createKey()
        val plain = KeystoreSealer(context).seal(byteArrayOf(), ByteArray(300))
        fails<SealException.Corrupt> { sealer.unseal(byteArrayOf(), plain) }
        val sealed = sealer.seal(byteArrayOf(), byteArrayOf(7))
        assertArrayEquals(byteArrayOf(7), sealer.unseal(byteArrayOf(), sealed))
        fails<SealException.Corrupt> { sealer.unseal(byteArrayOf(1), sealed) }
        keystore.lose(READING)
        fails<SealException.NoKey> { sealer.seal(byteArrayOf(), byteArrayOf(7)) }
        fails<SealException.NoKey> { sealer.unseal(byteArrayOf(), sealed) }
        sealer.createKey()
        fails<SealException.Corrupt> { sealer.unseal(byteArrayOf(), sealed) }
    }

    private companion object {
        const val READING = "dev.latchkey.presence"
    }
}

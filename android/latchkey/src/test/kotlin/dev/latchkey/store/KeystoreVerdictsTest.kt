package dev.latchkey.store

import android.content.pm.PackageManager
import android.os.Build
import android.security.KeyStoreException
import android.security.keystore.BackendBusyException
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.StrongBoxUnavailableException
import android.security.keystore.UserNotAuthenticatedException
import dev.latchkey.AuthException
import dev.latchkey.LoginOptions
import dev.latchkey.SealException
import dev.latchkey.StorageReason
import dev.latchkey.store.FakeAndroidKeyStore.Step
import java.security.InvalidKeyException
import java.security.ProviderException
import java.security.UnrecoverableKeyException
import java.time.Duration
import javax.crypto.AEADBadTagException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowSystemClock

/**
 * A test for each row of [verdictOn]: what the sealer says, what the app sees, and that the person is still logged in
 * once the fault is gone, because nothing was deleted.
 */
@RunWith(RobolectricTestRunner::class)
class KeystoreVerdictsTest : OnADevice() {
    private val store by lazy { latchkeyStore(context) }
    private val folder by lazy { context.noBackupFilesDir.resolve("latchkey") }

    @Before
    fun start() = server.reset()

    @Test
    fun `a permanently invalidated key is lost`() =
        lost(Step.INIT) { KeyPermanentlyInvalidatedException() }

    @Test
    fun `a key that waits for a person is locked`() =
        passes(LOCKED, SealException.Locked()) { keystore.faults[Step.INIT] = { UserNotAuthenticatedException() } }

    @Test
    fun `an unrecoverable key without a cause is lost`() =
        lost(Step.FIND) { UnrecoverableKeyException("invalidated") }

    @Test
    fun `an unrecoverable key with a cause is what the cause is`() {
        val because = { cause: Exception -> UnrecoverableKeyException().apply { initCause(cause) } }
        passes(LOCKED, SealException.Locked()) {
            keystore.faults[Step.FIND] = { because(UserNotAuthenticatedException()) }
        }
        passes(UNAVAILABLE, SealException.Unavailable()) {
            keystore.faults[Step.FIND] = { because(ProviderException()) }
        }
    }

    @Test
    fun `a restored backup has another key and a bad tag, and is damaged`() = runs {
        app(store).logIn()
        val key = keys.root.resolve(ALIAS)
        val old = key.readBytes()
        keystore.lose(ALIAS)
        KeystoreSealer(context).createKey()
        seen(CORRUPT)
        key.writeBytes(old)
        healed()
    }

    @Test
    fun `a bad tag is damaged also where the system names a cause`() = passes(CORRUPT, SealException.Corrupt()) {
        keystore.faults[Step.FINISH] = { AEADBadTagException().apply { initCause(ProviderException()) } }
    }

    @Test
    fun `a busy back end is asked again, and passes`() {
        assumeTrue(Build.VERSION.SDK_INT >= Build.VERSION_CODES.S)
        passes(UNAVAILABLE, SealException.Unavailable()) {
            keystore.faults[Step.INIT] = { BackendBusyException(20) }
        }
        var left = 2
        keystore.faults[Step.INIT] = { BackendBusyException(20).takeIf { left-- > 0 } }
        assertEquals("signed in", state(app(store).session()))
        assertTrue(left < 0)
    }

    @Test
    fun `StrongBox that is not there passes`() = passes(UNAVAILABLE, SealException.Unavailable()) {
        keystore.faults[Step.INIT] = { StrongBoxUnavailableException() }
    }

    @Test
    fun `a key is made beside a StrongBox that is not there, or that fails in its own words`() {
        shadowOf(context.packageManager).setSystemFeature(PackageManager.FEATURE_STRONGBOX_KEYSTORE, true)
        for (failure in listOf(StrongBoxUnavailableException(), ProviderException("no key"))) {
            keystore.made.clear()
            keystore.strongBox = { throw failure }
            KeystoreSealer(context, "dev.latchkey.${failure::class.simpleName}").createKey()
            assertEquals(listOf(false), keystore.made.map { it.isStrongBoxBacked })
        }
    }

    @Test
    fun `Keystore's own exception is believed where it wants a person`() = own(2, LOCKED, SealException.Locked())

    @Test
    fun `Keystore's own exception is believed where it says that it is not set up yet`() =
        own(3, LOCKED, SealException.Locked())

    @Test
    fun `Keystore's own exception is believed where it says that it passes`() {
        assumeTrue(Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU)
        val codes = (-100..30).filter {
            KeyStoreException.hasFailureInfoForError(it) && KeyStoreException(it, "").isTransientFailure
        }
        assertFalse(codes.isEmpty())
        codes.forEach { assertEquals(Verdict.BUSY, verdictOn(InvalidKeyException(KeyStoreException(it, "")))) }
        own(codes.first(), UNAVAILABLE, SealException.Unavailable())
    }

    @Test
    fun `Keystore's own exception is believed where it says that the key is corrupted or does not exist`() {
        assumeTrue(Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU)
        for (code in listOf(KEY_NOT_FOUND, VALUE_CORRUPTED)) {
            lost(Step.INIT) { InvalidKeyException(KeyStoreException(code, "")) }
        }
    }

    @Test
    fun `Keystore's own exception proves nothing where it says nothing`() =
        own(SYSTEM_ERROR, UNAVAILABLE, SealException.Unavailable())

    @Test
    fun `before it may be looked into, Keystore's own exception proves nothing`() {
        assumeTrue(Build.VERSION.SDK_INT < Build.VERSION_CODES.TIRAMISU)
        for (code in -100..30) {
            assertEquals(Verdict.UNPROVEN, verdictOn(InvalidKeyException(KeyStoreException(code, ""))))
        }
    }

    @Test
    fun `a provider error proves nothing, at whatever step`() {
        for (step in listOf(Step.FIND, Step.INIT, Step.FINISH)) {
            passes(UNAVAILABLE, SealException.Unavailable()) {
                keystore.faults[step] = { ProviderException("Keystore2") }
            }
        }
    }

    @Test
    fun `a provider error with a cause is what the cause is`() {
        assertEquals(Verdict.LOCKED, verdictOn(ProviderException(InvalidKeyException(UserNotAuthenticatedException()))))
        assertEquals(Verdict.UNPROVEN, verdictOn(ProviderException(IllegalStateException())))
        val circle = ProviderException().also { it.initCause(IllegalStateException(it)) }
        assertEquals(Verdict.UNPROVEN, verdictOn(circle))
    }

    @Test
    fun `an alias that is gone is lost`() = runs {
        app(store).logIn()
        val key = keys.root.resolve(ALIAS)
        val away = keys.root.resolve("away").also { key.renameTo(it) }
        fails<SealException.NoKey> { KeystoreSealer(context).seal(byteArrayOf(), byteArrayOf()) }
        seen(LOST)
        away.renameTo(key)
        healed()
    }

    @Test
    fun `a login goes on with a key beside one that fails and proves nothing, and both stay`() = runs {
        app(store).logIn()
        val before = keystore.everything()
        keystore.faults[Step.INIT] = { alias -> ProviderException().takeIf { alias == ALIAS } }
        val auth = app(store)
        seen(UNAVAILABLE)
        val error = fails<AuthException.Storage> { auth.beginLogin(LoginOptions()) }
        assertEquals(StorageReason.UNAVAILABLE, error.reason)
        ShadowSystemClock.advanceBy(Duration.ofMinutes(1))
        assertEquals(CORRUPT.second, tokenError(auth))
        auth.logIn()
        assertEquals("signed in", state(app(store).session()))
        assertEquals("the first key is untouched", before, keystore.everything() - "$ALIAS.spare")
        healed()
        assertEquals(setOf(ALIAS, "$ALIAS.spare"), keystore.aliases)
    }

    @Test
    fun `a key that worked within the minute is not given up`() {
        val sealer = KeystoreSealer(context).apply { createKey() }
        val sealed = sealer.seal(byteArrayOf(), byteArrayOf(1))
        val unseal = { sealer.unseal(byteArrayOf(), sealed) }
        val fault: (String) -> Exception = { ProviderException() }
        keystore.faults[Step.FIND] = fault
        fails<SealException.Unavailable> { unseal() }
        ShadowSystemClock.advanceBy(Duration.ofSeconds(59))
        fails<SealException.Unavailable> { unseal() }
        keystore.faults.clear()
        unseal()
        keystore.faults[Step.FIND] = fault
        ShadowSystemClock.advanceBy(Duration.ofSeconds(59))
        fails<SealException.Unavailable> { unseal() }
        ShadowSystemClock.advanceBy(Duration.ofSeconds(60))
        fails<SealException.Corrupt> { unseal() }
    }

    @Test
    fun `no device is incompatible for ever, if Keystore made no key at first`() = runs {
        keystore.faults[Step.GENERATE] = { ProviderException("no key") }
        val auth = app(store)
        val error = fails<AuthException.Storage> { auth.beginLogin(LoginOptions()) }
        assertEquals(StorageReason.UNAVAILABLE, error.reason)
        keystore.faults.clear()
        assertEquals("signed in", state(auth.logIn()))
    }

    /** A code of Keystore's own, as it comes out of a cipher. */
    private fun own(code: Int, seen: Pair<String, String>, says: SealException) {
        assumeTrue(Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU)
        passes(seen, says) { keystore.faults[Step.INIT] = { InvalidKeyException(KeyStoreException(code, "")) } }
    }

    /** With the fault the app sees `seen`; without it, the session. */
    private fun passes(seen: Pair<String, String>, says: SealException, fault: () -> Unit) = runs {
        app(store).logIn()
        val sealer = KeystoreSealer(context)
        val sealed = sealer.seal(byteArrayOf(), byteArrayOf())
        fault()
        val said = fails<SealException> { sealer.unseal(byteArrayOf(), sealed) }
        assertEquals(says::class.java, said::class.java)
        seen(seen)
        healed()
    }

    /** With the fault the app sees that a login is due; without it, the session; with a login a new key. */
    private fun lost(step: Step, failure: () -> Exception) = runs {
        keystore.faults.clear()
        app(store).logIn()
        val sealer = KeystoreSealer(context)
        val sealed = sealer.seal(byteArrayOf(), byteArrayOf())
        val broken = keystore.everything()[ALIAS]
        val fault = { _: String -> failure().takeIf { keystore.everything()[ALIAS] == broken } }
        keystore.faults[step] = fault
        fails<SealException.KeyLost> { sealer.seal(byteArrayOf(), byteArrayOf()) }
        fails<SealException.KeyLost> { sealer.unseal(byteArrayOf(), sealed) }
        seen(LOST)
        healed()
        keystore.faults[step] = fault
        assertEquals("signed in", state(app(store).logIn()))
        assertEquals("in the place of the lost one", setOf(ALIAS), keystore.aliases)
        healed()
    }

    /** The app, started anew with the fault; it deletes nothing. */
    private suspend fun seen(wanted: Pair<String, String>) {
        val files = files()
        val entries = keystore.everything()
        val auth = app(store)
        assertEquals(wanted.first, state(auth.session()))
        assertEquals(wanted.second, tokenError(auth))
        assertEquals(files, files().filterKeys { it in files })
        assertEquals(entries, keystore.everything().filterKeys { it in entries })
    }

    private fun healed() {
        keystore.faults.clear()
        assertEquals("signed in", state(app(store).session()))
    }

    /** The records; what happened is told in the journal, which may grow. */
    private fun files() = folder.listFiles().orEmpty().filter { it.name.startsWith("item.session") }
        .associate { it.name to it.readBytes().contentToString() }

    private companion object {
        const val ALIAS = "dev.latchkey"
        val LOCKED = "locked" to "storage: LOCKED"
        val UNAVAILABLE = "unavailable: UNAVAILABLE" to "storage: UNAVAILABLE"
        val CORRUPT = "unavailable: CORRUPT" to "storage: CORRUPT"
        val LOST = "signed out: STORAGE_LOST" to "login required: STORAGE_LOST"

        /** As the system numbers them. */
        const val SYSTEM_ERROR = 4
        const val KEY_NOT_FOUND = 7
        const val VALUE_CORRUPTED = 8
    }
}

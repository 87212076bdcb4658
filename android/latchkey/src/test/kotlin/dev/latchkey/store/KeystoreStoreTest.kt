package dev.latchkey.store

import android.content.pm.PackageManager
import android.security.keystore.StrongBoxUnavailableException
import android.security.keystore.UserNotAuthenticatedException
import dev.latchkey.SealException
import dev.latchkey.conformanceAssertIntact
import dev.latchkey.conformanceAssertLocked
import dev.latchkey.conformanceAssertReplaceable
import dev.latchkey.conformanceChecks
import dev.latchkey.conformancePrepare
import dev.latchkey.conformanceRaceTotal
import dev.latchkey.conformanceRaceWorker
import dev.latchkey.runConformanceCheck
import java.util.concurrent.FutureTask
import kotlin.concurrent.thread
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf

/** The core's file store over a key of Keystore, as an app opens it. */
@RunWith(RobolectricTestRunner::class)
class KeystoreStoreTest : OnADevice() {
    private val store by lazy { latchkeyStore(context) }
    private val file by lazy { context.noBackupFilesDir.resolve("latchkey/item.conformance.kept") }

    @Test
    fun `each check of the core's passes`() {
        val names = conformanceChecks()
        assertTrue("$names", names.size >= 13)
        names.forEach { runConformanceCheck(it, store) }
    }

    @Test
    fun `what was written is there when the store is opened again, in the folder that no backup takes along`() {
        conformancePrepare(store)
        conformanceAssertIntact(latchkeyStore(context))
        assertTrue(file.exists())
    }

    @Test
    fun `a locked key locks the store and nothing is lost`() {
        conformancePrepare(store)
        keystore.faults[FakeAndroidKeyStore.Step.INIT] = { UserNotAuthenticatedException() }
        conformanceAssertLocked(store)
        keystore.faults.clear()
        conformanceAssertIntact(store)
    }

    @Test
    fun `a key that is not found before the first unlock is not a key that is lost`() {
        conformancePrepare(store)
        val key = keys.root.resolve(ALIAS)
        val elsewhere = keys.root.resolve("away").also { key.renameTo(it) }
        setUnlocked(false)
        conformanceAssertLocked(store)
        setUnlocked(true)
        elsewhere.renameTo(key)
        conformanceAssertIntact(store)
    }

    @Test
    fun `a damaged item is reported, kept, and replaced by whoever expects its tag`() {
        for (length in listOf(300, 40, 7, 0)) {
            conformancePrepare(store)
            file.writeBytes(file.readBytes().copyOf(length))
            conformanceAssertReplaceable(store)
        }
    }

    @Test
    fun `a key that is gone is made again for a new login`() {
        conformancePrepare(store)
        keystore.lose(ALIAS)
        conformanceAssertReplaceable(store)
    }

    @Test
    fun `another key opens nothing, and a new login may replace what it cannot open`() {
        conformancePrepare(store)
        keystore.lose(ALIAS)
        KeystoreSealer(context).createKey()
        conformanceAssertReplaceable(store)
    }

    @Test
    fun `threads with a store each lose no increment and make one key`() {
        val worker = { conformanceRaceWorker(latchkeyStore(context), KEY, 50u) }
        val others = List(3) { FutureTask(worker).also { thread { it.run() } } }
        worker()
        others.forEach { it.get() }
        assertEquals(200u, conformanceRaceTotal(store, KEY))
        assertEquals(1, keystore.made.size)
    }

    @Test
    fun `the key does not leave Keystore, asks for nobody and works behind a locked screen`() {
        conformancePrepare(store)
        val spec = keystore.made.single()
        assertEquals(listOf(ALIAS, 256), listOf(spec.keystoreAlias, spec.keySize))
        assertArrayEquals(arrayOf("GCM"), spec.blockModes)
        assertArrayEquals(arrayOf("NoPadding"), spec.encryptionPaddings)
        assertTrue(spec.isRandomizedEncryptionRequired)
        assertFalse(spec.isUserAuthenticationRequired || spec.isUnlockedDeviceRequired || spec.isStrongBoxBacked)
    }

    @Test
    fun `the key is in StrongBox where the device has one, and beside it where StrongBox has no room`() {
        shadowOf(context.packageManager).setSystemFeature(PackageManager.FEATURE_STRONGBOX_KEYSTORE, true)
        conformancePrepare(store)
        assertTrue(keystore.made.single().isStrongBoxBacked)
        keystore.strongBox = { throw StrongBoxUnavailableException() }
        keystore.lose(ALIAS)
        conformanceAssertReplaceable(store)
        assertEquals(listOf(true, false), keystore.made.map { it.isStrongBoxBacked })
    }

    @Test
    fun `what is sealed opens for its own name and tag alone, and no two are alike`() {
        val sealer = KeystoreSealer(context).apply { createKey() }
        val (one, two) = List(2) { sealer.seal(byteArrayOf(1), byteArrayOf(7)) }
        assertFalse(one.contentEquals(two))
        assertArrayEquals(byteArrayOf(7), sealer.unseal(byteArrayOf(1), one))
        assertEquals("number, nonce, one byte, tag", 1 + 12 + 1 + 16, one.size)
        fails<SealException.Corrupt> { sealer.unseal(byteArrayOf(2), one) }
        fails<SealException.Corrupt> { sealer.unseal(byteArrayOf(1), byteArrayOf(3) + one.drop(1)) }
        fails<SealException.Corrupt> { sealer.unseal(byteArrayOf(1), one.copyOf(20)) }
        fails<SealException.Corrupt> { sealer.unseal(byteArrayOf(1), ByteArray(0)) }
    }

    @Test
    fun `a usable key is not replaced, whoever asks for one`() {
        val sealer = KeystoreSealer(context).apply { createKey() }
        val sealed = sealer.seal(byteArrayOf(), byteArrayOf(7))
        sealer.createKey()
        assertArrayEquals(byteArrayOf(7), KeystoreSealer(context).unseal(byteArrayOf(), sealed))
    }

    private companion object {
        const val KEY = "conformance.race"
        const val ALIAS = "dev.latchkey"
    }
}

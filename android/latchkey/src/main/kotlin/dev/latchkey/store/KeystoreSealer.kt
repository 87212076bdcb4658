package dev.latchkey.store

import android.content.Context
import android.content.pm.PackageManager
import android.os.SystemClock
import android.os.UserManager
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import dev.latchkey.SealException
import dev.latchkey.Sealer
import java.security.KeyStore
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.LockSupport
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Seals with an AES-256-GCM key of Android Keystore, which cannot leave it; in StrongBox where the device has one.
 *
 * All processes of an app may have one of these with the same [alias]; no other code may use that alias, nor [alias]
 * with `.spare` behind it. The key asks for no person and works while the screen is locked: with
 * `setUnlockedDeviceRequired` each refresh would fail that an app makes in the background. Before the first unlock
 * after a restart neither the key nor the app's files can be read, and that is `Locked`. For reading that asks for a
 * person: [PresenceSealer].
 *
 * What each failure of Keystore means is in one table: [verdictOn]. Where a failure proves nothing,
 *  * nothing is deleted and no key is replaced, ever;
 *  * sealing goes on with a second key beside the first, so that one broken key does not shut the app for good;
 *  * reading is `Unavailable`, which an app tries again. Only when the key has failed for a minute, without working
 *    once, is it `Corrupt`, which an app answers with a login. If the key works after all, so does reading.
 */
class KeystoreSealer(context: Context, private val alias: String = "dev.latchkey") : Sealer {
    private val context = context.applicationContext ?: context

    /** Since when a key has failed and proven nothing by it. */
    private val doubts = ConcurrentHashMap<Slot, Long>()

    /** The key, and the one for when it fails. Its number begins all that it seals: layout and key in one. */
    private enum class Slot(val number: Byte, val suffix: String) {
        FIRST(1, ""),
        SPARE(2, ".spare"),
    }

    override fun createKey(): Unit = typed {
        for (slot in Slot.entries) {
            val verdict = try {
                // Looked at once more: a usable key is never replaced, whoever calls.
                sealWith(slot, ByteArray(0), ByteArray(0))
                return
            } catch (_: SealException.NoKey) {
                Verdict.LOST
            } catch (failure: KeystoreFailure) {
                failure.verdict
            }
            when (verdict) {
                Verdict.LOST -> return generate(slot)
                Verdict.UNPROVEN -> continue
                else -> throw KeystoreFailure(verdict)
            }
        }
        throw KeystoreFailure(Verdict.UNPROVEN)
    }

    override fun seal(associatedData: ByteArray, plaintext: ByteArray): ByteArray = typed {
        try {
            sealWith(Slot.FIRST, associatedData, plaintext)
        } catch (failure: KeystoreFailure) {
            if (failure.verdict != Verdict.UNPROVEN) throw failure
            sealWith(Slot.SPARE, associatedData, plaintext)
        }
    }

    override fun unseal(associatedData: ByteArray, sealed: ByteArray): ByteArray = typed {
        val slot = Slot.entries.find { it.number == sealed.firstOrNull() }
        if (slot == null || sealed.size < HEADER + TAG_BITS / 8) throw SealException.Corrupt()
        try {
            withKey(slot) { cipher, key ->
                cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, sealed, 1, HEADER - 1))
                cipher.updateAAD(associatedData)
                cipher.doFinal(sealed, HEADER, sealed.size - HEADER)
            }
        } catch (failure: KeystoreFailure) {
            val since = doubts[slot] ?: throw failure
            if (SystemClock.elapsedRealtime() - since < BROKEN_AFTER) throw failure
            throw SealException.Corrupt()
        }
    }

    private fun sealWith(slot: Slot, associatedData: ByteArray, plaintext: ByteArray) = withKey(slot) { cipher, key ->
        cipher.init(Cipher.ENCRYPT_MODE, key)
        cipher.updateAAD(associatedData)
        byteArrayOf(slot.number) + cipher.iv + cipher.doFinal(plaintext)
    }

    /**
     * Works with the key. It is looked up each time: another process may have made a new one, and one that is kept
     * would look as if it were lost.
     */
    private fun <T> withKey(slot: Slot, work: (Cipher, SecretKey) -> T): T = try {
        val done = asked {
            val key = KeyStore.getInstance(KEYSTORE).apply { load(null) }.getKey(alias + slot.suffix, null)
            work(Cipher.getInstance(TRANSFORMATION), key as SecretKey? ?: throw noKey())
        }
        doubts.remove(slot)
        done
    } catch (failure: KeystoreFailure) {
        if (failure.verdict == Verdict.UNPROVEN) {
            doubts.putIfAbsent(slot, SystemClock.elapsedRealtime())
        } else {
            doubts.remove(slot)
        }
        throw failure
    }

    /** Before the first unlock, not to find a key proves nothing. */
    private fun noKey(): SealException {
        val user = context.getSystemService(UserManager::class.java)
        return if (user?.isUserUnlocked == false) SealException.Locked() else SealException.NoKey()
    }

    private fun generate(slot: Slot) {
        val strongBox = context.packageManager.hasSystemFeature(PackageManager.FEATURE_STRONGBOX_KEYSTORE)
        try {
            asked { generate(slot, strongBox) }
        } catch (failure: KeystoreFailure) {
            // Full, or one that fails in its own words: a key beside it is better than no login.
            if (!strongBox || failure.verdict == Verdict.LOCKED) throw failure
            asked { generate(slot, strongBox = false) }
        }
        doubts.remove(slot)
    }

    /** A key under this alias, if there is one, is replaced in the same step. */
    private fun generate(slot: Slot, strongBox: Boolean) {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec = KeyGenParameterSpec.Builder(alias + slot.suffix, purposes)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
            .setRandomizedEncryptionRequired(true)
            .setIsStrongBoxBacked(strongBox)
            .build()
        KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE).apply { init(spec) }.generateKey()
    }

    private companion object {
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val TAG_BITS = 128

        /** The key's number, and the nonce of 12 bytes, which Keystore chooses. */
        const val HEADER = 1 + 12

        val BROKEN_AFTER = TimeUnit.MINUTES.toMillis(1)
    }
}

internal const val KEYSTORE = "AndroidKeyStore"

/** A failure with its verdict, on the way to what the core is told. The system's text ends with it. */
internal class KeystoreFailure(val verdict: Verdict, cause: Throwable? = null) : Exception(cause)

/** Asks Keystore; again, up to three times in all and after a moment, where the answer is not final. */
internal fun <T> asked(work: () -> T): T {
    for (pause in PAUSES) {
        try {
            return work()
        } catch (verdict: SealException) {
            throw verdict
        } catch (failure: Exception) {
            val verdict = verdictOn(failure)
            val mayPass = verdict == Verdict.BUSY || verdict == Verdict.UNPROVEN
            if (!mayPass || pause == null) throw KeystoreFailure(verdict, failure)
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(pause))
        }
    }
    error("the last try has returned or thrown")
}

/** The system asks for 10 to 30 milliseconds. */
private val PAUSES = listOf(15L, 30L, null)

internal inline fun <T> typed(work: () -> T): T = try {
    work()
} catch (failure: KeystoreFailure) {
    throw failure.verdict.exception()
}

package dev.latchkey.store

import android.os.Build
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import dev.latchkey.SealException
import dev.latchkey.Sealer
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.KeyStore
import java.security.PrivateKey
import java.security.PublicKey
import java.security.spec.MGF1ParameterSpec
import java.security.spec.X509EncodedKeySpec
import javax.crypto.BadPaddingException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.OAEPParameterSpec
import javax.crypto.spec.PSource
import javax.crypto.spec.SecretKeySpec

/**
 * Binds *reading* to a person: within [seconds] after the person has unlocked the device or answered a
 * [PresencePrompt] the store can be read, and otherwise it is `Locked`. Writing asks nobody, as a store must. Put it
 * round the sealer: `latchkeyStore(context, PresenceSealer(KeystoreSealer(context)))`, from the first login on; what
 * was stored without it is `Corrupt` to it.
 *
 * It is Keystore that refuses, not this class: what is written is sealed to a public key, and the private one works
 * only after the person was there. The inner sealer, which asks nobody, sees to it that only the app can have written.
 *
 * For an app that wants it, it has its price: no refresh in the background, because the refresh token cannot be read
 * then; and whoever removes the screen lock of the device has to log in again.
 *
 * @param alias of no other use, as the inner sealer's.
 */
class PresenceSealer(
    private val inner: Sealer,
    private val seconds: Int = 60,
    private val alias: String = "dev.latchkey.presence",
) : Sealer {
    override fun createKey(): Unit = typed {
        inner.createKey()
        val isLost = try {
            publicKey()
            false
        } catch (_: SealException.NoKey) {
            true
        } catch (failure: KeystoreFailure) {
            failure.verdict == Verdict.LOST || throw failure
        }
        if (isLost) asked { generate() }
    }

    override fun seal(associatedData: ByteArray, plaintext: ByteArray): ByteArray = typed {
        val publicKey = publicKey()
        // Of this one item only; Keystore cannot wrap anything longer than a key with a public one.
        val dataKey = KeyGenerator.getInstance("AES").apply { init(256) }.generateKey()
        val wrapped = Cipher.getInstance(WRAPPING).run {
            init(Cipher.ENCRYPT_MODE, publicKey, OAEP)
            doFinal(dataKey.encoded)
        }
        val cipher = Cipher.getInstance(SEALING).apply { init(Cipher.ENCRYPT_MODE, dataKey) }
        inner.seal(associatedData, wrapped + cipher.iv + cipher.doFinal(plaintext))
    }

    override fun unseal(associatedData: ByteArray, sealed: ByteArray): ByteArray = typed {
        val own = inner.unseal(associatedData, sealed)
        if (own.size < WRAPPED_BYTES + NONCE_BYTES) throw SealException.Corrupt()
        val dataKey = asked {
            try {
                unwrapping().doFinal(own, 0, WRAPPED_BYTES)
            } catch (_: BadPaddingException) {
                // Of the key before this one.
                throw SealException.Corrupt()
            }
        }
        asked {
            val body = WRAPPED_BYTES + NONCE_BYTES
            val cipher = Cipher.getInstance(SEALING)
            val nonce = GCMParameterSpec(128, own, WRAPPED_BYTES, NONCE_BYTES)
            cipher.init(Cipher.DECRYPT_MODE, SecretKeySpec(dataKey, "AES"), nonce)
            cipher.doFinal(own, body, own.size - body)
        }
    }

    /**
     * As a key of the app's, so that it is used outside Keystore, whose copy asks for a person in some versions. It
     * would work on when the one that reads is lost, so that one is looked at first; if it is locked, no matter.
     */
    private fun publicKey(): PublicKey {
        try {
            asked { unwrapping() }
        } catch (failure: KeystoreFailure) {
            if (failure.verdict == Verdict.LOST) throw failure
        }
        return asked {
            val certificate = keyStore().getCertificate(alias) ?: throw SealException.NoKey()
            KeyFactory.getInstance("RSA").generatePublic(X509EncodedKeySpec(certificate.publicKey.encoded))
        }
    }

    /** Keystore refuses it without the person. */
    private fun unwrapping(): Cipher {
        val key = keyStore().getKey(alias, null) as PrivateKey? ?: throw SealException.NoKey()
        return Cipher.getInstance(WRAPPING).apply { init(Cipher.DECRYPT_MODE, key, OAEP) }
    }

    private fun keyStore() = KeyStore.getInstance(KEYSTORE).apply { load(null) }

    private fun generate() {
        val builder = KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_DECRYPT)
            .setDigests(KeyProperties.DIGEST_SHA256, KeyProperties.DIGEST_SHA1)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_RSA_OAEP)
            .setKeySize(WRAPPED_BYTES * 8)
            .setUserAuthenticationRequired(true)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) {
            val anyone = KeyProperties.AUTH_BIOMETRIC_STRONG or KeyProperties.AUTH_DEVICE_CREDENTIAL
            builder.setUserAuthenticationParameters(seconds, anyone)
        } else {
            @Suppress("DEPRECATION") // What there was before.
            builder.setUserAuthenticationValidityDurationSeconds(seconds)
        }
        KeyPairGenerator.getInstance(KeyProperties.KEY_ALGORITHM_RSA, KEYSTORE).apply { initialize(builder.build()) }
            .generateKeyPair()
    }

    private companion object {
        const val SEALING = "AES/GCM/NoPadding"
        const val WRAPPING = "RSA/ECB/OAEPWithSHA-256AndMGF1Padding"
        const val WRAPPED_BYTES = 256
        const val NONCE_BYTES = 12

        /** SHA-1 within the mask is what every version of Keystore can do; nothing depends on its collisions. */
        val OAEP = OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA1, PSource.PSpecified.DEFAULT)
    }
}

package dev.latchkey.tests

import dev.latchkey.SealException
import dev.latchkey.Sealer
import dev.latchkey.conformanceAssertIntact
import dev.latchkey.conformanceAssertLocked
import dev.latchkey.conformanceAssertReplaceable
import dev.latchkey.conformanceChecks
import dev.latchkey.conformancePrepare
import dev.latchkey.fileStore
import dev.latchkey.runConformanceCheck
import java.nio.file.Path
import java.security.GeneralSecurityException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir

/** The core's file store over a [Sealer] in Kotlin: as in an Android app, with a key in memory for the Keystore's. */
class SealerTest {
    private class KeyInMemory : Sealer {
        @Volatile
        var key: SecretKey? = null

        @Volatile
        var locked = false

        override fun createKey() {
            if (locked) throw SealException.Locked()
            key = KeyGenerator.getInstance("AES").apply { init(256) }.generateKey()
        }

        override fun seal(associatedData: ByteArray, plaintext: ByteArray): ByteArray {
            val cipher = Cipher.getInstance(ALGORITHM)
            cipher.init(Cipher.ENCRYPT_MODE, usableKey())
            cipher.updateAAD(associatedData)
            return cipher.iv + cipher.doFinal(plaintext)
        }

        override fun unseal(associatedData: ByteArray, sealed: ByteArray): ByteArray = try {
            val cipher = Cipher.getInstance(ALGORITHM)
            cipher.init(Cipher.DECRYPT_MODE, usableKey(), GCMParameterSpec(128, sealed, 0, NONCE))
            cipher.updateAAD(associatedData)
            cipher.doFinal(sealed, NONCE, sealed.size - NONCE)
        } catch (_: GeneralSecurityException) {
            throw SealException.Corrupt()
        } catch (_: IllegalArgumentException) {
            throw SealException.Corrupt()
        }

        private fun usableKey() = if (locked) throw SealException.Locked() else key ?: throw SealException.NoKey()

        private companion object {
            const val ALGORITHM = "AES/GCM/NoPadding"
            const val NONCE = 12
        }
    }

    @TempDir
    lateinit var folder: Path

    private val sealer = KeyInMemory()
    private val store by lazy { fileStore("$folder", sealer) }

    @TestFactory
    fun `each check of the core's passes over it`(): List<DynamicTest> =
        conformanceChecks().map { name -> dynamicTest(name) { runConformanceCheck(name, store) } }

    @Test
    fun `a locked key locks the store and nothing is lost`() {
        conformancePrepare(store)
        sealer.locked = true
        conformanceAssertLocked(store)
        sealer.locked = false
        conformanceAssertIntact(fileStore("$folder", sealer))
    }

    @Test
    fun `another key opens nothing, and a new login may replace what it cannot open`() {
        conformancePrepare(store)
        sealer.createKey()
        conformanceAssertReplaceable(store)
    }

    @Test
    fun `a key that is gone is made again for a new login`() {
        conformancePrepare(store)
        sealer.key = null
        conformanceAssertReplaceable(store)
    }
}

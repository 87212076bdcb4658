package dev.latchkey.store

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.UserNotAuthenticatedException
import java.io.File
import java.io.InputStream
import java.io.OutputStream
import java.security.AlgorithmParameters
import java.security.Key
import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.KeyPairGeneratorSpi
import java.security.KeyStoreSpi
import java.security.PrivateKey
import java.security.Provider
import java.security.PublicKey
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.security.spec.PKCS8EncodedKeySpec
import java.security.spec.X509EncodedKeySpec
import java.util.Date
import java.util.Enumeration
import javax.crypto.Cipher
import javax.crypto.CipherSpi
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey
import javax.crypto.spec.SecretKeySpec
import org.junit.rules.ExternalResource

/**
 * Stands for Android's Keystore, with its keys as files of a folder, so that two processes can share it. Keys do not
 * leave it: their bytes are null, and only its own cipher takes them. It proves the calls that are made, and nothing of
 * what Android does with them.
 */
class FakeAndroidKeyStore(private val keys: () -> File) : ExternalResource() {
    /** Where a fault is met. */
    enum class Step { FIND, GENERATE, INIT, FINISH }

    /** A fault, until it is taken out. It is told the alias; null means no fault. */
    val faults = mutableMapOf<Step, (String) -> Exception?>()

    /** What keys were made with, in their order. */
    val made = mutableListOf<KeyGenParameterSpec>()

    /** What making a key in StrongBox meets. */
    var strongBox: () -> Unit = {}

    /** Whether the person was there just now, for the keys that want to know. */
    var personIsThere = false

    val aliases: Set<String> get() = keys().list().orEmpty().toSet()

    fun lose(alias: String) = check(keys().resolve(alias).delete())

    /** The keys themselves, to see that none was touched. */
    fun everything(): Map<String, String> = aliases.associateWith { keys().resolve(it).readBytes().contentToString() }

    /** Robolectric's. It takes any key for its own, and what it says of it would hide what Keystore has said. */
    private val other: Provider? = Security.getProvider("BC")

    public override fun before() {
        other?.let { Security.removeProvider(it.name) }
        Security.addProvider(FakeProvider())
    }

    public override fun after() {
        Security.removeProvider(KEYSTORE)
        other?.let { Security.insertProviderAt(it, 1) }
    }

    private fun meet(step: Step, alias: String) = faults[step]?.invoke(alias)?.let { throw it }

    private inner class FakeProvider : Provider(KEYSTORE, "1", "for tests") {
        init {
            add("KeyStore", KEYSTORE) { Entries() }
            add("KeyGenerator", "AES") { AesGenerator() }
            add("KeyPairGenerator", "RSA") { RsaGenerator() }
            add("Cipher", "AES/GCM/NoPadding", FakeAesKey::class.java) { InsideCipher("AES/GCM/NoPadding") }
            val oaep = "RSA/ECB/OAEPWithSHA-256AndMGF1Padding"
            add("Cipher", oaep, FakePrivateKey::class.java) { InsideCipher(oaep) }
        }

        private fun add(type: String, name: String, keys: Class<*>? = null, make: () -> Any) {
            val attributes = keys?.let { mapOf("SupportedKeyClasses" to it.name) }
            val service = object : Service(this, type, name, "$type of the fake", null, attributes) {
                override fun newInstance(parameter: Any?) = make()
            }
            putService(service)
        }
    }

    private abstract class FakeKey(val alias: String, val inside: Key, private val name: String) : Key {
        override fun getAlgorithm() = name
        override fun getFormat(): String? = null
        override fun getEncoded(): ByteArray? = null
    }

    private class FakeAesKey(alias: String, inside: Key) : FakeKey(alias, inside, "AES"), SecretKey

    private class FakePrivateKey(alias: String, inside: Key) : FakeKey(alias, inside, "RSA"), PrivateKey

    private inner class AesGenerator : KeyGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun engineInit(spec: AlgorithmParameterSpec, random: SecureRandom?) {
            this.spec = spec as KeyGenParameterSpec
        }

        override fun engineGenerateKey(): SecretKey {
            meet(Step.GENERATE, spec.keystoreAlias)
            if (spec.isStrongBoxBacked) strongBox()
            made += spec
            val bytes = ByteArray(spec.keySize / 8).also(SecureRandom()::nextBytes)
            keys().resolve(spec.keystoreAlias).writeBytes(bytes)
            return FakeAesKey(spec.keystoreAlias, SecretKeySpec(bytes, "AES"))
        }

        override fun engineInit(random: SecureRandom?) = notUsed()
        override fun engineInit(size: Int, random: SecureRandom?) = notUsed()
    }

    private inner class RsaGenerator : KeyPairGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun initialize(spec: AlgorithmParameterSpec, random: SecureRandom?) {
            this.spec = spec as KeyGenParameterSpec
        }

        override fun generateKeyPair(): KeyPair {
            meet(Step.GENERATE, spec.keystoreAlias)
            made += spec
            val generator = KeyPairGenerator.getInstance("RSA", "SunRsaSign").apply { initialize(spec.keySize) }
            val pair = generator.generateKeyPair()
            keys().resolve(spec.keystoreAlias).writeBytes(pair.public.encoded + pair.private.encoded)
            return KeyPair(pair.public, FakePrivateKey(spec.keystoreAlias, pair.private))
        }

        override fun initialize(size: Int, random: SecureRandom?) = notUsed()
    }

    private inner class Entries : KeyStoreSpi() {
        private fun bytes(alias: String): ByteArray? {
            meet(Step.FIND, alias)
            return keys().resolve(alias).takeIf { it.exists() }?.readBytes()
        }

        override fun engineGetKey(alias: String, password: CharArray?): Key? = bytes(alias)?.let {
            if (it.size == 32) return FakeAesKey(alias, SecretKeySpec(it, "AES"))
            val private = PKCS8EncodedKeySpec(it.drop(RSA_PUBLIC).toByteArray())
            FakePrivateKey(alias, KeyFactory.getInstance("RSA").generatePrivate(private))
        }

        override fun engineGetCertificate(alias: String): Certificate? = bytes(alias)?.let {
            SelfSigned(KeyFactory.getInstance("RSA").generatePublic(X509EncodedKeySpec(it.copyOf(RSA_PUBLIC))))
        }

        override fun engineLoad(stream: InputStream?, password: CharArray?) {}
        override fun engineContainsAlias(alias: String) = alias in aliases
        override fun engineDeleteEntry(alias: String) = notUsed()
        override fun engineAliases(): Enumeration<String> = notUsed()
        override fun engineSize() = aliases.size
        override fun engineIsKeyEntry(alias: String) = alias in aliases
        override fun engineIsCertificateEntry(alias: String) = false
        override fun engineGetCertificateAlias(cert: Certificate?): String? = null
        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null
        override fun engineGetCreationDate(alias: String): Date? = null
        override fun engineSetKeyEntry(a: String, k: Key, p: CharArray?, c: Array<Certificate>?) = notUsed()
        override fun engineSetKeyEntry(a: String, k: ByteArray, c: Array<Certificate>?) = notUsed()
        override fun engineSetCertificateEntry(a: String, c: Certificate) = notUsed()
        override fun engineStore(stream: OutputStream?, password: CharArray?) {}
    }

    /** As much of a certificate as says what the public key is. */
    private inner class SelfSigned(private val key: PublicKey) : Certificate("fake") {
        override fun getPublicKey() = key
        override fun getEncoded() = notUsed()
        override fun verify(key: PublicKey) = notUsed()
        override fun verify(key: PublicKey, provider: String) = notUsed()
        override fun toString() = "fake"
    }

    private inner class InsideCipher(transformation: String) : CipherSpi() {
        private val inside = Cipher.getInstance(transformation, "SunJCE")
        private lateinit var alias: String

        override fun engineInit(mode: Int, key: Key, spec: AlgorithmParameterSpec?, random: SecureRandom?) {
            key as FakeKey
            alias = key.alias
            meet(Step.INIT, alias)
            if (key is FakePrivateKey && !personIsThere) throw UserNotAuthenticatedException()
            // Android chooses the nonce itself.
            require(mode == Cipher.DECRYPT_MODE || spec == null) { "a nonce of the caller's" }
            inside.init(mode, key.inside, spec)
        }

        override fun engineInit(mode: Int, key: Key, random: SecureRandom?) =
            engineInit(mode, key, null as AlgorithmParameterSpec?, random)

        override fun engineDoFinal(input: ByteArray?, offset: Int, length: Int): ByteArray {
            meet(Step.FINISH, alias)
            return inside.doFinal(input ?: ByteArray(0), offset, length)
        }

        override fun engineUpdateAAD(src: ByteArray, offset: Int, len: Int) = inside.updateAAD(src, offset, len)
        override fun engineGetIV(): ByteArray? = inside.iv
        override fun engineGetParameters(): AlgorithmParameters? = null
        override fun engineGetBlockSize() = inside.blockSize
        override fun engineGetOutputSize(length: Int) = inside.getOutputSize(length)
        override fun engineSetMode(mode: String) {}
        override fun engineSetPadding(padding: String) {}
        override fun engineInit(m: Int, k: Key, p: AlgorithmParameters?, r: SecureRandom?) = notUsed()
        override fun engineUpdate(i: ByteArray, o: Int, l: Int) = notUsed()
        override fun engineUpdate(i: ByteArray, o: Int, l: Int, out: ByteArray, at: Int) = notUsed()
        override fun engineDoFinal(i: ByteArray, o: Int, l: Int, out: ByteArray, at: Int) = notUsed()
    }

    private fun notUsed(): Nothing = throw AssertionError("the sealer has no use for it; above all, nothing is deleted")

    private companion object {
        /** How long the encoding of a public key of 2,048 bits with the exponent 65,537 is. */
        const val RSA_PUBLIC = 294
    }
}

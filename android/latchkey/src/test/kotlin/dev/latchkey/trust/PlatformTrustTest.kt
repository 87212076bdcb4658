package dev.latchkey.trust

import dev.latchkey.Auth
import dev.latchkey.AuthException
import dev.latchkey.LoginOptions
import dev.latchkey.NetworkReason
import dev.latchkey.TrustEvaluator
import dev.latchkey.TrustException
import dev.latchkey.memoryStore
import dev.latchkey.store.config
import dev.latchkey.store.fails
import dev.latchkey.store.runs
import dev.latchkey.store.server
import java.security.cert.CertificateException
import java.security.cert.X509Certificate
import javax.net.ssl.X509TrustManager
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.ClassRule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/**
 * The way from the core's TLS to a trust manager and back. The manager stands for Android's: it is the JVM's, told of
 * the host as Android's is.
 */
@RunWith(RobolectricTestRunner::class)
class PlatformTrustTest {
    private val manager = HostAwareManager(certificates.trustManager)
    private lateinit var front: TlsFront

    @Before
    fun start() = server.reset()

    @After
    fun stop() {
        if (::front.isInitialized) front.close()
    }

    @Test
    fun `a chain that the platform trusts is trusted, and a login begins`() = runs {
        val auth = behind("good", manager)
        assertTrue(auth.beginLogin(LoginOptions()).url.startsWith(front.origin))
        assertEquals(listOf("CN=localhost", "CN=Test CA") to "localhost", manager.asked.first())
    }

    @Test
    fun `an authority that the platform does not know is refused`() = refused("unknown")

    @Test
    fun `a certificate that has expired is refused`() = refused("expired")

    @Test
    fun `a certificate for another host is refused whatever the platform says`() = runs {
        val careless = object : TrustEvaluator {
            override fun evaluate(certificates: List<ByteArray>, host: String) {}
        }
        serve("elsewhere")
        assertEquals(NetworkReason.TLS, tlsError(Auth.withTrust(config(front.origin), memoryStore(), careless)))
        assertEquals(0L, server.requests("discovery"))
    }

    @Test
    fun `a certificate for another host does not get as far as the platform`() = runs {
        assertEquals(NetworkReason.TLS, tlsError(behind("elsewhere", manager)))
        assertTrue(manager.asked.isEmpty())
    }

    @Test
    fun `pins of the app's configuration are respected`() = runs {
        manager.pinned = { throw CertificateException("Pin verification failed") }
        assertEquals(NetworkReason.TLS, tlsError(behind("good", manager)))
        assertEquals(0L, server.requests("discovery"))
    }

    @Test
    fun `whatever is no certificate, and whatever breaks, has trusted nobody`() {
        val trust = PlatformTrust(manager)
        fails<TrustException.Untrusted> { trust.evaluate(listOf(byteArrayOf(1, 2, 3)), "localhost") }
        fails<TrustException.Untrusted> { trust.evaluate(emptyList(), "localhost") }
        manager.pinned = { throw IllegalStateException("canary") }
        val chain = certificates.chain("good").map { it.encoded }
        val error = fails<TrustException.Untrusted> { trust.evaluate(chain, "localhost") }
        assertFalse("canary" in error.stackTraceToString())
    }

    @Test
    fun `a trust manager that knows nothing of hosts is a mistake that is found at once`() {
        val plain = object : X509TrustManager by certificates.trustManager {}
        fails<IllegalArgumentException> { PlatformTrust(plain) }
    }

    private fun refused(name: String) = runs {
        assertEquals(NetworkReason.TLS, tlsError(behind(name, manager)))
        assertFalse("it was the platform's word", manager.asked.isEmpty())
        assertEquals("nothing was sent", 0L, server.requests("discovery"))
    }

    private fun serve(name: String) = TlsFront(certificates.context(name), server.issuer).also {
        front = it
        server.faults(it.speaksAs())
    }

    private fun behind(name: String, manager: X509TrustManager) =
        Auth.withTrust(config(serve(name).origin), memoryStore(), PlatformTrust(manager))

    private suspend fun tlsError(auth: Auth): NetworkReason =
        fails<AuthException.Network> { auth.beginLogin(LoginOptions()) }.reason

    /** As Android's own: it is found by the call with the host. */
    class HostAwareManager(private val inside: X509TrustManager) : X509TrustManager by inside {
        val asked = mutableListOf<Pair<List<String>, String>>()
        var pinned: () -> Unit = {}

        @Suppress("unused") // Android finds it by its name.
        fun checkServerTrusted(chain: Array<X509Certificate>, authType: String, host: String): List<X509Certificate> {
            synchronized(asked) { asked += chain.map { it.subjectX500Principal.name } to host }
            inside.checkServerTrusted(chain, authType)
            pinned()
            return chain.toList()
        }
    }

    companion object {
        @JvmField
        @ClassRule
        val folder = TemporaryFolder()

        val certificates by lazy { TestCertificates(folder.root) }
    }
}

package dev.latchkey.trust

import android.net.http.X509TrustManagerExtensions
import dev.latchkey.TrustEvaluator
import dev.latchkey.TrustException
import java.security.KeyStore
import java.security.cert.CertificateFactory
import java.security.cert.X509Certificate
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager

/**
 * Android's own judgement of a server's certificates, for `Auth.withTrust`: the system's authorities, the user's where
 * the app's network security configuration allows them, and that configuration's pins.
 *
 * The chain and its dates are the platform's to judge. Whether the certificate is for the host that was asked for, and
 * whether the server has its key, the core checks in any case.
 *
 * @param manager who judges; left out, the one that the app's other connections ask. One of another make must know of
 *   hosts, as Android's do, by `checkServerTrusted(chain, authType, host)`; else it is an `IllegalArgumentException`.
 */
class PlatformTrust(manager: X509TrustManager = defaultManager()) : TrustEvaluator {
    private val manager = X509TrustManagerExtensions(manager)

    @Throws(TrustException::class)
    override fun evaluate(certificates: List<ByteArray>, host: String) {
        try {
            val factory = CertificateFactory.getInstance("X.509")
            val chain = certificates.map { factory.generateCertificate(it.inputStream()) as X509Certificate }
            manager.checkServerTrusted(chain.toTypedArray(), AUTH_TYPE, host)
        } catch (_: Exception) {
            // Whatever went wrong, nobody has said that the chain is trusted. The text may name hosts: it ends here.
            throw TrustException.Untrusted()
        }
    }

    private companion object {
        /** How the keys are exchanged, which the chain does not depend on any more; empty it must not be. */
        const val AUTH_TYPE = "UNKNOWN"

        fun defaultManager(): X509TrustManager {
            val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
            factory.init(null as KeyStore?)
            return factory.trustManagers.filterIsInstance<X509TrustManager>().first()
        }
    }
}

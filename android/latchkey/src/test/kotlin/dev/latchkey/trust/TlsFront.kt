package dev.latchkey.trust

import dev.latchkey.tests.DevServerProcess
import java.io.File
import java.io.IOException
import java.net.InetAddress
import java.net.Socket
import java.net.URI
import java.security.KeyStore
import java.security.cert.X509Certificate
import javax.net.ssl.KeyManagerFactory
import javax.net.ssl.SSLContext
import javax.net.ssl.SSLServerSocket
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager
import kotlin.concurrent.thread
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** Authorities and server certificates, made anew in this folder with the JDK's own tool, and gone with it. */
class TestCertificates(private val folder: File) {
    init {
        authority("ca", "CN=Test CA")
        authority("stranger", "CN=Test CA")
        server("good", "ca", "dns:localhost")
        server("unknown", "stranger", "dns:localhost")
        server("elsewhere", "ca", "dns:elsewhere.example")
        server("expired", "ca", "dns:localhost", "-startdate", "-10d", "-validity", "5")
    }

    /** A platform that knows one of the two authorities, which have the same name. */
    val trustManager: X509TrustManager
        get() {
            val known = KeyStore.getInstance("PKCS12").apply { load(null, null) }
            known.setCertificateEntry("ca", stored("ca").getCertificate("ca"))
            val factory = TrustManagerFactory.getInstance("PKIX").apply { init(known) }
            return factory.trustManagers.filterIsInstance<X509TrustManager>().first()
        }

    fun chain(name: String): List<X509Certificate> =
        stored(name).getCertificateChain(name).map { it as X509Certificate }

    /** A server with this certificate. */
    fun context(name: String): SSLContext {
        val keys = KeyManagerFactory.getInstance("PKIX").apply { init(stored(name), PASSWORD.toCharArray()) }
        return SSLContext.getInstance("TLS").apply { init(keys.keyManagers, null, null) }
    }

    private fun stored(name: String) = KeyStore.getInstance("PKCS12").apply {
        file(name).inputStream().use { load(it, PASSWORD.toCharArray()) }
    }

    private fun file(name: String) = folder.resolve("$name.p12")

    private fun authority(name: String, subject: String) =
        tool(name, "-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", subject, "-ext", "bc:c=ca:true")

    private fun server(name: String, issuer: String, host: String, vararg dates: String) {
        tool(name, "-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=localhost")
        val request = tool(name, "-certreq")
        val certificate = tool(issuer, "-gencert", "-rfc", "-ext", "san=$host", *dates, input = request)
        val authority = tool(issuer, "-exportcert", "-rfc")
        // The reply is taken as a chain of its own, whether or not anybody trusts it.
        tool(name, "-importcert", "-noprompt", input = certificate + authority)
    }

    private fun tool(name: String, vararg args: String, input: String = ""): String {
        val program = File(System.getProperty("java.home"), "bin/keytool").path
        val where = listOf("-keystore", file(name).path, "-storetype", "PKCS12", "-storepass", PASSWORD, "-alias", name)
        val errors = folder.resolve("errors")
        val process = ProcessBuilder(listOf(program) + args + where).redirectError(errors).start()
        process.outputStream.use { it.write(input.toByteArray()) }
        val output = process.inputStream.bufferedReader().readText()
        check(process.waitFor() == 0) { "keytool ${args.first()}: $output ${errors.readText()}" }
        return output
    }

    private companion object {
        const val PASSWORD = "not a secret"
    }
}

/** TLS in front of the development server, on a port of its own. */
class TlsFront(context: SSLContext, issuer: String) : AutoCloseable {
    private val home = URI.create(issuer)
    private val listener =
        context.serverSocketFactory.createServerSocket(0, 50, InetAddress.getByName("127.0.0.1")) as SSLServerSocket

    val origin = "https://localhost:${listener.localPort}"

    init {
        thread(isDaemon = true) {
            while (!listener.isClosed) {
                val client = try {
                    listener.accept()
                } catch (_: IOException) {
                    continue
                }
                val server = Socket(home.host, home.port)
                pass(client, server)
                pass(server, client)
            }
        }
    }

    /** The faults that make the development server speak of itself by this address. */
    fun speaksAs(): String {
        val endpoints = mapOf(
            "issuer" to "",
            "authorization_endpoint" to "/authorize",
            "token_endpoint" to "/token",
            "jwks_uri" to "/jwks",
        )
        val issuer = origin + home.path.trimEnd('/')
        val metadata = endpoints.mapValues { (_, path) -> JsonPrimitive(issuer + path) }
        return "discovery:merge=${DevServerProcess.inFault(JsonObject(metadata))}"
    }

    private fun pass(from: Socket, to: Socket) = thread(isDaemon = true) {
        // Whichever side ends, or does not like the other's certificate: both are closed.
        try {
            from.use { to.use { from.getInputStream().copyTo(to.getOutputStream()) } }
        } catch (_: IOException) {
        }
    }

    override fun close() = listener.close()
}

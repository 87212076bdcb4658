package dev.latchkey.tests

import dev.latchkey.AccessTokenOptions
import dev.latchkey.ApiClient
import dev.latchkey.ApiRequest
import dev.latchkey.AuthException
import dev.latchkey.Header
import dev.latchkey.LogException
import dev.latchkey.LogLevel
import dev.latchkey.LogSink
import dev.latchkey.LoginOptions
import dev.latchkey.LogoutOptions
import dev.latchkey.SecureStore
import dev.latchkey.StoredItem
import dev.latchkey.memoryStore
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.serialization.json.JsonObject
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.RegisterExtension

/** What is printed by accident, and what is logged on purpose, holds no secret. */
class SecretsTest {
    /** Keeps every item that was written, as a careless store's log would. */
    private class Watched(private val store: SecureStore = memoryStore()) : SecureStore by store {
        val items = CopyOnWriteArrayList<StoredItem>()

        override fun swap(key: String, expected: ByteArray?, next: StoredItem?) {
            next?.let(items::add)
            store.swap(key, expected, next)
        }
    }

    private val store = Watched()
    private val lines = Lines()

    @Test
    fun `no text of what the core hands out holds a secret, and no line of its log`() = runs {
        val auth = server.app(store)
        auth.setLogSink(LogLevel.DEBUG, lines)
        server.faults("token:merge=${DevServerProcess.inFault(JsonObject(mapOf("refresh_token" to json(REFRESH_TOKEN))))}")
        val request = auth.beginLogin(LoginOptions())
        val callback = submitLoginPage(request.url, "alice")
        val session = auth.finishLogin(callback)
        val token = auth.accessToken(AccessTokenOptions())
        val claims = auth.userInfo()
        server.reset()
        // The provider does not know that refresh token.
        val ended = fails<AuthException.LoginRequired> { auth.accessToken(AccessTokenOptions(forceRefresh = true)) }
        val late = fails<AuthException.CallbackIgnored> { auth.finishLogin(callback) }
        val outcome = auth.logout(LogoutOptions())

        val secrets = listOf(
            parameter(request.url, "state"),
            parameter(request.url, "nonce"),
            parameter(callback, "code"),
            token.value,
            REFRESH_TOKEN,
            "dev|alice",
        )
        val stored = store.items.joinToString("\n") { String(it.bytes) }
        val seen = listOf(request.url, callback, stored, claims).joinToString("\n")
        secrets.forEach { assertTrue(it in seen, "a search for nothing: $it") }

        val answers = listOf(request, session, token, outcome, auth.timeline(), auth.checkUp())
        val objects = answers + listOf(auth, ended, late) + store.items
        val texts = objects.map(Any::toString) + listOf(ended, late).map { it.stackTraceToString() + it.message }
        (texts + "$lines").forEach { text -> secrets.forEach { assertFalse(it in text, text) } }
    }

    @Test
    fun `what an app sends to its own API and gets back is not in their texts`() = runs {
        val auth = server.app(store)
        auth.logIn("alice")
        val header = Header("x-api-key", "canary-header")
        val request = ApiRequest("GET", "/private?q=canary-path", listOf(header), "canary-body".toByteArray())
        val response = ApiClient(auth, server.api).send(request)
        assertTrue("Hello" in String(response.body))
        val hello = "Hello".toByteArray().joinToString()
        listOf(header, request, response, listOf(request)).map(Any::toString).forEach { text ->
            listOf("canary", "Hello", hello).forEach { assertFalse(it in text, text) }
        }
    }

    @Test
    fun `a log sink hears each step, and at debug each request`() = runs {
        val auth = server.app(store)
        auth.setLogSink(LogLevel.DEBUG, lines)
        auth.logIn("alice")
        server.ping(auth).pingPrivate()
        listOf("a login has begun", "token request at 127.0.0.1", "logged in", "API request at").forEach { words ->
            assertTrue(words in "$lines", "$lines")
        }
        val quiet = Lines()
        auth.setLogSink(LogLevel.ERROR, quiet)
        server.ping(auth).pingPrivate()
        auth.setLogSink(LogLevel.DEBUG, null)
        server.ping(auth).pingPrivate()
        assertTrue("$quiet".isEmpty(), "$quiet")
    }

    @Test
    fun `a log sink that throws does no harm`() = runs {
        val called = AtomicInteger()
        val thrown = listOf(LogException.Failed(), IllegalStateException("canary"))
        val auth = server.app(store)
        auth.setLogSink(
            LogLevel.DEBUG,
            object : LogSink {
                override fun log(level: LogLevel, line: String): Unit =
                    throw thrown[called.getAndIncrement() % thrown.size]
            },
        )
        auth.logIn("alice")
        auth.accessToken(AccessTokenOptions(forceRefresh = true))
        server.ping(auth).pingPrivate()
        assertTrue(called.get() > thrown.size)
    }

    companion object {
        const val REFRESH_TOKEN = "canary-refresh-token-0123456789"

        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

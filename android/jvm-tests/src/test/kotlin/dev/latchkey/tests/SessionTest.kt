package dev.latchkey.tests

import dev.latchkey.AccessTokenOptions
import dev.latchkey.Auth
import dev.latchkey.AuthException
import dev.latchkey.BackgroundException
import dev.latchkey.BackgroundGrant
import dev.latchkey.BackgroundTime
import dev.latchkey.LogLevel
import dev.latchkey.LogoutOptions
import dev.latchkey.NetworkReason
import dev.latchkey.Rotation
import dev.latchkey.SecureStore
import dev.latchkey.Session
import dev.latchkey.SignedOutReason
import dev.latchkey.StoreException
import dev.latchkey.StoredItem
import dev.latchkey.memoryStore
import java.nio.file.Path
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.RegisterExtension
import org.junit.jupiter.api.io.TempDir

/** A phone's life: apps are suspended, killed and brought back, and their stores fail. */
class SessionTest {
    private val store = memoryStore()

    @Test
    fun `each refresh asks for time in the background once and gives it back, also if it fails`() = runs {
        val auth = server.app(store)
        auth.logIn("alice")
        val time = Granted()
        auth.setBackgroundTime(time)
        auth.refresh()
        assertEquals(1uL, time.nextEnd())
        server.faults("token:status=503@1")
        fails<AuthException.Network> { auth.refresh() }
        assertEquals(2uL, time.nextEnd(), "each is ended once, in their order")
        assertEquals(2, time.begun.get())
        auth.accessToken(AccessTokenOptions())
        assertEquals(2, time.begun.get(), "a token that is good costs nothing")
    }

    @Test
    fun `an app that takes its background time back is not asked again`() = runs {
        val auth = server.app(store)
        auth.logIn("alice")
        val time = Granted()
        auth.setBackgroundTime(time)
        auth.setBackgroundTime(null)
        auth.refresh()
        assertEquals(0, time.begun.get())
    }

    @Test
    fun `with too few seconds left nothing is sent, and the next refresh with more works`() = runs {
        val auth = server.expired(store)
        val time = Granted()
        auth.setBackgroundTime(time)
        time.secondsLeft = 5uL
        val error = fails<AuthException.Network> { auth.accessToken(AccessTokenOptions()) }
        assertEquals(NetworkReason.UNAVAILABLE, error.reason)
        assertEquals(1uL, time.nextEnd(), "what was granted is given back")
        assertEquals(0L, server.requests("token"))
        assertEquals("signed_in", state(auth.session()))
        time.secondsLeft = 60uL
        auth.accessToken(AccessTokenOptions())
        assertEquals(2uL, time.nextEnd())
        assertEquals(1L, server.requests("token"))
    }

    @Test
    fun `background time that throws or grants nonsense stops no refresh, and what it throws is told nobody`() = runs {
        val auth = server.app(store)
        val lines = Lines()
        auth.setLogSink(LogLevel.DEBUG, lines)
        auth.logIn("alice")
        val thrown = listOf(
            BackgroundException.Refused(),
            IllegalStateException(CANARY, RuntimeException(CANARY)),
            NotImplementedError(CANARY),
            StackOverflowError(CANARY),
        )
        for (throwable in thrown) {
            val called = AtomicInteger()
            auth.setBackgroundTime(
                object : BackgroundTime {
                    override fun begin(): BackgroundGrant {
                        called.incrementAndGet()
                        throw throwable
                    }

                    override fun end(id: ULong) = error("nothing has begun")
                },
            )
            auth.refresh()
            assertEquals(1, called.get(), "$throwable")

            val ended = Channel<ULong>(Channel.UNLIMITED)
            auth.setBackgroundTime(
                object : BackgroundTime {
                    override fun begin() = BackgroundGrant(ULong.MAX_VALUE, ULong.MAX_VALUE)

                    override fun end(id: ULong) {
                        ended.trySend(id)
                        throw throwable
                    }
                },
            )
            auth.refresh()
            assertEquals(ULong.MAX_VALUE, ended.receive())
        }
        assertEquals(1 + 2L * thrown.size, server.requests("token"))
        assertFalse(CANARY in "$lines ${auth.timeline()}", "$lines")
    }

    @Test
    fun `another process's logout is seen at once when the app is resumed`(@TempDir folder: Path) = runs {
        val here = server.app(KotlinStore(folder))
        here.logIn("alice")
        server.app(KotlinStore(folder)).logout(LogoutOptions())
        assertEquals("signed_in", state(here.session()), "nobody has looked")
        val requests = requests()
        here.resumed()
        assertEquals(Session.SignedOut(SignedOutReason.LOGGED_OUT), here.session())
        val error = fails<AuthException.LoginRequired> { here.accessToken(AccessTokenOptions()) }
        assertEquals(SignedOutReason.LOGGED_OUT, error.reason)
        assertEquals(requests, requests(), "looking costs no request")
    }

    @Test
    fun `the timeline tells login, refresh and logout in order, why it ended, and of nobody`() = runs {
        val auth = server.app(store)
        val session = assertInstanceOf(Session.SignedIn::class.java, auth.logIn("alice"))
        val tokens = listOf(auth.accessToken(AccessTokenOptions()).value, auth.refresh())
        assertEquals("Logged in: nobody was logged out.", auth.timeline().last().detail)
        auth.logout(LogoutOptions())

        val told = server.app(store).timeline()
        val login = listOf("login", "stored")
        val refresh = listOf("refresh_sent", "refreshed", "stored")
        assertEquals(login + refresh + listOf("ended", "revocation", "summary"), told.map { it.event })
        val details = told.associate { it.event to it.detail }
        assertEquals("logged_out", details["ended"])
        assertEquals("done", details["revocation"])
        assertEquals("Logged out because the app, or the person, asked for it on this device.", details["summary"])
        assertTrue(told.zipWithNext().all { (one, next) -> one.atUnixSeconds <= next.atUnixSeconds }, "$told")

        val claims = Json.parseToJsonElement(session.claimsJson).jsonObject.values
        val texts = claims.filterIsInstance<JsonPrimitive>().filter { it.isString }.map { it.content }
        assertTrue(texts.containsAll(listOf("dev|alice", "Alice", server.issuer)), "$texts")
        (texts + tokens).forEach { assertFalse(it in "$told", "$told") }
    }

    @Test
    fun `tokens that the store does not take are used, said to be unstored, and stored later`() = runs {
        val store = Full()
        val auth = server.app(store)
        auth.logIn("alice")
        // The claim, and the word that it is being sent; then there is no more room.
        store.room.set(2)
        val token = auth.refresh()
        assertEquals(false, (auth.session() as? Session.SignedIn)?.persisted)
        val events = listOf("login", "stored", "refresh_sent", "refreshed", "persist_pending")
        assertEquals(events + "summary", auth.timeline().map { it.event })
        assertTrue("has not taken the newest tokens" in auth.timeline().last().detail.orEmpty())

        store.room.set(Int.MAX_VALUE)
        auth.resumed()
        assertEquals(true, (auth.session() as? Session.SignedIn)?.persisted)
        assertEquals(events + listOf("stored", "summary"), auth.timeline().map { it.event })
        val next = server.app(store)
        assertEquals(token, next.accessToken(AccessTokenOptions()).value)
        assertNotEquals(token, next.refresh(), "the refresh token that is stored is the one that counts")
        assertEquals(0L, server.refreshTokenReuse())
    }

    @Test
    fun `two of one process, in its role, send one token once`() = runs {
        server.expired(store).close()
        val config = server.config().copy(singleInstanceRole = "app")
        server.faults("token:gate=slow,after_commit@1")
        val first = Auth(config, store)
        val waiting = async(Dispatchers.IO) { first.accessToken(AccessTokenOptions()).value }
        server.awaitGate("slow")

        // It finds the claim of the first, which is not gone although it is of the same role.
        val second = Auth(config, store)
        assertEquals("refresh_unresolved", second.timeline().dropLast(1).last().event)
        val other = async(Dispatchers.IO) { second.accessToken(AccessTokenOptions()).value }
        server.openGate("slow")
        assertEquals(waiting.await(), other.await())
        assertEquals(1L, server.requests("token"))
        assertEquals(0L, server.refreshTokenReuse())
    }

    /** Grants what the test says, under the numbers 1, 2, …. */
    private class Granted : BackgroundTime {
        @Volatile
        var secondsLeft: ULong? = null
        val begun = AtomicInteger()
        private val ended = Channel<ULong>(Channel.UNLIMITED)

        override fun begin() = BackgroundGrant(begun.incrementAndGet().toULong(), secondsLeft)

        override fun end(id: ULong) {
            ended.trySend(id)
        }

        /** It is given back beside the call that has used it. */
        suspend fun nextEnd(): ULong = ended.receive()
    }

    /** Has room for so many more writes of the session. */
    private class Full(private val store: SecureStore = memoryStore()) : SecureStore by store {
        val room = AtomicInteger(Int.MAX_VALUE)

        override fun swap(key: String, expected: ByteArray?, next: StoredItem?) {
            if (key.startsWith("session.") && room.getAndDecrement() <= 0) throw StoreException.Unavailable()
            store.swap(key, expected, next)
        }
    }

    private suspend fun Auth.refresh(): String = accessToken(AccessTokenOptions(forceRefresh = true)).value

    private fun requests() = listOf("discovery", "jwks", "token", "revoke").map(server::requests)

    companion object {
        const val CANARY = "canary-of-the-app"

        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

package dev.latchkey.tests

import dev.latchkey.AccessTokenOptions
import dev.latchkey.Auth
import dev.latchkey.AuthException
import dev.latchkey.Cancellation
import dev.latchkey.LogLevel
import dev.latchkey.LoginOptions
import dev.latchkey.memoryStore
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.RegisterExtension

/** Callers may leave at any time; what has to be finished is finished without them. */
class CancellationTest {
    private val store = memoryStore()

    @Test
    fun `a coroutine cancelled in the middle of a refresh loses no token`() = runs {
        val auth = server.expired(store)
        server.faults(ANSWER_WAITS)
        val caller = launch(Dispatchers.IO) { auth.accessToken(AccessTokenOptions()) }
        server.awaitGate("answer")
        caller.cancelAndJoin()
        assertTheRotatedTokenIsKept(auth)
    }

    @Test
    fun `a handle cancelled in the middle of a refresh ends the call and loses no token`() = runs {
        val auth = server.expired(store)
        server.faults(ANSWER_WAITS)
        val handle = Cancellation()
        val caller = async(Dispatchers.IO) {
            fails<AuthException.Cancelled> { auth.accessToken(AccessTokenOptions(), handle) }
        }
        server.awaitGate("answer")
        handle.cancel()
        assertEquals("cancelled", caller.await().kind())
        assertTheRotatedTokenIsKept(auth)
    }

    @Test
    fun `a handle cancelled before the call counts, and nothing is sent`() = runs {
        val auth = server.expired(store)
        val handle = Cancellation()
        assertFalse(handle.isCancelled())
        handle.cancel()
        assertTrue(handle.isCancelled())
        fails<AuthException.Cancelled> { auth.accessToken(AccessTokenOptions(), handle) }
        fails<AuthException.Cancelled> { auth.beginLogin(LoginOptions(), handle) }
        fails<AuthException.Cancelled> { server.ping(auth).pingPrivate(handle) }
        assertEquals(listOf(0L, 0L), listOf("token", "api").map(server::requests))
    }

    @Test
    fun `a coroutine cancelled while the code is exchanged is logged in all the same`() = runs {
        val auth = server.app(store)
        val lines = Lines()
        auth.setLogSink(LogLevel.INFO, lines)
        val callback = auth.callback("alice")
        server.faults(ANSWER_WAITS)
        val caller = launch(Dispatchers.IO) { auth.finishLogin(callback) }
        server.awaitGate("answer")
        caller.cancelAndJoin()
        server.openGate("answer")
        lines.await("logged in")
        assertEquals("signed_in", state(auth.session()))
        assertEquals("signed_in", state(server.app(store).session()))
    }

    @Test
    fun `a cancelled ping does not wait for an API that hangs`() = runs {
        val auth = server.app(store)
        auth.logIn("alice")
        server.faults("api:gate=hangs@1")
        val caller = launch(Dispatchers.IO) { server.ping(auth).pingPrivate() }
        server.awaitGate("hangs")
        caller.cancelAndJoin()
        server.ping(auth).pingPrivate()
    }

    /** While the answer is still held back: the next caller gets what it brings, and no second request is made. */
    private suspend fun assertTheRotatedTokenIsKept(auth: Auth) = coroutineScope {
        val next = async(Dispatchers.IO) { auth.accessToken(AccessTokenOptions()) }
        server.openGate("answer")
        val token = next.await()
        assertEquals(1L, server.requests("token"))
        assertEquals(token.value, server.app(store).accessToken(AccessTokenOptions()).value, "it is stored")
        // With the old refresh token this provider would end the session.
        assertNotEquals(token.value, auth.accessToken(AccessTokenOptions(forceRefresh = true)).value)
        assertEquals(listOf(2L, 0L), listOf(server.requests("token"), server.refreshTokenReuse()))
    }

    companion object {
        /** The provider has rotated; its answer is not on its way yet. */
        const val ANSWER_WAITS = "token:gate=answer,after_commit@1"

        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

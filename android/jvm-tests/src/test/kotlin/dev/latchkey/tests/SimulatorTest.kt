package dev.latchkey.tests

import dev.latchkey.AuthException
import dev.latchkey.NetworkReason
import dev.latchkey.SignedOutReason
import dev.latchkey.memoryStore
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.RegisterExtension

/** Rows of docs/simulator.md: the server is steered over HTTP, as the test of an app on an emulator would do it. */
class SimulatorTest {
    private val store = memoryStore()

    @Test
    fun `a refresh whose answer is lost costs no session where the provider takes the token once more`() = runs {
        val auth = server.expired(store)
        server.admin("rotation", "parent")
        server.faults("token:drop_after_commit@1")
        server.ping(auth).pingPrivate()
        assertEquals("signed_in", state(auth.session()))
    }

    @Test
    fun `at a strict provider the session ends, and the reason says why`() = runs {
        val auth = server.expired(store)
        server.admin("rotation", "strict")
        server.faults("token:drop_after_commit@1")
        fails<AuthException.LoginRequired> { server.ping(auth).pingPrivate() }
        assertEquals("signed_out:rotation_interrupted", state(auth.session()))
    }

    @Test
    fun `a session that is revoked in the middle of a refresh ends with a login`() = runs {
        val auth = server.expired(store)
        server.faults("token:gate=held@1")
        val calling = async(Dispatchers.IO) {
            fails<AuthException.LoginRequired> { server.ping(auth).pingPrivate() }
        }
        server.awaitGate("held")
        server.admin("revoke/alice")
        server.openGate("held")
        assertEquals(SignedOutReason.REVOKED, calling.await().reason)
        assertEquals("signed_out:revoked", state(auth.session()))
    }

    @Test
    fun `a provider that asks for a pause is left alone, and the error says for how long`() = runs {
        val auth = server.expired(store)
        server.faults("token:status=429,retry_after=30@1")
        val error = fails<AuthException.Network> { server.ping(auth).pingPrivate() }
        assertEquals(NetworkReason.RATE_LIMITED, error.reason)
        assertEquals(30L, error.retryAfterSeconds?.toLong())
        fails<AuthException.Network> { server.ping(auth).pingPrivate() }
        assertEquals(1L, server.requests("token"), "nobody has asked again")
        assertEquals("signed_in", state(auth.session()))
    }

    companion object {
        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

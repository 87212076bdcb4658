package dev.latchkey.tests

import dev.latchkey.AccessTokenOptions
import dev.latchkey.memoryStore
import java.nio.file.Path
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.RegisterExtension
import org.junit.jupiter.api.io.TempDir

/** However many ask: one token request. */
class SharedRefreshTest {
    @Test
    fun `two hundred coroutines with an expired token make one token request`() = runs {
        val auth = server.expired(memoryStore())
        server.faults("token:gate=first@1")
        val callers = List(200) { async(Dispatchers.Default) { auth.accessToken(AccessTokenOptions()).value } }
        server.awaitGate("first")
        server.openGate("first")
        assertEquals(1, callers.awaitAll().distinct().size)
        assertEquals(1L, server.requests("token"))
    }

    @Test
    fun `two hundred pings with an expired token make one token request`() = runs {
        val auth = server.expired(memoryStore())
        val ping = server.ping(auth)
        List(200) { async(Dispatchers.Default) { ping.pingPrivate() } }.awaitAll()
        assertEquals(listOf(1L, 200L), listOf(server.requests("token"), server.requests("api")))
    }

    @Test
    fun `two apps on one store make one token request`(@TempDir folder: Path) = runs {
        server.expired(KotlinStore(folder)).close()
        val apps = List(2) { server.app(KotlinStore(folder)) }
        val tokens = List(40) { async(Dispatchers.Default) { apps[it % 2].accessToken(AccessTokenOptions()).value } }
        assertEquals(1, tokens.awaitAll().distinct().size)
        assertEquals(listOf(1L, 0L), listOf(server.requests("token"), server.refreshTokenReuse()))
    }

    companion object {
        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

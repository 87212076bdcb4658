package dev.latchkey.tests

import dev.latchkey.AccessTokenOptions
import dev.latchkey.AuthException
import dev.latchkey.LogLevel
import dev.latchkey.LoginOptions
import dev.latchkey.Recovery
import dev.latchkey.SecureStore
import dev.latchkey.Session
import dev.latchkey.StorageReason
import dev.latchkey.StoredItem
import dev.latchkey.memoryStore
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.RegisterExtension
import org.junit.jupiter.api.io.TempDir

/** A store that fails is a typed error; what it says is kept out of everything, and nobody is logged out by it. */
class BrokenStoreTest {
    /** Throws what no store may throw, while it is broken. */
    private class Breakable : SecureStore {
        private val whole = memoryStore()
        var fault: (() -> Throwable)? = null

        override fun load(key: String): StoredItem? {
            fault?.let { throw it() }
            return whole.load(key)
        }

        override fun swap(key: String, expected: ByteArray?, next: StoredItem?) {
            fault?.let { throw it() }
            whole.swap(key, expected, next)
        }
    }

    private val store = Breakable()
    private val lines = Lines()

    @Test
    fun `an exception that no store declares is a storage error without its text`() = runs {
        val auth = server.app(store)
        auth.setLogSink(LogLevel.DEBUG, lines)
        store.fault = { IllegalStateException(CANARY, RuntimeException(CANARY)) }
        assertEquals(Session.Unavailable(StorageReason.UNAVAILABLE), auth.session())
        val error = fails<AuthException.Storage> { auth.beginLogin(LoginOptions()) }
        assertEquals(StorageReason.UNAVAILABLE, error.reason)
        assertEquals(Recovery.RETRY, error.recovery())
        val texts = listOf(error.toString(), error.message, error.stackTraceToString(), "$lines", "${auth.checkUp()}")
        texts.forEach { assertFalse(CANARY in it, it) }
    }

    @Test
    fun `an error that is no exception does not count as stored`() = runs {
        val auth = server.app(store)
        store.fault = { NotImplementedError(CANARY) }
        val error = fails<AuthException.Storage> { auth.beginLogin(LoginOptions()) }
        assertEquals(StorageReason.UNAVAILABLE, error.reason)
    }

    @Test
    fun `a store that breaks takes no session away and lets nothing be sent`() = runs {
        val auth = server.app(store)
        auth.logIn("alice")
        server.reset()
        store.fault = { IllegalStateException(CANARY) }
        fails<AuthException.Storage> { auth.accessToken(AccessTokenOptions(forceRefresh = true)) }
        assertEquals(0L, server.requests("token"))
        server.ping(auth).pingPrivate()
        store.fault = null
        auth.accessToken(AccessTokenOptions(forceRefresh = true))
        assertEquals("signed_in", state(server.app(store).session()))
    }

    @Test
    fun `a locked store is waited for`(@TempDir folder: Path) = runs {
        val store = KotlinStore(folder)
        server.app(store).logIn("alice")
        store.locked = true
        val auth = server.app(store)
        assertEquals(Session.Locked, auth.session())
        val error = fails<AuthException.Storage> { auth.accessToken(AccessTokenOptions()) }
        assertEquals(StorageReason.LOCKED, error.reason)
        assertEquals(Recovery.UNLOCK, error.recovery())
        store.locked = false
        auth.accessToken(AccessTokenOptions())
        assertEquals("signed_in", state(auth.session()))
    }

    companion object {
        const val CANARY = "canary-of-the-store"

        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

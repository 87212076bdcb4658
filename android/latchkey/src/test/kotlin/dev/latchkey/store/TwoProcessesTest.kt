package dev.latchkey.store

import dev.latchkey.AccessTokenOptions
import dev.latchkey.Auth
import dev.latchkey.AuthConfig
import dev.latchkey.conformanceRaceTotal
import dev.latchkey.conformanceRaceWorker
import dev.latchkey.fileStore
import java.io.File
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment

/** Two processes of an app: one folder, one Keystore. */
@RunWith(RobolectricTestRunner::class)
class TwoProcessesTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val keys by lazy { folder.newFolder("keys") }

    @get:Rule
    val keystore = FakeAndroidKeyStore { keys }

    private val store by lazy { sharedStore(folder.root) }

    @Before
    fun start() {
        setUnlocked(true)
        server.reset()
        keys
    }

    private fun otherProcess(work: String) = OtherProcess(
        OtherProcessWork::class.java,
        mapOf(
            "work" to work,
            "folder" to folder.root.path,
            "issuer" to server.issuer,
            "client" to server.clientId,
            "audience" to server.audience,
        ),
    )

    @Test
    fun `two processes that refresh at the same time make one token request`() = runs {
        expired(store).close()
        otherProcess("refresh").use { other ->
            other.says("ready")
            server.faults("token:gate=first@1")
            other.goOn()
            // The other is in the middle of its refresh when this one wants a token too.
            server.awaitGate("first")
            val own = async(Dispatchers.IO) { app(store).accessToken(AccessTokenOptions()).value }
            server.openGate("first")
            assertEquals(own.await(), other.result())
        }
        assertEquals(listOf(1L, 0L), listOf(server.requests("token"), server.refreshTokenReuse()))
    }

    @Test
    fun `two processes that start on an empty folder make one key and lose no increment`() {
        otherProcess("race").use { other ->
            other.says("ready")
            other.goOn()
            conformanceRaceWorker(store, RACE, 100u)
            assertEquals("done", other.result())
        }
        assertEquals(200u, conformanceRaceTotal(store, RACE))
        assertEquals(setOf("dev.latchkey"), keystore.aliases)
    }
}

private const val RACE = "conformance.race"

internal fun sharedStore(folder: File) =
    fileStore(folder.resolve("store").path, KeystoreSealer(RuntimeEnvironment.getApplication()))

/** What the other process does, under the same Android. Not found by the test runner: its name is no test's. */
@RunWith(RobolectricTestRunner::class)
class OtherProcessWork {
    private val folder = File(told("folder"))

    @get:Rule
    val keystore = FakeAndroidKeyStore { folder.resolve("keys") }

    @Test
    fun work() = runs {
        setUnlocked(true)
        val store = sharedStore(folder)
        val work: suspend () -> String = when (told("work")) {
            "refresh" -> {
                val scopes = listOf("openid", "profile", "offline_access")
                val redirectUri = "dev.latchkey.sample:/callback"
                val config = AuthConfig(told("issuer"), told("client"), redirectUri, scopes, told("audience"))
                val auth = Auth(config, store);
                { auth.accessToken(AccessTokenOptions()).value }
            }
            else -> {
                { conformanceRaceWorker(store, RACE, 100u).let { "done" } }
            }
        }
        println("ready")
        readln()
        println("result ${work()}")
    }
}

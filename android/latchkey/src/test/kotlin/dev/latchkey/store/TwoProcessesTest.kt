package dev.latchkey.store

import dev.latchkey.AccessTokenOptions
import dev.latchkey.Auth
import dev.latchkey.AuthConfig
import dev.latchkey.conformanceRaceTotal
import dev.latchkey.conformanceRaceWorker
import dev.latchkey.fileStore
import java.io.BufferedReader
import java.io.File
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.JUnitCore
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

    @Test
    fun `two processes that refresh at the same time make one token request`() = runs {
        expired(store).close()
        OtherProcess("refresh", folder.root).use { other ->
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
        OtherProcess("race", folder.root).use { other ->
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

private fun sharedStore(folder: File) =
    fileStore(folder.resolve("store").path, KeystoreSealer(RuntimeEnvironment.getApplication()))

/** What the other process does, under the same Android. Not found by the test runner: its name is no test's. */
@RunWith(RobolectricTestRunner::class)
class OtherProcessWork {
    private val folder = File(System.getProperty("other.folder")!!)

    @get:Rule
    val keystore = FakeAndroidKeyStore { folder.resolve("keys") }

    @Test
    fun work() = runs {
        setUnlocked(true)
        val store = sharedStore(folder)
        val told = { name: String -> System.getProperty("other.$name")!! }
        val work: suspend () -> String = when (System.getProperty("other.work")) {
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

/** Another Java machine with this one's class path and Android, which does [OtherProcessWork]. */
private class OtherProcess(work: String, folder: File) : AutoCloseable {
    private val process: Process
    private val lines: BufferedReader

    init {
        val same = listOf("offline", "dependency.dir", "enabledSdks").map { "robolectric.$it" } + "jna.library.path"
        val settings = same.associateWith { System.getProperty(it) } + mapOf(
            "other.work" to work,
            "other.folder" to folder.path,
            "other.issuer" to server.issuer,
            "other.client" to server.clientId,
            "other.audience" to server.audience,
        )
        process = ProcessBuilder(
            listOf(File(System.getProperty("java.home"), "bin/java").path) +
                settings.map { (name, value) -> "-D$name=$value" } +
                listOf("lang", "util").flatMap { listOf("--add-opens", "java.base/java.$it=ALL-UNNAMED") } +
                listOf("-cp", System.getProperty("java.class.path")!!, JUnitCore::class.java.name) +
                OtherProcessWork::class.java.name,
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        lines = process.inputStream.bufferedReader()
    }

    /** Waits for a line that begins so, and gives what follows. */
    fun says(start: String): String {
        while (true) {
            val said = checkNotNull(lines.readLine()) { "the other process ended before it said $start" }
            if (start in said) return said.substringAfter(start).trim()
        }
    }

    fun result() = says("result ")

    fun goOn() = process.outputStream.use { it.write("\n".toByteArray()) }

    override fun close() {
        process.destroyForcibly()
        check(process.waitFor(10, TimeUnit.SECONDS)) { "the other process does not end" }
    }
}

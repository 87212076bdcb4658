package dev.latchkey.tests

import com.sun.jna.Native
import dev.latchkey.Auth
import java.io.File
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import java.util.jar.JarEntry
import java.util.jar.JarOutputStream
import java.util.zip.ZipFile
import kotlinx.coroutines.Job
import org.jetbrains.annotations.NotNull
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.extension.RegisterExtension
import org.junit.jupiter.api.io.TempDir

/**
 * The rules that the library brings along for apps that shrink their code, tried: R8 makes one jar of the app
 * (`app/App.kt`) and all that it needs, for a JVM instead of a phone, and a person logs in to it.
 */
class ShrunkAppTest {
    @TempDir
    lateinit var folder: Path

    private val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()

    @Test
    @Timeout(10, unit = TimeUnit.MINUTES)
    fun `an app that was shrunk by the library's rules logs in, pings and logs out`() {
        val r8 = File(System.getProperty("latchkey.r8"))
        assumeTrue(r8.isFile, "R8, Android's shrinker, is not here: `cargo xtask test kotlin` fetches it where it can")
        val jar = shrunk(r8)
        assertTrue("dev/latchkey/Auth.class" !in names(jar), "nothing was renamed, so nothing was tried")

        val options = listOf("-Djna.library.path=${System.getProperty("jna.library.path")}", "-cp", "$jar")
        val told = listOf(server.issuer, server.clientId, server.audience, server.api, "$folder")
        val app = ProcessBuilder(listOf(java) + options + "dev.latchkey.tests.app.AppKt" + told)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()
        val said = app.inputReader()
        val page = checkNotNull(said.readLine()) { "the app ended before it had a login page" }
        app.outputWriter().use { it.write(submitLoginPage(page, "alice") + "\n") }
        assertTrue(said.readLine().orEmpty().startsWith("Hello from a private endpoint!"))
        assertEquals("DONE", said.readLine())
        assertTrue(Regex("LOGGED_OUT, after [1-9][0-9]* lines of log").matches(said.readLine().orEmpty()))
        assertEquals(0, app.waitFor())
    }

    /** The app in one jar, by the rules alone: all but its `main` may be renamed or left out. */
    private fun shrunk(r8: File): Path {
        val jar = folder.resolve("shrunk.jar")
        val keep = folder.resolve("app.pro").toFile()
        keep.writeText("-keep class dev.latchkey.tests.app.AppKt { public static void main(java.lang.String[]); }\n")
        val rules = listOf(System.getProperty("latchkey.consumer-rules"), "$keep").flatMap { listOf("--pg-conf", it) }
        val libraries = listOf(Unit::class.java, NotNull::class.java, Job::class.java, Native::class.java).map { "${place(it)}" }
        val ours = listOf(
            jar("core.jar", place(Auth::class.java), "dev/latchkey"),
            jar("app.jar", place(javaClass), "dev/latchkey/tests/app"),
        )
        val target = listOf("--classfile", "--release", "--lib", System.getProperty("java.home"), "--output", "$jar")
        val program = listOf(java, "-cp", "$r8", "com.android.tools.r8.R8") + target + rules + ours + libraries
        val log = folder.resolve("r8.log").toFile()
        val ended = ProcessBuilder(program).redirectErrorStream(true).redirectOutput(log).start().waitFor()
        assertEquals(0, ended, log.readText())
        return jar
    }

    private fun place(type: Class<*>) = File(type.protectionDomain.codeSource.location.toURI())

    /** The classes of one package and those inside it: R8 takes jars only. */
    private fun jar(name: String, classes: File, inside: String): String {
        val jar = folder.resolve(name).toFile()
        JarOutputStream(jar.outputStream()).use { out ->
            for (file in classes.resolve(inside).walk().filter { it.extension == "class" }) {
                out.putNextEntry(JarEntry(file.relativeTo(classes).invariantSeparatorsPath))
                out.write(file.readBytes())
            }
        }
        return "$jar"
    }

    private fun names(jar: Path) = ZipFile(jar.toFile()).use { zip ->
        zip.entries().asSequence().map { it.name }.toSet()
    }

    companion object {
        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

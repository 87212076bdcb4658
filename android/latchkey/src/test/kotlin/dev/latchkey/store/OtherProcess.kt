package dev.latchkey.store

import java.io.BufferedReader
import java.io.File
import java.util.concurrent.TimeUnit
import org.junit.runner.JUnitCore

/** What the process that started this one has told it. */
internal fun told(name: String): String = System.getProperty("other.$name")!!

/**
 * Another Java machine with this one's class path and Android, which does the work of a class that is written as a test
 * and named as none. It is told what is in [told], and the two talk by lines.
 */
internal class OtherProcess(work: Class<*>, told: Map<String, String>) : AutoCloseable {
    private val process: Process
    private val lines: BufferedReader

    init {
        val same = listOf("offline", "dependency.dir", "enabledSdks").map { "robolectric.$it" } + "jna.library.path"
        val settings = same.associateWith { System.getProperty(it) } + told.mapKeys { (name, _) -> "other.$name" }
        process = ProcessBuilder(
            listOf(File(System.getProperty("java.home"), "bin/java").path) +
                settings.map { (name, value) -> "-D$name=$value" } +
                listOf("lang", "util").flatMap { listOf("--add-opens", "java.base/java.$it=ALL-UNNAMED") } +
                listOf("-cp", System.getProperty("java.class.path")!!, JUnitCore::class.java.name, work.name),
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        lines = process.inputStream.bufferedReader()
    }

    /** Waits for a line that begins so, and gives what follows. */
    fun says(start: String): String {
        val instead = StringBuilder()
        while (true) {
            val said = checkNotNull(lines.readLine()) { "the other process ended before it said $start: $instead" }
            if (start in said) return said.substringAfter(start).trim()
            instead.appendLine(said)
        }
    }

    fun result() = says("result ")

    /** Tells it a line, and no other. */
    fun goOn(line: String = "") = process.outputStream.use { it.write("$line\n".toByteArray()) }

    /** Kills it, as the system does: it is told nothing. */
    override fun close() {
        process.destroyForcibly()
        check(process.waitFor(10, TimeUnit.SECONDS)) { "the other process does not end" }
    }
}

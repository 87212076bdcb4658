package dev.latchkey.tests

import dev.latchkey.SecureStore
import dev.latchkey.StoredItem
import dev.latchkey.conformanceRaceWorker
import java.io.BufferedReader
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.system.exitProcess

/** The second process of the store's tests: says on stdout where it is, and reads on stdin when to go on. */
fun main(args: Array<String>) {
    val (work, folder) = args
    val key = args[2]
    when (work) {
        "race" -> {
            val store = KotlinStore(Path.of(folder))
            // Warm, so that both run at the same time and not one after the other.
            conformanceRaceWorker(store, "$key.warm", 20u)
            println("ready")
            readln()
            conformanceRaceWorker(store, key, args[3].toUInt())
            println("done")
        }
        "swap until killed" -> swapForEver(KotlinStore(Path.of(folder)), key)
        "stop at" -> {
            val last = KotlinStore.Step.valueOf(args[3])
            val store = object : KotlinStore(Path.of(folder)) {
                override fun reached(step: Step) {
                    if (step == last) {
                        println(step)
                        readln()
                    }
                }
            }
            store.swap(key, store.load(key)?.tag, wholeItem(1))
        }
        else -> exitProcess(2)
    }
}

/** An item of which a part is not mistaken for the whole: all its bytes repeat its tag. */
fun wholeItem(number: Int): StoredItem {
    val tag = "%016d".format(number).toByteArray()
    return StoredItem(tag, ByteArray(16 * 1024) { tag[it % tag.size] })
}

fun isWhole(item: StoredItem) = item.bytes.size == 16 * 1024 &&
    item.bytes.indices.all { item.bytes[it] == item.tag[it % item.tag.size] }

private fun swapForEver(store: SecureStore, key: String) {
    var current: StoredItem? = null
    generateSequence(1) { it + 1 }.forEach { number ->
        val next = wholeItem(number)
        store.swap(key, current?.tag, next)
        current = next
        println(number)
    }
}

/** Another Java machine with this one's class path, in [main] above. */
class OtherProcess(vararg args: String) : AutoCloseable {
    private val process = ProcessBuilder(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Djna.library.path=${System.getProperty("jna.library.path")}",
        "-cp",
        System.getProperty("java.class.path"),
        "dev.latchkey.tests.StoreWorkerKt",
        *args,
    ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
    private val lines: BufferedReader = process.inputReader()

    /** Waits for the line. */
    fun says(line: String) {
        do {
            val said = checkNotNull(lines.readLine()) { "the other process ended before it said $line" }
        } while (said != line)
    }

    fun goOn() = process.outputWriter().use { it.write("\n") }

    /** As the system does it, in the middle of anything. */
    fun kill() {
        process.destroyForcibly()
        check(process.waitFor(10, TimeUnit.SECONDS)) { "the other process does not end" }
    }

    override fun close() = kill()
}

package dev.latchkey.tests

import dev.latchkey.ConformanceException
import dev.latchkey.SecureStore
import dev.latchkey.StoreException
import dev.latchkey.StoredItem
import dev.latchkey.conformanceAssertIntact
import dev.latchkey.conformanceAssertLocked
import dev.latchkey.conformanceAssertReplaceable
import dev.latchkey.conformanceChecks
import dev.latchkey.conformancePrepare
import dev.latchkey.conformanceRaceTotal
import dev.latchkey.conformanceRaceWorker
import dev.latchkey.runConformanceCheck
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.FutureTask
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.milliseconds
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource
import org.junit.jupiter.params.provider.ValueSource

/** The core's one conformance test of stores, on the store written in Kotlin. */
class KotlinStoreTest {
    @TempDir
    lateinit var folder: Path

    private val store by lazy { KotlinStore(folder) }

    @TestFactory
    fun `each check of the core's passes`(): List<DynamicTest> {
        val names = conformanceChecks()
        assertTrue(names.size >= 13, "$names")
        return names.map { name -> dynamicTest(name) { runConformanceCheck(name, store) } }
    }

    @Test
    fun `the checks see a store that loses writes`() {
        val forgetful = object : SecureStore by store {
            override fun swap(key: String, expected: ByteArray?, next: StoredItem?) {}
        }
        val error = assertThrows(ConformanceException.Failed::class.java) {
            runConformanceCheck("created_item_loads_as_it_was_written", forgetful)
        }
        assertEquals("load: wanted an item, got none", error.reason)
    }

    @Test
    fun `what was written is there when the store is opened again`() {
        conformancePrepare(store)
        conformanceAssertIntact(KotlinStore(folder))
    }

    @Test
    fun `a locked store says so and has everything after the unlock`() {
        conformancePrepare(store)
        store.locked = true
        conformanceAssertLocked(store)
        store.locked = false
        conformanceAssertIntact(store)
    }

    @ParameterizedTest(name = "cut to {0} bytes")
    @ValueSource(ints = [300, 40, 7, 0])
    fun `a damaged item is reported, kept, and replaced by whoever expects its tag`(length: Int) {
        conformancePrepare(store)
        val file = folder.resolve("item.conformance.kept")
        Files.write(file, Files.readAllBytes(file).copyOf(length))
        conformanceAssertReplaceable(store)
    }

    @Test
    fun `a folder that is gone is a store that is not available`() {
        conformancePrepare(store)
        folder.toFile().deleteRecursively()
        assertThrows(StoreException.Unavailable::class.java) { store.swap("a", null, wholeItem(1)) }
        Files.createDirectory(folder)
    }

    @Test
    fun `two threads with a store each lose no increment`() {
        val worker = { conformanceRaceWorker(KotlinStore(folder), KEY, 100u) }
        val other = FutureTask(worker).also { thread { it.run() } }
        worker()
        other.get()
        assertEquals(200u, conformanceRaceTotal(store, KEY))
    }

    @Test
    fun `two processes lose no increment`() {
        conformanceRaceWorker(store, "$KEY.warm", 20u)
        OtherProcess("race", "$folder", KEY, "150").use { other ->
            other.says("ready")
            other.goOn()
            conformanceRaceWorker(store, KEY, 150u)
            other.says("done")
        }
        assertEquals(300u, conformanceRaceTotal(store, KEY))
    }

    @ParameterizedTest
    @EnumSource
    fun `a process killed at any step of a swap leaves the old item or the new one`(step: KotlinStore.Step) {
        val old = wholeItem(0)
        store.swap(KEY, null, old)
        val wanted = if (step == KotlinStore.Step.RENAMED) wholeItem(1) else old
        OtherProcess("stop at", "$folder", KEY, step.name).use { other ->
            other.says(step.name)
            // As long as it stands there, nobody else gets in, and readers read.
            val hasty = KotlinStore(folder, patience = 50.milliseconds)
            assertThrows(StoreException.Unavailable::class.java) { hasty.swap(KEY, wanted.tag, wholeItem(2)) }
            assertEqualItems(wanted, store.load(KEY))
        }
        assertEqualItems(wanted, store.load(KEY))
        // The lock went with the process, and what it left behind is in nobody's way.
        store.swap(KEY, wanted.tag, wholeItem(2))
        assertEqualItems(wholeItem(2), store.load(KEY))
    }

    @ParameterizedTest(name = "after {0} swaps")
    @ValueSource(ints = [5, 50, 150])
    fun `a process killed among many swaps leaves a whole item`(swaps: Int) {
        OtherProcess("swap until killed", "$folder", KEY).use { it.says("$swaps") }
        val left = checkNotNull(store.load(KEY))
        assertTrue(isWhole(left))
        assertTrue(String(left.tag).toInt() >= swaps, "what was done is done")
        store.swap(KEY, left.tag, null)
    }

    private fun assertEqualItems(wanted: StoredItem, found: StoredItem?) {
        assertArrayEquals(wanted.tag, found?.tag)
        assertArrayEquals(wanted.bytes, found?.bytes)
    }

    private companion object {
        const val KEY = "conformance.race"
    }
}

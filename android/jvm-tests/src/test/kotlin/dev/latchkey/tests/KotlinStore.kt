package dev.latchkey.tests

import dev.latchkey.SecureStore
import dev.latchkey.StoreException
import dev.latchkey.StoredItem
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.Path
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.READ
import java.nio.file.StandardOpenOption.TRUNCATE_EXISTING
import java.nio.file.StandardOpenOption.WRITE
import java.security.MessageDigest
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.TimeUnit.MILLISECONDS
import java.util.concurrent.locks.LockSupport
import java.util.concurrent.locks.ReentrantLock
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/**
 * A [SecureStore] written in Kotlin: one file for each item (tag, SHA-256, bytes), replaced as a whole. Threads and
 * processes may share a folder.
 *
 * It keeps the contract and no secret: nothing is encrypted. An app takes `fileStore` with a `Sealer` instead.
 */
open class KotlinStore(folder: Path, private val patience: Duration = 5.seconds) : SecureStore {
    private val folder = folder.toRealPath()
    private val threads = locks.computeIfAbsent(this.folder) { ReentrantLock() }

    /** The tests' switch: as if the device were locked. */
    @Volatile
    var locked = false

    override fun load(key: String): StoredItem? {
        val contents = typed { read(file(key)) } ?: return null
        val tag = tagOf(contents)
        val bytes = contents.drop(HEADER).toByteArray()
        val intact = contents.size >= HEADER && digest(tag, bytes).contentEquals(contents.sliceArray(TAG until HEADER))
        if (!intact) throw StoreException.Corrupt(tag)
        return StoredItem(tag, bytes)
    }

    override fun swap(key: String, expected: ByteArray?, next: StoredItem?): Unit = typed {
        val file = file(key)
        if (next != null && !isAllowed(next)) throw StoreException.Unavailable()
        alone {
            reached(Step.LOCKED)
            if (!read(file)?.let(::tagOf).contentEquals(expected)) throw StoreException.Conflict()
            if (next == null) Files.deleteIfExists(file) else replace(file, next)
            reached(Step.RENAMED)
            // The new name itself must survive a power cut as well.
            FileChannel.open(folder, READ).use { it.force(true) }
        }
    }

    /** Where a swap can be broken off, for the tests of just that. */
    enum class Step { LOCKED, HALF_WRITTEN, WRITTEN, RENAMED }

    protected open fun reached(step: Step) {}

    private fun replace(file: Path, next: StoredItem) {
        val contents = ByteBuffer.wrap(next.tag + digest(next.tag, next.bytes) + next.bytes)
        val written = folder.resolve("written")
        FileChannel.open(written, CREATE, TRUNCATE_EXISTING, WRITE).use { channel ->
            val whole = contents.limit()
            for (end in listOf(whole / 2, whole)) {
                contents.limit(end)
                while (contents.hasRemaining()) channel.write(contents)
                if (end < whole) reached(Step.HALF_WRITTEN)
            }
            channel.force(true)
        }
        reached(Step.WRITTEN)
        Files.move(written, file, ATOMIC_MOVE)
    }

    /** Keeps other threads out by a lock of this process, and other processes by one of the system's. */
    private fun alone(work: () -> Unit) {
        val start = TimeSource.Monotonic.markNow()
        if (!threads.tryLock(patience.inWholeMilliseconds, MILLISECONDS)) throw StoreException.Unavailable()
        try {
            FileChannel.open(folder.resolve("lock"), CREATE, WRITE).use { channel ->
                // Closing the channel gives the lock back; so does the end of the process.
                while (channel.tryLock() == null) {
                    if (start.elapsedNow() > patience) throw StoreException.Unavailable()
                    LockSupport.parkNanos(MILLISECONDS.toNanos(1))
                }
                work()
            }
        } finally {
            threads.unlock()
        }
    }

    private fun file(key: String): Path {
        if (locked) throw StoreException.Locked()
        if (!NAME.matches(key)) throw StoreException.Unavailable()
        return folder.resolve("item.$key")
    }

    private companion object {
        const val TAG = 16
        const val HEADER = TAG + 32
        const val MOST = 16 * 1024
        val NAME = Regex("[a-z0-9_-]([a-z0-9._-]{0,98}[a-z0-9_-])?")

        /** One for each folder: two file locks of one process on one file are an exception in Java. */
        val locks = ConcurrentHashMap<Path, ReentrantLock>()

        fun read(file: Path): ByteArray? = try {
            Files.readAllBytes(file)
        } catch (_: NoSuchFileException) {
            null
        }

        /** A tag of zeros stands for one that cannot be read. */
        fun tagOf(contents: ByteArray) = if (contents.size < TAG) ByteArray(TAG) else contents.copyOf(TAG)

        fun isAllowed(item: StoredItem) =
            item.tag.size == TAG && !item.tag.contentEquals(ByteArray(TAG)) && item.bytes.size <= MOST

        fun digest(tag: ByteArray, bytes: ByteArray): ByteArray =
            MessageDigest.getInstance("SHA-256").digest(tag + bytes)

        /** What the file system says stays here: its text has paths in it. */
        fun <T> typed(work: () -> T): T = try {
            work()
        } catch (_: IOException) {
            throw StoreException.Unavailable()
        }
    }
}

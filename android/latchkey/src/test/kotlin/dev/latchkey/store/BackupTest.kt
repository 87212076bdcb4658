package dev.latchkey.store

import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** What a backup of the app, or a move to another phone, takes along, whatever the app's manifest says of them. */
@RunWith(RobolectricTestRunner::class)
class BackupTest : OnADevice() {
    @Test
    fun `a login leaves nothing where a backup looks, in no file and no preferences`() = runs {
        val before = backedUp()
        app(latchkeyStore(context)).logIn()
        assertEquals(before, backedUp())
        assertTrue(context.noBackupFilesDir.resolve("latchkey").list().orEmpty().isNotEmpty())
    }

    /** All files of the app, with their lengths, but those in the folders that Android leaves out. */
    private fun backedUp(): Map<File, Long> {
        val protected = context.createDeviceProtectedStorageContext()
        return listOf(context, protected).flatMap { storage ->
            val out = listOf(storage.noBackupFilesDir, storage.cacheDir, storage.codeCacheDir)
            storage.dataDir.walk().onEnter { it !in out }.filter { it.isFile }.map { it to it.length() }
        }.toMap()
    }
}

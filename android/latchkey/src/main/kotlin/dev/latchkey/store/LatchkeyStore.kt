package dev.latchkey.store

import android.content.Context
import dev.latchkey.Sealer
import dev.latchkey.SecureStore
import dev.latchkey.StoreException
import dev.latchkey.fileStore
import java.io.File

/**
 * The store of an Android app: the core's files, sealed by a key of Android Keystore, in the folder that no backup
 * takes along. All processes of the app may open it, with the same kind of sealer.
 *
 * Makes the folder and looks at nothing else: no key is made before the first login.
 *
 * @throws StoreException.Locked before the first unlock of the device; `Unavailable` if there is no such folder.
 */
@Throws(StoreException::class)
fun latchkeyStore(context: Context, sealer: Sealer = KeystoreSealer(context)): SecureStore =
    fileStore(File(context.noBackupFilesDir, "latchkey").path, sealer)

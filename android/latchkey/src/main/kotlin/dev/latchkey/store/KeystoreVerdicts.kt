package dev.latchkey.store

import android.os.Build
import android.security.KeyStoreException
import android.security.keystore.BackendBusyException
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.StrongBoxUnavailableException
import android.security.keystore.UserNotAuthenticatedException
import dev.latchkey.SealException
import java.security.UnrecoverableKeyException
import javax.crypto.AEADBadTagException

/** What a failure of Android Keystore proves. */
internal enum class Verdict {
    /** The platform says that this key will never work again. */
    LOST,

    /** The key is there and waits for an unlock. */
    LOCKED,

    /** The key works, and these bytes are not what it sealed. */
    DAMAGED,

    /** The platform says that it passes. */
    BUSY,

    /** Anything at all. Nobody is logged out by it, and no key is replaced. */
    UNPROVEN,
    ;

    /** What the core is told. */
    fun exception(): SealException = when (this) {
        LOST -> SealException.KeyLost()
        LOCKED -> SealException.Locked()
        DAMAGED -> SealException.Corrupt()
        BUSY, UNPROVEN -> SealException.Unavailable()
    }
}

/**
 * The one table of what goes wrong in Android Keystore. The exception and its causes are gone through from the outside
 * in; the first that says something counts.
 *
 * | the system says | it means | verdict |
 * | --- | --- | --- |
 * | [KeyPermanentlyInvalidatedException] | the screen lock was removed or reset; also a key deleted meanwhile | lost |
 * | [UserNotAuthenticatedException] | before the first unlock; of a key that asks for a person: not asked | locked |
 * | [UnrecoverableKeyException] without a cause | how `KeyStore.getKey` passes on a permanent invalidation | lost |
 * | [UnrecoverableKeyException] with a cause | the key could not be asked about, for whatever reason | the cause's |
 * | [AEADBadTagException] | sealed by another key (a restored backup), or damaged on the disk | damaged |
 * | [BackendBusyException] (API 31) | too many operations at a time | busy |
 * | [StrongBoxUnavailableException] | full, busy or absent; making a key goes on without it | busy |
 * | [KeyStoreException] (API 33) that wants authentication, or Keystore is not set up yet | | locked |
 * | … whose flag says that it is transient, or whose operation has expired | | busy |
 * | … key corrupted, key does not exist | | lost |
 * | … any other; and every one before API 33, where it may not be looked into | | unproven |
 * | `ProviderException` and all else, without such a cause | seen of broken keys, and of busy ones | unproven |
 * | no exception, and no key under the alias | Keystore was emptied (a lost alias), or never had it | no key |
 *
 * The last row is [KeystoreSealer]'s, as is what follows from *unproven*.
 */
internal fun verdictOn(failure: Throwable): Verdict =
    generateSequence(failure) { it.cause }.take(MOST_CAUSES).firstNotNullOfOrNull(::verdictOnOne) ?: Verdict.UNPROVEN

private fun verdictOnOne(failure: Throwable): Verdict? = when {
    failure is KeyPermanentlyInvalidatedException -> Verdict.LOST
    failure is UserNotAuthenticatedException -> Verdict.LOCKED
    failure is UnrecoverableKeyException && failure.cause == null -> Verdict.LOST
    failure is AEADBadTagException -> Verdict.DAMAGED
    failure is StrongBoxUnavailableException -> Verdict.BUSY
    // The class is not there before.
    Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && failure is BackendBusyException -> Verdict.BUSY
    // The class is there before, and its methods are not for apps.
    Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU && failure is KeyStoreException -> verdictOnItsFlags(failure)
    else -> null
}

private fun verdictOnItsFlags(failure: KeyStoreException): Verdict? = when {
    failure.requiresUserAuthentication() -> Verdict.LOCKED
    failure.isTransientFailure -> Verdict.BUSY
    else -> when (failure.numericErrorCode) {
        KeyStoreException.ERROR_KEYSTORE_UNINITIALIZED -> Verdict.LOCKED
        KeyStoreException.ERROR_KEY_OPERATION_EXPIRED -> Verdict.BUSY
        KeyStoreException.ERROR_KEY_CORRUPTED, KeyStoreException.ERROR_KEY_DOES_NOT_EXIST -> Verdict.LOST
        else -> null
    }
}

/** Causes may go round in a circle. */
private const val MOST_CAUSES = 16

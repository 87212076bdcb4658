package dev.latchkey.sample

import dev.latchkey.AuthException
import dev.latchkey.CallbackIgnoredReason
import dev.latchkey.CheckResult
import dev.latchkey.NetworkReason
import dev.latchkey.Revocation
import dev.latchkey.SignedOutReason
import dev.latchkey.StepUpReason
import dev.latchkey.StorageReason
import kotlin.math.abs

/** A string resource with what goes into its places. */
data class Text(val id: Int, val arguments: List<String>) {
    constructor(id: Int, vararg arguments: String) : this(id, arguments.asList())
}

/** What an error says to the person. The compiler sees to it that none is missing. */
fun texts(error: AuthException): List<Text> = when (error) {
    is AuthException.Cancelled -> listOf()
    is AuthException.CallbackIgnored -> listOf(Text(text(error.reason)))
    is AuthException.LoginRequired -> listOf(Text(text(error.reason)))
    is AuthException.InteractionRequired -> listOf(Text(R.string.interaction_required, error.code))
    is AuthException.StepUpRequired -> listOf(text(error.reason, error.scope))
    is AuthException.Denied -> listOf(Text(R.string.denied, error.code))
    is AuthException.Network -> listOfNotNull(
        Text(text(error.reason)),
        error.retryAfterSeconds?.let { Text(R.string.retry_after, duration(it.toLong())) },
    )
    is AuthException.Provider -> listOfNotNull(
        text(error.code, error.status),
        Text(R.string.provider_persistent).takeIf { error.persistent },
    )
    is AuthException.Untrusted -> listOf(Text(R.string.untrusted, error.check))
    is AuthException.Storage -> listOf(Text(text(error.reason)))
    is AuthException.Clock -> listOf(
        Text(
            if (error.skewSeconds > 0) R.string.clock_ahead else R.string.clock_behind,
            duration(abs(error.skewSeconds)),
        ),
    )
    is AuthException.Configuration -> listOf(
        Text(R.string.configuration, error.problems.joinToString("; ") { "${it.field} ${it.reason.trimEnd('.')}" }),
    )
    is AuthException.Api -> listOf(Text(R.string.api, error.text))
}

private fun text(reason: CallbackIgnoredReason): Int = when (reason) {
    CallbackIgnoredReason.NO_PENDING_LOGIN -> R.string.callback_no_pending_login
    CallbackIgnoredReason.STATE_MISMATCH -> R.string.callback_state_mismatch
    CallbackIgnoredReason.REDIRECT_MISMATCH -> R.string.callback_redirect_mismatch
    CallbackIgnoredReason.ALREADY_USED -> R.string.callback_already_used
    CallbackIgnoredReason.EXPIRED -> R.string.callback_expired
}

private fun text(reason: SignedOutReason): Int = when (reason) {
    SignedOutReason.NEVER -> R.string.signed_out_never
    SignedOutReason.LOGGED_OUT -> R.string.signed_out_logged_out
    SignedOutReason.REVOKED -> R.string.signed_out_revoked
    SignedOutReason.ROTATION_INTERRUPTED -> R.string.signed_out_rotation_interrupted
    SignedOutReason.EXPIRED -> R.string.signed_out_expired
    SignedOutReason.SUBJECT_CHANGED -> R.string.signed_out_subject_changed
    SignedOutReason.STORAGE_LOST -> R.string.signed_out_storage_lost
}

private fun text(reason: StepUpReason, scope: String?): Text = when (reason) {
    StepUpReason.INSUFFICIENT_SCOPE -> when (scope) {
        null -> Text(R.string.step_up_some_scope)
        else -> Text(R.string.step_up_scope, scope)
    }
    StepUpReason.INSUFFICIENT_USER_AUTHENTICATION -> Text(R.string.step_up_login)
}

private fun text(reason: NetworkReason): Int = when (reason) {
    NetworkReason.OFFLINE -> R.string.network_offline
    NetworkReason.TIMEOUT -> R.string.network_timeout
    NetworkReason.TLS -> R.string.network_tls
    NetworkReason.UNAVAILABLE -> R.string.network_unavailable
    NetworkReason.RATE_LIMITED -> R.string.network_rate_limited
}

private fun text(code: String?, status: UInt?): Text = when {
    code != null -> Text(R.string.provider_code, code)
    status != null -> Text(R.string.provider_status, status.toString())
    else -> Text(R.string.provider_invalid)
}

private fun text(reason: StorageReason): Int = when (reason) {
    StorageReason.LOCKED -> R.string.storage_locked
    StorageReason.CORRUPT -> R.string.storage_corrupt
    StorageReason.INCOMPATIBLE -> R.string.storage_incompatible
    StorageReason.UNAVAILABLE -> R.string.storage_unavailable
}

/** What a logout has to add: nothing, if all is done. */
fun texts(revocation: Revocation?): List<Text> = when (revocation) {
    Revocation.FAILED -> listOf(Text(R.string.revocation_failed))
    Revocation.PENDING -> listOf(Text(R.string.revocation_pending))
    Revocation.DONE, Revocation.NOT_NEEDED, null -> listOf()
}

fun text(result: CheckResult): Int = when (result) {
    CheckResult.OK -> R.string.check_ok
    CheckResult.WARNING -> R.string.check_warning
    CheckResult.FAILED -> R.string.check_failed
}

/** Rounded, in units that are written the same in all of the app's languages. */
private fun duration(seconds: Long): String = when {
    seconds < 120 -> "$seconds s"
    seconds < 120 * 60 -> "${(seconds + 30) / 60} min"
    else -> "${(seconds + 1800) / 3600} h"
}

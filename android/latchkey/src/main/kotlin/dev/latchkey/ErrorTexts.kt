package dev.latchkey

import android.content.Context
import kotlin.math.abs

/** A sentence for a person: a string resource, and what goes into its places. */
data class Sentence(val id: Int, val arguments: List<String>) {
    constructor(id: Int, vararg arguments: String) : this(id, arguments.asList())
}

/** The sentences in the context's language, each in a line of its own. */
fun List<Sentence>.text(context: Context): String =
    joinToString("\n") { context.getString(it.id, *it.arguments.toTypedArray()) }

/**
 * What to say to the person, in English, German, French, Spanish or Japanese; nothing for [AuthException.Cancelled]. The
 * session's [Session.error] says in the same way why nobody is logged in. An app has words of its own by a string resource
 * of the same name as the library's, which are in `values/latchkey_errors.xml`.
 */
fun AuthException.text(context: Context): String = sentences().text(context)

/** The same for an app that shows the text later, or elsewhere. The compiler sees to it that no error is missing. */
fun AuthException.sentences(): List<Sentence> = when (this) {
    is AuthException.Cancelled -> listOf()
    is AuthException.CallbackIgnored -> listOf(sentence(reason))
    is AuthException.LoginRequired -> listOf(sentence(reason))
    is AuthException.InteractionRequired -> listOf(Sentence(R.string.latchkey_interaction_required, code))
    is AuthException.StepUpRequired -> listOf(sentence(reason, scope))
    is AuthException.Denied -> listOf(Sentence(R.string.latchkey_denied, code))
    is AuthException.Network -> listOfNotNull(
        sentence(reason),
        retryAfterSeconds?.let { Sentence(R.string.latchkey_retry_after, duration(it.toLong())) },
    )
    is AuthException.Provider -> listOfNotNull(
        sentence(code, status),
        Sentence(R.string.latchkey_provider_persistent).takeIf { persistent },
    )
    is AuthException.Untrusted -> listOf(Sentence(R.string.latchkey_untrusted, check))
    is AuthException.Storage -> listOf(sentence(reason))
    is AuthException.Clock -> listOf(
        Sentence(
            if (skewSeconds > 0) R.string.latchkey_clock_ahead else R.string.latchkey_clock_behind,
            duration(abs(skewSeconds)),
        ),
    )
    is AuthException.Configuration -> listOf(
        Sentence(R.string.latchkey_configuration, problems.joinToString("; ") { "${it.field} ${it.reason.trimEnd('.')}" }),
    )
    is AuthException.Api -> listOf(Sentence(R.string.latchkey_api, text))
}

/** What there is to add to a logout: nothing, if all is done. */
fun Revocation.sentences(): List<Sentence> = when (this) {
    Revocation.FAILED -> listOf(Sentence(R.string.latchkey_revocation_failed))
    Revocation.PENDING -> listOf(Sentence(R.string.latchkey_revocation_pending))
    Revocation.DONE, Revocation.NOT_NEEDED -> listOf()
}

private fun sentence(reason: CallbackIgnoredReason) = Sentence(
    when (reason) {
        CallbackIgnoredReason.NO_PENDING_LOGIN -> R.string.latchkey_callback_no_pending_login
        CallbackIgnoredReason.STATE_MISMATCH -> R.string.latchkey_callback_state_mismatch
        CallbackIgnoredReason.REDIRECT_MISMATCH -> R.string.latchkey_callback_redirect_mismatch
        CallbackIgnoredReason.ALREADY_USED -> R.string.latchkey_callback_already_used
        CallbackIgnoredReason.EXPIRED -> R.string.latchkey_callback_expired
    },
)

private fun sentence(reason: SignedOutReason) = Sentence(
    when (reason) {
        SignedOutReason.NEVER -> R.string.latchkey_signed_out_never
        SignedOutReason.LOGGED_OUT -> R.string.latchkey_signed_out_logged_out
        SignedOutReason.REVOKED -> R.string.latchkey_signed_out_revoked
        SignedOutReason.ROTATION_INTERRUPTED -> R.string.latchkey_signed_out_rotation_interrupted
        SignedOutReason.EXPIRED -> R.string.latchkey_signed_out_expired
        SignedOutReason.SUBJECT_CHANGED -> R.string.latchkey_signed_out_subject_changed
        SignedOutReason.STORAGE_LOST -> R.string.latchkey_signed_out_storage_lost
    },
)

private fun sentence(reason: StepUpReason, scope: String?) = when (reason) {
    StepUpReason.INSUFFICIENT_SCOPE ->
        scope?.let { Sentence(R.string.latchkey_step_up_scope, it) } ?: Sentence(R.string.latchkey_step_up_some_scope)
    StepUpReason.INSUFFICIENT_USER_AUTHENTICATION -> Sentence(R.string.latchkey_step_up_login)
}

private fun sentence(reason: NetworkReason) = Sentence(
    when (reason) {
        NetworkReason.OFFLINE -> R.string.latchkey_network_offline
        NetworkReason.TIMEOUT -> R.string.latchkey_network_timeout
        NetworkReason.TLS -> R.string.latchkey_network_tls
        NetworkReason.UNAVAILABLE -> R.string.latchkey_network_unavailable
        NetworkReason.RATE_LIMITED -> R.string.latchkey_network_rate_limited
    },
)

private fun sentence(code: String?, status: UInt?) =
    code?.let { Sentence(R.string.latchkey_provider_code, it) }
        ?: status?.let { Sentence(R.string.latchkey_provider_status, it.toString()) }
        ?: Sentence(R.string.latchkey_provider_invalid)

private fun sentence(reason: StorageReason) = Sentence(
    when (reason) {
        StorageReason.LOCKED -> R.string.latchkey_storage_locked
        StorageReason.CORRUPT -> R.string.latchkey_storage_corrupt
        StorageReason.INCOMPATIBLE -> R.string.latchkey_storage_incompatible
        StorageReason.UNAVAILABLE -> R.string.latchkey_storage_unavailable
    },
)

/** Rounded, in units that are written the same in all five languages. */
private fun duration(seconds: Long): String {
    if (seconds < 120) return "$seconds s"
    if (seconds < 120 * 60) return "${(seconds + 30) / 60} min"
    return "${(seconds + 1800) / 3600} h"
}

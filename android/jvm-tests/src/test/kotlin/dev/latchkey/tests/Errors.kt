package dev.latchkey.tests

import dev.latchkey.AuthException
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** The fields of an error by name, as in the table of errors. The compiler sees to it that no kind is missing. */
fun fields(error: AuthException): Map<String, JsonElement> = when (error) {
    is AuthException.Cancelled -> mapOf()
    is AuthException.CallbackIgnored -> mapOf("reason" to json(error.reason.word()))
    is AuthException.LoginRequired -> mapOf("reason" to json(error.reason.word()))
    is AuthException.InteractionRequired -> mapOf("code" to json(error.code))
    is AuthException.StepUpRequired -> mapOf(
        "reason" to json(error.reason.word()),
        "scope" to json(error.scope),
        "acr_values" to json(error.acrValues),
        "max_age_seconds" to json(error.maxAgeSeconds?.toLong()),
    )
    is AuthException.Denied -> mapOf("code" to json(error.code))
    is AuthException.Network -> mapOf(
        "reason" to json(error.reason.word()),
        "retry_after_seconds" to json(error.retryAfterSeconds?.toLong()),
    )
    is AuthException.Provider -> mapOf("status" to json(error.status?.toLong()), "code" to json(error.code))
    is AuthException.Untrusted -> mapOf("check" to json(error.check))
    is AuthException.Storage -> mapOf("reason" to json(error.reason.word()))
    is AuthException.Clock -> mapOf("skew_seconds" to json(error.skewSeconds))
    is AuthException.Configuration -> mapOf("fields" to JsonArray(error.problems.map { json(it.field) }))
    is AuthException.Api -> mapOf("status" to json(error.status.toLong()), "text" to json(error.text))
}

/** The error in the shape of the vectors, with the fields that `expected` names; with all, where it names none. */
fun errorAs(error: AuthException, expected: JsonObject?): JsonObject {
    val all = fields(error) + mapOf("kind" to json(error.kind()), "recovery" to json(error.recovery().word()))
    return JsonObject(expected?.mapValues { (name, _) -> all[name] ?: json("no such field") } ?: all)
}

fun json(text: String?): JsonElement = text?.let { JsonPrimitive(it) } ?: JsonNull

fun json(number: Long?): JsonElement = number?.let { JsonPrimitive(it) } ?: JsonNull

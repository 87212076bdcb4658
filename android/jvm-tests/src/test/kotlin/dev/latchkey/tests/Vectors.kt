package dev.latchkey.tests

import dev.latchkey.Auth
import dev.latchkey.AuthConfig
import dev.latchkey.LoginOptions
import dev.latchkey.SecureStore
import java.nio.file.Files
import java.nio.file.Path
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long

/** Reads the vectors. A field that is not known here is an error: no language leaves out a part of a case. */
class Vectors(private val server: DevServer) {
    fun cases(file: String): List<JsonObject> {
        val text = Files.readString(Path.of(System.getProperty("latchkey.vectors"), file))
        return Json.parseToJsonElement(text).jsonArray.map { it.jsonObject }.also { check(it.isNotEmpty()) }
    }

    /** The app with the case's configuration. */
    fun auth(case: JsonObject, store: SecureStore, audience: String? = null): Auth {
        val plain = AuthConfig(server.issuer, server.clientId, REDIRECT_URI, audience = audience)
        val config = case["config"]?.jsonObject.orEmpty().entries.fold(plain) { config, (name, value) ->
            when (name) {
                "issuer" -> config.copy(issuer = fill(text(value)))
                "client_id" -> config.copy(clientId = fill(text(value)))
                "redirect_uri" -> config.copy(redirectUri = fill(text(value)))
                "audience" -> config.copy(audience = if (value is JsonNull) null else fill(text(value)))
                "scopes" -> config.copy(scopes = strings(value))
                "resources" -> config.copy(resources = strings(value))
                "request_timeout_seconds" -> config.copy(requestTimeoutSeconds = value.jsonPrimitive.int.toUInt())
                else -> error("no such field: $name")
            }
        }
        return Auth(config, store)
    }

    fun options(case: JsonObject): LoginOptions =
        case["options"]?.jsonObject.orEmpty().entries.fold(LoginOptions()) { options, (name, value) ->
            when (name) {
                "prompt" -> options.copy(prompt = text(value))
                "login_hint" -> options.copy(loginHint = text(value))
                "max_age_seconds" -> options.copy(maxAgeSeconds = value.jsonPrimitive.long.toULong())
                "acr_values" -> options.copy(acrValues = text(value))
                "ui_locales" -> options.copy(uiLocales = text(value))
                "scopes" -> options.copy(scopes = strings(value))
                "audience" -> options.copy(audience = text(value))
                "redirect_uri" -> options.copy(redirectUri = text(value))
                "extra_parameters" -> options.copy(extraParameters = value.jsonObject.mapValues { text(it.value) })
                else -> error("no such option: $name")
            }
        }

    /** The text with the server's names in the places that the vectors leave for them. */
    fun fill(text: String): String = text
        .replace("{issuer}", server.issuer)
        .replace("{client_id}", server.clientId)
        .replace("{audience}", server.audience)
        .replace("{api}", server.api)
}

fun text(value: JsonElement): String {
    check(value is JsonPrimitive && value.isString) { "no text: $value" }
    return value.content
}

fun strings(value: JsonElement?): List<String> = value?.jsonArray.orEmpty().map(::text)

fun isTrue(value: JsonElement?) = value == JsonPrimitive(true)

fun isFalse(value: JsonElement?) = value == JsonPrimitive(false)

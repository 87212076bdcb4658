package dev.latchkey.sample

import dev.latchkey.AuthException
import dev.latchkey.CallbackIgnoredReason
import dev.latchkey.ConfigurationProblem
import dev.latchkey.LoginOptions
import dev.latchkey.LoginState
import dev.latchkey.NetworkReason
import dev.latchkey.Revocation
import dev.latchkey.Sentence
import dev.latchkey.Session
import dev.latchkey.SignedOutReason
import dev.latchkey.StepUpReason
import dev.latchkey.StorageReason
import java.nio.file.Files
import java.nio.file.Path
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long

/** The cases of `tests/vectors/screen.json`. A field that is not known here is an error. */
object ScreenCases {
    val all: List<JsonObject> by lazy {
        val text = Files.readString(Path.of(System.getProperty("latchkey.vectors"), "screen.json"))
        Json.parseToJsonElement(text).jsonArray.map { it.jsonObject }.also { check(it.isNotEmpty()) }
    }

    fun seen(name: String): Seen = seen(all.single { text(it["name"]) == name })

    fun seen(case: JsonObject): Seen =
        case.getValue("seen").jsonObject.entries.fold(Seen()) { seen, (name, value) ->
            when (name) {
                "missing_settings" -> seen.copy(missingSettings = value.jsonArray.map { checkNotNull(text(it)) })
                "session" -> seen.copy(session = session(value))
                "running" -> seen.copy(running = word(value))
                "login" -> seen.copy(login = login(value))
                "answer" -> seen.copy(answer = answer(value.jsonObject))
                "failure" -> seen.copy(failure = failure(value.jsonObject))
                "revocation" -> seen.copy(revocation = Revocation.entries.single { it.word() == text(value) })
                "details_open" -> seen.copy(detailsOpen = value.jsonPrimitive.boolean)
                else -> error("no such field: $name")
            }
        }

    fun expected(case: JsonObject): ScreenState {
        val usual = ScreenState(details = Details.FOLDED)
        return case.getValue("expect").jsonObject.entries.fold(usual) { state, (name, value) ->
            when (name) {
                "account" -> state.copy(account = account(value.jsonObject))
                "busy" -> state.copy(busy = value.jsonPrimitive.boolean)
                "message" -> state.copy(message = value.jsonArray.map(::sentence))
                "answer" -> state.copy(answer = shown(value.jsonObject))
                "buttons" -> state.copy(buttons = value.jsonArray.map(::button))
                "details" -> state.copy(details = word(value))
                else -> error("no such field: $name")
            }
        }
    }

    private fun session(value: JsonElement): Session? {
        if (value is JsonNull) return null
        if (value is JsonObject) return signedIn(value)
        val (state, reason) = checkNotNull(text(value)).split(':') + ""
        return when (state) {
            "signed_in" -> signedIn(ALICE)
            "signed_out" -> Session.SignedOut(SignedOutReason.entries.single { it.word() == reason })
            "locked" -> Session.Locked
            "unavailable" -> Session.Unavailable(StorageReason.entries.single { it.word() == reason })
            else -> error("no such session: $state")
        }
    }

    private fun login(value: JsonElement): LoginState = when (val word = text(value)) {
        "in_browser" -> LoginState.InBrowser
        "left" -> LoginState.Unfinished
        else -> error("no such login: $word")
    }

    private fun signedIn(value: JsonObject) = Session.SignedIn(
        issuer = "https://login.example.com/",
        subject = text(value["subject"]),
        scopes = value.getValue("scopes").jsonArray.map { checkNotNull(text(it)) },
        claimsJson = value.getValue("claims").toString(),
        expiresInSeconds = 300uL,
        refreshable = true,
        persisted = true,
    )

    private fun answer(value: JsonObject) =
        Answer(checkNotNull(text(value["text"])), value.getValue("at_unix_seconds").jsonPrimitive.long)

    private fun shown(value: JsonObject) = ShownAnswer(answer(value), value.getValue("old").jsonPrimitive.boolean)

    private fun account(value: JsonObject) = Account(text(value["name"]), checkNotNull(text(value["detail"])))

    private fun sentence(value: JsonElement): Sentence {
        val words = value.jsonArray.map { checkNotNull(text(it)) }
        return Sentence(key(words.first()), words.drop(1))
    }

    private fun button(value: JsonElement): Button {
        val (action, text, state) = value.jsonArray
        return Button(word(action), key(checkNotNull(text(text))), word(state))
    }

    private fun failure(value: JsonObject) = Failure(
        error(value.getValue("error").jsonObject),
        of = word(value.getValue("of")),
        afterStepUp = value["after_step_up"]?.jsonPrimitive?.boolean ?: false,
    )

    private fun error(value: JsonObject): AuthException {
        val reason = text(value["reason"])
        fun needed(name: String) = checkNotNull(text(value[name])) { "$name in $value" }
        fun number(name: String) = value[name]?.jsonPrimitive?.long
        return when (val kind = needed("kind")) {
            "cancelled" -> AuthException.Cancelled()
            "callback_ignored" ->
                AuthException.CallbackIgnored(CallbackIgnoredReason.entries.single { it.word() == reason })
            "login_required" -> AuthException.LoginRequired(SignedOutReason.entries.single { it.word() == reason })
            "interaction_required" -> AuthException.InteractionRequired(needed("code"))
            "step_up_required" -> AuthException.StepUpRequired(
                StepUpReason.entries.single { it.word() == reason },
                text(value["scope"]),
                text(value["acr_values"]),
                number("max_age_seconds")?.toULong(),
                LoginOptions(),
            )
            "denied" -> AuthException.Denied(needed("code"))
            "network" -> AuthException.Network(
                NetworkReason.entries.single { it.word() == reason },
                number("retry_after_seconds")?.toULong(),
            )
            "provider" -> AuthException.Provider(
                number("status")?.toUInt(),
                text(value["code"]),
                value["persistent"]?.jsonPrimitive?.boolean ?: false,
            )
            "untrusted" -> AuthException.Untrusted(needed("check"))
            "storage" -> AuthException.Storage(StorageReason.entries.single { it.word() == reason })
            "clock" -> AuthException.Clock(checkNotNull(number("skew_seconds")))
            "configuration" -> AuthException.Configuration(
                value.getValue("problems").jsonArray.map {
                    val (field, mistake) = it.jsonArray
                    ConfigurationProblem(checkNotNull(text(field)), checkNotNull(text(mistake)))
                },
            )
            "api" -> AuthException.Api(checkNotNull(number("status")).toUInt(), needed("text"))
            else -> error("no such kind: $kind")
        }
    }

    /** The number of a text: one of the screen's own, or one of the library's, and never both. */
    private fun key(name: String): Int = listOfNotNull(TEXTS[name], TEXTS["latchkey_$name"]).single()

    /** An app's R has the library's names as well. */
    private val TEXTS by lazy { R.string::class.java.fields.associate { it.name to it.getInt(null) } }

    private inline fun <reified T : Enum<T>> word(value: JsonElement): T =
        enumValueOf(checkNotNull(text(value)).uppercase())

    private fun text(value: JsonElement?): String? = when (value) {
        null, is JsonNull -> null
        else -> value.jsonPrimitive.also { check(it.isString) { "no text: $value" } }.content
    }

    private val ALICE = JsonObject(
        mapOf(
            "subject" to JsonPrimitive("dev|alice"),
            "claims" to Json.parseToJsonElement("""{"name": "Alice", "preferred_username": "alice"}"""),
            "scopes" to Json.parseToJsonElement("""["openid", "profile", "offline_access", "read:messages"]"""),
        ),
    )
}

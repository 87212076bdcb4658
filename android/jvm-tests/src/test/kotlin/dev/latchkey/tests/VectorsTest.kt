package dev.latchkey.tests

import dev.latchkey.AccessTokenOptions
import dev.latchkey.ApiClient
import dev.latchkey.ApiRequest
import dev.latchkey.Auth
import dev.latchkey.AuthException
import dev.latchkey.LoginOptions
import dev.latchkey.LogoutOptions
import dev.latchkey.memoryStore
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.extension.RegisterExtension

/** The behaviour vectors of `tests/vectors/`, as Rust and Swift run them too. */
class VectorsTest {
    private val vectors = Vectors(server)

    @TestFactory
    fun `every login URL is as written`() = each("login_url.json") { case ->
        val expect = case.getValue("expect").jsonObject
        val options = vectors.options(case)
        val seen = outcome(expect) { json(vectors.auth(case, memoryStore()).beginLogin(options).url) }
        if (seen is JsonObject || "error" in expect) {
            assertEquals(expect, seen)
            return@each
        }
        val url = query(text(seen)).groupBy({ it.first }, { it.second })
        expect["parameters"]?.jsonObject?.forEach { (name, value) ->
            assertEquals(listOf(vectors.fill(text(value))), url[name], name)
        }
        strings(expect["present"]).forEach { name ->
            assertEquals(1, url[name]?.count(String::isNotEmpty), name)
        }
        strings(expect["absent"]).forEach { name -> assertEquals(null, url[name], name) }
    }

    @TestFactory
    fun `every callback ends as written`() = each("callback.json") { case ->
        val store = memoryStore()
        val begun = vectors.auth(case, store)
        val callbacks = strings(case["callbacks"])
        val known = mutableMapOf<String, String>()
        if (!isFalse(case["begin"])) {
            val request = begun.beginLogin(vectors.options(case))
            known["{state}"] = parameter(request.url, "state")
            known["{redirect_uri}"] = request.redirectUri
            if (callbacks.any { "{callback}" in it || "{code}" in it }) {
                val callback = submitLoginPage(request.url, "alice")
                known["{code}"] = parameter(callback, "code")
                known["{callback}"] = callback
            }
        }
        val auth = if (isTrue(case["forget"])) vectors.auth(case, store) else begun
        case["faults"]?.let { server.faults(text(it)) }
        callbacks.zip(case.getValue("expect").jsonArray).forEach { (callback, expect) ->
            val url = known.entries.fold(vectors.fill(callback)) { url, (name, value) -> url.replace(name, value) }
            val seen = outcome(expect.jsonObject) {
                JsonObject(mapOf("session" to json(state(auth.finishLogin(url)))))
            }
            assertEquals(expect, seen, callback)
        }
    }

    @TestFactory
    fun `every answer means what is written`() = each("answers.json") { case ->
        val auth = vectors.auth(case, memoryStore(), server.audience)
        if (!isFalse(case["login"])) auth.logIn(text(case.getValue("user")))
        case["faults"]?.let { server.faults(text(it)) }
        val expect = case.getValue("expect").jsonObject
        val seen = outcome(expect) {
            val answer = call(auth, case) + ("ok" to JsonPrimitive(true))
            // Only what is named is compared.
            JsonObject(expect.mapValues { (name, _) -> answer[name] ?: json("no such answer") })
        }
        assertEquals(expect, seen)
        assertEquals(text(case.getValue("session")), state(auth.session()))
    }

    private suspend fun call(auth: Auth, case: JsonObject): Map<String, JsonElement> {
        when (val call = text(case.getValue("call"))) {
            "access_token" -> auth.accessToken(AccessTokenOptions())
            "refresh" -> auth.accessToken(AccessTokenOptions(forceRefresh = true))
            "ping_private" -> return mapOf("message" to json(server.ping(auth).pingPrivate().message))
            "ping_private_scoped" -> return mapOf("message" to json(server.ping(auth).pingPrivateScoped().message))
            "get" -> ApiClient(auth, server.api).send(ApiRequest("GET", text(case.getValue("path"))))
            "user_info" -> auth.userInfo()
            "begin_login" -> auth.beginLogin(LoginOptions())
            "logout" -> return mapOf("revocation" to json(auth.logout(LogoutOptions()).revocation.word()))
            else -> error("no such call: $call")
        }
        return mapOf()
    }

    /** What `work` gives, or its error in the shape of the vectors. */
    private suspend fun outcome(expect: JsonObject, work: suspend () -> JsonElement): JsonElement = try {
        work()
    } catch (error: AuthException) {
        JsonObject(mapOf("error" to errorAs(error, expect["error"]?.jsonObject)))
    }

    /** One test for each case of the file. */
    private fun each(file: String, test: suspend (JsonObject) -> Unit): List<DynamicTest> =
        vectors.cases(file).map { case ->
            val name = text(case.getValue("name"))
            dynamicTest(name) {
                server.reset()
                try {
                    runs { test(case) }
                } catch (error: Throwable) {
                    // Surefire's summary has numbers for names.
                    throw AssertionError("$name: ${error.message ?: error}", error)
                }
            }
        }

    companion object {
        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

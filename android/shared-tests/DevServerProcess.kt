package dev.latchkey.tests

import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.util.Base64
import java.util.concurrent.TimeUnit
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long

/** The development provider and API: a process of its own, on a free port. Each test framework says when it starts. */
open class DevServerProcess {
    private lateinit var process: Process
    private lateinit var ready: JsonObject

    val issuer get() = told("issuer")
    val api get() = told("api")
    val clientId get() = told("client_id")
    val audience get() = told("audience")

    /** What another process needs to [join] it. */
    val line get() = ready.toString()

    /** One that another process has started, and ends. */
    fun join(line: String) {
        ready = Json.parseToJsonElement(line).jsonObject
    }

    fun start() {
        val program = System.getProperty("latchkey.devserver")
        process = ProcessBuilder(program).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        // Also if the tests are broken off.
        Runtime.getRuntime().addShutdownHook(Thread { process.destroyForcibly() })
        val line = process.inputReader().readLine()
        join(checkNotNull(line) { "$program has ended" })
    }

    fun stop() {
        process.destroy()
        check(process.waitFor(10, TimeUnit.SECONDS)) { "the development server does not end" }
    }

    /** No fault, all gates open, all counters at 0. */
    fun reset() {
        call("DELETE", "/faults")
        call("POST", "/stats/reset")
    }

    /** Sets these faults in the place of those that were set, in the server's own words. */
    fun faults(text: String) {
        call("POST", "/faults", text)
    }

    /** Returns when a request waits at the gate that a fault has named. */
    fun awaitGate(name: String) {
        call("GET", "/faults/gates/$name/reached")
    }

    fun openGate(name: String) {
        call("POST", "/faults/gates/$name")
    }

    /** What is done at once: `revoke-all`, `revoke/alice`, `rotate-keys`, or `rotation` with its word. */
    fun admin(path: String, word: String = "") {
        call("POST", "/admin/$path", word)
    }

    /** How many requests came to an endpoint since the start of the test. */
    fun requests(endpoint: String): Long =
        stats().getValue("requests").jsonObject.getValue(endpoint).jsonPrimitive.long

    /** How often a spent refresh token was used. */
    fun refreshTokenReuse(): Long = stats().getValue("refresh_token_reuse").jsonPrimitive.long

    private fun stats() = Json.parseToJsonElement(call("GET", "/stats")).jsonObject

    private fun told(name: String) = ready.getValue(name).jsonPrimitive.content

    private fun call(method: String, path: String, body: String = ""): String {
        val request = HttpRequest.newBuilder(URI.create(issuer).resolve(path))
            .method(method, BodyPublishers.ofString(body))
            .build()
        val answer = http.send(request, BodyHandlers.ofString())
        check(answer.statusCode() < 300) { "$method $path: ${answer.body()}" }
        return answer.body()
    }

    companion object {
        /** JSON as a value of the faults `merge` and `claims`. */
        fun inFault(json: JsonElement): String =
            Base64.getUrlEncoder().withoutPadding().encodeToString(json.toString().toByteArray())
    }
}

/** A browser's network: no redirect is followed, so that the callback can be caught. */
internal val http: HttpClient = HttpClient.newBuilder()
    .version(HttpClient.Version.HTTP_1_1)
    .followRedirects(HttpClient.Redirect.NEVER)
    .build()

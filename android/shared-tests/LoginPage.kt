package dev.latchkey.tests

import java.net.URI
import java.net.URLDecoder
import java.net.URLEncoder
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse
import java.net.http.HttpResponse.BodyHandlers

/**
 * Opens the login page and submits its form, as a person with a browser would. Returns the address that the browser
 * is sent to then: the callback.
 */
fun submitLoginPage(url: String, user: String, password: String = "$user-password"): String {
    val page = http.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString())
    callback(page)?.let { return it }
    val form = checkNotNull(FORM.find(page.body())) { "no form: ${page.body()}" }.value
    val action = page.uri().resolve(attribute(form, "action"))
    val typed = mapOf("username" to user, "password" to password)
    val fields = INPUT.findAll(form).map { input ->
        val name = attribute(input.value, "name")
        name to (typed[name] ?: attribute(input.value, "value"))
    }
    val body = fields.joinToString("&") { (name, value) -> "${encode(name)}=${encode(value)}" }
    val post = HttpRequest.newBuilder(action)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .POST(BodyPublishers.ofString(body))
        .build()
    val answer = http.send(post, BodyHandlers.ofString())
    return checkNotNull(callback(answer)) { "no redirect: ${answer.body()}" }
}

/** The parameters of a URL's query, in their order; a name may come twice. */
fun query(url: String): List<Pair<String, String>> =
    url.substringAfter('?', "").substringBefore('#').split('&').filter(String::isNotEmpty).map {
        decode(it.substringBefore('=')) to decode(it.substringAfter('=', ""))
    }

/** The one parameter of this name. */
fun parameter(url: String, name: String): String = query(url).single { it.first == name }.second

private val FORM = Regex("<form.*?</form>", RegexOption.DOT_MATCHES_ALL)
private val INPUT = Regex("<input[^>]*>")

private fun callback(answer: HttpResponse<String>): String? =
    answer.headers().firstValue("location").orElse(null)?.takeIf { answer.statusCode() in 300..399 }

private fun attribute(tag: String, name: String): String {
    val value = Regex(" $name=\"([^\"]*)\"").find(tag)?.groupValues?.get(1).orEmpty()
    return value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
        .replace("&amp;", "&")
}

private fun encode(text: String) = URLEncoder.encode(text, Charsets.UTF_8)

private fun decode(text: String) = URLDecoder.decode(text, Charsets.UTF_8)

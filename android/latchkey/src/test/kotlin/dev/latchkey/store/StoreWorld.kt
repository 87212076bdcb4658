package dev.latchkey.store

import dev.latchkey.AccessTokenOptions
import dev.latchkey.Auth
import dev.latchkey.AuthConfig
import dev.latchkey.AuthException
import dev.latchkey.LoginOptions
import dev.latchkey.SecureStore
import dev.latchkey.Session
import dev.latchkey.tests.DevServerProcess
import dev.latchkey.tests.submitLoginPage
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.junit.Assert.fail

/** One for all tests of a process. */
internal val server: DevServerProcess by lazy { DevServerProcess().apply { start() } }

internal fun config(issuer: String = server.issuer) = AuthConfig(
    issuer = issuer,
    clientId = server.clientId,
    redirectUri = "dev.latchkey.sample:/callback",
    scopes = listOf("openid", "profile", "offline_access"),
    audience = server.audience,
)

/** The app, started: each call is another process as far as memory goes. */
internal fun app(store: SecureStore) = Auth(config(), store)

/** The app, logged in, with an access token that has ended; faults and counters are as new. */
internal suspend fun expired(store: SecureStore): Auth {
    val auth = app(store)
    val ended = JsonObject(mapOf("expires_in" to JsonPrimitive(0)))
    server.faults("token:merge=${DevServerProcess.inFault(ended)}")
    auth.logIn()
    server.reset()
    return auth
}

internal suspend fun Auth.logIn(): Session = finishLogin(submitLoginPage(beginLogin(LoginOptions()).url, "alice"))

/** The state of a session as one word, with its reason. */
internal fun state(session: Session): String = when (session) {
    is Session.SignedIn -> "signed in"
    is Session.SignedOut -> "signed out: ${session.reason}"
    is Session.Locked -> "locked"
    is Session.Unavailable -> "unavailable: ${session.reason}"
}

/** The body of a test with coroutines. The bound is for a test that hangs, not for one that is slow. */
internal fun runs(body: suspend CoroutineScope.() -> Unit): Unit = runBlocking { withTimeout(90.seconds, body) }

/** The typed error that `block` ends with. */
internal inline fun <reified E : Exception> fails(block: () -> Any?): E {
    try {
        block()
    } catch (error: Exception) {
        return error as? E ?: throw AssertionError("another error than ${E::class.simpleName}", error)
    }
    fail("no error, but ${E::class.simpleName} was expected")
    throw AssertionError()
}

/** What an app is told when it asks for a token. */
internal suspend fun tokenError(auth: Auth): String {
    val error = fails<AuthException> { auth.accessToken(AccessTokenOptions()) }
    return when (error) {
        is AuthException.Storage -> "storage: ${error.reason}"
        is AuthException.LoginRequired -> "login required: ${error.reason}"
        else -> error.toString()
    }
}

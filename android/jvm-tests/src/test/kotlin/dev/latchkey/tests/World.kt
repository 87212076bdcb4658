package dev.latchkey.tests

import dev.latchkey.Auth
import dev.latchkey.AuthConfig
import dev.latchkey.AuthException
import dev.latchkey.LoginOptions
import dev.latchkey.PingClient
import dev.latchkey.SecureStore
import dev.latchkey.Session
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.JsonObject
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.fail

/** A redirect URI that the development server knows. */
const val REDIRECT_URI = "dev.latchkey.sample:/callback"

val SCOPES = listOf("openid", "profile", "offline_access", "read:messages")

fun DevServer.config(scopes: List<String> = SCOPES) = AuthConfig(
    issuer = issuer,
    clientId = clientId,
    redirectUri = REDIRECT_URI,
    scopes = scopes,
    audience = audience,
)

/** The app, started: each call is another process as far as memory goes. */
fun DevServer.app(store: SecureStore, scopes: List<String> = SCOPES) = Auth(config(scopes), store)

fun DevServer.ping(auth: Auth) = PingClient(auth, api)

/** Begins a login and submits the page as this user: the address that the browser is sent to. */
suspend fun Auth.callback(user: String, options: LoginOptions = LoginOptions()): String =
    submitLoginPage(beginLogin(options).url, user)

suspend fun Auth.logIn(user: String, options: LoginOptions = LoginOptions()): Session =
    finishLogin(callback(user, options))

/** The app, logged in as alice, with an access token that has ended; faults and counters are as new. */
suspend fun DevServer.expired(store: SecureStore): Auth {
    val auth = app(store)
    faults("token:merge=${DevServerProcess.inFault(JsonObject(mapOf("expires_in" to json(0))))}")
    auth.logIn("alice")
    reset()
    return auth
}

/** The body of a test with coroutines. The bound is for a test that hangs, not for one that is slow. */
fun runs(body: suspend CoroutineScope.() -> Unit): Unit = runBlocking { withTimeout(90.seconds, body) }

/** The typed error that `block` ends with. */
inline fun <reified E : AuthException> fails(block: () -> Any?): E {
    try {
        block()
    } catch (error: AuthException) {
        return assertInstanceOf(E::class.java, error, error.toString())
    }
    return fail("no error, but ${E::class.simpleName} was expected")
}

/** The state of a session in the words of the vectors: `signed_in`, `signed_out:REASON`, …. */
fun state(session: Session): String = when (session) {
    is Session.SignedIn -> "signed_in"
    is Session.SignedOut -> "signed_out:${session.reason.word()}"
    is Session.Locked -> "locked"
    is Session.Unavailable -> "unavailable:${session.reason.word()}"
}

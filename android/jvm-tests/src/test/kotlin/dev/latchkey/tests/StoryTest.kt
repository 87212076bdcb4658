package dev.latchkey.tests

import dev.latchkey.AccessTokenOptions
import dev.latchkey.AuthException
import dev.latchkey.LoginOptions
import dev.latchkey.LogoutOptions
import dev.latchkey.Recovery
import dev.latchkey.Revocation
import dev.latchkey.Session
import dev.latchkey.SignedOutReason
import dev.latchkey.StepUpReason
import java.nio.file.Path
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.RegisterExtension
import org.junit.jupiter.api.io.TempDir

/** The product's story, told once from login to logout, over a store written in Kotlin. */
class StoryTest {
    @TempDir
    lateinit var folder: Path

    private val store by lazy { KotlinStore(folder) }

    @Test
    fun `alice logs in, pings both, refreshes, reads her claims and logs out`() = runs {
        val begun = server.app(store)
        assertEquals(Session.SignedOut(SignedOutReason.NEVER), begun.session())
        val callback = begun.callback("alice")
        // The system may kill the app while the browser is in front: what is stored must do.
        begun.close()

        val auth = server.app(KotlinStore(folder))
        val session = assertInstanceOf(Session.SignedIn::class.java, auth.finishLogin(callback))
        assertEquals("dev|alice", session.subject)
        assertEquals("Alice", session.claim("name"))
        assertTrue(session.refreshable && session.persisted && "read:messages" in session.scopes)

        val ping = server.ping(auth)
        assertTrue(ping.pingPrivate().message.startsWith("Hello from a private endpoint!"))
        assertTrue("read:messages" in ping.pingPrivateScoped().message)

        val first = auth.accessToken(AccessTokenOptions())
        assertEquals(first.value, auth.accessToken(AccessTokenOptions()).value)
        val second = auth.accessToken(AccessTokenOptions(forceRefresh = true))
        assertNotEquals(first.value, second.value)
        assertEquals("Bearer", second.tokenType)
        assertEquals(2L, server.requests("token"), "one for the code, one for the refresh")
        ping.pingPrivate()

        val claims = Json.parseToJsonElement(auth.userInfo()).jsonObject
        assertEquals("dev|alice", claims.getValue("sub").jsonPrimitive.content)

        val outcome = auth.logout(LogoutOptions())
        assertEquals(Revocation.DONE, outcome.revocation)
        assertTrue(outcome.endSessionUrl.orEmpty().startsWith(server.issuer))
        val error = fails<AuthException.LoginRequired> { ping.pingPrivate() }
        assertEquals(SignedOutReason.LOGGED_OUT, error.reason)
        assertEquals(Recovery.LOG_IN, error.recovery())
        val again = server.app(KotlinStore(folder))
        assertEquals(Session.SignedOut(SignedOutReason.LOGGED_OUT), again.session())
        val renewed = listOf("refresh_sent", "refreshed", "stored")
        val told = listOf("login", "stored") + renewed + listOf("ended", "revocation", "summary")
        assertEquals(told, again.timeline().map { it.event })
    }

    @Test
    fun `bob, who has no scope for it, is told what to log in with`() = runs {
        val auth = server.app(store)
        auth.logIn("bob")
        val ping = server.ping(auth)
        ping.pingPrivate()
        val error = fails<AuthException.StepUpRequired> { ping.pingPrivateScoped() }
        assertEquals(StepUpReason.INSUFFICIENT_SCOPE, error.reason)
        assertEquals("read:messages", error.scope)
        assertEquals(Recovery.STEP_UP, error.recovery())
        assertEquals(listOf("read:messages"), error.options.scopes)
        assertEquals("signed_in", state(auth.session()), "the session is kept")
    }

    @Test
    fun `a step up with the error's own options gives alice the scope that she did not ask for`() = runs {
        val auth = server.app(store, scopes = listOf("openid", "offline_access"))
        auth.logIn("alice")
        val ping = server.ping(auth)
        val error = fails<AuthException.StepUpRequired> { ping.pingPrivateScoped() }
        auth.logIn("alice", error.options)
        ping.pingPrivateScoped()
    }

    @Test
    fun `a person who cancels at the provider is a typed error and no session`() = runs {
        val auth = server.app(store)
        val url = auth.beginLogin(LoginOptions()).url
        val refused = "$REDIRECT_URI?error=access_denied&state=${parameter(url, "state")}&iss=${server.issuer}"
        val error = fails<AuthException.Denied> { auth.finishLogin(refused) }
        assertEquals("access_denied", error.code)
        assertEquals("signed_out:never", state(auth.session()))
    }

    companion object {
        @JvmField
        @RegisterExtension
        val server = DevServer()
    }
}

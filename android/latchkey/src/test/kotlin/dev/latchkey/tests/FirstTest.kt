package dev.latchkey.tests

import dev.latchkey.Auth
import dev.latchkey.AuthConfig
import dev.latchkey.LoginOptions
import dev.latchkey.Session
import dev.latchkey.memoryStore
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [28, 35], manifest = Config.NONE)
class FirstTest {
    @Test
    fun `the core answers under Android's classes`() = runBlocking {
        val server = DevServerProcess().apply { start() }
        val config = AuthConfig(server.issuer, server.clientId, "dev.latchkey.sample:/callback")
        val auth = Auth(config, memoryStore())
        val session = auth.finishLogin(submitLoginPage(auth.beginLogin(LoginOptions()).url, "alice"))
        assertTrue(session is Session.SignedIn)
        server.stop()
    }
}

package dev.latchkey

import dev.latchkey.browser.Mode
import dev.latchkey.store.FakeAndroidKeyStore
import dev.latchkey.store.OtherProcess
import dev.latchkey.store.setUnlocked
import dev.latchkey.store.sharedStore
import dev.latchkey.store.state
import dev.latchkey.store.told
import dev.latchkey.tests.submitLoginPage
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

/**
 * The app is killed while the browser is in front: two processes, one after the other, over one folder. On one API level:
 * six processes take their time, and what they leave to each other is the core's.
 */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class ProcessDeathTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Before
    fun start() {
        server.reset()
        folder.newFolder("keys")
    }

    private fun process(work: String) = OtherProcess(
        AppProcess::class.java,
        mapOf("work" to work, "folder" to folder.root.path, "server" to server.line),
    )

    /** What the browser is sent to, after the app has opened the page and was killed. */
    private fun answerAfterDeath(): String {
        val page = process("begin").use { it.says("page ") }
        return submitLoginPage(page, "alice")
    }

    private fun next(work: String, answer: String): String = process(work).use {
        it.says("ready")
        it.goOn(answer)
        it.result()
    }

    @Test
    fun `the process that the answer starts finishes the login, and the API answers`() {
        assertEquals("signed in, None, Hello from a private endpoint!", next("finish", answerAfterDeath()))
        assertEquals(1L, server.requests("token"))
    }

    @Test
    fun `it does so too when the answer is there before the app has made its client`() =
        assertEquals("signed in, None, Hello from a private endpoint!", next("finish early", answerAfterDeath()))

    @Test
    fun `killed in the middle of the exchange, the login has ended, the code is not sent twice, and the next login works`() {
        val answer = process("begin").use {
            val answer = submitLoginPage(it.says("page "), "alice")
            server.faults("token:gate=held@1")
            it.goOn(answer)
            server.awaitGate("held")
            answer
        }
        server.openGate("held")
        server.reset()
        assertEquals("signed out: NEVER, None, then signed in", next("again", answer))
        assertEquals("the new login's", 1L, server.requests("token"))
    }
}

/** The app. Not found by the test runner: its name is no test's. */
@RunWith(RobolectricTestRunner::class)
class AppProcess {
    private val folder = File(told("folder"))

    @get:Rule
    val keystore = FakeAndroidKeyStore { folder.resolve("keys") }

    @get:Rule
    val phone = Phone()

    private fun start() {
        phone.client = LatchkeyClient(phone.app, phone.config(), sharedStore(folder))
    }

    @Test
    fun work() {
        setUnlocked(true)
        phone.install("org.browser", Mode.CUSTOM_TAB)
        when (told("work")) {
            "begin" -> begin()
            "finish" -> finish { answer -> start().also { phone.redirect(answer) } }
            "finish early" -> finish { answer -> phone.redirect(answer).also { start() } }
            "again" -> again()
        }
    }

    /** It ends by being killed. */
    private fun begin() {
        start()
        phone.tap()
        phone.openLogin()
        println("page ${phone.next().dataString}")
        phone.redirect(readln())
        until { phone.client.session.value is Session.SignedIn }
    }

    private fun finish(arrive: (answer: String) -> Unit) {
        println("ready")
        arrive(readln())
        val client = phone.client
        until { client.isSignedIn() }
        val message = inMain { client.ping(server.api).pingPrivate().message }.result()
        println("result ${state(client.session.value!!)}, ${client.login.value}, ${message.substringBefore('!')}!")
    }

    private fun again() {
        start()
        println("ready")
        phone.assertIgnored(readln())
        val ended = "${state(phone.client.session.value!!)}, ${phone.client.login.value}"
        val login = phone.tap()
        phone.openLogin()
        phone.redirect(callback(phone.next(), "alice"))
        assertTrue(login.result() is Session.SignedIn)
        println("result $ended, then ${state(phone.client.session.value!!)}")
    }
}

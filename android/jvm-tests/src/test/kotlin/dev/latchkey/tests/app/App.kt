package dev.latchkey.tests.app

import dev.latchkey.Auth
import dev.latchkey.AuthConfig
import dev.latchkey.AuthException
import dev.latchkey.LogLevel
import dev.latchkey.LogSink
import dev.latchkey.LoginOptions
import dev.latchkey.LogoutOptions
import dev.latchkey.PingClient
import dev.latchkey.Sealer
import dev.latchkey.fileStore
import kotlinx.coroutines.runBlocking

/**
 * An app for `ShrunkAppTest`: a login, a ping, a logout and an error. The person is on the other side of its output, where
 * the login's address goes, and its input, where the callback comes from. It uses nothing that only tests have.
 */
fun main(args: Array<String>): Unit = runBlocking {
    val (issuer, clientId, audience, api, folder) = args
    val config = AuthConfig(issuer, clientId, "dev.latchkey.sample:/callback", audience = audience)
    val auth = Auth(config, fileStore(folder, NoSealer))
    auth.setLogSink(LogLevel.DEBUG, LineCount)
    println(auth.beginLogin(LoginOptions()).url)
    auth.finishLogin(readln())
    val ping = PingClient(auth, api)
    println(ping.pingPrivate().message)
    println(auth.logout(LogoutOptions()).revocation)
    try {
        ping.pingPrivate()
    } catch (error: AuthException.LoginRequired) {
        println("${error.reason}, after ${LineCount.heard} lines of log")
    }
}

/** Called by the core too, in whatever thread. */
private object LineCount : LogSink {
    @Volatile
    var heard = 0

    override fun log(level: LogLevel, line: String) {
        heard++
    }
}

/** Seals nothing: being called by the core is what matters here. */
private object NoSealer : Sealer {
    override fun createKey() = Unit

    override fun seal(associatedData: ByteArray, plaintext: ByteArray) = plaintext

    override fun unseal(associatedData: ByteArray, sealed: ByteArray) = sealed
}

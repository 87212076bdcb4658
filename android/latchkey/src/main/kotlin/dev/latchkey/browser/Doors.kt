package dev.latchkey.browser

import dev.latchkey.LatchkeyClient
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch

/**
 * Where addresses from outside meet the app's clients. The system may start the process for the redirect alone: an
 * address that comes before the app has made its client waits here.
 */
internal object Doors {
    private const val MOST_EARLY = 8
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val clients = LinkedHashMap<String, LatchkeyClient>()
    private val early = ArrayDeque<String>()

    fun client(name: String): LatchkeyClient? = synchronized(this) { clients[name] }

    /** A client is there; a second one for the same provider and client id takes the first one's place. */
    fun register(name: String, client: LatchkeyClient) {
        val waiting = synchronized(this) {
            clients[name] = client
            early.toList()
        }
        for (uri in waiting) {
            scope.launch { if (client.receive(uri)) synchronized(this@Doors) { early.remove(uri) } }
        }
    }

    /** Offers an address to each client until one takes it. [done] says whether one did (or may yet). */
    fun deliver(uri: String, done: (taken: Boolean) -> Unit) {
        val asked = synchronized(this) {
            if (clients.isEmpty()) {
                if (early.size == MOST_EARLY) early.removeFirst()
                early.addLast(uri)
            }
            clients.values.toList()
        }
        if (asked.isEmpty()) return done(true)
        scope.launch { done(asked.any { it.receive(uri) }) }
    }
}

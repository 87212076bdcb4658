package dev.latchkey.tests

import dev.latchkey.LogLevel
import dev.latchkey.LogSink
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.channels.Channel

/** A log sink that keeps what it hears. */
class Lines : LogSink {
    private val heard = CopyOnWriteArrayList<String>()
    private val news = Channel<String>(Channel.UNLIMITED)

    override fun log(level: LogLevel, line: String) {
        heard.add(line)
        news.trySend(line)
    }

    /** Waits for a line that holds `words`. */
    suspend fun await(words: String): String {
        while (true) news.receive().let { if (words in it) return it }
    }

    override fun toString() = heard.joinToString("\n")
}

package dev.latchkey.sample

import dev.latchkey.AuthException
import dev.latchkey.TimelineEvent
import java.time.Instant

/** What a person sends to support: in English, and without a secret, for the core puts none into these texts. */
fun report(error: AuthException?, details: DetailsSeen): String = buildList {
    add("Latchkey sample")
    if (error != null) add("error: ${error.kind()}: $error")
    details.timeline.forEach { add(line(it, Instant.ofEpochSecond(it.atUnixSeconds).toString())) }
    details.checks?.forEach { add("check ${it.name}: ${it.result.word()}: ${it.detail}") }
}.joinToString("\n")

fun line(event: TimelineEvent, time: String): String = listOfNotNull(time, event.event, event.detail).joinToString(" ")

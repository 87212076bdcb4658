package dev.latchkey.sample

import android.app.Activity
import android.graphics.Bitmap
import android.graphics.Canvas
import android.view.View
import android.view.ViewGroup
import dev.latchkey.Check
import dev.latchkey.CheckResult
import dev.latchkey.TimelineEvent
import org.robolectric.Robolectric
import org.robolectric.shadows.ShadowLooper

/** The screen in a state of `screen.json`, as an activity has it. */
fun screenOf(case: String, details: DetailsSeen = DETAILS): MainActivity {
    val activity = Robolectric.buildActivity(MainActivity::class.java).setup().get()
    activity.screen.show(screenState(ScreenCases.seen(case)), details)
    ShadowLooper.idleMainLooper()
    return activity
}

fun Activity.picture(): Bitmap {
    val view = window.decorView
    val picture = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
    view.draw(Canvas(picture))
    return picture
}

/** This view and all in it, in the order in which they are read aloud; without what is hidden. */
fun View.all(): List<View> = when {
    visibility != View.VISIBLE -> listOf()
    this is ViewGroup -> listOf(this) + (0 until childCount).flatMap { getChildAt(it).all() }
    else -> listOf(this)
}

private val DETAILS = DetailsSeen(
    timeline = listOf(
        TimelineEvent(1767225600, "login", null),
        TimelineEvent(1767229200, "refreshed", "rotated"),
        TimelineEvent(1767229200, "summary", "Logged in since 2026-01-01, renewed once."),
    ),
    checks = listOf(
        Check("provider", CheckResult.OK, "https://login.example.com/ answers."),
        Check("clock", CheckResult.WARNING, "This device is 4 s ahead."),
    ),
)

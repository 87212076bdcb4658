package dev.latchkey.sample

import android.graphics.Bitmap
import android.graphics.Color
import android.graphics.Rect
import android.view.View
import android.widget.TextView
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLooper
import kotlin.math.pow
import android.widget.Button as ButtonView

/** What a person needs who reads by ear, sees little or has a trembling hand; in every state of `screen.json`. */
@RunWith(RobolectricTestRunner::class)
class AccessibilityTest {
    @Test
    fun `every button has a name`() = inEveryState { name, views ->
        for (button in buttons(views)) {
            assertTrue("$name: ${button.id}", (button.contentDescription ?: button.text).isNotBlank())
        }
    }

    @Test
    fun `a button that runs says so`() {
        val running = buttons(views("a running button shows it and the others wait: ping private")).first()
        assertEquals("Ping private, running", running.contentDescription)
        assertEquals(null, buttons(views("somebody is logged in")).first().contentDescription)
    }

    @Test
    fun `every button is at least 48 dp wide and high`() = inEveryState { name, views ->
        for (button in buttons(views)) {
            assertTrue("$name: ${button.text} ${button.width}x${button.height}", minOf(button.width, button.height) >= 48)
        }
    }

    @Test
    @Config(sdk = [28, 35])
    fun `no text is cut off, also if it is twice as large`() {
        RuntimeEnvironment.setFontScale(2f)
        inEveryState { name, views ->
            for (view in views.filterIsInstance<TextView>().filter { it.layout != null }) {
                val room = view.height - view.totalPaddingTop - view.totalPaddingBottom
                assertTrue("$name: ${view.text}", view.layout.height <= room)
                assertTrue("$name: ${view.text}", (0 until view.lineCount).none { view.layout.getEllipsisCount(it) > 0 })
            }
        }
    }

    @Test
    fun `what is read aloud comes from top to bottom`() = inEveryState { name, views ->
        val tops = views.filter { it is TextView && it.isImportantForAccessibility && it.text.isNotEmpty() }
            .map { view -> Rect().also { view.getGlobalVisibleRect(it) } }
        tops.zipWithNext { before, after ->
            assertTrue("$name: $before $after", after.top >= before.top || after.left >= before.right)
        }
    }

    @Test
    fun `text stands out from its ground by 4,5 to 1`() = contrast()

    @Test
    @Config(qualifiers = "+night")
    fun `text stands out from its ground by 4,5 to 1 in the dark, too`() = contrast()

    @Test
    fun `what changes is read aloud, and once`() {
        val activity = screenOf("nobody has logged in yet")
        val message = activity.requireViewById<TextView>(R.id.message)
        val answer = activity.requireViewById<TextView>(R.id.answer)
        assertEquals(View.ACCESSIBILITY_LIVE_REGION_POLITE, message.accessibilityLiveRegion)
        assertEquals(View.ACCESSIBILITY_LIVE_REGION_POLITE, answer.accessibilityLiveRegion)

        val before = message.text
        activity.screen.show(screenState(ScreenCases.seen("nobody has logged in yet")), DetailsSeen())
        assertTrue("a text that is the same is not set again", before === message.text)
        activity.screen.show(screenState(ScreenCases.seen("the browser is open")), DetailsSeen())
        assertEquals("Continue in the browser.", message.text.toString())
    }

    @Test
    fun `what the screen says can be selected, and headings are headings`() {
        val activity = screenOf("the API's own text")
        for (id in listOf(R.id.message, R.id.answer, R.id.timeline, R.id.checks)) {
            assertTrue(activity.requireViewById<TextView>(id).isTextSelectable)
        }
        assertTrue(activity.requireViewById<View>(R.id.title).isAccessibilityHeading)
    }

    private fun contrast() = inEveryState { name, views, activity ->
        val picture = activity.picture()
        for (view in views.filterIsInstance<TextView>().filter { it.text.isNotEmpty() && (it.isEnabled || it.isActivated) }) {
            val seen = Rect()
            if (!view.getGlobalVisibleRect(seen) || seen.height() < view.height) continue
            val contrast = contrast(view.currentTextColor, ground(picture, seen))
            assertTrue("$name: ${view.text} has $contrast", contrast >= 4.5)
        }
    }

    /** The colour that most of the view has. */
    private fun ground(picture: Bitmap, place: Rect): Int {
        val pixels = IntArray(place.width() * place.height())
        picture.getPixels(pixels, 0, place.width(), place.left, place.top, place.width(), place.height())
        return pixels.asList().groupingBy { it }.eachCount().maxBy { it.value }.key
    }

    private fun contrast(one: Int, other: Int): Double {
        val (dark, light) = listOf(luminance(one), luminance(other)).sorted()
        return (light + 0.05) / (dark + 0.05)
    }

    /** As WCAG 2.2 defines it. */
    private fun luminance(colour: Int): Double {
        fun channel(value: Int): Double {
            val part = value / 255.0
            return if (part <= 0.04045) part / 12.92 else ((part + 0.055) / 1.055).pow(2.4)
        }
        return 0.2126 * channel(Color.red(colour)) + 0.7152 * channel(Color.green(colour)) +
            0.0722 * channel(Color.blue(colour))
    }

    private fun buttons(views: List<View>) = views.filterIsInstance<ButtonView>()

    private fun views(case: String) = screenOf(case).screen.root.all()

    private fun inEveryState(look: (String, List<View>) -> Unit) = inEveryState { name, views, _ -> look(name, views) }

    private fun inEveryState(look: (String, List<View>, MainActivity) -> Unit) {
        val activity = screenOf("nobody has logged in yet")
        for (case in ScreenCases.all) {
            activity.screen.show(screenState(ScreenCases.seen(case)), DetailsSeen())
            ShadowLooper.idleMainLooper()
            look(case["name"].toString(), activity.screen.root.all(), activity)
        }
    }
}

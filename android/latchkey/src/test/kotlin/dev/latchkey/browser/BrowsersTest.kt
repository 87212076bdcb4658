package dev.latchkey.browser

import android.content.ComponentName
import android.content.IntentFilter
import dev.latchkey.Phone
import org.junit.Assert.assertEquals
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

@RunWith(RobolectricTestRunner::class)
class BrowsersTest {
    @get:Rule
    val phone = Phone()

    private fun list() = Browsers.list(phone.app.packageManager, phone.app.packageName)

    /** What the person has chosen in the system's settings. */
    @Suppress("DEPRECATION")
    private fun prefer(browser: String) {
        val window = ComponentName(browser, "$browser.Window")
        for (scheme in listOf("http", "https")) {
            val filter = phone.viewFilter(scheme)
            phone.app.packageManager.addPreferredActivity(filter, IntentFilter.MATCH_CATEGORY_SCHEME, null, window)
        }
    }

    @Test
    fun `each browser is used for the best that it offers`() {
        phone.install("org.plain")
        phone.install("org.tabs", Mode.CUSTOM_TAB)
        phone.install("org.auth", Mode.AUTH_TAB)
        assertEquals(
            mapOf("org.auth" to Mode.AUTH_TAB, "org.tabs" to Mode.CUSTOM_TAB, "org.plain" to Mode.BROWSER),
            list().associate { it.packageName to it.mode },
        )
    }

    @Test
    fun `a browser that has both kinds of tab is used for the better one`() {
        for (modes in listOf(listOf(Mode.AUTH_TAB, Mode.CUSTOM_TAB), listOf(Mode.CUSTOM_TAB, Mode.AUTH_TAB))) {
            val browser = "org.both${modes.first()}"
            for (mode in modes) phone.install(browser, mode)
            assertEquals(Mode.AUTH_TAB, list().single { it.packageName == browser }.mode)
        }
    }

    @Test
    fun `the person's own browser comes first, whatever it offers`() {
        phone.install("org.auth", Mode.AUTH_TAB)
        phone.install("org.own")
        phone.install("org.tabs", Mode.CUSTOM_TAB)
        prefer("org.own")
        assertEquals(listOf("org.own", "org.auth", "org.tabs"), list().map { it.packageName })
    }

    @Test
    fun `where the person has chosen none, the one that can do most comes first`() {
        phone.packages.setShouldShowActivityChooser(true)
        phone.install("org.plain")
        phone.install("org.tabs", Mode.CUSTOM_TAB)
        phone.install("org.auth", Mode.AUTH_TAB)
        assertEquals(listOf("org.auth", "org.tabs", "org.plain"), list().map { it.packageName })
    }

    @Test
    fun `an app that opens its own site only is no browser, and neither is one for half of the web`() {
        phone.install("org.browser")
        phone.install("com.shop", Mode.AUTH_TAB, site = "shop.example")
        phone.install("com.half", Mode.AUTH_TAB, schemes = listOf("http"))
        assertEquals(listOf("org.browser"), list().map { it.packageName })
    }

    @Test
    fun `an app that others may not open, and the app itself, are no browsers`() {
        phone.install("org.browser")
        phone.install("com.closed")
        phone.packages.addOrUpdateActivity(
            phone.app.packageManager.getActivityInfo(ComponentName("com.closed", "com.closed.Window"), 0)
                .apply { exported = false },
        )
        phone.install(phone.app.packageName)
        assertEquals(listOf("org.browser"), list().map { it.packageName })
    }

    @Test
    fun `tabs without a window are no browser`() {
        phone.install("com.tabsonly", Mode.AUTH_TAB, schemes = emptyList())
        assertEquals(emptyList<Browser>(), list())
    }
}

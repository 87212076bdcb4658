package dev.latchkey.sample

import android.content.Intent
import android.net.Uri
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment

/** What an app with a scheme of its own gets from the library's manifest. */
@RunWith(RobolectricTestRunner::class)
class ManifestTest {
    private fun doors(uri: String): List<String> {
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(uri)).addCategory(Intent.CATEGORY_BROWSABLE)
        val packages = RuntimeEnvironment.getApplication().packageManager
        return packages.queryIntentActivities(intent, 0).map { it.activityInfo.name }
    }

    @Test
    fun `the app's own scheme opens it, and no page of the web does`() {
        assertEquals(listOf("dev.latchkey.browser.RedirectActivity"), doors("dev.latchkey.sample:/callback?code=c&state=s"))
        assertEquals(listOf<String>(), doors("https://app.example.com/callback"))
        assertEquals(listOf<String>(), doors("https://dev.latchkey.sample/callback"))
    }
}

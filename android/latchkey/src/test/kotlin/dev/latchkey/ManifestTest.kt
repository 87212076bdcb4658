package dev.latchkey

import android.content.Intent
import android.content.IntentFilter
import android.content.pm.ComponentInfo
import android.content.pm.PackageManager
import android.net.Uri
import android.os.PatternMatcher
import dev.latchkey.browser.LoginActivity
import dev.latchkey.browser.RedirectActivity
import java.io.File
import javax.xml.parsers.DocumentBuilderFactory
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.w3c.dom.Element

/** What the library adds to an app's manifest, as the system reads it once Android's compiler has made it binary. */
@RunWith(RobolectricTestRunner::class)
class ManifestTest {
    private val app = RuntimeEnvironment.getApplication()

    /** Who is there for an address that a browser opens. */
    private fun doors(uri: String): List<String> {
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(uri)).addCategory(Intent.CATEGORY_BROWSABLE)
        return app.packageManager.queryIntentActivities(intent, 0).map { it.activityInfo.name }
    }

    @Test
    fun `one component is open to other apps - the redirect's - and each says whether it is`() {
        val kinds = PackageManager.GET_ACTIVITIES or PackageManager.GET_SERVICES or PackageManager.GET_RECEIVERS or
            PackageManager.GET_PROVIDERS
        val found = app.packageManager.getPackageInfo(app.packageName, kinds)
        val components = listOf<Array<out ComponentInfo>?>(found.activities, found.services, found.receivers, found.providers)
            .flatMap { it?.asList().orEmpty() }
        val exported = mapOf(LoginActivity::class.java.name to false, RedirectActivity::class.java.name to true)
        assertEquals(exported, components.associate { it.name to it.exported })
        assertEquals(exported.size, source().all("activity").count { it.android("exported").isNotEmpty() })
    }

    @Test
    fun `the network is the one permission`() {
        val found = app.packageManager.getPackageInfo(app.packageName, PackageManager.GET_PERMISSIONS)
        assertEquals(listOf("android.permission.INTERNET"), found.requestedPermissions.orEmpty().asList())
        assertEquals(listOf(28, 35), app.applicationInfo.let { listOf(it.minSdkVersion, it.targetSdkVersion) })
    }

    @Test
    fun `the placeholder makes a door for a scheme of the app's own`() {
        assertEquals(listOf(RedirectActivity::class.java.name), doors("com.example.app:/callback?code=c&state=s"))
        assertEquals(listOf<String>(), doors("com.example.other:/callback?code=c"))
    }

    @Test
    fun `no page of the web is a door, and none is looked up`() {
        assertEquals(listOf<String>(), doors("https://com.example.app/callback?code=c&state=s"))
        assertEquals(listOf<String>(), doors("https://app.example.com/callback"))
        // Up to Android 11 one filter with it makes the system look up the hosts of all others, the app's own too.
        assertEquals(listOf(""), source().all("intent-filter").map { it.android("autoVerify") })
    }

    @Test
    fun `the narrow filter in the README takes the answer and leaves the app's links alone`() {
        val (start) = checkNotNull(Regex("android:sspPrefix=\"(.+?)\"").find(File("README.md").readText())).destructured
        val filter = IntentFilter(Intent.ACTION_VIEW).apply {
            addDataScheme("com.example.app")
            addDataSchemeSpecificPart(start, PatternMatcher.PATTERN_PREFIX)
        }
        fun takes(uri: String) = filter.matchData(null, "com.example.app", Uri.parse(uri)) > 0
        assertTrue(takes("com.example.app:/callback?code=c&state=s"))
        assertFalse(takes("com.example.app://product/7"))
        assertFalse(takes("com.example.app:/product"))
    }

    @Test
    fun `backups, looks and the rest of what an app says of itself are left to the app`() {
        assertEquals(0, source().all("application").single().attributes.length)
    }

    @Test
    fun `browsers and their tabs can be seen`() {
        val asked = source().all("queries").single().all("intent").map { intent ->
            intent.all("action").single().android("name") to intent.all("data").firstOrNull()?.android("scheme")
        }
        val view = Intent.ACTION_VIEW
        val tabs = "android.support.customtabs.action.CustomTabsService"
        assertEquals(listOf(view to "http", view to "https", tabs to null), asked)
    }

    private fun source(): Element {
        val factory = DocumentBuilderFactory.newInstance().apply { isNamespaceAware = true }
        return factory.newDocumentBuilder().parse(File("src/main/AndroidManifest.xml")).documentElement
    }

    private fun Element.all(tag: String): List<Element> =
        getElementsByTagName(tag).let { list -> List(list.length) { list.item(it) as Element } }

    private fun Element.android(name: String): String = getAttributeNS(NAMESPACE, name)

    private companion object {
        const val NAMESPACE = "http://schemas.android.com/apk/res/android"
    }
}

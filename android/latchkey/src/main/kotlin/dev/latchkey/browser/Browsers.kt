package dev.latchkey.browser

import android.content.Intent
import android.content.pm.PackageManager
import android.content.pm.ResolveInfo
import android.net.Uri

/** How a browser shows the login page, best first. */
internal enum class Mode {
    /** A tab that gives the answer to the app and to nobody else. */
    AUTH_TAB,

    /** A tab within the app's task; the answer comes as an intent. */
    CUSTOM_TAB,

    /** The browser's own window; the answer comes as an intent. */
    BROWSER,
}

/** A browser on this device, with the best that it can do. */
internal data class Browser(val packageName: String, val mode: Mode)

/** The browsers of this device: the person's own first, then those that can do more. */
internal object Browsers {
    fun list(packages: PackageManager, own: String): List<Browser> {
        val real = real(packages, "http").intersect(real(packages, "https")) - own
        val preferred = packages.resolveActivity(page("https"), PackageManager.MATCH_DEFAULT_ONLY)
        val tabs = tabs(packages)
        return real
            .map { Browser(it, tabs[it] ?: Mode.BROWSER) }
            .sortedWith(compareBy({ it.packageName != preferred?.activityInfo?.packageName }, { it.mode }))
    }

    /** Apps that open any page, not only those of some sites. */
    private fun real(packages: PackageManager, scheme: String): Set<String> =
        packages.queryIntentActivities(page(scheme), ALL)
            .filter { it.activityInfo.exported && isForAnySite(it, scheme) }
            .map { it.activityInfo.packageName }
            .toSet()

    private fun isForAnySite(found: ResolveInfo, scheme: String): Boolean {
        val filter = found.filter ?: return false
        return filter.hasAction(Intent.ACTION_VIEW) &&
            filter.hasCategory(Intent.CATEGORY_BROWSABLE) &&
            filter.hasDataScheme(scheme) &&
            filter.countDataAuthorities() == 0 &&
            filter.countDataPaths() == 0
    }

    private fun tabs(packages: PackageManager): Map<String, Mode> {
        fun serve(intent: Intent) = packages.queryIntentServices(intent, 0).map { it.serviceInfo.packageName }
        return serve(Intent(TAB_SERVICE)).associateWith { Mode.CUSTOM_TAB } +
            serve(Intent(TAB_SERVICE).addCategory(AUTH_TAB)).associateWith { Mode.AUTH_TAB }
    }

    private fun page(scheme: String) =
        Intent(Intent.ACTION_VIEW, Uri.fromParts(scheme, "", null)).addCategory(Intent.CATEGORY_BROWSABLE)

    private const val ALL = PackageManager.MATCH_ALL or PackageManager.GET_RESOLVED_FILTER
    const val TAB_SERVICE = "android.support.customtabs.action.CustomTabsService"
    const val AUTH_TAB = "androidx.browser.auth.category.AuthTab"
}

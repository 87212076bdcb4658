package dev.latchkey

import android.app.Activity
import android.app.Application
import android.os.Bundle

/** Calls [work] each time the first of the app's screens is seen. */
internal fun onForeground(app: Application, work: () -> Unit) = app.registerActivityLifecycleCallbacks(
    object : Application.ActivityLifecycleCallbacks {
        private val seen = mutableSetOf<Activity>()

        override fun onActivityStarted(activity: Activity) {
            if (seen.isEmpty()) work()
            seen += activity
        }

        override fun onActivityStopped(activity: Activity) {
            seen -= activity
        }

        override fun onActivityCreated(activity: Activity, state: Bundle?) = Unit

        override fun onActivityResumed(activity: Activity) = Unit

        override fun onActivityPaused(activity: Activity) = Unit

        override fun onActivitySaveInstanceState(activity: Activity, state: Bundle) = Unit

        override fun onActivityDestroyed(activity: Activity) = Unit
    },
)

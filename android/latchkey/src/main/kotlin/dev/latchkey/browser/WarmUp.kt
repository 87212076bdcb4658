package dev.latchkey.browser

import android.content.ComponentName
import android.content.Context
import android.content.Intent
import android.content.ServiceConnection
import android.net.Uri
import android.os.Binder
import android.os.Bundle
import android.os.IBinder
import android.os.Parcel
import android.os.RemoteException
import java.util.concurrent.Executor

/**
 * Starts the browser's process ahead of the tab, and lets it connect to the provider. Nothing waits for it and nothing
 * fails with it: a tab that is opened earlier has no session, and is as good.
 */
internal class WarmUp(private val context: Context, private val worker: Executor) {
    private var bound: Bound? = null

    /** Warms up this browser for pages of [site]: its address alone is told, never the login's. */
    @Synchronized
    fun start(browser: Browser, site: Uri) {
        if (browser.mode == Mode.BROWSER || bound?.browser == browser.packageName) return
        stop()
        val next = Bound(browser.packageName, site)
        val service = Intent(Browsers.TAB_SERVICE).setPackage(browser.packageName)
        bound = next
        // Also after a refusal the connection has to be given back.
        runCatching { context.bindService(service, next, Context.BIND_AUTO_CREATE) }
    }

    /** What this browser's tab is opened with: its session, if it has one by now. */
    @Synchronized
    fun session(browser: Browser): IBinder? = bound?.takeIf { it.browser == browser.packageName }?.session

    @Synchronized
    fun stop() {
        bound?.let { runCatching { context.unbindService(it) } }
        bound = null
    }

    private inner class Bound(val browser: String, private val site: Uri) : ServiceConnection {
        @Volatile
        var session: IBinder? = null

        /** In the main thread, so the calls into the other process are made elsewhere. */
        override fun onServiceConnected(name: ComponentName?, service: IBinder?) {
            if (service != null) worker.execute { greet(service) }
        }

        private fun greet(service: IBinder) {
            try {
                call(service, WARM_UP) { writeLong(0) }
                val callback = Callback()
                if (call(service, NEW_SESSION) { writeStrongBinder(callback) }) {
                    session = callback
                    call(service, MAY_LAUNCH) {
                        writeStrongBinder(callback)
                        writeTypedObject(site, 0)
                        writeTypedObject(null as Bundle?, 0)
                        writeTypedList(null as List<Bundle>?)
                    }
                }
            } catch (_: RemoteException) {
                session = null
            } catch (_: RuntimeException) {
                // What the other process throws arrives as one of these.
                session = null
            }
        }

        override fun onServiceDisconnected(name: ComponentName?) {
            session = null
        }
    }

    /** The browser tells it what happens in the tab; nobody listens. */
    private class Callback : Binder() {
        init {
            attachInterface(null, CALLBACK)
        }

        override fun onTransact(code: Int, data: Parcel, reply: Parcel?, flags: Int): Boolean {
            if (code == INTERFACE_TRANSACTION) return super.onTransact(code, data, reply, flags)
            reply?.writeNoException()
            return true
        }
    }

    private companion object {
        const val SERVICE = "android.support.customtabs.ICustomTabsService"
        const val CALLBACK = "android.support.customtabs.ICustomTabsCallback"
        const val WARM_UP = 2
        const val NEW_SESSION = 3
        const val MAY_LAUNCH = 4

        fun call(service: IBinder, code: Int, arguments: Parcel.() -> Unit): Boolean {
            val data = Parcel.obtain()
            val reply = Parcel.obtain()
            try {
                data.writeInterfaceToken(SERVICE)
                data.arguments()
                if (!service.transact(code, data, reply, 0)) return false
                reply.readException()
                return reply.readInt() != 0
            } finally {
                reply.recycle()
                data.recycle()
            }
        }
    }
}

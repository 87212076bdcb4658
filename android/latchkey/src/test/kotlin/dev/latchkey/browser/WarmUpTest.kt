package dev.latchkey.browser

import android.content.ComponentName
import android.net.Uri
import android.os.Binder
import android.os.Bundle
import android.os.DeadObjectException
import android.os.IBinder
import android.os.Looper
import android.os.Parcel
import dev.latchkey.LoginState
import dev.latchkey.Phone
import dev.latchkey.Session
import dev.latchkey.callback
import dev.latchkey.result
import dev.latchkey.server
import dev.latchkey.until
import java.util.concurrent.CopyOnWriteArrayList
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf

@RunWith(RobolectricTestRunner::class)
class WarmUpTest {
    @get:Rule
    val phone = Phone()

    /** The browser's side of the connection, as its interface description has it. */
    private class Service(private val fails: Boolean = false) : Binder() {
        val calls = CopyOnWriteArrayList<String>()
        val threads = CopyOnWriteArrayList<Thread>()

        @Volatile
        var session: IBinder? = null

        override fun onTransact(code: Int, data: Parcel, reply: Parcel?, flags: Int): Boolean {
            threads += Thread.currentThread()
            data.enforceInterface("android.support.customtabs.ICustomTabsService")
            if (fails) throw DeadObjectException()
            calls += when (code) {
                2 -> "warmup ${data.readLong()}"
                3 -> "newSession".also { session = data.readStrongBinder() }
                4 -> {
                    assertSame(session, data.readStrongBinder())
                    val url = data.readTypedObject(Uri.CREATOR)
                    val extras = data.readTypedObject(Bundle.CREATOR)
                    "mayLaunchUrl $url $extras ${data.createTypedArrayList(Bundle.CREATOR)}"
                }
                else -> error("call $code")
            }
            reply!!.writeNoException()
            reply.writeInt(1)
            return true
        }
    }

    private fun serve(service: IBinder?) {
        val name = ComponentName("org.browser", "org.browser.Tabs")
        shadowOf(phone.app).setComponentNameAndServiceForBindService(name, service)
    }

    @Test
    fun `the browser is started and told the provider's address, and nothing of the login`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val service = Service().also(::serve)
        phone.start().warmUp()
        until { service.calls.size == 3 }
        assertEquals(listOf("warmup 0", "newSession", "mayLaunchUrl ${server.issuer} null null"), service.calls)
        assertTrue(Looper.getMainLooper().thread !in service.threads)
    }

    @Test
    fun `the tab is opened with the session, and the connection ends with the login`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val service = Service().also(::serve)
        phone.start().warmUp()
        until { service.calls.size == 3 }
        val login = phone.tap()
        phone.openLogin()
        val tab = phone.next()
        assertSame(service.session, tab.extras!!.getBinder(Tab.SESSION))
        assertEquals("one connection", 1, shadowOf(phone.app).boundServiceConnections.size)
        phone.redirect(callback(tab, "alice"))
        login.result()
        assertEquals(1, shadowOf(phone.app).unboundServiceConnections.size)
    }

    @Test
    fun `a browser that does not answer its connection delays no tab`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        serve(null)
        val client = phone.start()
        phone.tap()
        phone.openLogin()
        client.until(LoginState.InBrowser)
        val extras = phone.next().extras!!
        assertTrue(extras.containsKey(Tab.SESSION))
        assertEquals(null, extras.getBinder(Tab.SESSION))
    }

    @Test
    fun `a browser that fails, or refuses the connection, delays no tab`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        for (prepare in listOf({ serve(Service(fails = true)) }, ::refuse)) {
            prepare()
            val client = phone.start()
            val login = phone.tap()
            phone.openLogin()
            val tab = phone.next()
            assertEquals(null, tab.extras!!.getBinder(Tab.SESSION))
            phone.redirect(callback(tab, "alice"))
            assertTrue(login.result() is Session.SignedIn)
            client.until(LoginState.None)
            phone.next()
        }
    }

    private fun refuse() {
        shadowOf(phone.app).declareComponentUnbindable(ComponentName("org.browser", "org.browser.Tabs"))
    }

    @Test
    fun `the session's binder takes what the browser tells of the tab`() {
        phone.install("org.browser", Mode.CUSTOM_TAB)
        val service = Service().also(::serve)
        phone.start().warmUp()
        until { service.calls.size == 3 }
        val session = checkNotNull(service.session)
        val data = Parcel.obtain()
        val reply = Parcel.obtain()
        data.writeInterfaceToken("android.support.customtabs.ICustomTabsCallback")
        data.writeInt(5)
        assertTrue(session.transact(2, data, reply, 0))
        assertEquals("android.support.customtabs.ICustomTabsCallback", session.interfaceDescriptor)
    }
}

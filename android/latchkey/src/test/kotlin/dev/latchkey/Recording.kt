package dev.latchkey

/** A store that notes who calls it. */
class RecordingStore(private val store: SecureStore, private val threads: MutableList<Thread>) : SecureStore {
    override fun load(key: String): StoredItem? {
        threads += Thread.currentThread()
        return store.load(key)
    }

    override fun swap(key: String, expected: ByteArray?, next: StoredItem?) {
        threads += Thread.currentThread()
        store.swap(key, expected, next)
    }
}

/** The real core, which notes who calls it. */
class RecordingAuth(
    config: AuthConfig,
    store: SecureStore,
    private val threads: MutableList<Thread>,
    private val loginSeconds: ULong?,
) : Auth(config, store) {
    init {
        note()
    }

    override fun session() = super.session().also { note() }

    override suspend fun beginLogin(options: LoginOptions, cancellation: Cancellation?): LoginRequest {
        note()
        val request = super.beginLogin(options, cancellation)
        return request.copy(expiresInSeconds = loginSeconds ?: request.expiresInSeconds)
    }

    override suspend fun finishLogin(callbackUrl: String, cancellation: Cancellation?): Session {
        note()
        return super.finishLogin(callbackUrl, cancellation)
    }

    override suspend fun cancelLogin(id: String) {
        note()
        super.cancelLogin(id)
    }

    override suspend fun accessToken(options: AccessTokenOptions, cancellation: Cancellation?): AccessToken {
        note()
        return super.accessToken(options, cancellation)
    }

    override suspend fun logout(options: LogoutOptions): LogoutOutcome {
        note()
        return super.logout(options)
    }

    private fun note() {
        threads += Thread.currentThread()
    }
}

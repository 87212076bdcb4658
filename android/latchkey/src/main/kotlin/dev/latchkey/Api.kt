package dev.latchkey

/** The app's own API, below one address. Made by [LatchkeyClient.api]. */
class Api internal constructor(private val client: LatchkeyClient, private val url: String) {
    /**
     * Sends one request with the access token, to this API and to no other host. Throws [AuthException], as
     * [ApiClient.send] says.
     */
    suspend fun send(request: ApiRequest): ApiResponse =
        client.call { auth -> ApiClient(auth, url).use { it.send(request) } }
}

/** The two calls of the tutorial's API. Made by [LatchkeyClient.ping]. */
class Ping internal constructor(private val client: LatchkeyClient, private val url: String) {
    /** For everybody who is logged in. Throws [AuthException]. */
    suspend fun pingPrivate(): PingMessage = client.call { auth -> PingClient(auth, url).use { it.pingPrivate() } }

    /** For those who have the scope; [AuthException.StepUpRequired] has the options for a login that asks for it. */
    suspend fun pingPrivateScoped(): PingMessage =
        client.call { auth -> PingClient(auth, url).use { it.pingPrivateScoped() } }
}

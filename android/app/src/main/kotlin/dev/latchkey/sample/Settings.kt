package dev.latchkey.sample

import android.content.res.Resources
import dev.latchkey.AuthConfig

/** What `res/values/settings.xml` says. */
data class Settings(
    val issuer: String,
    val clientId: String,
    val audience: String,
    val api: String,
    val redirectUri: String,
) {
    /** By the names that a developer finds in the file. */
    fun missing(): List<String> = listOf(
        "setting_issuer" to issuer,
        "setting_client_id" to clientId,
        "setting_audience" to audience,
        "setting_api" to api,
    ).filter { (_, value) -> value.isBlank() }.map { (name, _) -> name }

    fun config() = AuthConfig(issuer, clientId, redirectUri, audience = audience, singleInstanceRole = "app")

    companion object {
        fun of(resources: Resources) = Settings(
            issuer = resources.getString(R.string.setting_issuer),
            clientId = resources.getString(R.string.setting_client_id),
            audience = resources.getString(R.string.setting_audience),
            api = resources.getString(R.string.setting_api),
            redirectUri = resources.getString(R.string.setting_redirect_uri),
        )
    }
}

//! A development server that is seen at another address than its own: behind TLS, or behind a server that may
//! answer in its place.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey::AuthConfig;
use latchkey_devserver::DevServer;
use serde_json::{Value, json};

use crate::world::REDIRECT_URI;

/// The faults that make `server` speak of itself as `origin`, in its metadata, its authorization responses and its
/// ID tokens. Further faults go behind them.
pub fn speaks_as(server: &DevServer, origin: &str) -> String {
    let issuer = origin.to_owned() + path(server);
    let endpoint = |name: &str| format!("{}/{name}", issuer.trim_end_matches('/'));
    let metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "userinfo_endpoint": endpoint("userinfo"),
        "revocation_endpoint": endpoint("revoke"),
        "end_session_endpoint": endpoint("logout"),
        "jwks_uri": endpoint("jwks"),
    });
    let iss = word(&json!({ "iss": issuer }));
    format!(
        "discovery:merge={};authorize:merge={iss};token:claims={iss};",
        word(&metadata)
    )
}

/// The configuration of an app that knows `server` by `origin`.
pub fn config(server: &DevServer, origin: &str) -> AuthConfig {
    let issuer = origin.to_owned() + path(server);
    let mut config = AuthConfig::new(issuer, server.client_id(), REDIRECT_URI);
    config.audience = Some(server.audience().to_owned());
    config.scopes = ["openid", "profile", "offline_access", "read:messages"]
        .map(str::to_owned)
        .to_vec();
    config
}

/// The address of the login page at the server's own origin: what the browser does is no matter of these tests.
pub fn at_home(server: &DevServer, origin: &str, url: &str) -> String {
    url.replacen(origin, home(server), 1)
}

/// `127.0.0.1:PORT`, where the server is in truth.
pub fn address(server: &DevServer) -> String {
    home(server).trim_start_matches("http://").to_owned()
}

fn home(server: &DevServer) -> &str {
    server.api().trim_end_matches("/api")
}

fn path(server: &DevServer) -> &str {
    server.issuer().trim_start_matches(home(server))
}

fn word(members: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(members.to_string())
}

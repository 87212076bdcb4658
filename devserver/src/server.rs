//! The server as a whole: what a test or the desktop shell starts and asks.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::api::{self, Trust};
use crate::fault_layer::{ended_line, with_faults};
use crate::listener::Running;
use crate::provider::{AUDIENCE, CLIENT_ID, Provider};
use crate::stats::Endpoint;
use crate::{
    FaultError, Options, Rotation, StartError, User, admin, authorize, discovery, end_session,
    login, revoke, token, userinfo,
};

/// The OpenID provider and the API. Runs on the current tokio runtime; stops when dropped.
pub struct DevServer {
    provider: Arc<Provider>,
    api: String,
    running: Running,
}

impl std::fmt::Debug for DevServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevServer")
            .field("issuer", &self.provider.issuer)
            .finish_non_exhaustive()
    }
}

impl DevServer {
    /// Binds the port and serves.
    ///
    /// # Errors
    /// When the address is not loopback, the port is taken, or an option is wrong.
    pub async fn start(options: Options) -> Result<DevServer, StartError> {
        let (address, port) = (options.address, options.port);
        if !address.is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        let bind = |source| StartError::Bind { port, source };
        let listener = TcpListener::bind((address, port)).await.map_err(bind)?;
        let origin = format!("http://{}", listener.local_addr().map_err(bind)?);
        let api = format!("{origin}/api");
        let provider = Arc::new(Provider::new(origin, options)?);
        let running = Running::start(listener, router(&provider), provider.stats.clone());
        Ok(DevServer {
            provider,
            api,
            running,
        })
    }

    /// The issuer identifier, byte for byte as in the metadata.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// The API's address, `http://127.0.0.1:PORT/api`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The registered client: `latchkey-dev`, a public one.
    #[must_use]
    pub fn client_id(&self) -> &str {
        CLIENT_ID
    }

    /// The API's audience: `https://api.latchkey.test`.
    #[must_use]
    pub fn audience(&self) -> &str {
        AUDIENCE
    }

    /// Who can log in.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.provider.users.users
    }

    /// Replaces all faults; the empty text sets none. See [`crate::FAULT_HELP`].
    ///
    /// # Errors
    /// When the text is wrong; then nothing has changed.
    pub fn set_faults(&self, text: &str) -> Result<(), FaultError> {
        self.provider.set_faults(text)
    }

    /// Sets no fault, opens all gates.
    pub fn clear_faults(&self) {
        self.provider.clear_faults();
    }

    /// Lets the requests pass that wait at the gate, and those that come later.
    pub fn open_gate(&self, name: &str) {
        self.provider.gates.open(name);
    }

    /// Resolves when a request waits at the gate.
    pub async fn gate_reached(&self, name: &str) {
        self.provider.gates.reached(name).await;
    }

    /// How many requests came to an endpoint (`token`, `api`, …), whole, since the start or the last
    /// reset; 0 for a word that is no endpoint. A head whose body was withdrawn is none.
    #[must_use]
    pub fn requests(&self, endpoint: &str) -> u64 {
        Endpoint::parse(endpoint).map_or(0, |endpoint| self.provider.stats.requests(endpoint))
    }

    /// How many TCP connections were accepted since the start or the last reset.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.provider.stats.connections()
    }

    /// How often a spent refresh token was used without the right to.
    #[must_use]
    pub fn refresh_token_reuse(&self) -> u64 {
        self.provider.stats.refresh_token_reuse()
    }

    /// Sets all counters to 0.
    pub fn reset_counts(&self) {
        self.provider.stats.reset();
    }

    /// Signs with other keys from now on. The former ones stay published until the next time.
    pub fn rotate_keys(&self) {
        self.provider.keys.rotate();
    }

    /// Revokes all tokens and ends all browsers' sessions.
    pub fn revoke_all(&self) {
        self.provider.grants().revoke_all();
    }

    /// Revokes one user's tokens and ends the sessions of their browsers.
    ///
    /// # Errors
    /// When there is no user of this name; the text says which there are.
    pub fn revoke(&self, name: &str) -> Result<(), String> {
        self.provider.revoke(name)
    }

    /// Does this with refresh tokens from now on; what was issued so far stays good.
    pub fn set_rotation(&self, rotation: Rotation) {
        self.provider.set_rotation(rotation);
    }

    /// The line that `serve` prints when it is ready.
    #[must_use]
    pub fn ready_json(&self) -> Value {
        let user = |user: &User| json!({ "name": user.name, "password": user.password, "scopes": user.scopes });
        json!({
            "ok": true,
            "issuer": self.issuer(),
            "api": self.api(),
            "client_id": self.client_id(),
            "audience": self.audience(),
            "users": self.users().iter().map(user).collect::<Value>(),
        })
    }

    /// Closes the port and all connections.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

fn router(provider: &Arc<Provider>) -> Router {
    let path = provider.issuer_path();
    let metadata = || get(discovery::metadata).with_state(provider.clone());
    let form = |handlers: axum::routing::MethodRouter<Arc<Provider>>| {
        handlers.with_state(provider.clone())
    };
    let mut routes = vec![
        // OpenID Connect Discovery §4 appends to the issuer's path, RFC 8414 §3.1 inserts before it.
        (
            Endpoint::Discovery,
            format!("{path}/.well-known/openid-configuration"),
            metadata(),
        ),
        (
            Endpoint::Discovery,
            format!("/.well-known/oauth-authorization-server{path}"),
            metadata(),
        ),
        (
            Endpoint::Jwks,
            format!("{path}/jwks"),
            form(get(discovery::jwks)),
        ),
        (
            Endpoint::Authorize,
            format!("{path}/authorize"),
            form(get(authorize::authorize).post(authorize::authorize)),
        ),
        (
            Endpoint::Login,
            format!("{path}/login"),
            form(post(login::submit)),
        ),
        (
            Endpoint::Token,
            format!("{path}/token"),
            form(post(token::token)),
        ),
        (
            Endpoint::Userinfo,
            format!("{path}/userinfo"),
            form(get(userinfo::userinfo).post(userinfo::userinfo)),
        ),
        (
            Endpoint::Revoke,
            format!("{path}/revoke"),
            form(post(revoke::revoke)),
        ),
        (
            Endpoint::EndSession,
            format!("{path}/logout"),
            form(get(end_session::end_session).post(end_session::end_session)),
        ),
    ];
    for (path, handlers) in api::routes(Trust::Own(provider.clone())) {
        routes.push((Endpoint::Api, path.to_owned(), handlers));
    }
    let mut router = admin::router(provider.clone()).layer(map_response(ended_line));
    for (endpoint, path, handlers) in routes {
        router = router.route(&path, with_faults(provider, endpoint, handlers));
    }
    router
}

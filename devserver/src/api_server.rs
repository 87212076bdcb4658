//! The protected API alone, for tokens of another provider.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use tokio::net::TcpListener;

use crate::StartError;
use crate::api::{self, OtherIssuer, Trust};
use crate::fault_layer::ended_line;
use crate::listener::Running;
use crate::remote_keys::RemoteKeys;

/// What [`ApiServer::start`] starts.
#[derive(Clone, Debug, Default)]
pub struct ApiOptions {
    /// The TCP port on loopback; 0 takes any free one.
    pub port: u16,
    /// The issuer whose tokens are good: https, or http on loopback. Its metadata and keys are
    /// fetched.
    pub issuer: String,
    /// What must be in a token's `aud`.
    pub audience: String,
}

/// The API of [`crate::DevServer`] with another provider's tokens. Takes RS256 and ES256, the
/// types `at+jwt` and `JWT`, and scopes in `scope`, `scp` or `permissions`. Stops when dropped.
#[derive(Debug)]
pub struct ApiServer {
    api: String,
    running: Running,
}

impl ApiServer {
    /// Fetches the issuer's metadata and keys, then listens.
    ///
    /// # Errors
    /// When the issuer cannot be reached or is not what its metadata says, or the port is taken.
    pub async fn start(options: ApiOptions) -> Result<ApiServer, StartError> {
        let ApiOptions {
            port,
            issuer,
            audience,
        } = options;
        let bind = |source| StartError::Bind { port, source };
        let keys = RemoteKeys::of(&issuer).await?;
        let other = OtherIssuer {
            issuer,
            audiences: vec![audience],
            keys,
        };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listener = TcpListener::bind((address, port)).await.map_err(bind)?;
        let api = format!("http://{}/api", listener.local_addr().map_err(bind)?);
        let mut router = Router::new();
        for (path, handlers) in api::routes(Trust::Other(Arc::new(other))) {
            router = router.route(path, handlers.layer(map_response(ended_line)));
        }
        Ok(ApiServer {
            api,
            running: Running::start(listener, router, Arc::default()),
        })
    }

    /// The API's address, `http://127.0.0.1:PORT/api`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// What `serve --api-only` prints when it is ready.
    #[must_use]
    pub fn ready_json(&self) -> serde_json::Value {
        serde_json::json!({ "ok": true, "api": self.api })
    }

    /// Closes the port and all connections.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

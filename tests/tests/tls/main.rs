//! Over TLS: the story, what is not trusted, connections that stay open, and proxies.

mod garbage;
mod proxies;
mod proxy;
mod story;
mod trust;

use std::sync::{Arc, Mutex};

use latchkey::{
    AccessTokenOptions, Auth, AuthConfig, AuthError, LoginOptions, NetworkReason, PingClient,
};
use latchkey_devserver::{DevServer, Options, Rotation, submit_login};
use latchkey_tests::elsewhere::{self, at_home, speaks_as};
use latchkey_tests::glass::GlassStore;
use latchkey_tests::tls_front::{Authority, Certificate, TlsFront};
use latchkey_tests::world::state;
use rustls::version::{TLS12, TLS13};

const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};

/// A development server behind TLS, and a device.
struct Secure {
    server: DevServer,
    front: TlsFront,
    authority: Authority,
    store: Arc<GlassStore>,
}

impl Secure {
    async fn new() -> Secure {
        let options = Options {
            rotation: Rotation::Parent,
            ..Options::default()
        };
        let server = DevServer::start(options).await.expect("starts");
        let authority = Authority::new();
        let config = authority.server(&Certificate::default(), &[&TLS12, &TLS13]);
        let front = TlsFront::start(config, elsewhere::address(&server)).await;
        server
            .set_faults(&speaks_as(&server, &front.origin()))
            .expect("faults");
        Secure {
            server,
            front,
            authority,
            store: GlassStore::new(),
        }
    }

    fn config(&self, trust_anchors_pem: Option<&str>) -> AuthConfig {
        let mut config = elsewhere::config(&self.server, &self.front.origin());
        config.trust_anchors_pem = trust_anchors_pem.map(str::to_owned);
        config.request_timeout_seconds = Some(10);
        config
    }

    /// The app, started: a new process as far as memory and connections go.
    fn app_with(&self, config: AuthConfig) -> Arc<Auth> {
        Auth::new(config, self.store.clone()).expect("a valid configuration")
    }

    fn app(&self) -> Arc<Auth> {
        self.app_with(self.config(Some(self.authority.pem())))
    }

    fn ping(&self, auth: &Arc<Auth>) -> Arc<PingClient> {
        let api = format!("{}/api", self.front.origin());
        PingClient::new(Arc::clone(auth), api).expect("a valid address")
    }

    async fn begin(&self, auth: &Auth) -> Result<String, AuthError> {
        let request = auth.begin_login(LoginOptions::default(), None).await?;
        assert!(request.url.starts_with(&self.front.origin()));
        Ok(at_home(&self.server, &self.front.origin(), &request.url))
    }

    async fn log_in(&self, auth: &Auth) {
        let page = self.begin(auth).await.expect("begins");
        let callback = submit(&page).await;
        auth.finish_login(callback, None).await.expect("logs in");
    }

    fn requests(&self) -> u64 {
        ["discovery", "jwks", "token", "userinfo", "revoke", "api"]
            .iter()
            .map(|endpoint| self.server.requests(endpoint))
            .sum()
    }

    /// Whatever is asked for, by a process that trusts what `config` says, ends as `tls`; the server gets nothing,
    /// and the session is as it was.
    async fn assert_nothing_is_sent(&self, config: &AuthConfig, what: &str) {
        let before = self.store.session();
        self.server.reset_counts();
        let auth = self.app_with(config.clone());
        let ping = self.ping(&auth);
        let results = [
            auth.begin_login(LoginOptions::default(), None)
                .await
                .map(drop),
            auth.user_info(None).await.map(drop),
            ping.ping_private(None).await.map(drop),
        ];
        assert_eq!(self.store.session(), before, "{what}");
        let refresh = auth.access_token(FORCE, None).await.map(drop);
        for result in results.into_iter().chain([refresh]) {
            assert_eq!(result, Err(NO_TRUST), "{what}");
        }
        assert_eq!(self.requests(), 0, "{what}");
        assert_eq!(self.server.connections(), 0, "{what}");
        assert_eq!(state(&auth.session()), "signed_in", "{what}");
    }

    /// The session of `auth`, which was started before, is as good as it was.
    async fn assert_usable(&self, auth: &Arc<Auth>) {
        self.ping(auth).ping_private(None).await.expect("answers");
        auth.access_token(FORCE, None).await.expect("renewed");
        self.ping(auth).ping_private(None).await.expect("answers");
    }
}

const NO_TRUST: AuthError = AuthError::Network {
    reason: NetworkReason::Tls,
    retry_after_seconds: None,
};

async fn submit(page: &str) -> String {
    submit_login(page, "alice", "alice-password")
        .await
        .expect("the page takes the password")
}

/// What came over each connection, from the client.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

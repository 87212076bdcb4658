//! A provider, an API and a device, for one test.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey::{
    Auth, AuthConfig, AuthError, Clock, LogError, LogLevel, LogSink, LoginOptions, PingClient,
    SecureStore, Session, SystemClock, Waiting, memory_store,
};
use latchkey_devserver::{DevServer, Options, submit_login};
use tokio::sync::watch;

use crate::puppet_store::PuppetStore;

/// A redirect URI that the development server knows.
pub const REDIRECT_URI: &str = "dev.latchkey.sample:/callback";

/// A running development server, and a store that outlives the [`Auth`]s that are made with it.
pub struct World {
    /// The provider and the API.
    pub server: DevServer,
    /// The device's store.
    pub store: Arc<dyn SecureStore>,
    /// The device's clock.
    pub clock: Arc<Hands>,
}

impl World {
    /// With the server's defaults.
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// With a server of one's own choice.
    pub async fn with(options: Options) -> Self {
        Self {
            server: DevServer::start(options).await.expect("the server starts"),
            store: memory_store(),
            clock: Arc::default(),
        }
    }

    /// The world with a store on strings, and the strings.
    pub fn on_strings(mut self) -> (Self, Arc<PuppetStore>) {
        let store = PuppetStore::over(Arc::clone(&self.store));
        self.store = store.clone();
        (self, store)
    }

    /// A configuration for this server, with its audience and the API's scope.
    pub fn config(&self) -> AuthConfig {
        let mut config =
            AuthConfig::new(self.server.issuer(), self.server.client_id(), REDIRECT_URI);
        config.audience = Some(self.server.audience().to_owned());
        config.scopes = ["openid", "profile", "offline_access", "read:messages"]
            .map(str::to_owned)
            .to_vec();
        config
    }

    /// The app, started: each call is another process as far as memory goes.
    pub fn app(&self) -> Arc<Auth> {
        self.app_with(self.config())
    }

    /// The app with a configuration of one's own.
    pub fn app_with(&self, config: AuthConfig) -> Arc<Auth> {
        Auth::with_clock(config, Arc::clone(&self.store), self.clock.clone())
            .expect("a valid configuration")
    }

    /// The app over another store than the world's.
    pub fn app_over(&self, store: Arc<dyn SecureStore>) -> Arc<Auth> {
        Auth::with_clock(self.config(), store, self.clock.clone()).expect("a valid configuration")
    }

    /// The tutorial's client.
    pub fn ping(&self, auth: &Arc<Auth>) -> Arc<PingClient> {
        PingClient::new(Arc::clone(auth), self.server.api().to_owned()).expect("a valid address")
    }

    /// Begins a login and submits the page as this user; returns where the browser is sent.
    pub async fn callback(&self, auth: &Auth, user: &str) -> String {
        let request = auth
            .begin_login(LoginOptions::default(), None)
            .await
            .expect("the login begins");
        self.submit(&request.url, user).await
    }

    /// Submits the login page.
    pub async fn submit(&self, url: &str, user: &str) -> String {
        submit_login(url, user, &format!("{user}-password"))
            .await
            .expect("the page takes the password")
    }

    /// A whole login.
    pub async fn log_in(&self, auth: &Auth, user: &str) -> Session {
        let callback = self.callback(auth, user).await;
        auth.finish_login(callback, None)
            .await
            .expect("the login ends well")
    }

    /// Everybody who is logged in, with a token that has just ended.
    pub async fn expire(&self) {
        self.clock.advance(310);
    }
}

/// The system's clock, moved by hand.
#[derive(Default)]
pub struct Hands {
    ahead: watch::Sender<u64>,
    set: Mutex<i64>,
    /// How often the device was started anew.
    starts: Mutex<u32>,
    hurried: AtomicBool,
}

impl Hands {
    /// Moves both clocks.
    pub fn advance(&self, seconds: u64) {
        self.ahead.send_modify(|ahead| *ahead += seconds);
    }

    /// Sets the wall clock forward, or back (negative), as a correction from the network does. The boot clock is
    /// never set.
    pub fn set(&self, seconds: i64) {
        *self.set.lock().expect("no panic") += seconds;
    }

    /// From now on whoever waits makes the clock go on by as much, instead of waiting.
    pub fn hurry(&self) {
        self.hurried.store(true, Ordering::SeqCst);
    }

    /// Starts the device anew: the boot clock goes on, as no device's does, but says that it is another one.
    pub fn start_anew(&self) {
        *self.starts.lock().expect("no panic") += 1;
    }

    fn ahead(&self) -> u64 {
        *self.ahead.borrow()
    }
}

impl Clock for Hands {
    fn wall(&self) -> i64 {
        let set = *self.set.lock().expect("no panic");
        SystemClock.wall().saturating_add_unsigned(self.ahead()) + set
    }

    fn boot(&self) -> Duration {
        SystemClock.boot() + Duration::from_secs(self.ahead())
    }

    fn boot_id(&self) -> Option<String> {
        Some(format!("start {}", self.starts.lock().expect("no panic")))
    }

    /// Until the hands were moved as far, or as long as it really takes.
    fn wait(&self, time: Duration) -> Waiting<'_> {
        if self.hurried.load(Ordering::SeqCst) {
            self.advance(time.as_secs().max(1));
            if time >= Duration::from_secs(1) {
                return Box::pin(tokio::task::yield_now());
            }
        }
        let until = self.boot() + time;
        let mut moved = self.ahead.subscribe();
        Box::pin(async move {
            let far_enough =
                async { while self.boot() < until && moved.changed().await.is_ok() {} };
            drop(tokio::time::timeout(time, far_enough).await);
        })
    }
}

/// Waits for what must happen: for as long as a busy machine may take, and not for ever.
pub fn in_time<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    // In a box, so that a call that is watched is not twice as large.
    let what = tokio::time::timeout(Duration::from_secs(30), Box::pin(what));
    async { what.await.expect("it happens in time") }
}

/// Keeps what is logged.
#[derive(Default)]
pub struct Lines(Mutex<Vec<String>>);

impl Lines {
    /// All lines as one text.
    pub fn text(&self) -> String {
        self.0.lock().expect("no panic").join("\n")
    }
}

impl LogSink for Lines {
    fn log(&self, _: LogLevel, line: String) -> Result<(), LogError> {
        self.0.lock().expect("no panic").push(line);
        Ok(())
    }
}

/// The state of a session in the words of the vectors: `signed_in`, `signed_out:REASON`, ….
pub fn state(session: &Session) -> String {
    match session {
        Session::SignedIn { .. } => "signed_in".to_owned(),
        Session::SignedOut { reason } => format!("signed_out:{}", reason.word()),
        Session::Locked => "locked".to_owned(),
        Session::Unavailable { reason } => format!("unavailable:{}", reason.word()),
    }
}

/// The fields of an error by name, as in cli.md.
pub fn fields(error: &AuthError) -> serde_json::Value {
    use serde_json::json;
    match error {
        AuthError::Cancelled => json!({}),
        AuthError::CallbackIgnored { reason } => json!({ "reason": reason.word() }),
        AuthError::LoginRequired { reason } => json!({ "reason": reason.word() }),
        AuthError::InteractionRequired { code } | AuthError::Denied { code } => {
            json!({ "code": code })
        }
        AuthError::StepUpRequired {
            reason,
            scope,
            acr_values,
            max_age_seconds,
            ..
        } => json!({
            "reason": reason.word(),
            "scope": scope,
            "acr_values": acr_values,
            "max_age_seconds": max_age_seconds,
        }),
        AuthError::Network {
            reason,
            retry_after_seconds,
        } => json!({ "reason": reason.word(), "retry_after_seconds": retry_after_seconds }),
        AuthError::Provider { status, code, .. } => json!({ "status": status, "code": code }),
        AuthError::Untrusted { check } => json!({ "check": check }),
        AuthError::Storage { reason } => json!({ "reason": reason.word() }),
        AuthError::Clock { skew_seconds } => json!({ "skew_seconds": skew_seconds }),
        AuthError::Configuration { problems } => {
            let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
            json!({ "fields": fields })
        }
        AuthError::Api { status, text } => json!({ "status": status, "text": text }),
    }
}

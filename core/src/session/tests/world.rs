//! A provider, a device's store and its clocks, for one test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::super::SessionManager;
use super::server::{Gate, Server};
use super::store::{Store, store};
use crate::clock::{Clock, Waiting};
use crate::error::AuthError;
use crate::types::{AccessToken, AccessTokenOptions, AuthConfig, LoginOptions, Rotation, Session};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const REDIRECT_URI: &str = "com.example.app:/callback";

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<Hands>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self {
            server: Server::start(NOW).await,
            store: store(),
            clock: Arc::default(),
        }
    }

    /// Alice is logged in.
    pub(crate) async fn logged_in() -> (Self, Arc<SessionManager>) {
        Self::logged_in_with(|_| ()).await
    }

    /// Alice is logged in with an app whose configuration says this as well.
    pub(crate) async fn logged_in_with(
        change: impl FnOnce(&mut AuthConfig),
    ) -> (Self, Arc<SessionManager>) {
        let world = Self::new().await;
        let mut config = world.config();
        change(&mut config);
        let session = world.start_with(config);
        world.log_in(&session).await;
        (world, session)
    }

    /// Alice is logged in at a provider that is said to do this with refresh tokens.
    pub(crate) async fn logged_in_at(rotation: Rotation) -> (Self, Arc<SessionManager>) {
        Self::logged_in_with(|config| config.rotation = Some(rotation)).await
    }

    pub(crate) fn config(&self) -> AuthConfig {
        AuthConfig::new(&self.server.origin, "client", REDIRECT_URI)
    }

    /// The app in a process of its own, as far as memory goes.
    pub(crate) fn start(&self) -> Arc<SessionManager> {
        self.start_with(self.config())
    }

    pub(crate) fn start_with(&self, config: AuthConfig) -> Arc<SessionManager> {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        SessionManager::new(config, store, clock, None).expect("a valid configuration")
    }

    pub(crate) async fn log_in(&self, session: &Arc<SessionManager>) -> Session {
        let options = LoginOptions::default();
        let callback = self.callback(session, options).await;
        session.finish_login(callback).await.expect("logs in")
    }

    /// Begins a login; returns the address that the browser comes back to.
    pub(crate) async fn callback(
        &self,
        session: &Arc<SessionManager>,
        options: LoginOptions,
    ) -> String {
        let login = session.begin_login(options).await.expect("begins");
        self.server.callback(&login.url)
    }

    pub(crate) async fn token(
        &self,
        session: &Arc<SessionManager>,
    ) -> Result<AccessToken, AuthError> {
        session.access_token(AccessTokenOptions::default()).await
    }

    /// A new token.
    pub(crate) async fn forced(
        &self,
        session: &Arc<SessionManager>,
    ) -> Result<AccessToken, AuthError> {
        let options = AccessTokenOptions {
            force_refresh: true,
            ..AccessTokenOptions::default()
        };
        session.access_token(options).await
    }

    /// The session's record as it is stored.
    pub(crate) fn record(&self, session: &SessionManager) -> Value {
        let item = self.store.item(&session.session_name).expect("a record");
        serde_json::from_slice(&item.bytes).expect("JSON")
    }

    /// The live session as it is stored.
    pub(crate) fn live(&self, session: &SessionManager) -> Value {
        let live = &self.record(session)["state"]["live"];
        assert!(live.is_object(), "the session has ended");
        live.clone()
    }

    /// Changes the session's record as another process would.
    pub(crate) fn change_record(&self, session: &SessionManager, change: impl FnOnce(&mut Value)) {
        let mut record = self.record(session);
        change(&mut record);
        let bytes = record.to_string().into_bytes();
        self.store.write(&session.session_name, Some(bytes));
    }

    /// Moves the device's clocks and the provider's.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(seconds);
        self.server.set_time(self.clock.wall());
    }

    /// Lets everything go on that can, until each task waits for the test, or for time.
    pub(crate) async fn settled(&self) {
        tokio::time::pause();
        // A paused clock goes on when nobody has anything to do, or has just got it: hence more than once.
        for _ in 0..64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::resume();
    }

    /// The words of the timeline, with their details.
    pub(crate) fn events(&self, session: &SessionManager) -> Vec<String> {
        let events = session.timeline().into_iter();
        events
            .map(|event| match event.detail {
                Some(detail) => format!("{} {detail}", event.event),
                None => event.event,
            })
            .collect()
    }
}

/// Both clocks of a device. Whoever waits makes them go on by as much.
pub(crate) struct Hands(Mutex<Times>);

struct Times {
    /// Where the next one who waits is held.
    gate: Option<Gate>,
    wall: i64,
    boot: Duration,
    boot_id: Option<String>,
}

impl Default for Hands {
    fn default() -> Self {
        Self(Mutex::new(Times {
            gate: None,
            wall: NOW,
            boot: Duration::from_secs(5_000),
            boot_id: Some("boot".to_owned()),
        }))
    }
}

impl Hands {
    pub(crate) fn advance(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Whole seconds since the device was started.
    pub(crate) fn boot_seconds(&self) -> u64 {
        self.boot().as_secs()
    }

    /// Sets the wall clock alone.
    pub(crate) fn set_wall(&self, wall: i64) {
        self.0.lock().expect("no panic").wall = wall;
    }

    /// The device was started anew, so long ago.
    pub(crate) fn start_anew(&self, boot_id: Option<&str>, boot: Duration) {
        let mut times = self.0.lock().expect("no panic");
        times.boot_id = boot_id.map(str::to_owned);
        times.boot = boot;
    }

    /// Holds the next one who waits.
    pub(crate) fn hold(&self) -> Gate {
        let gate = Gate::default();
        self.0.lock().expect("no panic").gate = Some(gate.clone());
        gate
    }

    pub(crate) fn pass(&self, time: Duration) {
        let mut times = self.0.lock().expect("no panic");
        let before = times.boot.as_secs();
        times.boot += time;
        let seconds = times.boot.as_secs() - before;
        times.wall = times.wall.saturating_add_unsigned(seconds);
    }
}

impl Clock for Hands {
    fn wall(&self) -> i64 {
        self.0.lock().expect("no panic").wall
    }

    fn boot(&self) -> Duration {
        self.0.lock().expect("no panic").boot
    }

    fn boot_id(&self) -> Option<String> {
        self.0.lock().expect("no panic").boot_id.clone()
    }

    fn wait(&self, time: Duration) -> Waiting<'_> {
        self.pass(time);
        let gate = self.0.lock().expect("no panic").gate.take();
        Box::pin(async move {
            match gate {
                Some(gate) => gate.pass().await,
                None => tokio::task::yield_now().await,
            }
        })
    }
}

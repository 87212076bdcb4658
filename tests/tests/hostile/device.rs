//! A device whose provider and API may turn hostile, and what holds after each of its calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchkey::{
    AccessTokenOptions, Auth, AuthConfig, AuthError, Clock, LoginOptions, LogoutOptions,
    NetworkReason, PingClient, Revocation, SystemClock,
};
use latchkey_devserver::{DevServer, IdTokenAlg, Options, Rotation, submit_login};
use latchkey_tests::elsewhere::{self, at_home, speaks_as};
use latchkey_tests::glass::GlassStore;
use latchkey_tests::hostile_server::{Answer, HostileServer};
use latchkey_tests::world::state;
use tokio::time::timeout;

pub(crate) const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};

/// Far more than the deadline of a call that waits (one second a request), far less than that of a call that would
/// wait for silence (15).
const LIMIT: Duration = Duration::from_secs(12);

/// Where no deadline is the subject: a call that has not ended by then never does. What a call costs is measured by
/// [`work`] instead, which no other program on the machine can add to.
const FOR_EVER: Duration = Duration::from_secs(240);

/// How often an honest answer is waited for: on a busy machine it may take longer than a deadline of one second.
const PATIENCE: usize = 20;

/// More than a call may read before it gives up (G6).
const MEMORY: usize = 16 << 20;

/// A request that may be answered with anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Metadata,
    Keys,
    Exchange,
    Refresh,
    UserInfo,
    Api,
    Revoke,
}

impl Call {
    pub(crate) const ALL: [Call; 7] = [
        Call::Metadata,
        Call::Keys,
        Call::Exchange,
        Call::Refresh,
        Call::UserInfo,
        Call::Api,
        Call::Revoke,
    ];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Call::Metadata => "/.well-known/*",
            Call::Keys => "/jwks",
            Call::Exchange | Call::Refresh => "/token",
            Call::UserInfo => "/userinfo",
            Call::Api => "/api/*",
            Call::Revoke => "/revoke",
        }
    }

    /// How many requests a call may make that gets no answer it can use (G7).
    fn most_requests(self) -> usize {
        match self {
            // There are two addresses for it, or it is asked for once more.
            Call::Metadata => 2,
            // While the person is in the browser, beside the exchange, and three times after it; each once more.
            Call::Keys => 10,
            // Once more.
            Call::UserInfo => 2,
            _ => 1,
        }
    }
}

pub(crate) struct Device {
    pub(crate) server: DevServer,
    pub(crate) hostile: HostileServer,
    pub(crate) store: Arc<GlassStore>,
    pub(crate) auth: Arc<Auth>,
    config: AuthConfig,
    clock: Arc<Waiting>,
    limit: Duration,
}

/// The system's clock, and the time that was waited for, which passes at once: by the boot clock alone, so that the
/// provider's dates stay right.
#[derive(Default)]
struct Waiting(AtomicU64);

impl Clock for Waiting {
    fn wall(&self) -> i64 {
        SystemClock.wall()
    }

    fn boot(&self) -> Duration {
        SystemClock.boot() + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn boot_id(&self) -> Option<String> {
        Some("the only start".to_owned())
    }

    fn wait(&self, time: Duration) -> latchkey::Waiting<'_> {
        self.0.fetch_add(time.as_secs().max(1), Ordering::SeqCst);
        Box::pin(tokio::task::yield_now())
    }
}

impl Device {
    /// Somebody is logged in.
    pub(crate) async fn new(request_timeout_seconds: u32) -> Device {
        Device::at(Rotation::Parent, request_timeout_seconds).await
    }

    /// The same, at a provider that does so with its refresh tokens.
    pub(crate) async fn at(rotation: Rotation, request_timeout_seconds: u32) -> Device {
        let options = Options {
            rotation,
            id_token_alg: IdTokenAlg::Es256,
            ..Options::default()
        };
        let server = DevServer::start(options).await.expect("starts");
        let hostile = HostileServer::start(Some(elsewhere::address(&server))).await;
        let faults = speaks_as(&server, &hostile.origin());
        server.set_faults(&faults).expect("faults");
        let store = GlassStore::new();
        let mut config = elsewhere::config(&server, &hostile.origin());
        config.request_timeout_seconds = Some(request_timeout_seconds);
        let clock = Arc::<Waiting>::default();
        let auth = Auth::with_clock(config.clone(), store.clone(), clock.clone()).expect("valid");
        let device = Device {
            server,
            hostile,
            store,
            auth,
            config,
            clock,
            limit: match request_timeout_seconds {
                1 => LIMIT,
                _ => FOR_EVER,
            },
        };
        device.log_in_again().await;
        device
    }

    /// The app in another process: nothing is in its memory.
    pub(crate) fn app(&self) -> Arc<Auth> {
        let (config, store) = (self.config.clone(), self.store.clone());
        Auth::with_clock(config, store, self.clock.clone()).expect("valid")
    }

    pub(crate) fn api(&self) -> String {
        format!("{}/api", self.hostile.origin())
    }

    pub(crate) fn ping(&self) -> Arc<PingClient> {
        PingClient::new(Arc::clone(&self.auth), self.api()).expect("valid")
    }

    /// Begins a login; returns where the browser is sent in the end.
    pub(crate) async fn callback(&self, auth: &Auth) -> Result<String, AuthError> {
        let request = auth.begin_login(LoginOptions::default(), None).await?;
        let page = at_home(&self.server, &self.hostile.origin(), &request.url);
        Ok(submit_login(&page, "alice", "alice-password")
            .await
            .expect("the page takes the password"))
    }

    pub(crate) async fn log_in(&self, auth: &Auth) -> Result<(), AuthError> {
        let callback = self.callback(auth).await?;
        auth.finish_login(callback, None).await.map(drop)
    }

    async fn log_in_again(&self) {
        let mut result = self.log_in(&self.auth).await;
        for _ in 0..PATIENCE {
            if !is_timeout(&result) {
                break;
            }
            result = self.log_in(&self.auth).await;
        }
        result.expect("logs in");
    }

    pub(crate) async fn run(&self, call: Call) -> Result<(), AuthError> {
        match call {
            Call::Metadata => {
                let login = LoginOptions::default();
                self.app().begin_login(login, None).await.map(drop)
            }
            Call::Keys => self.log_in(&self.app()).await,
            Call::Exchange => self.log_in(&self.auth).await,
            Call::Refresh => self.auth.access_token(FORCE, None).await.map(drop),
            Call::UserInfo => self.auth.user_info(None).await.map(drop),
            Call::Api => self.ping().ping_private(None).await.map(drop),
            Call::Revoke => {
                let outcome = self.auth.logout(LogoutOptions::default()).await?;
                // A logout is done here whatever the provider says.
                assert_eq!(state(&self.auth.session()), "signed_out:logged_out");
                match outcome.revocation {
                    Revocation::Done => Ok(()),
                    _ => Err(AuthError::Network {
                        reason: NetworkReason::Unavailable,
                        retry_after_seconds: None,
                    }),
                }
            }
        }
    }

    /// Answers this call like this, and checks what must hold whatever a server says: it ends in time with a typed
    /// error, after no more requests than it needs; nobody is logged out; and once the server is honest again all
    /// goes on.
    pub(crate) async fn suffer(&self, call: Call, what: &str, answer: Answer) -> AuthError {
        let what = format!("{what}, at {call:?}");
        let before = self.store.session();
        self.hostile.forget();
        self.hostile.answer(call.path(), answer);
        let start = call.path().trim_end_matches('*');
        let asked = || {
            let heard = self.hostile.heard().into_iter();
            heard
                .filter(|heard| heard.path().starts_with(start))
                .count()
        };
        let mut result = Ok(());
        for _ in 0..PATIENCE {
            result = timeout(self.limit, self.run(call))
                .await
                .unwrap_or_else(|_| panic!("{what}: not within its deadline"));
            // None: an honest answer came too late for it to get there.
            if asked() > 0 || !is_timeout(&result) {
                break;
            }
        }
        let Err(error) = result else {
            panic!("{what}: taken as a good answer");
        };
        let kind = error.kind();
        let fits = ["network", "provider", "untrusted"].contains(&&*kind)
            || (call == Call::Api && ["api", "step_up_required"].contains(&&*kind));
        assert!(fits, "{what}: {error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.len() < 64 * 1024, "{what}: an error of {}", text.len());
        let count = asked();
        assert!(
            (1..=call.most_requests()).contains(&count),
            "{what}: {count} requests"
        );
        // Some calls ask more often than three times; none of their answers may be larger for it.
        assert!(
            self.hostile.written() < MEMORY * count.div_ceil(3),
            "{what}: {} bytes were read",
            self.hostile.written()
        );

        timeout(FOR_EVER, self.hostile.be_honest())
            .await
            .unwrap_or_else(|_| panic!("{what}: a connection stays open"));
        match call {
            Call::Revoke => self.log_in_again().await,
            // A claim may stand in the record until the refresh is repeated.
            Call::Refresh => {}
            _ => assert_eq!(self.store.session(), before, "{what}: the session differs"),
        }
        self.assert_usable(&what).await;
        error
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds + 1, Ordering::SeqCst);
    }

    /// The session serves, and can be renewed.
    pub(crate) async fn assert_usable(&self, what: &str) {
        assert_eq!(state(&self.auth.session()), "signed_in", "{what}");
        for step in ["a ping", "a refresh", "a ping with the new token"] {
            let mut result = Ok(());
            for _ in 0..PATIENCE {
                result = match step {
                    "a refresh" => self.auth.access_token(FORCE, None).await.map(drop),
                    _ => self.ping().ping_private(None).await.map(drop),
                };
                match &result {
                    // Refreshes that fail have a pace, and the caller is told how long to wait.
                    Err(AuthError::Network {
                        retry_after_seconds: wait,
                        ..
                    }) if step == "a refresh" => self.wait(wait.unwrap_or_default()),
                    Err(AuthError::Provider { .. }) if step == "a refresh" => self.wait(2),
                    result if is_timeout(result) => {}
                    _ => break,
                }
            }
            result.unwrap_or_else(|error| panic!("{what}: {step} afterwards: {error:?}"));
        }
    }
}

fn is_timeout<T>(result: &Result<T, AuthError>) -> bool {
    let timeout = NetworkReason::Timeout;
    matches!(result, Err(AuthError::Network { reason, .. }) if *reason == timeout)
}

/// What a step costs in processor time of this thread, which is all that it costs where the test's runtime has one
/// thread. (Elsewhere than on Unix it is not measured.)
pub(crate) async fn work<T>(step: impl Future<Output = T>) -> (T, Duration) {
    #[cfg(unix)]
    fn now() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(
            time.tv_sec.try_into().expect("a time"),
            time.tv_nsec.try_into().expect("a time"),
        )
    }
    #[cfg(not(unix))]
    fn now() -> Duration {
        Duration::ZERO
    }
    let before = now();
    let done = step.await;
    (done, now() - before)
}

/// Lets every call suffer each of these answers, one after the other on one device each, all calls at once.
pub(crate) async fn everywhere(
    request_timeout_seconds: u32,
    answers: fn(Call) -> Vec<(&'static str, Answer)>,
) {
    let mut calls = tokio::task::JoinSet::new();
    for call in Call::ALL {
        let mut answers = answers(call);
        // A call that waits for the keys waits twice: each of its answers gets a device of its own.
        let alone = call == Call::Keys && request_timeout_seconds == 1;
        while !answers.is_empty() {
            let rest = answers.split_off(if alone { 1 } else { answers.len() });
            let some = std::mem::replace(&mut answers, rest);
            calls.spawn(async move {
                let device = Device::new(request_timeout_seconds).await;
                for (what, answer) in some {
                    device.suffer(call, what, answer).await;
                }
            });
        }
    }
    while let Some(done) = calls.join_next().await {
        if let Err(error) = done {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

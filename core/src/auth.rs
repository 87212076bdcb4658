//! [`Auth`], the facade: its methods and their documentation, nothing else.

use std::sync::Arc;
use std::time::Duration;

use crate::background::BackgroundTime;
use crate::cancel::{Cancellation, unless_cancelled};
use crate::clock::{Clock, SystemClock};
use crate::error::AuthError;
use crate::log::{LogLevel, LogSink};
use crate::session::SessionManager;
use crate::storage::SecureStore;
use crate::transport::TrustEvaluator;
use crate::types::{
    AccessToken, AccessTokenOptions, AuthConfig, Check, LoginOptions, LoginRequest, LogoutOptions,
    LogoutOutcome, Session, Settled, TimelineEvent,
};

/// One person's session with one provider: logs in, keeps the tokens, renews them, logs out.
///
/// Make one for the life of the app and share it: it is safe from any thread, and its calls join each other (two
/// hundred callers with an expired token make one token request). Two processes that share a store share the session.
///
/// What is stored, and where: the session (refresh token, access token, the ID token's claims), the logins that are
/// open, and the journal (what happened, without a secret), each as one sealed record in the [`SecureStore`]. Nothing
/// else, nowhere else.
#[derive(uniffi::Object)]
pub struct Auth {
    session: Arc<SessionManager>,
}

impl Auth {
    /// As [`Auth::new`], with a clock of one's own: for tests that must not wait.
    ///
    /// # Errors
    /// As [`Auth::new`].
    pub fn with_clock(
        config: AuthConfig,
        store: Arc<dyn SecureStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, AuthError> {
        Ok(Arc::new(Self {
            session: SessionManager::new(config, store, clock, None)?,
        }))
    }

    /// Call it before the process ends, or is suspended for good: waits, for at most so long, until what was sent is
    /// answered and stored (the requests' own deadlines end that wait, too), then tries for 15 seconds to store what
    /// could not be stored. Says what is left. `Duration::ZERO` only asks.
    ///
    /// A refresh that has not sent its token yet does not send it any more, and ends with `Network`; a logout gives up
    /// the provider's answer. What is asked for later begins as ever.
    pub async fn settle(&self, at_most: Duration) -> Settled {
        self.session.settle_within(at_most).await
    }

    pub(crate) fn manager(&self) -> &Arc<SessionManager> {
        &self.session
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Auth {
    /// Checks the configuration. No network, no store: it returns at once.
    ///
    /// # Errors
    /// `Configuration`, with every mistake in it.
    #[uniffi::constructor]
    pub fn new(config: AuthConfig, store: Arc<dyn SecureStore>) -> Result<Arc<Self>, AuthError> {
        Self::with_clock(config, store, Arc::new(SystemClock))
    }

    /// As [`Auth::new`], with certificates judged by the platform's own code: on Android the only way to its authorities.
    ///
    /// # Errors
    /// As [`Auth::new`]; `trust_anchors_pem` and an evaluator exclude each other.
    #[uniffi::constructor]
    pub fn with_trust(
        config: AuthConfig,
        store: Arc<dyn SecureStore>,
        trust: Arc<dyn TrustEvaluator>,
    ) -> Result<Arc<Self>, AuthError> {
        let clock = Arc::new(SystemClock);
        Ok(Arc::new(Self {
            session: SessionManager::new(config, store, clock, Some(trust))?,
        }))
    }

    /// Sends what happens to `sink`, or to nobody (`None`, which is how it starts). No level prints a secret.
    pub fn set_log_sink(&self, level: LogLevel, sink: Option<Arc<dyn LogSink>>) {
        self.session.set_log_sink(level, sink);
    }

    /// Where a refresh asks the system not to suspend the app, or `None` (which is how it starts).
    pub fn set_background_time(&self, background_time: Option<Arc<dyn BackgroundTime>>) {
        self.session.set_background_time(background_time);
    }

    /// Call it when the app comes to the foreground, and when the device is unlocked: looks at the store at once (what
    /// another process did is otherwise seen within 30 seconds), tries again to store what could not be stored, and ends
    /// a pause after a failure that the provider did not ask for. No network. Without it nothing is lost, only later.
    pub async fn resumed(&self) {
        self.session.resumed().await;
    }

    /// The session as this process knows it. The first call reads the store once (make it off the main thread),
    /// later ones are memory. No network.
    pub fn session(&self) -> Session {
        self.session.snapshot()
    }

    /// Begins a login: makes the authorization request (RFC 6749 §4.1.1, PKCE of RFC 7636, OIDC Core §3.1.2.1) and
    /// stores what its answer will be checked with. Open the URL in the system's browser, never in a web view
    /// (RFC 8252 §8.12). An existing session stays as it is until the new login is done.
    ///
    /// # Errors
    /// `Configuration` (an option that cannot be), `Network`, `Provider` and `Untrusted` (the provider's metadata),
    /// `Storage`, `Cancelled`.
    #[uniffi::method(default(cancellation = None))]
    pub async fn begin_login(
        &self,
        options: LoginOptions,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<LoginRequest, AuthError> {
        unless_cancelled(cancellation, self.session.begin_login(options)).await
    }

    /// Finishes a login with the address that the browser came back to: finds the open login by its `state`, checks
    /// the answer, exchanges the code, verifies the ID token and stores the session. It may run in another process
    /// than [`Auth::begin_login`] did: the system may kill an app while the browser is in front.
    ///
    /// Every address that the app is opened with may be handed in. One that is not the answer to an open login is
    /// `CallbackIgnored`: nothing was changed and nothing was sent. A failed login leaves an earlier session as it
    /// was. Once the exchange has begun it goes on even if the caller leaves.
    ///
    /// # Errors
    /// `CallbackIgnored`, `Denied`, `InteractionRequired`, `Untrusted`, `Provider`, `Network`, `Clock`, `Storage`,
    /// `Cancelled`.
    #[uniffi::method(default(cancellation = None))]
    pub async fn finish_login(
        &self,
        callback_url: String,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<Session, AuthError> {
        unless_cancelled(cancellation, self.session.finish_login(callback_url)).await
    }

    /// Gives up a login that has begun ([`LoginRequest::id`]): an answer that still comes is `CallbackIgnored`. Call it
    /// when the person says so, not when they come back from the browser without an answer: the page may still be open.
    /// One that is finished, expired or unknown is left as it is.
    ///
    /// # Errors
    /// `Storage`: the login is still open, and ends by itself.
    pub async fn cancel_login(&self, id: String) -> Result<(), AuthError> {
        self.session.cancel_login(&id).await
    }

    /// An access token that is good now. From memory while it is fresh (no store, no key, no network); near its end
    /// it is renewed, once for all who ask. A renewal goes on even if the caller leaves, so a rotated refresh token
    /// is never lost with a cancelled screen.
    ///
    /// # Errors
    /// `LoginRequired`, `InteractionRequired`, `Network`, `Provider`, `Storage`, `Cancelled`.
    #[uniffi::method(default(cancellation = None))]
    pub async fn access_token(
        &self,
        options: AccessTokenOptions,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<AccessToken, AuthError> {
        unless_cancelled(cancellation, self.session.access_token(options)).await
    }

    /// The claims of the provider's userinfo endpoint (OIDC Core §5.3), as a JSON object. They are about the person
    /// who is logged in: an answer about anybody else is refused.
    ///
    /// # Errors
    /// As [`Auth::access_token`], and `Untrusted`; `Configuration` where the provider has no userinfo endpoint.
    #[uniffi::method(default(cancellation = None))]
    pub async fn user_info(
        &self,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<String, AuthError> {
        unless_cancelled(cancellation, self.session.user_info()).await
    }

    /// Logs out here, at once and also offline, then asks the provider to revoke the tokens (RFC 7009). To end the
    /// login at the provider as well, open `end_session_url` in the browser.
    ///
    /// # Errors
    /// `Storage`, if neither the store nor the provider could be told: the session is gone from memory, and may be
    /// back after a restart.
    pub async fn logout(&self, options: LogoutOptions) -> Result<LogoutOutcome, AuthError> {
        self.session.logout(options).await
    }

    /// What happened to this session, oldest first: the last 200 events, kept over restarts and endings, and at the end
    /// the `summary`, a sentence that answers "why was I logged out". For support: no secret, no subject. It reads the
    /// store: call it off the main thread.
    pub fn timeline(&self) -> Vec<TimelineEvent> {
        self.session.timeline()
    }

    /// Looks at everything that a login and a call depend on, and says in words what to do about what is wrong.
    pub async fn check_up(&self) -> Vec<Check> {
        self.session.check_up().await
    }
}

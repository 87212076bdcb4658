//! The exported records and enums: what crosses the border to Kotlin, Swift and Rust apps.

mod words;

use std::collections::HashMap;
use std::fmt;

use crate::error::AuthError;

pub use self::words::{
    CallbackIgnoredReason, CheckResult, NetworkReason, Recovery, Revocation, SignedOutReason,
    StepUpReason, StorageReason,
};

/// What an app knows about its provider. [`crate::Auth::new`] checks it and names every mistake at once.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AuthConfig {
    /// The provider's issuer identifier, exactly as its metadata says it, e.g. `https://login.example.com/`.
    /// `https`; plain `http` only for a loopback host.
    pub issuer: String,
    /// The public client's id at the provider. There is no secret: an app cannot keep one (RFC 8252 §8.5).
    pub client_id: String,
    /// Where the provider sends the person back: a claimed `https` address, a reverse-domain scheme such as
    /// `com.example.app:/callback`, or a loopback address without a port.
    pub redirect_uri: String,
    /// The scopes every login asks for. Empty means `openid profile offline_access`.
    #[uniffi(default = [])]
    pub scopes: Vec<String>,
    /// The `audience` parameter of the authorization request: the API's identifier at providers that use one.
    #[uniffi(default = None)]
    pub audience: Option<String>,
    /// The `resource` parameters (RFC 8707): the API's identifier at providers that use those.
    #[uniffi(default = [])]
    pub resources: Vec<String>,
    /// What the provider does with refresh tokens, as far as the developer knows.
    #[uniffi(default = None)]
    pub rotation: Option<Rotation>,
    /// The role of this process, where the system runs at most one process in it at a time: `app` in an app's main
    /// process, another word in its extension. Then a new start proves that the last one is gone, and goes on at once
    /// with a refresh that was cut off; without it, and with a store that is no [`crate::file_store`], up to 15 seconds
    /// are waited. Never for a program that may run twice: two of them may send the same refresh token, which ends the
    /// session at a strict provider.
    #[uniffi(default = None)]
    pub single_instance_role: Option<String>,
    /// The absolute deadline of one request, in seconds, 1 to 120. `None` means 30.
    #[uniffi(default = None)]
    pub request_timeout_seconds: Option<u32>,
    /// Certificates (PEM) that are trusted besides the system's, e.g. of a company's own authority. Not together with
    /// [`crate::Auth::with_trust`].
    #[uniffi(default = None)]
    pub trust_anchors_pem: Option<String>,
}

impl AuthConfig {
    /// A configuration with everything else at its default.
    pub fn new(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            redirect_uri: redirect_uri.into(),
            scopes: Vec::new(),
            audience: None,
            resources: Vec::new(),
            rotation: None,
            single_instance_role: None,
            request_timeout_seconds: None,
            trust_anchors_pem: None,
        }
    }
}

/// What a provider does with the refresh token at each refresh. It decides when the same token may be sent again
/// after an answer was lost: at a strict provider a repeat ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Rotation {
    /// Not known: as [`Rotation::Strict`], until a refresh token that stays the same shows that there is none.
    Unknown,
    /// The refresh token stays the same: a repeat is always right.
    None,
    /// The previous refresh token is accepted for so many seconds after it was used.
    Grace {
        /// The length of the grace period.
        seconds: u32,
    },
    /// The previous refresh token is accepted as long as its successor was not used.
    Parent,
    /// A used refresh token ends the session: a lost answer is not repeated while an access token is left.
    Strict,
}

/// What one login asks for, beyond the configuration. All of it is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct LoginOptions {
    /// `login`, `consent`, `none`, `select_account` (OIDC Core §3.1.2.1).
    #[uniffi(default = None)]
    pub prompt: Option<String>,
    /// The name the person is known by at the provider, to fill in the form.
    #[uniffi(default = None)]
    pub login_hint: Option<String>,
    /// The person must have proven who they are within so many seconds; the ID token is checked for it.
    #[uniffi(default = None)]
    pub max_age_seconds: Option<u64>,
    /// Authentication context classes, separated by spaces, best first.
    #[uniffi(default = None)]
    pub acr_values: Option<String>,
    /// Languages for the login page, separated by spaces, best first.
    #[uniffi(default = None)]
    pub ui_locales: Option<String>,
    /// Scopes in addition to the configuration's.
    #[uniffi(default = [])]
    pub scopes: Vec<String>,
    /// Instead of the configuration's audience.
    #[uniffi(default = None)]
    pub audience: Option<String>,
    /// Instead of the configuration's resources, if not empty.
    #[uniffi(default = [])]
    pub resources: Vec<String>,
    /// The loopback address with the port that the app listens on, where the configuration's has none
    /// (RFC 8252 §7.3). It may differ from the configuration's in the port alone.
    #[uniffi(default = None)]
    pub redirect_uri: Option<String>,
    /// Any other parameter of the provider's. One that the protocol owns (`state`, `scope`, …) is refused.
    #[uniffi(default = None)]
    pub extra_parameters: Option<HashMap<String, String>>,
}

/// A login that has begun: open `url` in the system's browser.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Display)]
pub struct LoginRequest {
    /// Names this login for [`crate::Auth::cancel_login`]. No secret: nothing can be finished with it.
    pub id: String,
    /// The authorization request. It is for the browser only: do not log it.
    pub url: String,
    /// The redirect URI that the answer will come to, with its port where it has one.
    pub redirect_uri: String,
    /// What a browser's tab for apps has to be told to give the answer to the app.
    pub redirect: Redirect,
    /// After so many seconds the answer is refused and the login has to begin again.
    pub expires_in_seconds: u64,
}

impl fmt::Display for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginRequest(expires in {} s)", self.expires_in_seconds)
    }
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The way that an answer takes from the browser to the app (RFC 8252 §7).
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Redirect {
    /// By a scheme of the app's own (§7.1).
    Scheme {
        /// Without the colon.
        scheme: String,
    },
    /// By an `https` address that is proven to be the app's: an App Link or a universal link (§7.2).
    Https {
        /// Its host.
        host: String,
        /// Its path, with the slash that it begins with.
        path: String,
    },
    /// To a port of this machine that the app listens on (§7.3).
    Loopback,
}

/// The state of the session, as far as this process knows it. Reading it touches no network.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
#[uniffi::export(Debug)]
pub enum Session {
    /// Nobody is logged in.
    SignedOut {
        /// Why: for the screen, and for the person who asks "why was I logged out".
        reason: SignedOutReason,
    },
    /// Somebody is logged in.
    SignedIn {
        /// The provider.
        issuer: String,
        /// The person's stable id at that provider (`sub`); `None` where no `openid` scope was asked for.
        subject: Option<String>,
        /// What was granted, which may be less than was asked for.
        scopes: Vec<String>,
        /// The ID token's claims as a JSON object; `{}` without one. Personal data: do not log it.
        claims_json: String,
        /// Seconds until the access token ends; 0 when it has, or where the store was too small for it; `None` where the
        /// provider does not say.
        expires_in_seconds: Option<u64>,
        /// Whether a refresh token is there. Without one the session ends with its access token.
        refreshable: bool,
        /// Whether what is in memory is also in the store. `false`: do not let the process die; it is tried again.
        persisted: bool,
    },
    /// The device is locked and the store cannot be read until it is unlocked. Nobody was logged out.
    Locked,
    /// The store cannot be read. Nothing was erased.
    Unavailable {
        /// What is wrong with it.
        reason: StorageReason,
    },
}

impl fmt::Debug for Session {
    /// Without subject and claims: they are personal, and an ID token's payload does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut { reason } => write!(f, "SignedOut({})", reason.word()),
            Self::SignedIn {
                scopes,
                expires_in_seconds,
                refreshable,
                persisted,
                ..
            } => f
                .debug_struct("SignedIn")
                .field("scopes", scopes)
                .field("expires_in_seconds", expires_in_seconds)
                .field("refreshable", refreshable)
                .field("persisted", persisted)
                .finish_non_exhaustive(),
            Self::Locked => f.write_str("Locked"),
            Self::Unavailable { reason } => write!(f, "Unavailable({})", reason.word()),
        }
    }
}

#[uniffi::export]
impl Session {
    /// A text claim of the ID token, e.g. `name` or `email`.
    pub fn claim(&self, name: String) -> Option<String> {
        let Self::SignedIn { claims_json, .. } = self else {
            return None;
        };
        let claims: serde_json::Value = serde_json::from_str(claims_json).ok()?;
        Some(claims.get(&name)?.as_str()?.to_owned())
    }

    /// The error that a call ends with in this state, for its text and its recovery; `None` where somebody is logged in.
    pub fn error(&self) -> Option<AuthError> {
        match self {
            Self::SignedIn { .. } => None,
            Self::SignedOut { reason } => Some(AuthError::LoginRequired { reason: *reason }),
            Self::Locked => Some(AuthError::Storage {
                reason: StorageReason::Locked,
            }),
            Self::Unavailable { reason } => Some(AuthError::Storage { reason: *reason }),
        }
    }
}

/// What [`crate::Auth::access_token`] is asked for.
#[derive(Debug, Clone, Default, uniffi::Record)]
pub struct AccessTokenOptions {
    /// The token must be good for at least so many seconds; a refresh is made otherwise. More than three quarters of
    /// a token's life cannot be had: of a token that lives for 300 seconds, 225 are as much as 10,000.
    #[uniffi(default = None)]
    pub min_validity_seconds: Option<u64>,
    /// Make a refresh even though the token is good.
    #[uniffi(default = false)]
    pub force_refresh: bool,
}

/// An access token, ready for an `Authorization` header. For calls that [`crate::ApiClient`] cannot make; it goes to
/// the one API it is for, never into a URL or a log.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Display)]
pub struct AccessToken {
    /// The token itself. Opaque: do not look inside.
    pub value: String,
    /// The scheme in the `Authorization` header: `Bearer`.
    pub token_type: String,
    /// Seconds until it ends, where the provider says so.
    pub expires_in_seconds: Option<u64>,
    /// What was granted.
    pub scopes: Vec<String>,
}

impl fmt::Display for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expires_in_seconds {
            Some(seconds) => write!(f, "AccessToken(expires in {seconds} s)"),
            None => write!(f, "AccessToken"),
        }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How [`crate::Auth::logout`] should go.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct LogoutOptions {
    /// Only forget the session here: no request to the provider.
    #[uniffi(default = false)]
    pub local: bool,
    /// Where the provider's end-session page sends the person afterwards.
    #[uniffi(default = None)]
    pub post_logout_redirect_uri: Option<String>,
}

/// What a logout did.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogoutOutcome {
    /// What became of the provider's copy.
    pub revocation: Revocation,
    /// The provider's end-session page. Open it in the browser to end the login there as well; `None` where the
    /// provider has none.
    pub end_session_url: Option<String>,
}

/// One line of the history of this session. No secret, no subject.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TimelineEvent {
    /// When, in seconds since 1970-01-01 UTC, by this device's clock.
    pub at_unix_seconds: i64,
    /// One word: `login`, `login_failed`, `refresh_sent`, `refreshed`, `stored`, `persist_pending` (the store did not
    /// take it yet), `adopted` (another process renewed it), `refresh_failed`, `refresh_unresolved`, `taken_over` (from
    /// a process that is gone), `id_token_dropped`, `clock_off`, `put_back`, `ended`, `revocation`, `summary`.
    pub event: String,
    /// A word more, such as the reason of an ending; of the `summary`, a sentence.
    pub detail: Option<String>,
}

/// What [`crate::Auth::settle`] has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing: the process may end.
    Everything,
    /// A refresh token or a code may be spent, and its answer is not here. It may still come while this process runs.
    SendIsOpen,
    /// The session, or the logout, is in memory alone.
    Unstored,
}

/// One line of a check-up.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Check {
    /// What was looked at: `provider`, `keys`, `clock`, `store`, `session`, `audience`.
    pub name: String,
    /// How it is.
    pub result: CheckResult,
    /// In words, with what to do.
    pub detail: String,
}

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ConfigurationProblem {
    /// The field.
    pub field: String,
    /// What is wrong with it, and what to write instead.
    pub reason: String,
}

/// A request to the app's own API.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ApiRequest {
    /// `GET`, `POST`, …, but not `TRACE` or `CONNECT`: they would carry the access token elsewhere.
    pub method: String,
    /// Below the API's address: `/orders/7?full=true`. It cannot lead to another host.
    pub path: String,
    /// Headers of the app's own. `Authorization`, `Cookie`, `Host` and the like are refused. An `Accept` or
    /// `Accept-Encoding` takes the place of the core's, which are `application/json` and `identity`. The core unpacks
    /// nothing: whoever asks for `gzip` gets the body as it came, and its `content-encoding` among the answer's headers.
    #[uniffi(default = [])]
    pub headers: Vec<Header>,
    /// The body, if any. At most 1 MiB.
    #[uniffi(default = None)]
    pub body: Option<Vec<u8>>,
}

impl ApiRequest {
    /// A `GET` of this path.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.into(),
            headers: Vec::new(),
            body: None,
        }
    }
}

impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiRequest({} …)", self.method)
    }
}

/// One header.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct Header {
    /// The name, in any case.
    pub name: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({})", self.name)
    }
}

/// The API's answer: a status below 400. Redirects are handed over, not followed.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ApiResponse {
    /// The HTTP status, 200 to 399.
    pub status: u32,
    /// The answer's headers, names in lower case.
    pub headers: Vec<Header>,
    /// The answer's body, at most 1 MiB.
    pub body: Vec<u8>,
}

impl fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiResponse({}, {} bytes)", self.status, self.body.len())
    }
}

/// What the API says to a ping.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PingMessage {
    /// The `message` of the answer, as it is, without control characters.
    pub message: String,
}

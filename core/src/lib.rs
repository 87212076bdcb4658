//! Logs a person in with any OAuth 2.0 or OpenID Connect provider, keeps the session, and calls a protected API: one
//! core for iOS, Android and desktop.
//!
//! # The story of a login
//!
//! The app makes one [`Auth`] from an [`AuthConfig`] and a [`SecureStore`]. When the person taps "Log in",
//! [`Auth::begin_login`] fetches the provider's metadata, makes an authorization request with PKCE, `state` and `nonce`,
//! stores what its answer will be checked with, and returns a URL. The app opens it in the **system's browser**, never
//! in a web view of its own.
//!
//! The person logs in there, for as long as it takes; the system may kill the app meanwhile. The provider sends the
//! browser back to the app's redirect URI, and the app hands that address to [`Auth::finish_login`], in whatever process
//! it runs now. The open login is found by its `state`; the answer is checked, the code exchanged, the ID token's
//! signature and claims verified, and the session stored. Anything that is not the answer to an open login is
//! [`AuthError::CallbackIgnored`], and changes nothing.
//!
//! From then on [`Auth::access_token`] gives a token that is good: from memory while it is fresh, else by one refresh
//! for all who ask. The refresh runs in a task of its own and writes down what it is about to do before the refresh
//! token leaves the device, so that neither a cancelled screen nor a killed process loses a rotated token.
//! [`ApiClient`] and [`PingClient`] call the API with it; after a 401 they renew it once and try once more.
//! [`Auth::logout`] ends the session here at once, also offline, and then at the provider.
//!
//! ```no_run
//! use latchkey::{Auth, AuthConfig, AuthError, LoginOptions, PingClient, memory_store};
//!
//! # async fn callback_from_the_browser(url: &str) -> String { String::new() }
//! # async fn run() -> Result<(), AuthError> {
//! let mut config = AuthConfig::new("https://login.example.com/", "my-client-id", "com.example.app:/callback");
//! config.audience = Some("https://api.example.com".to_owned());
//! let auth = Auth::new(config, memory_store())?;
//!
//! let login = auth.begin_login(LoginOptions::default(), None).await?;
//! let callback_url = callback_from_the_browser(&login.url).await;
//! auth.finish_login(callback_url, None).await?;
//!
//! let ping = PingClient::new(auth, "https://api.example.com/api".to_owned())?;
//! println!("{}", ping.ping_private(None).await?.message);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! One enum, [`AuthError`], named by what the app should do; [`AuthError::recovery`] says it as one word. Its text is
//! for people and holds no secret.
//!
//! # What is stored
//!
//! Three items in the [`SecureStore`], sealed: the session (tokens, the ID token's claims), the logins that are open, and
//! the journal (what happened, without a secret). A store is two calls, `load` and a compare-and-swap; [`file_store`] is one for Android and desktop,
//! [`memory_store`] one for tests.
//!
//! # Layers
//!
//! `ping` → `api` → `auth` → `session` → {`transport`, `storage`, `protocol`}. The rules of OAuth are pure functions in
//! `protocol`; `transport` alone knows HTTP, `clock` alone reads the time. A check in CI keeps it so.

mod api;
mod auth;
mod background;
mod cancel;
mod clock;
#[cfg(any(test, feature = "conformance"))]
mod conformance;
mod error;
mod file_store;
mod files;
mod log;
mod ping;
mod protocol;
mod sealer;
mod session;
mod storage;
mod transport;
mod types;

pub use api::ApiClient;
pub use auth::Auth;
pub use background::{BackgroundError, BackgroundGrant, BackgroundTime};
pub use cancel::Cancellation;
pub use clock::{Clock, SystemClock, Waiting};
#[cfg(any(test, feature = "conformance"))]
pub use conformance::*;
pub use error::AuthError;
pub use file_store::file_store;
pub use log::{LogError, LogLevel, LogSink};
pub use ping::PingClient;
pub use sealer::{
    KEY_BYTES, KeyBytes, SealError, Sealer, WrappingKey, key_file_sealer, keyed_sealer,
};
pub use storage::{MemoryStore, SecureStore, StoreError, StoredItem, memory_store};
pub use transport::{TrustError, TrustEvaluator};
pub use types::*;

uniffi::setup_scaffolding!();

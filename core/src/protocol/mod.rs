//! OAuth 2.0 and OpenID Connect as functions of bytes, time and randomness.
//!
//! Nothing here does I/O, reads a clock, draws random numbers or knows the rest of the crate. Every
//! function is total: whatever a provider sends, the result is a value, in linear time.

// The layer is `pub(crate)` as a whole; `pub` marks what the rest of the crate may call.
#![allow(unreachable_pub)]

pub mod authorization;
pub mod callback;
pub mod challenge;
pub mod discovery;
pub mod encoding;
pub mod id_token;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod logout;
pub mod loopback;
pub mod origin;
pub mod packing;
pub mod resource;
pub mod retry_after;
pub mod revocation;
pub mod token;
pub mod userinfo;

/// What went wrong, in the protocol's own words. `error.rs` turns it into `AuthError`.
///
/// Carries words of ours, status codes and registered OAuth error codes: never text of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// An answer or a callback failed a check; nothing of it may be kept. The check is a
    /// snake_case word: `issuer`, `signature`, `audience`, `nonce`, …
    #[error("an answer failed the check `{0}`")]
    Untrusted(&'static str),
    /// The provider answered with an OAuth error code, or with something that is no valid answer.
    #[error("the provider answered with status {status} and {}", .code.as_deref().unwrap_or("no error code"))]
    Answer {
        /// The HTTP status.
        status: u16,
        /// The OAuth error code, if the answer had one.
        code: Option<String>,
    },
    /// The clock of this machine is off by about so many seconds (positive: this machine is ahead).
    #[error("the clock of this machine is off by about {skew_seconds} s")]
    Clock {
        /// This machine's time minus the provider's.
        skew_seconds: i64,
    },
}

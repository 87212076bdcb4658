//! To be written: the tour.

mod api;
mod auth;
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
pub use cancel::Cancellation;
pub use clock::{Clock, SystemClock};
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
pub use types::*;

uniffi::setup_scaffolding!();

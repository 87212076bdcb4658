//! Time in the background: a phone suspends an app that leaves the screen, also in the middle of a refresh.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// How long the app's code is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks the system to let the app run until a refresh is done. Optional: give one to
/// [`crate::Auth::set_background_time`] where the system has such a thing (`beginBackgroundTask` on iOS; in an app
/// extension there is none). Called from blocking threads of the core; must return at once and ask no person.
#[uniffi::export(rust, foreign)]
pub trait BackgroundTime: Send + Sync {
    /// Begins a piece of work that should not be suspended. Each one that has begun is ended, by its `id`. Waited for
    /// for one second; a grant that comes later is ended at once, and the refresh goes on without.
    ///
    /// # Errors
    /// Any: the refresh goes on without.
    fn begin(&self) -> Result<BackgroundGrant, BackgroundError>;

    /// The piece of work is done.
    ///
    /// # Errors
    /// Any: ignored.
    fn end(&self, id: u64) -> Result<(), BackgroundError>;
}

/// What the system granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct BackgroundGrant {
    /// Names this piece of work.
    pub id: u64,
    /// Seconds that the app may still run; `None` for no limit, as while it is on the screen. With less than 15, which a
    /// refresh can take, nothing is sent.
    pub seconds_left: Option<u64>,
}

/// The system gave no time, or the app's code failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, uniffi::Error)]
pub enum BackgroundError {
    /// There is none to be had now.
    #[error("no background time")]
    Refused,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for BackgroundError {
    /// The reason may be an exception with its data: it is dropped.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Refused
    }
}

/// A piece of work that has begun. Dropped, it is ended.
pub(crate) struct BackgroundWork {
    source: Arc<dyn BackgroundTime>,
    grant: BackgroundGrant,
}

impl BackgroundWork {
    /// Begins one, on a blocking thread: the app's code may do anything, and is not waited for if it hangs. A grant that
    /// comes too late is given back.
    pub(crate) async fn begin(source: Arc<dyn BackgroundTime>) -> Option<Self> {
        let begun = tokio::task::spawn_blocking(move || {
            let grant = source.begin().ok()?;
            Some(Self { source, grant })
        });
        let begun = tokio::time::timeout(PATIENCE, begun).await;
        begun.ok()?.ok().flatten()
    }

    /// Whether so many seconds are left.
    pub(crate) fn is_enough_for(&self, seconds: u64) -> bool {
        self.grant.seconds_left.is_none_or(|left| left >= seconds)
    }
}

impl Drop for BackgroundWork {
    fn drop(&mut self) {
        let (source, id) = (Arc::clone(&self.source), self.grant.id);
        // A panic in the app's code is the app's; it must not take a refresh with it.
        let end = move || {
            let _ = source.end(id);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(end)),
            Err(_) => end(),
        }
    }
}

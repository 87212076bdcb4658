//! A latched handle to give up waiting.
//!
//! Dropping a Rust future or cancelling a Kotlin coroutine reaches the core by itself; Swift's `Task.cancel()` does
//! not (UniFFI 0.32), so long calls take this handle. It is latched: a cancel before the call has started counts.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::AuthError;

/// Gives up a call that is waiting. What must finish once it has started (an exchange of a code, a refresh) goes on
/// without the caller, so nothing is lost.
#[derive(Debug, uniffi::Object)]
pub struct Cancellation {
    cancelled: watch::Sender<bool>,
}

#[uniffi::export]
impl Cancellation {
    /// A handle for one or several calls.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            cancelled: watch::Sender::new(false),
        })
    }

    /// Every call with this handle, now or later, ends with `Cancelled`.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    /// Whether [`Cancellation::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }
}

/// Waits for `work`, unless the caller gives up first.
pub(crate) async fn unless_cancelled<T>(
    cancellation: Option<Arc<Cancellation>>,
    work: impl Future<Output = Result<T, AuthError>>,
) -> Result<T, AuthError> {
    let Some(handle) = cancellation else {
        return work.await;
    };
    let mut cancelled = handle.cancelled.subscribe();
    tokio::select! {
        biased;
        // The sender lives in `handle`, so this ends only by a cancel.
        _ = cancelled.wait_for(|cancelled| *cancelled) => Err(AuthError::Cancelled),
        result = work => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancel_before_the_start_counts() {
        let handle = Cancellation::new();
        handle.cancel();
        let result = unless_cancelled(Some(handle), async { Ok(()) }).await;
        assert_eq!(result, Err(AuthError::Cancelled));
    }

    #[tokio::test]
    async fn a_cancel_ends_a_call_that_would_wait_for_ever() {
        let handle = Cancellation::new();
        let waiting = unless_cancelled(
            Some(Arc::clone(&handle)),
            std::future::pending::<Result<(), AuthError>>(),
        );
        let (result, ()) = tokio::join!(waiting, async { handle.cancel() });
        assert_eq!(result, Err(AuthError::Cancelled));
    }

    #[tokio::test]
    async fn without_a_cancel_the_result_is_the_works() {
        let result = unless_cancelled(Some(Cancellation::new()), async { Ok(7) }).await;
        assert_eq!(result, Ok(7));
    }
}

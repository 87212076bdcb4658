//! One refresh at a time: whoever comes while one is under way waits for its result.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::AuthError;
use crate::types::NetworkReason;

type Outcome = Option<Result<(), AuthError>>;

/// The refresh that is under way, if one is.
#[derive(Default)]
pub(crate) struct Flight {
    current: Mutex<Option<watch::Receiver<Outcome>>>,
}

impl Flight {
    /// Joins the flight that is under way, or starts one. It runs in a task of its own: callers may leave.
    pub(crate) fn board<F>(&self, start: impl FnOnce() -> F) -> Landing
    where
        F: Future<Output = Result<(), AuthError>> + Send + 'static,
    {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = current.as_ref().filter(|flight| is_under_way(flight)) {
            return Landing(flight.clone());
        }
        let (land, landing) = watch::channel(None);
        let work = start();
        drop(spawn(async move {
            let result = work.await;
            land.send_replace(Some(result));
        }));
        *current = Some(landing.clone());
        Landing(landing)
    }

    /// The flight that is under way, if one is.
    pub(crate) fn under_way(&self) -> Option<Landing> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.clone().filter(is_under_way).map(Landing)
    }
}

/// The end of a flight.
pub(crate) struct Landing(watch::Receiver<Outcome>);

impl Landing {
    /// Waits for it.
    pub(crate) async fn result(mut self) -> Result<(), AuthError> {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
            // The task died: nothing was decided, the next call starts another.
            Err(_) => Err(AuthError::network(NetworkReason::Unavailable)),
        }
    }
}

fn is_under_way(flight: &watch::Receiver<Outcome>) -> bool {
    flight.borrow().is_none() && flight.has_changed().is_ok()
}

/// Starts work that must finish once it has begun, whether or not its caller stays.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that detaches work from its caller"
)]
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    // In a box, so that the machinery of a task is shipped once for each result and not for each kind of work.
    let work: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(work);
    tokio::spawn(work)
}

/// Does what blocks on a thread that may: keychains, files, the app's own code. `None` if it panicked.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let work: Box<dyn FnOnce() -> T + Send> = Box::new(work);
    tokio::task::spawn_blocking(work).await.ok()
}

/// The same from a thread that is in no runtime. It waits so long at most; `None` also if the work took longer: then it
/// goes on, and nobody hears of it.
pub(crate) fn off_thread_here<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = mpsc::channel();
    let work = move || drop(done.send(work()));
    std::thread::Builder::new().spawn(work).ok()?;
    result.recv_timeout(patience).ok()
}

/// Runs work that must finish once it has begun, and waits for it.
pub(crate) async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, AuthError>> + Send + 'static,
) -> Result<T, AuthError> {
    match spawn(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is shutting down.
        Err(_) => Err(AuthError::Cancelled),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn those_who_come_while_one_is_under_way_share_it() {
        let (flight, started, gate) = (
            Arc::new(Flight::default()),
            Arc::new(AtomicU32::new(0)),
            Arc::new(Notify::new()),
        );
        let mut callers = Vec::new();
        for _ in 0..20 {
            let (flight, started, gate) = (flight.clone(), started.clone(), gate.clone());
            callers.push(spawn(async move {
                flight
                    .board(|| async move {
                        started.fetch_add(1, Ordering::SeqCst);
                        gate.notified().await;
                        Ok(())
                    })
                    .result()
                    .await
            }));
        }
        tokio::task::yield_now().await;
        gate.notify_one();
        for caller in callers {
            assert_eq!(caller.await.expect("ends"), Ok(()));
        }
        assert_eq!(started.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_flight_that_died_is_an_error_and_the_next_call_starts_another() {
        let flight = Flight::default();
        let died = flight
            .board(|| async { panic!("as a bug would") })
            .result()
            .await;
        assert!(matches!(died, Err(AuthError::Network { .. })));
        assert_eq!(flight.board(|| async { Ok(()) }).result().await, Ok(()));
    }
}

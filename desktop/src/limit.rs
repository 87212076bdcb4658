//! When a command gives up: at its deadline, or when it is told to stop.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::{AuthError, NetworkReason};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a request that should not be torn is waited for after the person has given up.
const GRACE: Duration = Duration::from_secs(2);

/// The bound on a whole command.
#[derive(Debug)]
pub(crate) struct Limit {
    patience: Option<Duration>,
    deadline: Option<Instant>,
    stopped: watch::Receiver<bool>,
    /// How much is at work that should not be torn.
    at_work: Arc<AtomicUsize>,
}

impl Limit {
    /// Listens for Ctrl-C and the system's wish to end; must be made on the runtime.
    pub(crate) fn new(patience: Option<Duration>) -> Self {
        let (stop, stopped) = watch::channel(false);
        // Listened to from now on, and not only once the task runs.
        let told_to_stop = told_to_stop();
        tokio::spawn(async move {
            told_to_stop.await;
            // The receiver is gone only when the command is over.
            let _ = stop.send(true);
        });
        Self {
            patience,
            deadline: patience.map(|patience| Instant::now() + patience),
            stopped,
            at_work: Arc::default(),
        }
    }

    /// The result of `work`; `Cancelled` when told to stop, `late` at the deadline.
    pub(crate) async fn bound<T>(
        &self,
        late: AuthError,
        work: impl Future<Output = Result<T, AuthError>>,
    ) -> Result<T, AuthError> {
        let mut work = pin!(work);
        let given_up = tokio::select! {
            biased;
            result = &mut work => return result,
            () = self.stopped() => AuthError::Cancelled,
            () = self.passed() => late,
        };
        if self.at_work.load(Ordering::SeqCst) > 0
            && let Ok(result) = timeout(GRACE, work).await
        {
            return result;
        }
        Err(given_up)
    }

    /// Marks work that should not be torn: a provider may already have spent a refresh token or a code, and the
    /// answer would be lost with the process.
    pub(crate) async fn untorn<T>(&self, work: impl Future<Output = T>) -> T {
        struct AtWork<'a>(&'a AtomicUsize);
        impl Drop for AtWork<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.at_work.fetch_add(1, Ordering::SeqCst);
        let _at_work = AtWork(&self.at_work);
        work.await
    }

    /// Resolves when told to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopped = self.stopped.clone();
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            // Nobody can tell any more.
            pending::<()>().await;
        }
    }

    /// How long the command had, when its time is up and nothing is at work that may still end well.
    pub(crate) fn ran_out(&self) -> Option<Duration> {
        let is_up = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        self.patience
            .filter(|_| is_up && self.at_work.load(Ordering::SeqCst) == 0)
    }

    /// Resolves when the time is up; never without a bound.
    pub(crate) async fn passed(&self) {
        match self.deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => pending().await,
        }
    }
}

/// What the core says of a server that did not answer in time.
pub(crate) fn timed_out() -> AuthError {
    AuthError::Network {
        reason: NetworkReason::Timeout,
        retry_after_seconds: None,
    }
}

/// Resolves when told to stop. From here on the system does not end this program by itself.
#[cfg(unix)]
fn told_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        // One that cannot be listened to keeps its default: it ends this program.
        let [interrupt, terminate] = signals.map(|signal| async move {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => pending().await,
            }
        });
        tokio::select! {
            () = interrupt => {}
            () = terminate => {}
        }
    }
}

#[cfg(windows)]
fn told_to_stop() -> impl Future<Output = ()> {
    let signal = tokio::signal::windows::ctrl_c();
    async move {
        match signal {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    fn limit(deadline: Option<Duration>) -> (watch::Sender<bool>, Arc<Limit>) {
        let (stop, stopped) = watch::channel(false);
        let deadline = deadline.map(|patience| Instant::now() + patience);
        (
            stop,
            Arc::new(Limit {
                patience: None,
                deadline,
                stopped,
                at_work: Arc::default(),
            }),
        )
    }

    #[tokio::test]
    async fn work_that_is_done_is_not_late() {
        let (_stop, limit) = limit(Some(Duration::ZERO));
        assert_eq!(limit.bound(AuthError::Cancelled, ready(Ok(7))).await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_late_ends_with_the_error_for_it() {
        let (_stop, limit) = limit(Some(Duration::ZERO));
        let result = limit.bound(timed_out(), pending::<Result<(), _>>()).await;
        assert_eq!(result, Err(timed_out()));
    }

    #[tokio::test]
    async fn what_is_told_to_stop_is_cancelled() {
        let (stop, limit) = limit(None);
        stop.send(true).unwrap();
        let result = limit.bound(timed_out(), pending::<Result<(), _>>()).await;
        assert_eq!(result, Err(AuthError::Cancelled));
    }

    #[tokio::test]
    async fn an_exchange_on_its_way_is_waited_for() {
        let (stop, limit) = limit(None);
        let (answer, answered) = tokio::sync::oneshot::channel();
        let bounded = tokio::spawn({
            let limit = Arc::clone(&limit);
            async move {
                let work = limit.untorn(async { Ok(answered.await.unwrap()) });
                limit.bound(timed_out(), work).await
            }
        });
        while limit.at_work.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        stop.send(true).unwrap();
        tokio::task::yield_now().await;
        answer.send(7).unwrap();
        assert_eq!(bounded.await.unwrap(), Ok(7));
        assert_eq!(limit.at_work.load(Ordering::SeqCst), 0);
    }
}

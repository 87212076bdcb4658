//! When a command gives up: at its deadline, or when it is told to stop.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::{AuthError, NetworkReason};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// The bound on a whole command.
#[derive(Debug)]
pub(crate) struct Limit {
    patience: Option<Duration>,
    deadline: Option<Instant>,
    told: watch::Receiver<Told>,
    /// How much is at work whose result is worth waiting for.
    at_work: Arc<AtomicUsize>,
}

/// What this program was told from outside.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Told {
    to_stop: bool,
    /// How often by Ctrl-C. Only that is a person who will not wait: a terminal that is closed hangs up twice.
    interrupts: u32,
}

/// A signal that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Interrupt,
    Other,
}

impl Limit {
    /// Listens for Ctrl-C and the system's wish to end; must be made on the runtime.
    pub(crate) fn new(patience: Option<Duration>) -> Self {
        let (tell, told) = watch::channel(Told::default());
        // Listened to from now on, and not only once the task runs.
        let mut signals = signals();
        tokio::spawn(async move {
            while let Some(heard) = signals.recv().await {
                tell.send_modify(|told| {
                    told.to_stop = true;
                    told.interrupts += u32::from(heard == Heard::Interrupt);
                });
            }
        });
        Self {
            patience,
            deadline: patience.map(|patience| Instant::now() + patience),
            told,
            at_work: Arc::default(),
        }
    }

    /// The result of `work`; `Cancelled` when told to stop, `late` at the deadline.
    pub(crate) async fn bound<T>(
        &self,
        late: AuthError,
        work: impl Future<Output = Result<T, AuthError>>,
    ) -> Result<T, AuthError> {
        tokio::select! {
            biased;
            result = work => result,
            given_up = self.given_up(late) => Err(given_up),
        }
    }

    /// Resolves when told to stop, to `Cancelled`, or at the deadline, to `late`.
    pub(crate) async fn given_up(&self, late: AuthError) -> AuthError {
        tokio::select! {
            biased;
            () = self.stopped() => AuthError::Cancelled,
            () = self.passed() => late,
        }
    }

    /// Marks work whose result is told even if the command has to end: a refresh token or a code may be spent for it.
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

    /// Whether there is such work.
    pub(crate) fn is_untorn(&self) -> bool {
        self.at_work.load(Ordering::SeqCst) > 0
    }

    /// How often Ctrl-C was pressed.
    pub(crate) fn interrupts(&self) -> u32 {
        self.told.borrow().interrupts
    }

    /// Resolves when Ctrl-C was pressed more often than this.
    pub(crate) async fn interrupted_again(&self, before: u32) {
        self.told(|told| told.interrupts > before).await;
    }

    /// Resolves when told to stop.
    pub(crate) async fn stopped(&self) {
        self.told(|told| told.to_stop).await;
    }

    async fn told(&self, what: impl FnMut(&Told) -> bool) {
        if self.told.clone().wait_for(what).await.is_err() {
            // Nobody can tell any more.
            pending::<()>().await;
        }
    }

    /// How long the command had, when its time is up and nothing is at work that may still end well.
    pub(crate) fn ran_out(&self) -> Option<Duration> {
        let is_up = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        self.patience.filter(|_| is_up && !self.is_untorn())
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

/// The signals that tell to stop, as they come. From here on the system does not end this program by itself.
#[cfg(unix)]
fn signals() -> mpsc::UnboundedReceiver<Heard> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tell, signals) = mpsc::unbounded_channel();
    let mut kinds = vec![
        (SignalKind::interrupt(), Heard::Interrupt),
        (SignalKind::terminate(), Heard::Other),
    ];
    if !is_hangup_ignored() {
        kinds.push((SignalKind::hangup(), Heard::Other));
    }
    for (kind, heard) in kinds {
        // One that cannot be listened to keeps its default: it ends this program.
        let Ok(mut signal) = signal(kind) else {
            continue;
        };
        let tell = tell.clone();
        tokio::spawn(
            async move { while signal.recv().await.is_some() && tell.send(heard).is_ok() {} },
        );
    }
    signals
}

/// Whether this program was started to outlive its terminal (`nohup`). To listen would undo that. Only Linux tells.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & HANGUP != 0)
}

#[cfg(windows)]
fn signals() -> mpsc::UnboundedReceiver<Heard> {
    use tokio::signal::windows::{ctrl_c, ctrl_close};
    let (tell, signals) = mpsc::unbounded_channel();
    if let Ok(mut signal) = ctrl_c() {
        let tell = tell.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() && tell.send(Heard::Interrupt).is_ok() {}
        });
    }
    // The window is closed: the system waits for some seconds.
    if let Ok(mut signal) = ctrl_close() {
        tokio::spawn(async move {
            while signal.recv().await.is_some() && tell.send(Heard::Other).is_ok() {}
        });
    }
    signals
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    fn limit(patience: Option<Duration>) -> (watch::Sender<Told>, Limit) {
        let (tell, told) = watch::channel(Told::default());
        let limit = Limit {
            patience,
            deadline: patience.map(|patience| Instant::now() + patience),
            told,
            at_work: Arc::default(),
        };
        (tell, limit)
    }

    fn told(interrupts: u32) -> Told {
        Told {
            to_stop: true,
            interrupts,
        }
    }

    #[tokio::test]
    async fn work_that_is_done_is_not_late() {
        let (_tell, limit) = limit(Some(Duration::ZERO));
        assert_eq!(limit.bound(AuthError::Cancelled, ready(Ok(7))).await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_late_ends_with_the_error_for_it() {
        let (_tell, limit) = limit(Some(Duration::ZERO));
        let result = limit.bound(timed_out(), pending::<Result<(), _>>()).await;
        assert_eq!(result, Err(timed_out()));
    }

    #[tokio::test]
    async fn what_is_told_to_stop_is_cancelled() {
        let (tell, limit) = limit(None);
        tell.send(told(0)).unwrap();
        let result = limit.bound(timed_out(), pending::<Result<(), _>>()).await;
        assert_eq!(result, Err(AuthError::Cancelled));
    }

    #[tokio::test]
    async fn ctrl_c_ends_at_once_what_a_hangup_does_not() {
        let (tell, limit) = limit(None);
        tell.send(told(1)).unwrap();
        let before = limit.interrupts();
        let again = limit.interrupted_again(before);
        tokio::pin!(again);
        tell.send(told(1)).unwrap();
        assert!(
            tokio::time::timeout(Duration::ZERO, &mut again)
                .await
                .is_err()
        );
        tell.send(told(2)).unwrap();
        again.await;
    }

    #[tokio::test]
    async fn work_is_untorn_until_it_ends_or_is_dropped() {
        let (_tell, limit) = limit(None);
        let seen = limit.untorn(async { limit.is_untorn() }).await;
        assert_eq!((seen, limit.is_untorn()), (true, false));
        let dropped = limit.untorn(pending::<()>());
        assert!(tokio::time::timeout(Duration::ZERO, dropped).await.is_err());
        assert!(!limit.is_untorn());
    }
}

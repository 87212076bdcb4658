//! What must not be cut off: a refresh token or a code that has been sent, until its answer is stored; and a record that
//! is in memory alone. [`crate::Auth::settle`] brings both to an end before a process ends.
//!
//! Time is cut into *eras*, each ended by a `settle`. What would be begun for an era that is over is not begun, and what
//! need not be waited for is given up: else something would leave between the last look and the end of the process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::SessionManager;
use super::claim::TERM;
use super::flight::spawn;
use super::memory::Known;
use crate::types::Settled;

/// Between two tries to store what is in memory alone.
const PAUSE: Duration = Duration::from_millis(500);

/// What is under way in this process that must not be cut off.
#[derive(Default)]
pub(crate) struct Unsettled {
    era: watch::Sender<u64>,
    under_way: watch::Sender<u32>,
}

/// One such piece of work. Dropped, it is over.
pub(crate) struct UnderWay(Arc<Unsettled>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

impl Unsettled {
    /// The era that this moment is in.
    pub(crate) fn era(&self) -> u64 {
        *self.era.borrow()
    }

    pub(crate) fn is_over(&self, era: u64) -> bool {
        self.era() != era
    }

    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.send_modify(|count| *count += 1);
        UnderWay(Arc::clone(self))
    }

    /// Begins it unless the era is over. It is counted before the look: `settle` ends the era before it counts, so one of
    /// the two sees the other.
    pub(crate) fn begin_in(self: &Arc<Self>, era: u64) -> Option<UnderWay> {
        let under_way = self.begin();
        (!self.is_over(era)).then_some(under_way)
    }

    /// The result of work that may be given up; `None` when the era ends first.
    pub(crate) async fn while_it_lasts<T>(
        &self,
        era: u64,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut eras = self.era.subscribe();
        tokio::select! {
            biased;
            result = work => Some(result),
            _ = eras.wait_for(|now| *now != era) => None,
        }
    }

    /// Resolves when nothing is under way.
    async fn nothing(&self) {
        let mut under_way = self.under_way.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }
}

impl SessionManager {
    /// [`crate::Auth::settle`].
    pub(crate) async fn settle_within(self: &Arc<Self>, at_most: Duration) -> Settled {
        self.unsettled.era.send_modify(|era| *era += 1);
        if at_most.is_zero() || self.settled() == Settled::Everything {
            return self.settled();
        }
        let manager = Arc::clone(self);
        let work = spawn(async move {
            manager.unsettled.nothing().await;
            manager.store_within_the_term().await;
        });
        drop(timeout(at_most, work).await);
        self.settled()
    }

    /// Goes on trying to store for as long as a claim keeps others from sending what is spent.
    async fn store_within_the_term(&self) {
        if !self.is_unstored() {
            return;
        }
        let tries = async {
            self.persist_pending().await;
            while self.is_unstored() {
                sleep(PAUSE).await;
                self.persist_pending().await;
            }
        };
        if timeout(Duration::from_secs(TERM), tries).await.is_ok() {
            self.write_journal().await;
        }
    }

    fn settled(&self) -> Settled {
        if *self.unsettled.under_way.borrow() > 0 {
            return Settled::SendIsOpen;
        }
        let is_open = |known: &Known| {
            let claim = known.live().and_then(|live| live.claim.as_ref());
            claim.is_some_and(|claim| claim.sent.is_some())
        };
        match self.known() {
            _ if self.is_unstored() => Settled::Unstored,
            Ok(known) if is_open(&known) => Settled::SendIsOpen,
            _ => Settled::Everything,
        }
    }

    /// Whether memory alone has a session, or a logout. What a provider said about a token that it refused is said again.
    fn is_unstored(&self) -> bool {
        self.known().is_ok_and(|known| {
            let record = known.record.as_deref();
            !known.persisted
                && record.is_some_and(|record| record.live().is_some() || record.is_logout())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_begun_for_an_era_that_is_over_is_not_begun() {
        let unsettled = Arc::new(Unsettled::default());
        let era = unsettled.era();
        let begun = unsettled.begin_in(era);
        assert!(begun.is_some());
        unsettled.era.send_modify(|era| *era += 1);
        assert!(unsettled.begin_in(era).is_none());
        assert_eq!(*unsettled.under_way.borrow(), 1, "the first goes on");
        drop(begun);
        unsettled.nothing().await;
        assert!(unsettled.begin_in(unsettled.era()).is_some());
    }

    #[tokio::test]
    async fn what_may_be_given_up_is_given_up_when_its_era_ends_or_has_ended() {
        let unsettled = Arc::new(Unsettled::default());
        let era = unsettled.era();
        let done = unsettled.while_it_lasts(era, async { 7 }).await;
        assert_eq!(done, Some(7));
        let never = std::future::pending::<()>();
        let end = async { unsettled.era.send_modify(|era| *era += 1) };
        let (given_up, ()) = tokio::join!(unsettled.while_it_lasts(era, never), end);
        assert_eq!(given_up, None);
        let never = std::future::pending::<()>();
        assert_eq!(unsettled.while_it_lasts(era, never).await, None);
    }
}

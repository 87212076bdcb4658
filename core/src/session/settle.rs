//! What a refresh that brought nothing leaves behind: why, for how long, and whether its token may have been used.

use super::claim::Claim;
use super::commit::{RACES, Writer};
use super::hold::Hold;
use super::record::{Live, Refusals, SessionRecord};
use super::send::Attempt;
use super::timeline::What;
use super::{SessionManager, share};
use crate::error::AuthError;
use crate::storage::StoreError;

impl Attempt {
    /// Notes a definite refusal.
    pub(crate) fn refuse(&mut self, now: i64) -> Refusals {
        let Some(live) = self.record.live() else {
            return Refusals::default();
        };
        let refusals = live.refusals.and_one(now);
        self.record = self.record.with(Live {
            refusals,
            ..live.clone()
        });
        refusals
    }
}

impl SessionManager {
    /// The refresh has failed with this error. What it leaves open, and how long to wait, is written down: one write,
    /// in which nobody holds the claim any more.
    pub(crate) async fn fail(
        &self,
        attempt: Attempt,
        error: AuthError,
        resolved: bool,
    ) -> Result<(), AuthError> {
        self.note(&What::RefreshFailed(error.class()));
        let (now, boot) = (self.moment(), self.clock.boot());
        let hold = self.pace.failed(&error, &now, boot, share());
        self.settle(attempt, resolved, hold).await;
        Err(error)
    }

    /// Gives up a claim with which nothing was sent.
    pub(crate) async fn give_up(&self, attempt: Attempt) {
        self.settle(attempt, true, None).await;
    }

    /// Writes the record without a holder of the claim, for as long as it is still ours. `resolved`: this attempt's
    /// send is answered, or was not made; what an earlier one left open stays open.
    async fn settle(&self, attempt: Attempt, resolved: bool, hold: Option<Hold>) {
        let Some(written) = attempt.record.live() else {
            return;
        };
        let sent = if resolved {
            attempt.earlier.clone()
        } else {
            written.claim.as_ref().and_then(|claim| claim.sent.clone())
        };
        let settled = attempt.record.with(Live {
            claim: Claim::given_up(sent),
            hold,
            ..written.clone()
        });
        let mut expected = attempt.tag;
        for _ in 0..RACES {
            let commit = self.commit(settled.clone(), Some(expected), Writer::Refresh);
            if commit.await != Err(StoreError::Conflict) {
                return;
            }
            // A write of ours that was given up may have been done after all: then the claim is there, and ours.
            match self.vault.load(&self.session_name).await {
                Ok(Some(item))
                    if self
                        .decode(&item)
                        .is_ok_and(|found| self.is_still_ours(&found, &settled)) =>
                {
                    expected = item.tag;
                }
                _ => return,
            }
        }
    }

    fn is_still_ours(&self, found: &SessionRecord, settled: &SessionRecord) -> bool {
        let claim = found.live().and_then(|live| live.claim.as_ref());
        found.is_same(settled) && claim.is_some_and(|claim| claim.is_of(self.run.name()))
    }
}

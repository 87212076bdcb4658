//! What to do when a server refuses an access token (R-055, fleet.md rule 6): at most one forced refresh for each
//! token, and one a session in five seconds, so that an API that refuses everything does not make a storm.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ring::digest;

use super::SessionManager;
use super::access::Wish;
use super::flight::Landing;
use super::record::SessionRecord;
use crate::error::AuthError;
use crate::types::AccessToken;

const PAUSE: Duration = Duration::from_secs(5);
/// Any token that has not ended.
const ANY: Wish = Wish {
    force: false,
    refused: false,
    min_validity: Some(0),
    for_user_info: false,
};

/// The forced refreshes of one session.
#[derive(Default)]
pub(crate) struct ForcedRefreshes(Mutex<Forced>);

/// What is known of them. The time comes from outside, so that simulated clients run this very code.
#[derive(Default)]
pub(crate) struct Forced {
    /// The token for which a refresh was done: it brings nothing more.
    done_for: Option<Vec<u8>>,
    last: Option<Duration>,
    /// Why the last one failed, where that may pass.
    failure: Option<AuthError>,
}

impl Forced {
    /// Whether a refresh may be forced for this token now; if so, it counts as begun.
    pub(crate) fn may_start(&mut self, token: &str, now: Duration) -> bool {
        let again = self.done_for.as_deref() == Some(hash(token).as_slice());
        let soon = self
            .last
            .is_some_and(|last| now.saturating_sub(last) < PAUSE);
        if again || soon {
            return false;
        }
        self.last = Some(now);
        self.failure = None;
        true
    }

    /// A refresh that was forced for this token is done. One that failed does not count: it may be tried again.
    pub(crate) fn done(&mut self, token: &str) {
        self.done_for = Some(hash(token));
    }

    /// What a caller is told for whom it is too soon: a refresh that failed has not shown that the API refuses every
    /// token.
    fn too_soon(&self, token: &str) -> Result<(), AuthError> {
        match &self.failure {
            Some(error) if self.done_for.as_deref() != Some(hash(token).as_slice()) => {
                Err(error.clone())
            }
            _ => Ok(()),
        }
    }
}

impl ForcedRefreshes {
    /// Starts a refresh for this token, if one may be forced now; else joins the one that is under way, if any. Both
    /// under one lock: who comes second finds what the first has started.
    fn board(
        &self,
        token: &str,
        now: Duration,
        start: impl FnOnce() -> Landing,
        under_way: impl FnOnce() -> Option<Landing>,
    ) -> Option<(Landing, bool)> {
        let mut forced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if forced.may_start(token, now) {
            return Some((start(), true));
        }
        under_way().map(|landing| (landing, false))
    }

    fn ended(&self, token: &str, result: &Result<(), AuthError>) {
        let mut forced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => forced.done(token),
            // The next login is not told how the last session ended.
            Err(AuthError::LoginRequired { .. }) => {}
            Err(error) => forced.failure = Some(error.clone()),
        }
    }

    fn too_soon(&self, token: &str) -> Result<(), AuthError> {
        let forced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forced.too_soon(token)
    }
}

fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes())
        .as_ref()
        .to_vec()
}

impl SessionManager {
    /// The token to try once more with after `refused` got a 401; `None` where another try makes no sense.
    pub(crate) async fn after_unauthorized(
        self: &Arc<Self>,
        refused: &AccessToken,
    ) -> Result<Option<AccessToken>, AuthError> {
        let another = |token: Option<AccessToken>| token.filter(|t| t.value != refused.value);
        if let Some(token) = another(self.cached(ANY)) {
            return Ok(Some(token));
        }
        // Another process may have logged out, or renewed the token.
        let known = self.reload().await?;
        if let Some(reason) = known.signed_out(&*self.clock) {
            return Err(AuthError::LoginRequired { reason });
        }
        if let Some(token) = another(self.cached(ANY)) {
            return Ok(Some(token));
        }
        if known.live().is_none_or(|live| live.refresh_token.is_none()) {
            return Ok(None);
        }
        let wish = Wish {
            force: true,
            refused: true,
            ..Wish::default()
        };
        self.force(&self.forced, &refused.value, wish, known.record)
            .await?;
        Ok(another(self.cached(ANY)))
    }

    /// A refresh because this token was refused, within the bounds of `forced`.
    pub(crate) async fn force(
        self: &Arc<Self>,
        forced: &ForcedRefreshes,
        refused: &str,
        wish: Wish,
        seen: Option<Arc<SessionRecord>>,
    ) -> Result<(), AuthError> {
        let boarded = forced.board(
            refused,
            self.clock.boot(),
            || self.refresh(wish, seen),
            || {
                if wish.for_user_info {
                    self.flight_aside.under_way()
                } else {
                    self.flight.under_way()
                }
            },
        );
        match boarded {
            Some((landing, ours)) => {
                let result = landing.result().await;
                if ours {
                    forced.ended(refused, &result);
                }
                result
            }
            None => forced.too_soon(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::flight::Flight;
    use super::*;
    use crate::types::{NetworkReason, SignedOutReason};

    /// Whether a refresh is started for this token at this second.
    async fn starts(forced: &ForcedRefreshes, token: &str, second: u64) -> bool {
        let flight = Flight::default();
        let boarded = forced.board(
            token,
            Duration::from_secs(second),
            || flight.board(|| async { Ok(()) }),
            || flight.under_way(),
        );
        match boarded {
            Some((landing, ours)) => {
                assert_eq!(landing.result().await, Ok(()));
                ours
            }
            None => false,
        }
    }

    #[tokio::test]
    async fn one_forced_refresh_a_token_and_one_in_five_seconds() {
        let forced = ForcedRefreshes::default();
        assert!(starts(&forced, "a", 100).await);
        forced.ended("a", &Ok(()));
        assert!(!starts(&forced, "a", 200).await, "the same token");
        assert!(starts(&forced, "b", 205).await);
        assert!(!starts(&forced, "c", 209).await, "too soon");
        assert!(starts(&forced, "c", 210).await);
    }

    #[tokio::test]
    async fn a_forced_refresh_that_failed_may_be_tried_again() {
        let forced = ForcedRefreshes::default();
        assert!(starts(&forced, "a", 100).await);
        assert!(starts(&forced, "a", 105).await);
    }

    #[tokio::test]
    async fn who_comes_too_soon_after_a_failure_is_told_of_it_and_after_a_success_of_nothing() {
        let forced = ForcedRefreshes::default();
        let failure = Err(AuthError::network(NetworkReason::Unavailable));
        assert!(starts(&forced, "a", 100).await);
        forced.ended("a", &failure);
        assert_eq!(forced.too_soon("a"), failure);
        assert_eq!(forced.too_soon("b"), failure);
        assert!(starts(&forced, "a", 105).await);
        forced.ended("a", &Ok(()));
        assert_eq!(forced.too_soon("a"), Ok(()));
        assert!(starts(&forced, "b", 110).await);
        let reason = SignedOutReason::Revoked;
        forced.ended("b", &Err(AuthError::LoginRequired { reason }));
        assert_eq!(forced.too_soon("c"), Ok(()));
    }
}

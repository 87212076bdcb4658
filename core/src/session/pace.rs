//! When a refresh may be tried again (fleet.md): as the provider says, else after a pause that grows and is drawn by
//! chance, and never after more failures than a breaker lets through. A hundred callers with an expired token and a
//! provider in trouble are one request and ninety-nine answers from here.
//!
//! Times and chance come from outside, so that ten thousand simulated clients run this very code.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::hold::Hold;
use super::moment::Moment;
use crate::error::AuthError;
use crate::types::NetworkReason;

/// The longest pause of our own, in seconds.
const LONGEST: u64 = 300;
/// For so long after a refresh no other is made because its token is too short-lived for the caller.
const SETTLED: Duration = Duration::from_secs(5);
/// So many failures in a row are let through; after them one each [`REFILL`].
const BURST: u32 = 5;
const REFILL: Duration = Duration::from_secs(20);

/// The pause that is on, by the boot clock.
#[derive(Default)]
pub(crate) struct Pace {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pause: Option<Pause>,
    failures: u32,
    breaker: Breaker,
    renewed: Option<Duration>,
}

struct Pause {
    until: Duration,
    error: AuthError,
    /// Whether the provider asked for it.
    asked: bool,
}

/// A bucket of failures: one of this issuer and client, since the session manager is.
#[derive(Default)]
struct Breaker {
    taken: u32,
    /// When the first that is taken comes back.
    since: Duration,
}

impl Breaker {
    fn take(&mut self, now: Duration) {
        self.refill(now);
        if self.taken == 0 {
            self.since = now;
        }
        self.taken = (self.taken + 1).min(BURST);
    }

    fn refill(&mut self, now: Duration) {
        while self.taken > 0 && now.saturating_sub(self.since) >= REFILL {
            self.taken -= 1;
            self.since += REFILL;
        }
    }

    /// How long it is still open.
    fn open_for(&mut self, now: Duration) -> Option<Duration> {
        self.refill(now);
        let left = (self.since + REFILL).saturating_sub(now);
        (self.taken >= BURST && !left.is_zero()).then_some(left)
    }
}

impl Pace {
    /// The error of the last try, while it is too early for another; with the seconds that are left.
    pub(crate) fn too_early(&self, now: Duration) -> Option<AuthError> {
        let mut state = self.lock();
        if let Some(pause) = &state.pause
            && let Some(left) = pause.until.checked_sub(now).filter(|left| !left.is_zero())
        {
            return Some(match &pause.error {
                AuthError::Network { reason, .. } => again_in(*reason, left),
                other => other.clone(),
            });
        }
        let left = state.breaker.open_for(now)?;
        Some(match state.pause.as_ref().map(|pause| &pause.error) {
            Some(AuthError::Network { .. }) | None => again_in(NetworkReason::RateLimited, left),
            // To wait is of no use there, and what is (a login, a report) is what the person is told.
            Some(error) => error.clone(),
        })
    }

    /// A try has failed. Where the provider said for how long to wait, the answer is what to store. `share` is random.
    pub(crate) fn failed(
        &self,
        error: &AuthError,
        now: &Moment,
        boot: Duration,
        share: u16,
    ) -> Option<Hold> {
        let (asked, rate_limited) = match error {
            // Nothing was sent and nothing is to be spared. A second, so that calls in a row don't each try.
            AuthError::Network {
                reason: NetworkReason::Offline | NetworkReason::Tls,
                ..
            } => {
                self.lock().pause = Some(Pause {
                    until: boot + Duration::from_secs(1),
                    error: error.clone(),
                    asked: false,
                });
                return None;
            }
            AuthError::Network {
                reason,
                retry_after_seconds,
            } => (
                retry_after_seconds.filter(|seconds| *seconds > 0),
                *reason == NetworkReason::RateLimited,
            ),
            AuthError::Provider { .. }
            | AuthError::InteractionRequired { .. }
            | AuthError::Untrusted { .. } => (None, false),
            _ => return None,
        };
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        state.breaker.take(boot);
        let [coarse, _] = share.to_be_bytes();
        let hold = asked.map(|asked| Hold::new(asked, rate_limited, now.clone(), coarse));
        let pause = match &hold {
            Some(hold) => Duration::from_secs(hold.seconds),
            None => pause(state.failures, share),
        };
        state.pause = Some(Pause {
            until: boot + pause,
            error: error.clone(),
            asked: hold.is_some(),
        });
        hold
    }

    /// What the record says that the provider asked for, with what is left of it.
    pub(crate) fn adopt(&self, hold: &Hold, left: u64, boot: Duration) {
        let until = boot + Duration::from_secs(left);
        let mut state = self.lock();
        if state.pause.as_ref().is_none_or(|pause| pause.until < until) {
            let reason = if hold.rate_limited {
                NetworkReason::RateLimited
            } else {
                NetworkReason::Unavailable
            };
            state.pause = Some(Pause {
                until,
                error: AuthError::network(reason),
                asked: true,
            });
        }
    }

    /// A person is there, or the network is back: what the provider did not ask for is not waited for.
    pub(crate) fn resumed(&self) {
        if let Some(pause) = &mut self.lock().pause
            && !pause.asked
        {
            pause.until = Duration::ZERO;
        }
    }

    /// A refresh was done.
    pub(crate) fn renewed(&self, now: Duration) {
        *self.lock() = State {
            renewed: Some(now),
            ..State::default()
        };
    }

    /// Whether a refresh was done just now.
    pub(crate) fn is_settled(&self, now: Duration) -> bool {
        self.lock()
            .renewed
            .is_some_and(|at| now.saturating_sub(at) < SETTLED)
    }

    /// Another session: what was learned about the last one is void.
    pub(crate) fn reset(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Full jitter: somewhere up to a limit that doubles from two seconds, never less than one.
fn pause(failures: u32, share: u16) -> Duration {
    let limit = (1_u64 << failures.min(9)).min(LONGEST);
    Duration::from_millis(1_000 + (limit - 1) * 1_000 * u64::from(share) / u64::from(u16::MAX))
}

fn again_in(reason: NetworkReason, left: Duration) -> AuthError {
    AuthError::Network {
        reason,
        retry_after_seconds: Some(left.as_secs() + u64::from(left.subsec_nanos() > 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::moment::tests::moment;
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn unavailable(retry_after_seconds: Option<u64>) -> AuthError {
        AuthError::Network {
            reason: NetworkReason::Unavailable,
            retry_after_seconds,
        }
    }

    fn fail(pace: &Pace, error: &AuthError, second: u64, share: u16) -> Option<Hold> {
        pace.failed(error, &moment(1_000, second, Some("a")), at(second), share)
    }

    #[test]
    fn what_the_provider_asks_for_is_kept_and_told() {
        let pace = Pace::default();
        let hold = fail(&pace, &unavailable(Some(100)), 0, 0).expect("something to store");
        assert_eq!(hold.seconds, 100);
        assert_eq!(pace.too_early(at(60)), Some(unavailable(Some(40))));
        assert_eq!(pace.too_early(at(100)), None);
    }

    #[test]
    fn without_a_word_the_pause_is_up_to_twice_as_long_each_time_and_ends_with_a_success() {
        let pace = Pace::default();
        let mut second = 0;
        for limit in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(fail(&pace, &unavailable(None), second, u16::MAX), None);
            assert!(pace.too_early(at(second + limit - 1)).is_some());
            second += 1_000;
            assert_eq!(pace.too_early(at(second)), None);
        }
        pace.renewed(at(second));
        fail(&pace, &unavailable(None), second, 0);
        assert_eq!(pace.too_early(at(second + 1)), None);
    }

    #[test]
    fn after_five_failures_at_once_one_is_let_through_each_twenty_seconds() {
        let pace = Pace::default();
        for second in [0, 1, 2, 3] {
            fail(&pace, &unavailable(None), second, 0);
            assert_eq!(pace.too_early(at(second + 1)), None);
        }
        fail(&pace, &unavailable(None), 4, 0);
        let open = Some(again_in(NetworkReason::RateLimited, at(10)));
        assert_eq!(pace.too_early(at(10)), open);
        assert_eq!(pace.too_early(at(20)), None);
        fail(&pace, &unavailable(None), 20, 0);
        assert!(pace.too_early(at(39)).is_some());
        assert_eq!(pace.too_early(at(40)), None);
        pace.renewed(at(40));
        for second in [40, 41, 42, 43] {
            fail(&pace, &unavailable(None), second, 0);
            assert_eq!(pace.too_early(at(second + 1)), None, "a success fills it");
        }
    }

    #[test]
    fn after_five_failures_that_no_wait_mends_the_answer_is_still_the_last_one() {
        for resumes in [false, true] {
            let pace = Pace::default();
            let error = AuthError::InteractionRequired {
                code: "login_required".to_owned(),
            };
            for second in 0..5 {
                fail(&pace, &error, second, 0);
            }
            if resumes {
                pace.resumed();
            }
            assert_eq!(pace.too_early(at(10)), Some(error));
            assert_eq!(pace.too_early(at(20)), None);
        }
    }

    #[test]
    fn what_was_stored_is_kept_to_after_a_restart() {
        let pace = Pace::default();
        let hold = Hold::new(100, true, moment(1_000, 50, Some("a")), 0);
        pace.adopt(&hold, 30, at(500));
        let expected = Some(again_in(NetworkReason::RateLimited, at(10)));
        assert_eq!(pace.too_early(at(520)), expected);
        pace.adopt(&hold, 5, at(520));
        assert_eq!(pace.too_early(at(520)), expected, "the longer one counts");
    }

    #[test]
    fn nobody_waits_longer_than_a_second_because_the_device_was_offline() {
        let pace = Pace::default();
        for _ in 0..10 {
            fail(&pace, &AuthError::network(NetworkReason::Offline), 0, 0);
        }
        let offline = Some(again_in(NetworkReason::Offline, at(1)));
        assert_eq!(pace.too_early(at(0)), offline);
        assert_eq!(pace.too_early(at(1)), None);
    }

    #[test]
    fn a_person_who_comes_back_waits_for_what_the_provider_asked_for_and_for_nothing_else() {
        let pace = Pace::default();
        for _ in 0..3 {
            fail(&pace, &unavailable(None), 0, u16::MAX);
        }
        assert!(pace.too_early(at(1)).is_some());
        pace.resumed();
        assert_eq!(pace.too_early(at(1)), None);
        fail(&pace, &unavailable(Some(100)), 1, 0);
        pace.resumed();
        assert!(pace.too_early(at(2)).is_some());
    }

    #[test]
    fn to_be_asked_for_no_wait_at_all_is_no_word() {
        let pace = Pace::default();
        assert_eq!(fail(&pace, &unavailable(Some(0)), 0, 0), None);
        assert!(pace.too_early(at(0)).is_some());
    }
}

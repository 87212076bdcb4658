//! When a refresh may be tried again: as the provider says, else after a pause that grows. A hundred callers with an
//! expired token and a provider in trouble are one request and ninety-nine answers from here.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::random;
use crate::error::AuthError;
use crate::types::NetworkReason;

/// The longest wait that a provider can ask for, in seconds (fleet.md rule 4).
const LONGEST_ASKED: u64 = 3_600;
/// The longest pause of our own, in seconds.
const LONGEST: u64 = 300;
/// For so long after a refresh no other is made because its token is too short-lived for the caller.
const SETTLED: Duration = Duration::from_secs(5);

/// The pause that is on, by the boot clock.
#[derive(Default)]
pub(crate) struct Pace {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pause: Option<(Duration, AuthError)>,
    failures: u32,
    renewed: Option<Duration>,
}

impl Pace {
    /// The error of the last try, while it is too early for another; with the seconds that are left.
    pub(crate) fn too_early(&self, now: Duration) -> Option<AuthError> {
        let state = self.lock();
        let (until, error) = state.pause.as_ref()?;
        let left = until.checked_sub(now).filter(|left| !left.is_zero())?;
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Some(match error {
            AuthError::Network { reason, .. } => AuthError::Network {
                reason: *reason,
                retry_after_seconds: Some(seconds),
            },
            other => other.clone(),
        })
    }

    /// A try has failed. Where nothing was sent there is nothing to wait for.
    pub(crate) fn failed(&self, error: &AuthError, now: Duration) {
        let mut state = self.lock();
        let asked = match error {
            AuthError::Network {
                reason: NetworkReason::Offline | NetworkReason::Tls,
                ..
            } => return,
            AuthError::Network {
                retry_after_seconds,
                ..
            } => *retry_after_seconds,
            AuthError::Provider { .. } => None,
            _ => return,
        };
        state.failures = state.failures.saturating_add(1);
        let own = 1_u64 << state.failures.min(9);
        let seconds = match asked {
            // At least as long as was asked, and spread over a quarter more: not all clients at once.
            Some(asked) => {
                let asked = asked.min(LONGEST_ASKED);
                let share = random::<1>().map_or(128, |[byte]| u64::from(byte));
                asked + asked * share / 1_024
            }
            None => own.min(LONGEST),
        };
        state.pause = Some((now + Duration::from_secs(seconds), error.clone()));
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

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_the_provider_asks_for_is_kept_and_told() {
        let pace = Pace::default();
        pace.failed(&unavailable(Some(100)), at(0));
        let Some(AuthError::Network {
            retry_after_seconds: Some(left),
            ..
        }) = pace.too_early(at(60))
        else {
            panic!("not paused");
        };
        assert!((40..=65).contains(&left), "{left}");
        assert_eq!(pace.too_early(at(126)), None);
    }

    #[test]
    fn without_a_word_the_pause_grows_from_two_seconds_and_ends_with_a_success() {
        let pace = Pace::default();
        for pause in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            pace.failed(&unavailable(None), at(0));
            assert!(pace.too_early(at(pause - 1)).is_some());
            assert_eq!(pace.too_early(at(pause)), None);
        }
        pace.renewed(at(0));
        pace.failed(&unavailable(None), at(0));
        assert_eq!(pace.too_early(at(2)), None);
    }

    #[test]
    fn nobody_waits_because_the_device_was_offline() {
        let pace = Pace::default();
        pace.failed(&AuthError::network(NetworkReason::Offline), at(0));
        assert_eq!(pace.too_early(at(0)), None);
    }
}

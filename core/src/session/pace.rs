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
mod tests;

//! The provider's time, learned from its token answers, so that a wrong clock of this device costs nobody a session.
//!
//! Of token answers alone, since a cached document carries an old date; held against the boot clock, since the wall
//! clock is what is doubted (refresh.md §4.5).

use std::sync::PoisonError;
use std::time::Duration;

use super::SessionManager;
use super::timeline::What;
use crate::protocol::retry_after::http_date;

/// Clocks that are this close agree, in seconds.
const TOLERANCE: u64 = 60;

/// What was learned.
#[derive(Default)]
pub(crate) struct ProviderTime {
    /// Unix seconds, and the boot clock then.
    known: Option<(i64, Duration)>,
    /// By how much this device was last said to be wrong.
    told: i64,
}

impl ProviderTime {
    /// Learns; the answer is by how much this device is ahead, where that is news.
    fn learn(&mut self, date: i64, wall: i64, boot: Duration) -> Option<i64> {
        self.known = Some((date, boot));
        let ahead = wall.saturating_sub(date);
        let news = ahead.abs_diff(self.told) > TOLERANCE;
        if news {
            self.told = ahead;
        }
        news.then_some(ahead)
    }

    fn now(&self, boot: Duration) -> Option<i64> {
        let (date, then) = self.known?;
        let since = i64::try_from(boot.saturating_sub(then).as_secs()).ok()?;
        date.checked_add(since)
    }
}

impl SessionManager {
    /// From the `Date` of a token answer.
    pub(crate) fn learn_time(&self, date: Option<&str>) {
        let Some(date) = date.and_then(http_date) else {
            return;
        };
        let ahead = self
            .provider_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .learn(date, self.now(), self.clock.boot());
        if let Some(seconds) = ahead {
            self.note(&What::ClockOff(seconds));
        }
    }

    /// The provider's time where it is known, else this device's.
    pub(crate) fn provider_time(&self) -> i64 {
        self.provider_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .now(self.clock.boot())
            .unwrap_or_else(|| self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_time_goes_on_with_the_boot_clock() {
        let mut time = ProviderTime::default();
        assert_eq!(time.now(Duration::from_secs(5)), None);
        time.learn(1_000, 999_999, Duration::from_secs(5));
        assert_eq!(time.now(Duration::from_secs(65)), Some(1_060));
    }

    #[test]
    fn a_clock_that_is_off_is_told_once_and_told_again_when_it_was_set() {
        let mut time = ProviderTime::default();
        let mut learn = |wall| time.learn(1_000, wall, Duration::ZERO);
        let told = [1_030, 4_600, 4_610, 1_000].map(&mut learn);
        assert_eq!(told, [None, Some(3_600), None, Some(0)]);
    }
}

//! How long a provider asked to be left alone. It is stored, so that neither a restart nor a crash loop forgets it
//! (fleet.md rule 4), and as a length, so that a clock that was set mutes nobody for years (refresh.md §4.5). Pure.

use serde::{Deserialize, Serialize};

use super::moment::{Elapsed, Moment};

/// The longest wait that a provider can ask for, in seconds.
pub(crate) const LONGEST: u64 = 3_600;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) set: Moment,
    pub(crate) seconds: u64,
    /// Whether the provider asked for fewer requests; else it said that it was not available.
    pub(crate) rate_limited: bool,
}

/// What is left of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Seconds(u64),
    /// All of it, from now: by this device's clock it was set in the future.
    Anew(u64),
}

impl Hold {
    /// What the provider asked for, spread over a quarter more: not all clients come back at once. `share` is random.
    pub(crate) fn new(asked: u64, rate_limited: bool, set: Moment, share: u8) -> Self {
        let asked = asked.min(LONGEST);
        Self {
            set,
            seconds: asked + asked * u64::from(share) / 1_024,
            rate_limited,
        }
    }

    pub(crate) fn left(&self, now: &Moment) -> Left {
        let seconds = self.seconds.min(LONGEST + LONGEST / 4);
        match (self.set.elapsed(now), self.set.by_wall(now)) {
            (Elapsed::Seconds(gone), _) | (_, Some(gone)) => {
                Left::Seconds(seconds.saturating_sub(gone))
            }
            (_, None) => Left::Anew(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::moment::tests::moment;
    use super::*;

    #[test]
    fn a_restart_and_a_clock_that_was_set_do_not_shorten_it() {
        let hold = Hold::new(100, true, moment(1_000, 50, Some("a")), 0);
        for wall in [1_040, 99_999, 0] {
            let left = hold.left(&moment(wall, 90, Some("a")));
            assert_eq!(left, Left::Seconds(60), "{wall}");
        }
        let other_boot = hold.left(&moment(1_040, 3, Some("b")));
        assert_eq!(other_boot, Left::Seconds(60));
    }

    #[test]
    fn a_corrected_clock_mutes_nobody_for_longer_than_was_asked() {
        let hold = Hold::new(100, true, moment(2_000_000_000, 50, None), 0);
        assert_eq!(hold.left(&moment(1_000, 3, None)), Left::Anew(100));
    }

    #[test]
    fn a_provider_is_left_alone_for_an_hour_and_a_quarter_at_most_whatever_it_asks_for() {
        for (asked, share, seconds) in [
            (3_600, 0, 3_600),
            (u64::MAX, 0, 3_600),
            (u64::MAX, 255, 4_496),
        ] {
            let hold = Hold::new(asked, true, moment(1_000, 50, None), share);
            assert_eq!(hold.seconds, seconds, "{asked} {share}");
        }
    }

    #[test]
    fn a_stored_hold_that_is_longer_than_any_of_ours_is_cut() {
        let endless = Hold {
            set: moment(1_000, 50, Some("a")),
            seconds: u64::MAX,
            rate_limited: true,
        };
        for (now, left) in [
            (moment(1_000, 50, Some("a")), Left::Seconds(4_500)),
            (moment(1_400, 450, Some("a")), Left::Seconds(4_100)),
            (moment(500, 3, Some("b")), Left::Anew(4_500)),
        ] {
            assert_eq!(endless.left(&now), left, "{now:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_spread_over_a_quarter_more_and_never_shortened() {
        for (share, seconds) in [(0, 1_024), (1, 1_025), (128, 1_152), (255, 1_279)] {
            let hold = Hold::new(1_024, false, moment(1_000, 50, Some("a")), share);
            assert_eq!(hold.seconds, seconds, "{share}");
            assert_eq!(hold.left(&hold.set), Left::Seconds(seconds), "{share}");
        }
    }
}

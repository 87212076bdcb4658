//! A moment by both of a device's clocks, so that a clock that was set cannot make it older or younger than it is
//! (refresh.md §4.5). Pure: the clocks are read by whoever makes one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// How far two clocks may have gone apart and still be said to agree, in seconds.
const AGREE: u64 = 5;

/// When something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// Unix seconds by the wall clock, which anybody may set.
    pub(crate) wall: i64,
    /// Whole seconds since the device was started, by the clock that nobody sets.
    pub(crate) boot: u64,
    /// The milliseconds beyond `boot`. Without them two sends that are 1.1 seconds apart could pass for 2.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) boot_millis: u16,
    /// Names that start of the device, where the system tells.
    #[serde(default)]
    pub(crate) boot_id: Option<String>,
}

/// How long ago a moment was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elapsed {
    /// So many seconds, for certain.
    Seconds(u64),
    /// The device was started anew in between.
    OtherBoot,
    /// One of the clocks was set, or the device was started anew: they cannot tell.
    Unknown,
}

impl Moment {
    pub(crate) fn now(clock: &dyn Clock) -> Self {
        let boot = clock.boot();
        Self {
            wall: clock.wall(),
            boot: boot.as_secs(),
            boot_millis: u16::try_from(boot.subsec_millis()).unwrap_or(0),
            boot_id: clock.boot_id(),
        }
    }

    /// How long before `now` this was, in seconds that are over: by the boot clock alone where it is the same start of
    /// the device, else by both clocks where they agree.
    pub(crate) fn elapsed(&self, now: &Self) -> Elapsed {
        let since = now.since_start().checked_sub(self.since_start());
        let by_boot = since.map(|since| since.as_secs());
        match (&self.boot_id, &now.boot_id) {
            (Some(then), Some(now)) if then == now => {
                by_boot.map_or(Elapsed::Unknown, Elapsed::Seconds)
            }
            (Some(_), Some(_)) => Elapsed::OtherBoot,
            _ => match (by_boot, self.by_wall(now)) {
                (Some(boot), Some(wall)) if boot.abs_diff(wall) <= AGREE => Elapsed::Seconds(boot),
                _ => Elapsed::Unknown,
            },
        }
    }

    fn since_start(&self) -> Duration {
        Duration::from_secs(self.boot)
            .saturating_add(Duration::from_millis(u64::from(self.boot_millis)))
    }

    /// The seconds since by the wall clock alone; `None` if it lies before this moment.
    pub(crate) fn by_wall(&self, now: &Self) -> Option<u64> {
        u64::try_from(now.wall.checked_sub(self.wall)?).ok()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a field by reference"
)]
fn is_zero(millis: &u16) -> bool {
    *millis == 0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn moment(wall: i64, boot: u64, boot_id: Option<&str>) -> Moment {
        Moment {
            wall,
            boot,
            boot_millis: 0,
            boot_id: boot_id.map(str::to_owned),
        }
    }

    /// The same moment so many milliseconds later.
    pub(crate) fn and_millis(mut moment: Moment, millis: u16) -> Moment {
        moment.boot_millis = millis;
        moment
    }

    #[test]
    fn only_seconds_that_are_over_count() {
        let then = and_millis(moment(1_000, 50, Some("a")), 900);
        for (boot, millis, elapsed) in [
            (52, 0, Elapsed::Seconds(1)),
            (52, 899, Elapsed::Seconds(1)),
            (52, 900, Elapsed::Seconds(2)),
            (50, 899, Elapsed::Unknown),
        ] {
            let now = and_millis(moment(1_002, boot, Some("a")), millis);
            assert_eq!(then.elapsed(&now), elapsed, "{boot}.{millis}");
        }
    }

    #[test]
    fn within_one_start_of_the_device_the_boot_clock_alone_counts() {
        let then = moment(1_000, 50, Some("a"));
        for wall in [1_010, 4_600, -1, 0] {
            let now = moment(wall, 60, Some("a"));
            assert_eq!(then.elapsed(&now), Elapsed::Seconds(10), "{wall}");
        }
    }

    #[test]
    fn after_another_start_nothing_that_ran_then_runs_now() {
        let then = moment(1_000, 50, Some("a"));
        assert_eq!(
            then.elapsed(&moment(1_010, 60, Some("b"))),
            Elapsed::OtherBoot
        );
    }

    #[test]
    fn without_a_name_for_the_start_both_clocks_must_agree() {
        let then = moment(1_000, 50, None);
        assert_eq!(then.elapsed(&moment(1_011, 60, None)), Elapsed::Seconds(10));
        for (wall, boot) in [(4_600, 60), (990, 60), (1_010, 40), (1_010, 20)] {
            let now = moment(wall, boot, None);
            assert_eq!(then.elapsed(&now), Elapsed::Unknown, "{wall} {boot}");
        }
    }
}

//! What surrounds a client: the clock, chance, a provider in good or bad weather, and an API.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::protocol::token::{Verdict, parse_token_answer, verdict};
use crate::session::moment::Moment;
use crate::types::Rotation;

/// The second in which a run begins, by every device's boot clock: later than the longest life of a token.
pub(super) const START: u64 = 10_000;
/// The same second by the wall clock.
const WALL: u64 = 1_700_000_000;

/// A clock that is moved by hand. All devices have the same: the worst case.
pub(super) struct Hands(AtomicU64);

impl Hands {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(START))
    }

    pub(super) fn set(&self, second: u64) {
        self.0.store(START + second, Ordering::Relaxed);
    }

    /// Seconds since the beginning of the run.
    pub(super) fn second(&self) -> u64 {
        self.0.load(Ordering::Relaxed) - START
    }
}

impl Clock for Hands {
    fn wall(&self) -> i64 {
        (WALL + self.second()).cast_signed()
    }

    fn boot(&self) -> Duration {
        Duration::from_secs(START + self.second())
    }

    fn boot_id(&self) -> Option<String> {
        Some("boot".to_owned())
    }
}

/// The moment so many seconds before the run's second `second`.
pub(super) fn moment_before(second: u64, seconds: u64) -> Moment {
    Moment {
        wall: (WALL + second - seconds).cast_signed(),
        boot: START + second - seconds,
        boot_millis: 0,
        boot_id: Some("boot".to_owned()),
    }
}

/// Random numbers that are the same in each run with one seed (splitmix64, by Steele, Lea and Flood).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn share(&mut self) -> u16 {
        self.next().to_be_bytes()[0..2]
            .try_into()
            .map_or(0, u16::from_be_bytes)
    }
}

/// What is wrong with the provider.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// Connections are refused.
    Refused,
    /// 503, a page of a gateway.
    Unavailable { retry_after: Option<u64> },
    /// 429.
    TooMany { retry_after: Option<u64> },
    /// 429 with `Retry-After` as a date: the same second for all.
    TooManyUntil { second: u64 },
    /// The provider does its work, and one answer in so many is lost on its way.
    Lossy { one_in: u64 },
}

/// What a request has come to.
pub(super) enum Answer {
    Tokens,
    Refused,
    Lost,
    /// The status, as the real code judges it, and `Retry-After`.
    Judged(Verdict, Option<u64>),
}

/// The provider's side of one session.
#[derive(Clone, Copy, Default)]
pub(super) struct Grant {
    /// The number of the refresh token that was issued last.
    issued: u64,
}

/// The provider. It rotates refresh tokens, and a spent one ends the session, except that under
/// [`Rotation::Parent`] the one before the last is taken.
pub(super) struct Provider {
    pub(super) trouble: Option<(Range<u64>, Trouble)>,
    pub(super) rotation: Rotation,
    pub(super) life: u64,
}

impl Provider {
    /// One request with refresh token number `token`.
    pub(super) fn answer(
        &self,
        grant: &mut Grant,
        token: u64,
        second: u64,
        chance: &mut Chance,
    ) -> Answer {
        let trouble = self
            .trouble
            .as_ref()
            .filter(|(when, _)| when.contains(&second));
        match trouble.map(|(_, trouble)| *trouble) {
            Some(Trouble::Refused) => Answer::Refused,
            Some(Trouble::Unavailable { retry_after }) => judged(503, retry_after),
            Some(Trouble::TooMany { retry_after }) => judged(429, retry_after),
            Some(Trouble::TooManyUntil { second: until }) => judged(429, Some(until - second)),
            Some(Trouble::Lossy { one_in }) => match grant.answer(token, self.rotation) {
                Answer::Tokens if chance.below(one_in) == 0 => Answer::Lost,
                answer => answer,
            },
            None => grant.answer(token, self.rotation),
        }
    }
}

impl Grant {
    fn answer(&mut self, token: u64, rotation: Rotation) -> Answer {
        if token == self.issued {
            self.issued += 1;
            Answer::Tokens
        } else if rotation == Rotation::Parent && token + 1 == self.issued {
            Answer::Tokens
        } else {
            Answer::Judged(Verdict::Ended, None)
        }
    }
}

/// An answer without tokens, read and judged by the code that reads and judges real ones.
fn judged(status: u16, retry_after: Option<u64>) -> Answer {
    let problem = parse_token_answer(status, Some("text/html"), &[], b"").expect_err("no tokens");
    Answer::Judged(verdict(&problem), retry_after)
}

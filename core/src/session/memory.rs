//! What this process knows of the session, and whether its access token is still good.

use std::sync::Arc;
use std::time::Duration;

use super::moment::{Elapsed, Moment};
use super::record::{Live, SessionRecord, State};
use super::vault::Tag;
use crate::clock::{Clock, random};
use crate::types::{Session, SignedOutReason, StorageReason};

/// The session in memory.
#[derive(Clone)]
pub(crate) enum Memory {
    /// The store was not read yet.
    Unread,
    /// The store could not be read; the next call tries again.
    Failed { reason: StorageReason },
    /// What the store holds, or will hold.
    Known(Known),
}

#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) record: Option<Arc<SessionRecord>>,
    /// The tag of what is in the store.
    pub(crate) tag: Option<Tag>,
    pub(crate) lifetime: Lifetime,
    /// Whether the store holds `record`.
    pub(crate) persisted: bool,
    /// Why there is no record, where that is not simply that nobody logged in.
    pub(crate) lost: bool,
}

impl Known {
    pub(crate) fn new(record: Option<SessionRecord>, tag: Option<Tag>, clock: &dyn Clock) -> Self {
        let lifetime = record
            .as_ref()
            .and_then(SessionRecord::live)
            .map_or(Lifetime::default(), |live| Lifetime::of(live, clock));
        Self {
            record: record.map(Arc::new),
            tag,
            lifetime,
            persisted: true,
            lost: false,
        }
    }

    /// Puts back an access token that the store was too small for.
    pub(crate) fn complete(&mut self, token: Option<oauth2::AccessToken>) {
        if let (Some(record), Some(live)) = (&self.record, self.live())
            && live.access_token.is_none()
        {
            self.record = Some(Arc::new(record.with(Live {
                access_token: token,
                ..live.clone()
            })));
        }
    }

    /// Whether both have the same access token, whose life is measured already.
    pub(crate) fn has_the_token_of(&self, other: &Self) -> bool {
        let token = |known: &Self| {
            let live = known.live()?;
            Some((
                live.access_token.as_ref()?.secret().clone(),
                live.obtained.clone(),
            ))
        };
        token(self).is_some() && token(self) == token(other)
    }

    pub(crate) fn live(&self) -> Option<&Live> {
        self.record.as_ref()?.live()
    }

    /// Why nobody is logged in; `None` where somebody is.
    pub(crate) fn signed_out(&self, clock: &dyn Clock) -> Option<SignedOutReason> {
        match self.record.as_deref().map(|record| &record.state) {
            None if self.lost => Some(SignedOutReason::StorageLost),
            None => Some(SignedOutReason::Never),
            Some(State::Ended(ending)) => Some(ending.reason()),
            Some(State::Live(live)) => {
                let over = live.refresh_token.is_none() && self.lifetime.left(clock) == Some(0);
                over.then_some(SignedOutReason::Expired)
            }
        }
    }

    /// For the app's eyes.
    pub(crate) fn snapshot(&self, issuer: &str, clock: &dyn Clock) -> Session {
        if let Some(reason) = self.signed_out(clock) {
            return Session::SignedOut { reason };
        }
        let Some(live) = self.live() else {
            return Session::SignedOut {
                reason: SignedOutReason::Never,
            };
        };
        Session::SignedIn {
            issuer: issuer.to_owned(),
            subject: live.subject.clone(),
            scopes: live.scopes.clone(),
            claims_json: serde_json::Value::Object(live.claims.clone()).to_string(),
            expires_in_seconds: self.lifetime.left(clock),
            refreshable: live.refresh_token.is_some(),
            persisted: self.persisted,
        }
    }
}

/// Until when an access token is good, by both clocks: the one that says less is believed (refresh.md §4.5). Of a token
/// that is not there nothing is left, whatever its dates say.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lifetime {
    obtained_at: i64,
    wall_end: Option<i64>,
    boot_end: Option<Duration>,
    margin: u64,
    lifetime: u64,
}

impl Lifetime {
    fn of(live: &Live, clock: &dyn Clock) -> Self {
        let share = random::<2>().map_or(u16::MAX / 2, u16::from_be_bytes);
        Self::with_share(live, clock, share)
    }

    /// `share` is random.
    pub(crate) fn with_share(live: &Live, clock: &dyn Clock, share: u16) -> Self {
        if live.access_token.is_none() {
            return Self {
                wall_end: Some(i64::MIN),
                boot_end: Some(Duration::ZERO),
                ..Self::default()
            };
        }
        let Some(wall_end) = live.expires_at else {
            return Self::default();
        };
        let obtained_at = live.obtained.wall;
        let lifetime = u64::try_from(wall_end.saturating_sub(obtained_at)).unwrap_or(0);
        let wall = clock.wall();
        let left = match live.obtained.elapsed(&Moment::now(clock)) {
            Elapsed::Seconds(gone) => lifetime.saturating_sub(gone),
            // A clock that was set back knows nothing about a token from its future.
            Elapsed::OtherBoot | Elapsed::Unknown if wall + MAX_SET_BACK < obtained_at => 0,
            Elapsed::OtherBoot | Elapsed::Unknown => {
                u64::try_from(wall_end.saturating_sub(wall)).unwrap_or(0)
            }
        };
        Self {
            obtained_at,
            wall_end: Some(wall_end),
            boot_end: Some(clock.boot() + Duration::from_secs(left.min(lifetime))),
            margin: margin(lifetime, share),
            lifetime,
        }
    }

    /// Seconds that are left; `None` where the provider did not say.
    pub(crate) fn left(&self, clock: &dyn Clock) -> Option<u64> {
        let (wall_end, boot_end) = (self.wall_end?, self.boot_end?);
        let wall = clock.wall();
        let by_boot = boot_end.saturating_sub(clock.boot()).as_secs();
        if wall + MAX_SET_BACK < self.obtained_at {
            return Some(by_boot);
        }
        let by_wall = u64::try_from(wall_end.saturating_sub(wall)).unwrap_or(0);
        Some(by_wall.min(by_boot))
    }

    /// Whether the token is good for at least `min_validity` seconds, or past its margin where nothing is asked.
    pub(crate) fn is_fresh(&self, min_validity: Option<u64>, clock: &dyn Clock) -> bool {
        match self.left(clock) {
            None => true,
            // A token that lives shorter than is wished for is fresh for a quarter of its life: else each call would
            // renew it.
            Some(left) => {
                left > min_validity
                    .unwrap_or(self.margin)
                    .min(self.lifetime / 4 * 3)
            }
        }
    }
}

/// A wall clock is taken for set back when it lies before the token by more seconds than this.
const MAX_SET_BACK: i64 = 60;

/// 10 s and up to 30 s more, at most half the lifetime; drawn once a token, so that a fleet does not refresh
/// in one moment and one client does not waver.
pub(crate) fn margin(lifetime: u64, share: u16) -> u64 {
    let jitter = u64::from(share) * 30 / u64::from(u16::MAX);
    (10 + jitter).min(lifetime / 2)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::session::record::tests::live;

    struct Hands(Mutex<(i64, u64)>);

    impl Clock for Hands {
        fn wall(&self) -> i64 {
            self.0.lock().unwrap().0
        }
        fn boot(&self) -> Duration {
            Duration::from_secs(self.0.lock().unwrap().1)
        }
        fn boot_id(&self) -> Option<String> {
            Some("boot".to_owned())
        }
    }

    fn lifetime(hands: &Hands) -> Lifetime {
        Lifetime::of(&live(), hands) // from 1,000 to 4,600
    }

    #[test]
    fn a_new_token_is_fresh_and_an_old_one_is_not() {
        let hands = Hands(Mutex::new((1_000, 50)));
        let token = lifetime(&hands);
        assert!(token.is_fresh(None, &hands));
        *hands.0.lock().unwrap() = (4_595, 3_645);
        assert!(!token.is_fresh(None, &hands), "inside every margin");
        assert_eq!(token.left(&hands), Some(5));
    }

    #[test]
    fn a_wall_clock_that_is_set_back_does_not_make_a_token_live_longer() {
        let hands = Hands(Mutex::new((1_000, 50)));
        let token = lifetime(&hands);
        *hands.0.lock().unwrap() = (900, 50 + 3_599);
        assert_eq!(token.left(&hands), Some(1));
    }

    #[test]
    fn a_wall_clock_that_is_set_forward_is_believed() {
        let hands = Hands(Mutex::new((1_000, 50)));
        let token = lifetime(&hands);
        *hands.0.lock().unwrap() = (5_000, 51);
        assert_eq!(token.left(&hands), Some(0));
    }

    #[test]
    fn a_stored_token_is_measured_by_the_boot_clock_where_the_device_was_not_started_anew() {
        for wall in [500, 1_100, 0, -1] {
            let hands = Hands(Mutex::new((wall, 50 + 3_500)));
            assert_eq!(lifetime(&hands).left(&hands), Some(100), "{wall}");
        }
    }

    #[test]
    fn a_stored_token_from_the_future_of_this_clock_is_not_used() {
        let hands = Hands(Mutex::new((500, 50)));
        let mut live = live();
        live.obtained.boot_id = Some("another boot".to_owned());
        assert!(!Lifetime::of(&live, &hands).is_fresh(None, &hands));
    }

    #[test]
    fn a_token_that_is_not_there_is_over_whatever_its_dates_say() {
        let hands = Hands(Mutex::new((1_000, 50)));
        for expires_at in [Some(4_600), None] {
            let mut live = live();
            live.access_token = None;
            live.expires_at = expires_at;
            let absent = Lifetime::of(&live, &hands);
            assert_eq!(absent.left(&hands), Some(0), "{expires_at:?}");
            for min_validity in [None, Some(0), Some(60)] {
                assert!(!absent.is_fresh(min_validity, &hands), "{expires_at:?}");
            }
        }
    }

    #[test]
    fn a_short_lived_token_is_fresh_for_half_its_life() {
        assert_eq!(margin(8, u16::MAX), 4);
        assert_eq!((margin(3_600, 0), margin(3_600, u16::MAX)), (10, 40));
    }

    #[test]
    fn a_session_without_a_refresh_token_is_over_with_its_access_token() {
        let hands = Hands(Mutex::new((1_000, 50)));
        let mut live = live();
        live.refresh_token = None;
        let record = SessionRecord::new("i", "c", "s".to_owned(), State::Live(Box::new(live)));
        let known = Known::new(Some(record), None, &hands);
        assert_eq!(known.signed_out(&hands), None);
        *hands.0.lock().unwrap() = (4_600, 3_650);
        assert_eq!(known.signed_out(&hands), Some(SignedOutReason::Expired));
    }
}

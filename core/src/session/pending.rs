//! The logins that are open: what an answer from the browser is checked with, kept across the death of the process.
//!
//! One record holds them all (a few at most), so that old ones can be erased without listing the store. A login that
//! was used or has expired leaves its state's hash for a while, to tell "already used" from "not ours".

use ring::digest;
use serde::{Deserialize, Serialize};

use super::moment::{Elapsed, Moment};
use super::record::{MAX_BYTES, Unreadable, check_version};
use crate::protocol::encoding::{b64url, same};
use crate::types::CallbackIgnoredReason;

/// How long a login may take.
pub(crate) const LIFETIME_SECONDS: i64 = 15 * 60;
/// How long an ended login is remembered.
const MEMORY_SECONDS: i64 = 60 * 60;
/// How many open logins are kept: the oldest makes room.
const MAX_OPEN: usize = 4;
const MAX_ENDED: usize = 16;
const SCHEMA: u32 = 1;

/// What binds an answer to its login.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PendingLogin {
    pub(crate) state: String,
    pub(crate) nonce: Option<String>,
    pub(crate) code_verifier: String,
    pub(crate) redirect_uri: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) token_endpoint: String,
    pub(crate) iss_required: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) max_age_seconds: Option<u64>,
    pub(crate) created_at: i64,
    /// The same by both clocks, so that a clock that is set while the person is in the browser ends no login.
    #[serde(default)]
    pub(crate) created: Option<Moment>,
}

/// A login that was used, or that expired: its secrets are gone.
#[derive(Clone, Serialize, Deserialize)]
struct EndedLogin {
    state_hash: String,
    expired: bool,
    at: i64,
}

/// The record `logins.…`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PendingLogins {
    schema: u32,
    open: Vec<PendingLogin>,
    ended: Vec<EndedLogin>,
}

impl Default for PendingLogins {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            open: Vec::new(),
            ended: Vec::new(),
        }
    }
}

impl PendingLogin {
    /// A name for it that nothing can be finished with.
    pub(crate) fn id(&self) -> String {
        hash(&self.state)
    }
}

impl PendingLogins {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        check_version(bytes, SCHEMA)?;
        serde_json::from_slice(bytes).map_err(|_| Unreadable::Corrupt)
    }

    /// The bytes to store. Where they are too many, the oldest login makes room.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut smaller = self.clone();
        loop {
            let bytes = serde_json::to_vec(&smaller).unwrap_or_default();
            if bytes.len() <= MAX_BYTES || smaller.open.len() <= 1 {
                return bytes;
            }
            smaller.open.remove(0);
        }
    }

    /// Adds a login that begins now.
    pub(crate) fn open(&mut self, login: PendingLogin, now: &Moment) {
        self.expire(now);
        if self.open.len() >= MAX_OPEN {
            self.open.remove(0);
        }
        self.open.push(login);
    }

    /// The open login with this state. Compared in constant time, before anything else of the callback is looked at
    ///
    pub(crate) fn find(
        &self,
        state: &str,
        now: &Moment,
    ) -> Result<&PendingLogin, CallbackIgnoredReason> {
        let mut found = None;
        for login in &self.open {
            if same(login.state.as_bytes(), state.as_bytes()) {
                found = Some(login);
            }
        }
        match found {
            Some(login) if is_over(login, now) => Err(CallbackIgnoredReason::Expired),
            Some(login) => Ok(login),
            None => {
                let hash = hash(state);
                Err(match self.ended.iter().find(|e| e.state_hash == hash) {
                    Some(EndedLogin { expired: true, .. }) => CallbackIgnoredReason::Expired,
                    Some(_) => CallbackIgnoredReason::AlreadyUsed,
                    None if self.open.iter().any(|login| !is_over(login, now)) => {
                        CallbackIgnoredReason::StateMismatch
                    }
                    None => CallbackIgnoredReason::NoPendingLogin,
                })
            }
        }
    }

    /// Takes the login out: it is consumed once, whatever its answer says.
    pub(crate) fn take(&mut self, state: &str, now: &Moment) {
        let Some(index) = self.open.iter().position(|login| login.state == state) else {
            return;
        };
        let login = self.open.remove(index);
        self.remember(&login, false, now);
        self.expire(now);
    }

    /// Forgets the login with this id: from now on its answer is one to no login. False if it is not open.
    pub(crate) fn cancel(&mut self, id: &str) -> bool {
        let before = self.open.len();
        self.open.retain(|login| login.id() != id);
        self.open.len() < before
    }

    /// Erases the secrets of logins that took too long.
    fn expire(&mut self, now: &Moment) {
        let (over, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|login| is_over(login, now));
        self.open = open;
        let over: Vec<PendingLogin> = over;
        for login in &over {
            self.remember(login, true, now);
        }
        self.ended
            .retain(|ended| now.wall.saturating_sub(ended.at) < MEMORY_SECONDS);
        let surplus = self.ended.len().saturating_sub(MAX_ENDED);
        self.ended.drain(..surplus);
    }

    fn remember(&mut self, login: &PendingLogin, expired: bool, now: &Moment) {
        self.ended.push(EndedLogin {
            state_hash: hash(&login.state),
            expired,
            at: now.wall,
        });
    }
}

/// By the boot clock where that can tell. Else by the wall clock, of whose future a login is that has begun before the
/// clock was set back: how old it is cannot be said.
fn is_over(login: &PendingLogin, now: &Moment) -> bool {
    match login.created.as_ref().map(|created| created.elapsed(now)) {
        Some(Elapsed::Seconds(seconds)) => seconds >= LIFETIME_SECONDS.unsigned_abs(),
        _ => login.created_at.abs_diff(now.wall) >= LIFETIME_SECONDS.unsigned_abs(),
    }
}

fn hash(state: &str) -> String {
    b64url(digest::digest(&digest::SHA256, state.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::super::moment::tests::moment;
    use super::*;

    fn login(state: &str, created_at: i64) -> PendingLogin {
        PendingLogin {
            state: state.to_owned(),
            nonce: None,
            code_verifier: "v".to_owned(),
            redirect_uri: "com.example.app:/cb".to_owned(),
            issuer: "https://op.example".to_owned(),
            client_id: "app".to_owned(),
            token_endpoint: "https://op.example/token".to_owned(),
            iss_required: false,
            scopes: Vec::new(),
            resources: Vec::new(),
            max_age_seconds: None,
            created_at,
            created: None,
        }
    }

    fn at(wall: i64) -> Moment {
        moment(wall, 0, None)
    }

    fn why(logins: &PendingLogins, state: &str, now: i64) -> Option<CallbackIgnoredReason> {
        logins.find(state, &at(now)).err()
    }

    #[test]
    fn an_answer_finds_its_login_once() {
        let mut logins = PendingLogins::default();
        logins.open(login("a", 0), &at(0));
        logins.open(login("b", 1), &at(1));
        assert!(logins.find("a", &at(2)).is_ok());
        logins.take("a", &at(2));
        assert_eq!(
            why(&logins, "a", 3),
            Some(CallbackIgnoredReason::AlreadyUsed)
        );
        assert!(logins.find("b", &at(3)).is_ok());
    }

    #[test]
    fn a_login_that_was_given_up_has_no_answer_and_the_others_go_on() {
        let mut logins = PendingLogins::default();
        logins.open(login("a", 0), &at(0));
        logins.open(login("b", 0), &at(0));
        let id = login("a", 0).id();
        assert!(logins.cancel(&id) && !logins.cancel(&id));
        assert_eq!(
            why(&logins, "a", 1),
            Some(CallbackIgnoredReason::StateMismatch)
        );
        assert!(logins.find("b", &at(1)).is_ok());
    }

    #[test]
    fn another_state_is_a_mismatch_only_while_a_login_is_open() {
        let mut logins = PendingLogins::default();
        assert_eq!(
            why(&logins, "x", 0),
            Some(CallbackIgnoredReason::NoPendingLogin)
        );
        logins.open(login("a", 0), &at(0));
        assert_eq!(
            why(&logins, "x", 0),
            Some(CallbackIgnoredReason::StateMismatch)
        );
    }

    #[test]
    fn a_login_expires_and_its_verifier_is_erased_by_the_next_one() {
        let mut logins = PendingLogins::default();
        logins.open(login("a", 0), &at(0));
        assert_eq!(
            why(&logins, "a", LIFETIME_SECONDS),
            Some(CallbackIgnoredReason::Expired)
        );
        logins.open(login("b", LIFETIME_SECONDS), &at(LIFETIME_SECONDS));
        assert_eq!(logins.open.len(), 1);
        assert_eq!(
            why(&logins, "a", LIFETIME_SECONDS + 1),
            Some(CallbackIgnoredReason::Expired)
        );
    }

    #[test]
    fn the_oldest_of_too_many_makes_room_and_the_record_stays_small() {
        let mut logins = PendingLogins::default();
        for n in 0..100 {
            logins.open(login(&format!("s{n}"), n), &at(n));
            logins.take(&format!("s{}", n - 1), &at(n));
        }
        for n in 100..110 {
            logins.open(login(&format!("s{n}"), n), &at(n));
        }
        assert_eq!(logins.open.len(), MAX_OPEN);
        assert!(logins.encode().len() < 16 * 1024);
        // Of those that were used, the sixteen that came last are remembered.
        assert_eq!(logins.ended.len(), 16);
        for (state, reason) in [
            ("s98", CallbackIgnoredReason::AlreadyUsed),
            ("s83", CallbackIgnoredReason::AlreadyUsed),
            ("s82", CallbackIgnoredReason::StateMismatch),
        ] {
            assert_eq!(why(&logins, state, 110), Some(reason), "{state}");
        }
    }

    #[test]
    fn by_the_boot_clock_a_login_is_over_after_a_quarter_of_an_hour_and_not_before() {
        let begun = moment(1_000, 50, Some("a"));
        let mut logins = PendingLogins::default();
        let mut timed = login("a", begun.wall);
        timed.created = Some(begun.clone());
        logins.open(timed, &begun);
        // The wall clock was set meanwhile, or was not: it is not asked.
        for wall in [1_900, 0, 900_000] {
            let found = |boot| logins.find("a", &moment(wall, boot, Some("a"))).err();
            assert_eq!(found(50 + 899), None, "{wall}");
            assert_eq!(
                found(50 + 900),
                Some(CallbackIgnoredReason::Expired),
                "{wall}"
            );
        }
    }

    #[test]
    fn a_login_from_the_future_of_a_clock_that_was_set_back_is_over() {
        let mut logins = PendingLogins::default();
        logins.open(login("a", 10_000), &at(10_000));
        assert_eq!(why(&logins, "a", 10_000 - 899), None);
        for now in [10_000 - 900, 0] {
            let reason = Some(CallbackIgnoredReason::Expired);
            assert_eq!(why(&logins, "a", now), reason, "{now}");
        }
    }

    #[test]
    fn a_login_that_has_ended_is_forgotten_after_an_hour() {
        for (now, reason) in [
            (3_599, CallbackIgnoredReason::AlreadyUsed),
            (3_600, CallbackIgnoredReason::StateMismatch),
        ] {
            let mut logins = PendingLogins::default();
            logins.open(login("a", 0), &at(0));
            logins.take("a", &at(0));
            logins.open(login("b", now), &at(now));
            assert_eq!(why(&logins, "a", now), Some(reason), "{now}");
        }
    }

    #[test]
    fn logins_too_large_to_be_stored_together_make_room_for_the_newest() {
        let mut logins = PendingLogins::default();
        for n in 0..4 {
            let mut large = login(&format!("s{n}"), n);
            large.scopes = vec!["s".repeat(6_000)];
            logins.open(large, &at(n));
        }
        let bytes = logins.encode();
        assert!(bytes.len() <= MAX_BYTES);
        let read = PendingLogins::decode(&bytes).expect("ours");
        assert!(read.find("s3", &at(4)).is_ok() && read.find("s0", &at(4)).is_err());
    }

    #[test]
    fn bytes_that_are_no_record_are_told_from_those_of_a_newer_version() {
        assert_eq!(
            PendingLogins::decode(b"{}").err(),
            Some(Unreadable::Corrupt)
        );
        assert_eq!(
            PendingLogins::decode(b"{\"schema\":99}").err(),
            Some(Unreadable::Newer)
        );
    }
}

//! The session's one record, as it is stored: versioned JSON, bound to its issuer and client.

mod upgrade;

use oauth2::{AccessToken, RefreshToken};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claim::Claim;
use super::hold::Hold;
use super::moment::Moment;
use crate::types::SignedOutReason;

/// The version that is written. Older ones are read (`upgrade`), a newer one is left alone ([`Unreadable::Newer`]).
const SCHEMA: u32 = 2;
/// What a store takes (refresh.md §4.1).
pub(crate) const MAX_BYTES: usize = 16 * 1024;
/// What the scopes may take of it.
const MAX_SCOPES: usize = MAX_BYTES / 2;

/// One session, live or ended. `generation` goes up with each refresh, so an old answer never replaces a new one.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    schema: u32,
    issuer: String,
    client_id: String,
    /// Random, one a login.
    pub(crate) session_id: String,
    pub(crate) generation: u64,
    pub(crate) state: State,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Live(Box<Live>),
    /// A tombstone: an absent record would let a late answer in.
    Ended(Ending),
}

/// What a live session consists of. Times are Unix seconds by the device's wall clock.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Live {
    pub(crate) subject: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    /// The ID token's claims.
    pub(crate) claims: Map<String, Value>,
    /// The login's nonce: a refreshed ID token may repeat it, and no other (OIDC Core §12.2).
    pub(crate) nonce: Option<String>,
    pub(crate) refresh_token: Option<RefreshToken>,
    /// `None` only where the record would be too large with it.
    pub(crate) access_token: Option<AccessToken>,
    /// When the access token was asked for: its life is counted from here, by both clocks.
    pub(crate) obtained: Moment,
    /// The end of that life by the wall clock of `obtained`.
    pub(crate) expires_at: Option<i64>,
    /// Where the refresh token was issued, for a refresh while the metadata cannot be had.
    pub(crate) token_endpoint: String,
    pub(crate) logged_in_at: i64,
    pub(crate) refreshed_at: Option<i64>,
    /// Whether the last refresh left the refresh token as it was: then a repeat is always right.
    pub(crate) refresh_token_kept: bool,
    /// A refresh that is under way or was cut off.
    pub(crate) claim: Option<Claim>,
    /// The provider asked to be left alone for a while.
    #[serde(default)]
    pub(crate) hold: Option<Hold>,
    /// Definite refusals of the provider since the last success that were none of a session's ends.
    #[serde(default)]
    pub(crate) refusals: Refusals,
}

/// Refusals that go on, at least a minute apart: after three of them a new login is the way out (a client that is gone, say).
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusals {
    count: u32,
    last_at: i64,
}

impl Refusals {
    /// With one more, at this time.
    pub(crate) fn and_one(self, now: i64) -> Self {
        if self.count > 0 && now.abs_diff(self.last_at) < 60 {
            return self;
        }
        Self {
            count: self.count.saturating_add(1),
            last_at: now,
        }
    }

    pub(crate) fn go_on(self) -> bool {
        self.count >= 3
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) reason: String,
    pub(crate) at: i64,
    pub(crate) logged_in_at: Option<i64>,
}

impl Ending {
    pub(crate) fn reason(&self) -> SignedOutReason {
        SignedOutReason::from_word(&self.reason).unwrap_or(SignedOutReason::LoggedOut)
    }
}

/// Why stored bytes are no record of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A newer version of the app wrote it: left alone.
    Newer,
    /// Not a record, or another issuer's or client's under this name.
    Corrupt,
}

/// Looks at a record's version before anything else of it.
pub(crate) fn check_version(bytes: &[u8], known: u32) -> Result<u32, Unreadable> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    match serde_json::from_slice(bytes) {
        Ok(Version { schema }) if schema > known => Err(Unreadable::Newer),
        Ok(Version { schema }) => Ok(schema),
        Err(_) => Err(Unreadable::Corrupt),
    }
}

/// What a record that cannot be made smaller than a store takes is refused with.
#[derive(Debug)]
pub(crate) struct TooLarge;

impl SessionRecord {
    pub(crate) fn new(issuer: &str, client_id: &str, session_id: String, state: State) -> Self {
        Self {
            schema: SCHEMA,
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            session_id,
            generation: 0,
            state,
        }
    }

    /// The same session one generation later.
    pub(crate) fn next(&self, state: State) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            state,
            ..self.clone()
        }
    }

    /// The same generation with another state: for a claim, which changes no token.
    pub(crate) fn with(&self, live: Live) -> Self {
        Self {
            state: State::Live(Box::new(live)),
            ..self.clone()
        }
    }

    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.state {
            State::Live(live) => Some(live),
            State::Ended(_) => None,
        }
    }

    /// Whether a person ended it.
    pub(crate) fn is_logout(&self) -> bool {
        matches!(&self.state, State::Ended(ending) if ending.reason() == SignedOutReason::LoggedOut)
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.session_id == other.session_id && self.generation == other.generation
    }

    /// When a person last decided about this session: logged in, or out.
    pub(crate) fn person_acted_at(&self) -> i64 {
        match &self.state {
            State::Live(live) => live.logged_in_at,
            State::Ended(ending) if ending.reason() == SignedOutReason::LoggedOut => ending.at,
            // A verdict is nobody's act: what counts is the login that it has ended.
            State::Ended(ending) => ending.logged_in_at.unwrap_or(ending.at),
        }
    }

    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.session_id == other.session_id && self.generation > other.generation
    }

    pub(crate) fn decode(bytes: &[u8], issuer: &str, client_id: &str) -> Result<Self, Unreadable> {
        let record: Option<Self> = match check_version(bytes, SCHEMA)? {
            SCHEMA => serde_json::from_slice(bytes).ok(),
            older => upgrade::read(bytes, older),
        };
        let record = record.ok_or(Unreadable::Corrupt)?;
        if record.issuer != issuer || record.client_id != client_id {
            return Err(Unreadable::Corrupt);
        }
        Ok(record)
    }

    /// The bytes to store. Where they are too many, the access token stays in memory alone (it can be had again),
    /// then all claims but the ones that name the person, then the scopes. The refresh token is what all is about.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        let whole = serde_json::to_vec(self).map_err(|_| TooLarge)?;
        let State::Live(live) = &self.state else {
            return Ok(whole);
        };
        if whole.len() <= MAX_BYTES {
            return Ok(whole);
        }
        let mut smaller = (**live).clone();
        for leave_out in [access_token, most_claims, scopes] {
            leave_out(&mut smaller);
            let bytes = serde_json::to_vec(&self.with(smaller.clone())).map_err(|_| TooLarge)?;
            if bytes.len() <= MAX_BYTES {
                return Ok(bytes);
            }
        }
        Err(TooLarge)
    }
}

fn access_token(live: &mut Live) {
    if live.refresh_token.is_some() {
        live.access_token = None;
    }
}

fn most_claims(live: &mut Live) {
    live.claims
        .retain(|name, _| matches!(name.as_str(), "sub" | "name" | "email" | "auth_time"));
}

fn scopes(live: &mut Live) {
    live.scopes.clear();
}

/// The scopes that an answer names; the ones before where it names none, or more than a record has room for.
pub(crate) fn scopes_of(answer: Option<Vec<String>>, before: Vec<String>) -> Vec<String> {
    let fit = |scopes: &Vec<String>| scopes.iter().map(String::len).sum::<usize>() <= MAX_SCOPES;
    answer.filter(fit).unwrap_or(before)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::moment::tests::moment;
    use super::*;

    pub(crate) fn live() -> Live {
        Live {
            subject: Some("alice".to_owned()),
            scopes: vec!["openid".to_owned()],
            resources: Vec::new(),
            claims: Map::new(),
            nonce: None,
            refresh_token: Some(RefreshToken::new("rt".to_owned())),
            access_token: Some(AccessToken::new("at".to_owned())),
            obtained: moment(1_000, 50, Some("boot")),
            expires_at: Some(4_600),
            token_endpoint: "https://op.example/token".to_owned(),
            logged_in_at: 1_000,
            refreshed_at: None,
            refresh_token_kept: false,
            claim: None,
            hold: None,
            refusals: Refusals::default(),
        }
    }

    #[test]
    fn refusals_go_on_when_three_came_a_minute_apart() {
        let mut refusals = Refusals::default();
        for at in [100, 110, 159, 160, 219] {
            refusals = refusals.and_one(at);
            assert!(!refusals.go_on(), "at {at}");
        }
        assert!(refusals.and_one(220).go_on());
    }

    fn record(live: Live) -> SessionRecord {
        SessionRecord::new(
            "https://op.example",
            "app",
            "id".to_owned(),
            State::Live(Box::new(live)),
        )
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = record(live()).encode().expect("small");
        let read = SessionRecord::decode(&bytes, "https://op.example", "app").expect("ours");
        assert_eq!(read.live().expect("live").subject.as_deref(), Some("alice"));
    }

    #[test]
    fn a_record_of_another_issuer_or_client_is_refused() {
        let bytes = record(live()).encode().expect("small");
        for (issuer, client) in [("https://evil.example", "app"), ("https://op.example", "b")] {
            assert_eq!(
                SessionRecord::decode(&bytes, issuer, client).err(),
                Some(Unreadable::Corrupt)
            );
        }
    }

    #[test]
    fn a_newer_version_is_left_alone() {
        let mut record = record(live());
        record.schema = SCHEMA + 1;
        let bytes = serde_json::to_vec(&record).expect("json");
        assert_eq!(
            SessionRecord::decode(&bytes, "https://op.example", "app").err(),
            Some(Unreadable::Newer)
        );
    }

    #[test]
    fn a_large_access_token_stays_in_memory_and_the_refresh_token_is_stored() {
        let mut large = live();
        large.access_token = Some(AccessToken::new("a".repeat(MAX_BYTES)));
        let bytes = record(large).encode().expect("fits without it");
        let read = SessionRecord::decode(&bytes, "https://op.example", "app").expect("ours");
        let live = read.live().expect("live");
        assert!(live.access_token.is_none());
        assert!(live.refresh_token.is_some());
    }

    #[test]
    fn large_claims_are_cut_down_to_the_ones_that_name_the_person() {
        let mut large = live();
        large.claims.insert("name".to_owned(), "Alice".into());
        large
            .claims
            .insert("groups".to_owned(), "g".repeat(MAX_BYTES).into());
        let bytes = record(large).encode().expect("fits without them");
        let read = SessionRecord::decode(&bytes, "https://op.example", "app").expect("ours");
        let claims = &read.live().expect("live").claims;
        assert_eq!(claims.keys().collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn of_a_record_that_is_too_large_the_scopes_go_before_the_refresh_token() {
        let mut large = live();
        large.refresh_token = Some(RefreshToken::new("r".repeat(MAX_SCOPES)));
        large.scopes = vec!["s".repeat(MAX_SCOPES)];
        let bytes = record(large).encode().expect("fits without them");
        let read = SessionRecord::decode(&bytes, "https://op.example", "app").expect("ours");
        let live = read.live().expect("live");
        assert!(live.refresh_token.is_some());
        assert!(live.scopes.is_empty());
    }

    #[test]
    fn scopes_that_leave_no_room_are_not_taken() {
        let old = || vec!["openid".to_owned()];
        let fit = vec!["s".repeat(MAX_SCOPES / 2), "t".repeat(MAX_SCOPES / 2)];
        assert_eq!(scopes_of(Some(fit.clone()), old()), fit);
        let mut more = fit;
        more.push("u".to_owned());
        assert_eq!(scopes_of(Some(more), old()), old());
        assert_eq!(scopes_of(None, old()), old());
    }
}

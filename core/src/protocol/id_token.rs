//! The claims of an ID token whose signature was verified: OIDC Core §3.1.3.7 at the login, §12.2
//! at a refresh. Each check fails with its own word.

use super::ProtocolError;
use super::encoding::{b64url, same};
use super::jwk::Algorithm;
use ring::digest::{SHA256, SHA512, digest};
use serde_json::{Map, Value};
use std::fmt;

/// The members of a JWT Claims Set.
type Claims = Map<String, Value>;

/// How far two clocks may be apart, in seconds.
const TOLERANCE: i64 = 60;

/// Longest subject identifier (OIDC Core §2, `sub`).
const MAX_SUBJECT: usize = 255;

/// What the login that is being finished expects of its ID token.
pub struct Expected<'a> {
    /// The configured issuer.
    pub issuer: &'a str,
    /// Our client identifier.
    pub client_id: &'a str,
    /// The nonce of the authorization request; if there was none, the token may have none.
    pub nonce: Option<&'a str>,
    /// The `max_age` of the authorization request.
    pub max_age: Option<u64>,
    /// Values of `acr` of which one was requested as essential (OIDC Core §5.5.1.1), or a resource
    /// server asked for (RFC 9470 §5); empty where the request was voluntary or there was none.
    pub essential_acr: &'a [String],
    /// The access token that came with it.
    pub access_token: &'a str,
    /// This machine's time.
    pub now: i64,
    /// The `Date` of the token answer, to tell a wrong clock of ours from a stale token.
    pub server_date: Option<i64>,
}

/// What the session expects of a refreshed ID token: that it speaks of the same login.
pub struct RefreshExpected<'a> {
    /// The configured issuer.
    pub issuer: &'a str,
    /// Our client identifier.
    pub client_id: &'a str,
    /// The subject of the session.
    pub subject: &'a str,
    /// The `auth_time` of the login's ID token, if it had one.
    pub auth_time: Option<i64>,
    /// The nonce of the login, if it had one.
    pub nonce: Option<&'a str>,
    /// The new access token.
    pub access_token: &'a str,
    /// This machine's time.
    pub now: i64,
}

/// An ID token's claims, checked.
#[derive(Clone, PartialEq)]
pub struct IdTokenClaims {
    /// `sub`.
    pub subject: String,
    /// `iat`.
    pub issued_at: i64,
    /// `auth_time`, if present.
    pub auth_time: Option<i64>,
    /// All claims, these included.
    pub claims: Claims,
}

/// What is wrong with a refreshed ID token, with the word of the check (refresh.md §4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshedIdTokenProblem {
    /// It names another subject or another issuer: the session ends, the tokens that came with it
    /// are not kept.
    #[error("the refreshed ID token is of another login (`{0}`)")]
    SubjectChanged(&'static str),
    /// Anything else: the ID token is dropped, the session lives.
    #[error("the refreshed ID token failed the check `{0}`")]
    Unverifiable(&'static str),
}

/// The outcome of one check; the error is its word.
type Check<T = ()> = Result<T, &'static str>;

/// Checks the claims of a login's ID token (R-039 … R-045).
pub fn check_claims(
    claims: Claims,
    algorithm: Algorithm,
    expected: &Expected<'_>,
) -> Result<IdTokenClaims, ProtocolError> {
    let checked = || -> Check<String> {
        check_issuer(&claims, expected.issuer)?;
        check_audience(&claims, expected.client_id)?;
        check_sole_audience(&claims, expected.client_id)?;
        let subject = subject(&claims)?;
        check_nonce(&claims, expected.nonce)?;
        check_access_token_hash(&claims, algorithm, expected.access_token)?;
        check_acr(&claims, expected.essential_acr)?;
        Ok(subject.to_owned())
    };
    let subject = checked().map_err(ProtocolError::Untrusted)?;
    let times = |now| Times::check(&claims, expected.max_age, now);
    let times = times(expected.now).map_err(|check| {
        // If the token is good by the provider's clock, it is ours that is wrong.
        let date = expected.server_date.filter(|date| times(*date).is_ok());
        let skew = date.map(|date| expected.now.saturating_sub(date));
        match skew.filter(|skew| skew.unsigned_abs() > TOLERANCE.unsigned_abs()) {
            Some(skew_seconds) => ProtocolError::Clock { skew_seconds },
            None => ProtocolError::Untrusted(check),
        }
    })?;
    Ok(times.with(subject, claims))
}

/// Checks the claims of a refreshed ID token (R-047, OIDC Core §12.2).
///
/// Who the token is about comes first, and counts even if the signature could not be verified
/// (docs/design/refresh.md §4.3): the caller may pass claims that are not, for a verdict of `SubjectChanged`.
/// Every other failure costs the ID token and not the session: providers write `null` or an empty text into claims
/// that they mean to leave out.
pub fn check_refreshed(
    claims: Claims,
    algorithm: Algorithm,
    expected: &RefreshExpected<'_>,
) -> Result<IdTokenClaims, RefreshedIdTokenProblem> {
    use RefreshedIdTokenProblem::{SubjectChanged, Unverifiable};
    if names_another(&claims, "iss", expected.issuer) {
        return Err(SubjectChanged("issuer"));
    }
    if names_another(&claims, "sub", expected.subject) {
        return Err(SubjectChanged("subject"));
    }
    let checked = || -> Check<Times> {
        check_issuer(&claims, expected.issuer)?;
        require(text(&claims, "sub") == Some(expected.subject), "subject")?;
        check_audience(&claims, expected.client_id)?;
        // The nonce may be left out at a refresh.
        let nonce = expected.nonce.filter(|_| claims.contains_key("nonce"));
        check_nonce(&claims, nonce)?;
        check_sole_audience(&claims, expected.client_id)?;
        check_access_token_hash(&claims, algorithm, expected.access_token)?;
        let times = Times::check(&claims, None, expected.now)?;
        match (times.auth_time, expected.auth_time) {
            (Some(new), Some(old)) if new != old => Err("auth_time"),
            _ => Ok(times),
        }
    };
    let times = checked().map_err(Unverifiable)?;
    Ok(times.with(expected.subject.to_owned(), claims))
}

/// Whether a claim names somebody, and that is not `ours`. What is missing, null, empty or neither text nor number
/// names nobody.
fn names_another(claims: &Claims, name: &str, ours: &str) -> bool {
    match claims.get(name) {
        Some(Value::String(stated)) => !stated.is_empty() && stated != ours,
        Some(Value::Number(stated)) => stated.to_string() != ours,
        _ => false,
    }
}

impl fmt::Debug for IdTokenClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdTokenClaims").finish_non_exhaustive()
    }
}

/// `iss` is one string, the issuer byte for byte.
fn check_issuer(claims: &Claims, issuer: &str) -> Check {
    require(text(claims, "iss") == Some(issuer), "issuer")
}

/// `aud` is a string or a list of strings, with the client among them.
fn check_audience(claims: &Claims, client_id: &str) -> Check {
    let list = audiences(claims).unwrap_or_default();
    require(list.contains(&client_id), "audience")
}

/// No audience beside the client, since no other is trusted; `azp`, which must be there if `aud`
/// lists several, names the client.
fn check_sole_audience(claims: &Claims, client_id: &str) -> Check {
    let list = audiences(claims).unwrap_or_default();
    let sole = list.iter().all(|audience| *audience == client_id);
    require(sole, "audience")?;
    match claims.get("azp") {
        Some(party) => require(party == client_id, "authorized_party"),
        None => require(list.len() < 2, "authorized_party"),
    }
}

/// `sub` is a string of 1 to 255 characters (OIDC Core §2).
fn subject(claims: &Claims) -> Check<&str> {
    let fits = |subject: &&str| !subject.is_empty() && subject.chars().count() <= MAX_SUBJECT;
    text(claims, "sub").filter(fits).ok_or("subject")
}

/// The nonce that was sent comes back; none comes if none was sent.
fn check_nonce(claims: &Claims, nonce: Option<&str>) -> Check {
    match nonce {
        Some(sent) => {
            let back = |back: &str| same(back.as_bytes(), sent.as_bytes());
            require(text(claims, "nonce").is_some_and(back), "nonce")
        }
        None => require(!claims.contains_key("nonce"), "nonce"),
    }
}

/// `at_hash`, if present, is the left half of the access token's hash, by the hash function of
/// `alg` (OIDC Core §3.1.3.6); Ed25519's is SHA-512 (RFC 8032 §5.1).
fn check_access_token_hash(claims: &Claims, algorithm: Algorithm, token: &str) -> Check {
    let Some(stated) = claims.get("at_hash") else {
        return Ok(());
    };
    let function = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &SHA256,
        Algorithm::EdDsa => &SHA512,
    };
    let hash = digest(function, token.as_bytes());
    let (left, _) = hash.as_ref().split_at(function.output_len() / 2);
    let matches = |stated: &str| same(stated.as_bytes(), b64url(left).as_bytes());
    require(stated.as_str().is_some_and(matches), "at_hash")
}

/// One of the values that were asked for, if any.
fn check_acr(claims: &Claims, essential: &[String]) -> Check {
    let met = |acr| essential.iter().any(|value| value == acr);
    let holds = essential.is_empty() || text(claims, "acr").is_some_and(met);
    require(holds, "acr")
}

/// The claims that are times.
struct Times {
    issued_at: i64,
    auth_time: Option<i64>,
}

impl Times {
    /// `exp` is to come, `iat` and `nbf` are past, and the person logged in within `max_age`
    /// all with the tolerance.
    fn check(claims: &Claims, max_age: Option<u64>, now: i64) -> Check<Times> {
        let latest = now.saturating_add(TOLERANCE);
        let expiry = date(claims, "exp", "expiry")?.ok_or("expiry")?;
        require(now < expiry.saturating_add(TOLERANCE), "expiry")?;
        let issued_at = date(claims, "iat", "issued_at")?.ok_or("issued_at")?;
        require(issued_at <= latest, "issued_at")?;
        let not_before = date(claims, "nbf", "not_before")?;
        require(not_before.is_none_or(|time| time <= latest), "not_before")?;
        let auth_time = date(claims, "auth_time", "auth_time")?;
        if let Some(max_age) = max_age {
            let longest = TOLERANCE.saturating_add_unsigned(max_age);
            let fresh = |time| time <= latest && now.saturating_sub(time) <= longest;
            require(auth_time.is_some_and(fresh), "auth_time")?;
        }
        Ok(Times {
            issued_at,
            auth_time,
        })
    }

    fn with(self, subject: String, claims: Claims) -> IdTokenClaims {
        IdTokenClaims {
            subject,
            issued_at: self.issued_at,
            auth_time: self.auth_time,
            claims,
        }
    }
}

/// A NumericDate: any JSON number, of which whole seconds count (RFC 7519 §2).
fn date(claims: &Claims, name: &str, check: &'static str) -> Check<Option<i64>> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    // `as` from a float saturates.
    let seconds = value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64));
    seconds.map(Some).ok_or(check)
}

/// Nothing unless `aud` is a string or a list of strings.
fn audiences(claims: &Claims) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn require(holds: bool, check: &'static str) -> Check {
    if holds { Ok(()) } else { Err(check) }
}

#[cfg(test)]
mod tests;

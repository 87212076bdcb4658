//! The guard of an API: which access tokens are good, and how the others are refused.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::provider::{CLIENT_ID, Provider};

/// Why a request is refused (RFC 6750 §3.1, RFC 9470 §3).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// The parameters of the challenge after the realm.
    challenge: String,
    message: String,
}

impl Refusal {
    /// No token at all: RFC 6750 §3.1 wants no error code then.
    fn no_token() -> Refusal {
        Refusal {
            status: StatusCode::UNAUTHORIZED,
            challenge: String::new(),
            message: "This needs an access token. Log in and send it as Authorization: Bearer."
                .to_owned(),
        }
    }

    fn malformed(problem: &str) -> Refusal {
        Refusal {
            status: StatusCode::BAD_REQUEST,
            challenge: format!(", error=\"invalid_request\", error_description=\"{problem}\""),
            message: format!("The request is malformed: {problem}."),
        }
    }

    /// `problem` says what is wrong with "it", and what to do; no quotes in it.
    pub(crate) fn invalid(problem: &str) -> Refusal {
        let problem = quotable(problem);
        Refusal {
            status: StatusCode::UNAUTHORIZED,
            challenge: format!(", error=\"invalid_token\", error_description=\"{problem}\""),
            message: format!("The access token was refused: {problem}."),
        }
    }

    pub(crate) fn scope(scope: &str) -> Refusal {
        let description = format!("the access token lacks the scope {scope}");
        Refusal {
            status: StatusCode::FORBIDDEN,
            challenge: format!(
                ", error=\"insufficient_scope\", error_description=\"{description}\", \
                 scope=\"{scope}\""
            ),
            message: format!(
                "You are logged in, but {description}. Ask for it at the login; if it is not \
                 granted then, your user may not have it."
            ),
        }
    }

    pub(crate) fn step_up(acr: &str, max_age: u64) -> Refusal {
        Refusal {
            status: StatusCode::UNAUTHORIZED,
            challenge: format!(
                ", error=\"insufficient_user_authentication\", error_description=\"a stronger or \
                 more recent login is needed\", acr_values=\"{acr}\", max_age=\"{max_age}\""
            ),
            message: format!(
                "A stronger or more recent login is needed: log in again with acr_values={acr} \
                 and max_age={max_age}."
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let challenge = format!("Bearer realm=\"latchkey-devserver\"{}", self.challenge);
        let body = Json(json!({ "message": self.message }));
        let mut response =
            (self.status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What an `error_description` may hold (RFC 6750 §3): no quote, no backslash, ASCII.
fn quotable(text: &str) -> String {
    let fits = |char: char| matches!(char, ' '..='~') && char != '"' && char != '\\';
    text.chars()
        .map(|char| if fits(char) { char } else { '?' })
        .collect()
}

/// The token of the `Authorization` header (RFC 6750 §2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next().ok_or_else(Refusal::no_token)?;
    if lines.next().is_some() {
        return Err(Refusal::malformed("Authorization came more than once"));
    }
    let malformed = || Refusal::malformed("Authorization must be Bearer and a token");
    let (scheme, token) = line
        .to_str()
        .ok()
        .and_then(|line| line.split_once(' '))
        .ok_or_else(malformed)?;
    let b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let token = token.trim();
    match scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(b64token)
    {
        true => Ok(token),
        false => Err(malformed()),
    }
}

/// One text or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one).iter(),
            OneOrMany::Many(many) => many.iter(),
        }
    }
}

/// The claims that an API looks at, as several providers write them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    pub(crate) sub: Option<String>,
    aud: OneOrMany,
    exp: f64,
    nbf: Option<f64>,
    pub(crate) jti: Option<String>,
    scope: Option<OneOrMany>,
    scp: Option<OneOrMany>,
    permissions: Option<OneOrMany>,
    pub(crate) acr: Option<String>,
    pub(crate) auth_time: Option<u64>,
}

impl Claims {
    pub(crate) fn has(&self, scope: &str) -> bool {
        let lists = [&self.scope, &self.scp, &self.permissions];
        let mut texts = lists.into_iter().flatten().flat_map(OneOrMany::iter);
        texts.any(|text| text.split(' ').any(|word| word == scope))
    }
}

/// Which types of token are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typ {
    /// `at+jwt` only (RFC 9068 §4).
    AccessToken,
    /// Also `JWT`, or none, as many providers send.
    Any,
}

/// What a token must be to be good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audiences: &'a [String],
    pub(crate) typ: Typ,
    pub(crate) now: u64,
    /// Seconds by which the clocks of the provider and of the API may differ.
    pub(crate) leeway: u64,
}

/// The header of a token: what is needed to find its key.
pub(crate) fn read_header(
    token: &str,
    expected: Expected<'_>,
) -> Result<(Algorithm, Option<String>), Refusal> {
    let audience = expected.audiences.first().map_or("", String::as_str);
    // The most common mistake of all deserves the most exact words.
    if token.split('.').count() != 3 {
        return Err(Refusal::invalid(&format!(
            "it is opaque, not a JWT, because the login named no audience. Set the audience to \
             {audience} in the login configuration and log in again"
        )));
    }
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_| Refusal::invalid("its header cannot be read"))?;
    let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    let good = match expected.typ {
        Typ::AccessToken => typ == "at+jwt",
        Typ::Any => matches!(typ, "" | "jwt" | "at+jwt"),
    };
    if !good {
        return Err(Refusal::invalid(
            "its type is not at+jwt. Send the access token, not the ID token",
        ));
    }
    match header.alg {
        Algorithm::RS256 | Algorithm::ES256 => Ok((header.alg, header.kid)),
        _ => Err(Refusal::invalid("it is not signed with RS256 or ES256")),
    }
}

/// Checks signature and claims (RFC 9068 §4).
pub(crate) fn check(
    token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
    expected: Expected<'_>,
) -> Result<Claims, Refusal> {
    // Issuer, audience and time are compared below: with our words, and by our clock, which a
    // fault may have moved.
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims: Claims = jsonwebtoken::decode(token, key, &validation)
        .map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => {
                Refusal::invalid("its signature is wrong")
            }
            _ => Refusal::invalid("its claims cannot be read"),
        })?
        .claims;
    if claims.iss != expected.issuer {
        let text = format!("its issuer is {}, not {}", claims.iss, expected.issuer);
        return Err(Refusal::invalid(&text));
    }
    if !claims
        .aud
        .iter()
        .any(|audience| expected.audiences.contains(audience))
    {
        let audiences: Vec<_> = claims.aud.iter().map(String::as_str).collect();
        return Err(Refusal::invalid(&format!(
            "it is for {}, not for {}. Set the audience in the login configuration and log in again",
            audiences.join(" "),
            expected.audiences.join(" "),
        )));
    }
    if claims.exp + expected.leeway as f64 <= expected.now as f64 {
        return Err(Refusal::invalid("it has expired. Refresh it"));
    }
    if claims
        .nbf
        .is_some_and(|nbf| nbf > (expected.now + expected.leeway) as f64)
    {
        return Err(Refusal::invalid("it is not valid yet. Compare the clocks"));
    }
    Ok(claims)
}

/// Checks a JWT access token of our own provider; also whether it was revoked.
pub(crate) fn check_own(
    provider: &Provider,
    token: &str,
    audiences: &[String],
    now: u64,
) -> Result<Claims, Refusal> {
    let issuer = &provider.issuer;
    let expected = Expected {
        issuer,
        audiences,
        typ: Typ::AccessToken,
        now,
        // Both read the same clock: a token lives to the second.
        leeway: 0,
    };
    let (algorithm, kid) = read_header(token, expected)?;
    let key = kid.and_then(|kid| provider.keys.public(algorithm, &kid));
    let key = key.ok_or_else(|| Refusal::invalid("the key that signed it is not known"))?;
    let claims = check(token, algorithm, key, expected)?;
    let live = claims
        .jti
        .as_deref()
        .is_some_and(|jti| provider.grants().access(jti).is_some());
    match live {
        true => Ok(claims),
        false => Err(Refusal::invalid("it was revoked. Log in again")),
    }
}

/// The `jti` of a JWT that we signed, however old; for revocation.
pub(crate) fn own_jti(provider: &Provider, token: &str) -> Option<String> {
    own_claims(provider, token)?
        .get("jti")?
        .as_str()
        .map(str::to_owned)
}

/// The subject of an ID token that we issued to our client; it may have expired, as hints may
/// (RP-Initiated Logout §4).
pub(crate) fn id_token_subject(provider: &Provider, token: &str) -> Option<String> {
    let claims = own_claims(provider, token)?;
    let ours = claims.get("aud")? == CLIENT_ID && claims.get("iss")? == provider.issuer.as_str();
    claims
        .get("sub")
        .filter(|_| ours)?
        .as_str()
        .map(str::to_owned)
}

fn own_claims(provider: &Provider, token: &str) -> Option<Value> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let key = provider.keys.public(header.alg, header.kid.as_deref()?)?;
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    Some(jsonwebtoken::decode(token, key, &validation).ok()?.claims)
}

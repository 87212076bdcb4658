//! Provider metadata: where it is found and when it is believed (OpenID Connect Discovery 1.0,
//! RFC 8414).

use super::ProtocolError;
use super::json::parse_object;
use super::jwk::Algorithm;
use serde_json::{Map, Value};
use url::{Host, Url};

/// Metadata and keys are kept for at least a minute and at most a day.
const CACHE_RANGE: (u64, u64) = (60, 86_400);
/// What holds where the provider says nothing, or `no-store` as half of them do.
const CACHE_DEFAULT: u64 = 600;

/// What a provider says of itself, as far as a login needs it.
#[derive(Debug, Clone)]
pub struct ProviderMetadata {
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Option<Url>,
    pub userinfo_endpoint: Option<Url>,
    pub revocation_endpoint: Option<Url>,
    pub end_session_endpoint: Option<Url>,
    /// `authorization_response_iss_parameter_supported` (RFC 9207 §3).
    pub iss_parameter_supported: bool,
    /// What the provider lists and we accept. Empty: no ID token of this provider can be verified.
    pub algorithms: Vec<Algorithm>,
    /// `require_pushed_authorization_requests` (RFC 9126 §5).
    pub pushed_requests_required: bool,
}

/// An issuer that the developer configured (OpenID Connect Discovery §3, RFC 8414 §2): an endpoint
/// without a query. The reason of a refusal is for people.
pub fn check_issuer(issuer: &str) -> Result<Url, &'static str> {
    let url = check_endpoint(issuer)?;
    match url.query() {
        Some(_) => Err("must not have a query"),
        None => Ok(url),
    }
}

/// An address that secrets may go to: https, or http on this machine; a query is kept,
/// a fragment refused (RFC 6749 §3.1, §3.2), user information too.
pub fn check_endpoint(text: &str) -> Result<Url, &'static str> {
    // The URL parser repairs what it reads; who writes such an address means something else.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("must not contain white space, control characters or backslashes");
    }
    let url = Url::parse(text).map_err(|_| "is not an absolute URL")?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("must be https (http is for loopback addresses only)"),
        _ => return Err("must be an https URL"),
    }
    if has_user_information(text) {
        return Err("must not contain user information");
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    Ok(url)
}

/// Whether the host is this machine: an IP literal of 127.0.0.0/8 or ::1, or exactly `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether the authority of a URL, as it was written, has a user information part (`user@`).
pub fn has_user_information(text: &str) -> bool {
    let after_scheme = text.split_once(':').map_or(text, |(_, rest)| rest);
    let authority = after_scheme.trim_start_matches(['/', '\\']);
    let end = authority.find(['/', '\\', '?', '#']);
    authority
        .split_at(end.unwrap_or(authority.len()))
        .0
        .contains('@')
}

/// Where the metadata may be, in the order to ask: OpenID Connect appends to the issuer's
/// path (Discovery §4), RFC 8414 §3.1 inserts before it. Either removes a terminating slash first.
pub fn well_known_urls(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().strip_suffix('/').unwrap_or(issuer.path());
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

/// Reads the body of a 200. Absence is not refusal (metadata is incomplete as a rule), except for
/// what a login can't do without.
pub fn parse_metadata(
    configured_issuer: &str,
    body: &[u8],
) -> Result<ProviderMetadata, ProtocolError> {
    let members = parse_object(body).map_err(|_| NO_METADATA)?;
    // R-023, Discovery §4.3: code point by code point, no normalisation.
    if members.get("issuer").and_then(Value::as_str) != Some(configured_issuer) {
        return Err(ProtocolError::Untrusted("issuer"));
    }
    // a provider that lists methods and not S256 would leave the code unprotected.
    let methods = string_list(&members, "code_challenge_methods_supported")?;
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
        return Err(ProtocolError::Untrusted("pkce_method"));
    }
    let local = check_issuer(configured_issuer).is_ok_and(|issuer| is_loopback(&issuer));
    let endpoint = |name| endpoint(&members, name, local);
    Ok(ProviderMetadata {
        authorization_endpoint: endpoint("authorization_endpoint")?.ok_or(NO_METADATA)?,
        token_endpoint: endpoint("token_endpoint")?.ok_or(NO_METADATA)?,
        jwks_uri: endpoint("jwks_uri")?,
        userinfo_endpoint: endpoint("userinfo_endpoint")?,
        revocation_endpoint: endpoint("revocation_endpoint")?,
        end_session_endpoint: endpoint("end_session_endpoint")?,
        iss_parameter_supported: flag(&members, "authorization_response_iss_parameter_supported"),
        algorithms: algorithms(&members)?,
        pushed_requests_required: flag(&members, "require_pushed_authorization_requests"),
        // Only advice: a malformed list is no reason to fail a login.
    })
}

/// How long metadata or keys are fresh: `max-age` (RFC 9111 §5.2.2.1) within our bounds.
pub fn cache_seconds(cache_control: Option<&str>) -> u64 {
    let directives = || cache_control.unwrap_or_default().split(',').map(str::trim);
    if directives().any(|directive| directive.eq_ignore_ascii_case("no-store")) {
        return CACHE_DEFAULT;
    }
    let max_age = directives().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("max-age")
            .then(|| value.trim().trim_matches('"'))
    });
    match max_age {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            // Too many digits for a u64 are just a long time (RFC 9111 §1.2.2).
            digits
                .parse()
                .unwrap_or(u64::MAX)
                .clamp(CACHE_RANGE.0, CACHE_RANGE.1)
        }
        _ => CACHE_DEFAULT,
    }
}

/// A 200 whose body is no provider metadata.
const NO_METADATA: ProtocolError = ProtocolError::Answer {
    status: 200,
    code: None,
};

/// Plain http only from a provider that is itself on this machine.
fn endpoint(
    members: &Map<String, Value>,
    name: &str,
    local: bool,
) -> Result<Option<Url>, ProtocolError> {
    let text = match members.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(NO_METADATA),
    };
    match check_endpoint(text) {
        Ok(url) if url.scheme() == "https" || local => Ok(Some(url)),
        _ => Err(ProtocolError::Untrusted("endpoint")),
    }
}

/// RS256 where the provider is silent (it is the one that all must have, Core §15.1).
fn algorithms(members: &Map<String, Value>) -> Result<Vec<Algorithm>, ProtocolError> {
    let Some(listed) = string_list(members, "id_token_signing_alg_values_supported")? else {
        return Ok(vec![Algorithm::Rs256]);
    };
    let mut accepted = Vec::new();
    for algorithm in listed.iter().filter_map(|name| Algorithm::parse(name)) {
        if !accepted.contains(&algorithm) {
            accepted.push(algorithm);
        }
    }
    Ok(accepted)
}

fn flag(members: &Map<String, Value>, name: &str) -> bool {
    members.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn string_list(
    members: &Map<String, Value>,
    name: &str,
) -> Result<Option<Vec<String>>, ProtocolError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => Ok(Some(
            values
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        )),
        Some(_) => Err(NO_METADATA),
    }
}

#[cfg(test)]
mod tests;

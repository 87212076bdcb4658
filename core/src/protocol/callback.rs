//! The authorization response (RFC 6749 §4.1.2), as the system delivers it: a URL that anybody on
//! the device may have written.
//!
//! The order is the defence. `parse_callback` only finds the `state`; the caller looks for the
//! pending login with that state in constant time and compares the redirect URI; only then
//! `outcome` judges the rest.

use super::ProtocolError;
use super::discovery::has_user_information;
use super::encoding::error_code;
use super::resource::{check_path, raw_path};
use std::fmt;
use url::Url;

/// Longest URL that is looked at.
const MAX_URL: usize = 16 * 1024;
/// Longest authorization code.
const MAX_CODE: usize = 4096;

/// Response types that were never asked for.
const UNEXPECTED: [&str; 4] = ["access_token", "id_token", "response", "token"];

/// A URL that has exactly one `state`. Nothing else of it has been judged.
pub struct Callback {
    text: String,
    url: Url,
    state: String,
    parameters: Vec<(String, String)>,
}

/// What the provider answered. The issuer has been checked.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The authorization code.
    Code(String),
    /// The provider refused; the code has a safe set of characters.
    Error { code: String },
}

/// Reads a callback URL. None: it can't be the answer to any login, so it is to be ignored.
pub fn parse_callback(url: &str) -> Option<Callback> {
    if url.len() > MAX_URL || url.bytes().any(|b| b <= b' ' || b == 0x7F) {
        return None;
    }
    let parsed = Url::parse(url).ok()?;
    let parameters: Vec<(String, String)> = parsed
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut states = parameters.iter().filter(|(name, _)| name == "state");
    let state = match (states.next(), states.next()) {
        (Some((_, state)), None) if !state.is_empty() => state.clone(),
        _ => return None,
    };
    Some(Callback {
        text: url.to_owned(),
        url: parsed,
        state,
        parameters,
    })
}

impl Callback {
    /// To be compared with the pending login's in constant time, before all else.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Whether this URL is the redirect URI that the login was begun with, plus parameters:
    /// scheme and host in any case, port and path exactly, every parameter of the redirect URI.
    /// A loopback login keeps the URI with the port that it listened on: ports are exact there too.
    pub fn matches_redirect(&self, redirect_uri: &str) -> bool {
        let Ok(registered) = Url::parse(redirect_uri) else {
            return false;
        };
        let (Some(path), Some(registered_path)) =
            (plain_path(&self.text), plain_path(redirect_uri))
        else {
            return false;
        };
        // `com.example.app:/callback` and `com.example.app:///callback` both have an empty host:
        // systems rewrite one as the other.
        let host = |url: &Url| url.host_str().unwrap_or_default().to_ascii_lowercase();
        self.url.scheme() == registered.scheme()
            && host(&self.url) == host(&registered)
            && self.url.port_or_known_default() == registered.port_or_known_default()
            && path == registered_path
            && registered.query_pairs().all(|(name, value)| {
                self.parameters
                    .iter()
                    .any(|(n, v)| *n == name && *v == value)
            })
    }

    /// Judges the response of a login that was begun with `issuer`. `iss_required`: the metadata
    /// says that responses name their issuer (RFC 9207 §3).
    pub fn outcome(&self, issuer: &str, iss_required: bool) -> Result<Outcome, ProtocolError> {
        // R-017, RFC 6749 §3.1: which of two values counts differs between parsers.
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in self
            .parameters
            .iter()
            .filter(|(name, _)| is_oauth_parameter(name))
        {
            if seen.contains(&name.as_str()) {
                return Err(ProtocolError::Untrusted("duplicate_parameter"));
            }
            seen.push(name);
        }
        if UNEXPECTED
            .iter()
            .any(|name| seen.contains(name) || self.fragment_has(name))
        {
            return Err(ProtocolError::Untrusted("response_type"));
        }
        let code = self.parameter("code").filter(|code| !code.is_empty());
        let error = self.parameter("error").filter(|error| !error.is_empty());
        // R-016, RFC 9207 §2.4: compared wherever it is present. Some providers that advertise it
        // leave it out of errors, and an error carries nothing worth stealing.
        match self.parameter("iss") {
            Some(iss) if iss == issuer => {}
            None if !iss_required || (error.is_some() && code.is_none()) => {}
            _ => return Err(ProtocolError::Untrusted("issuer")),
        }
        match (code, error) {
            (Some(_), Some(_)) => Err(ProtocolError::Untrusted("code_and_error")),
            (Some(code), None) if is_code(code) => Ok(Outcome::Code(code.to_owned())),
            (None, Some(error)) => Ok(Outcome::Error {
                code: error_code(error).unwrap_or_else(|| "invalid_error_code".to_owned()),
            }),
            _ => Err(ProtocolError::Untrusted("callback_malformed")),
        }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The implicit flow answers in the fragment (RFC 6749 §4.2.2). Providers add harmless ones
    /// too (`#_=_`).
    fn fragment_has(&self, name: &str) -> bool {
        let fragment = self.url.fragment().unwrap_or_default();
        url::form_urlencoded::parse(fragment.as_bytes()).any(|(n, _)| n == name)
    }
}

/// Whether a name is a parameter of an authorization response that we know, so that it must come
/// once (RFC 6749 §4.1.2, §4.1.2.1, §4.2.2; RFC 9207 §2; JARM §2.1).
pub fn is_oauth_parameter(name: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "code",
        "error",
        "error_description",
        "error_uri",
        "expires_in",
        "iss",
        "scope",
        "state",
        "token_type",
    ];
    KNOWN.contains(&name) || UNEXPECTED.contains(&name)
}

/// Whether a raw path has a slash or backslash in disguise.
pub fn has_encoded_slash(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.contains("%2f") || path.contains("%5c")
}

/// The path as it was written, if it means the same to every parser. No path and `/` are one where
/// there is an authority (RFC 3986 §6.2.3).
fn plain_path(text: &str) -> Option<&str> {
    let address = text.split(['?', '#']).next()?;
    // The parser would read `https:\\host`, `https:/host` and `https:host` as `https://host`.
    let (scheme, rest) = address.split_once(':')?;
    let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    if has_user_information(address)
        || (web && (!rest.starts_with("//") || rest.starts_with("///")))
    {
        return None;
    }
    let path = raw_path(address)?;
    if check_path(path).is_err() || has_encoded_slash(path) || address.contains('\\') {
        return None;
    }
    Some(if path.is_empty() { "/" } else { path })
}

/// RFC 6749 Appendix A.11: `code = 1*VSCHAR`.
fn is_code(code: &str) -> bool {
    code.len() <= MAX_CODE && code.bytes().all(|b| matches!(b, 0x20..=0x7E))
}

impl fmt::Debug for Callback {
    /// A callback holds state and code, even in its errors' texts: nothing is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Code(_) => f.write_str("Code([redacted])"),
            Outcome::Error { code } => f.debug_struct("Error").field("code", code).finish(),
        }
    }
}

#[cfg(test)]
mod tests;

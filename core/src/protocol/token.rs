//! The token endpoint (RFC 6749 §4.1.3, §5, §6): the request's body, the strict reading of its
//! answer, and what a refused refresh means.
//!
//! A code exchange is never repeated once bytes may have left; whether a refresh may be is
//! the session's decision, by the verdict given here.

use super::ProtocolError;
use super::authorization::is_scope_token;
use super::encoding::error_code;
use super::json::{is_json, parse_object};
use super::packing::{self, PACKED, packing};
use oauth2::{AccessToken, RefreshToken};
use serde_json::{Map, Value};
use std::fmt;
use url::form_urlencoded::Serializer;

/// Longest token that is kept.
const MAX_TOKEN: usize = 16 * 1024;
/// A longer lifetime than ten years is taken as ten years.
const MAX_EXPIRES_IN: u64 = 10 * 365 * 86_400;

/// What the client exchanges for tokens.
pub enum Grant<'a> {
    /// RFC 6749 §4.1.3, RFC 7636 §4.5.
    AuthorizationCode {
        code: &'a str,
        code_verifier: &'a str,
        redirect_uri: &'a str,
    },
    /// RFC 6749 §6. No scopes: as granted before.
    RefreshToken {
        refresh_token: &'a str,
        scopes: &'a [String],
    },
}

/// The form-encoded body of a public client's token request: the client id, no secret.
/// It holds the grant's secrets and goes nowhere but into a POST to the token endpoint.
pub fn token_request(client_id: &str, grant: &Grant<'_>, resources: &[String]) -> String {
    let mut form = Serializer::new(String::new());
    match grant {
        Grant::AuthorizationCode {
            code,
            code_verifier,
            redirect_uri,
        } => {
            form.append_pair("grant_type", "authorization_code");
            form.append_pair("code", code);
            form.append_pair("redirect_uri", redirect_uri);
            form.append_pair("code_verifier", code_verifier);
        }
        Grant::RefreshToken {
            refresh_token,
            scopes,
        } => {
            form.append_pair("grant_type", "refresh_token");
            form.append_pair("refresh_token", refresh_token);
            if !scopes.is_empty() {
                form.append_pair("scope", &scopes.join(" "));
            }
        }
    }
    form.append_pair("client_id", client_id);
    // RFC 8707 §2.2.
    for resource in resources {
        form.append_pair("resource", resource);
    }
    form.finish()
}

/// A successful token response (RFC 6749 §5.1).
#[derive(Clone)]
pub struct TokenResponse {
    /// Opaque; safe to put into a header.
    pub access_token: AccessToken,
    /// None: the one that was used stays.
    pub refresh_token: Option<RefreshToken>,
    /// Not verified yet.
    pub id_token: Option<String>,
    /// None: unknown, so a 401 will tell.
    pub expires_in_seconds: Option<u64>,
    /// None: as requested.
    pub scopes: Option<Vec<String>>,
}

/// Why an answer gave no tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenProblem {
    /// An OAuth error (RFC 6749 §5.2), under whatever status.
    Error { status: u16, code: String },
    /// Not a valid answer of a token endpoint: the request may have been processed.
    Garbled { status: u16 },
    /// Packed, although the request said that it takes nothing packed: the same, with its cause.
    Packed { status: u16 },
    /// A success that must not be used: of an unknown token type, or a token that fits no header.
    Untrusted(&'static str),
}

/// Reads the answer.
pub fn parse_token_answer(
    status: u16,
    content_type: Option<&str>,
    content_encoding: &[&str],
    body: &[u8],
) -> Result<TokenResponse, TokenProblem> {
    if packing(content_encoding).is_some() {
        return Err(TokenProblem::Packed { status });
    }
    let garbled = TokenProblem::Garbled { status };
    if !is_json(content_type) {
        return Err(garbled);
    }
    let Ok(members) = parse_object(body) else {
        return Err(garbled);
    };
    // an error is an error even under 200. A null is how some serializers write "none".
    if let Some(error) = members.get("error").filter(|error| !error.is_null()) {
        let code = error.as_str().and_then(error_code);
        let code = code.unwrap_or_else(|| "invalid_error_code".to_owned());
        return Err(TokenProblem::Error { status, code });
    }
    let text = |name| text(&members, name).ok_or_else(|| garbled.clone());
    let (Some(access_token), Some(token_type), 200) =
        (text("access_token")?, text("token_type")?, status)
    else {
        return Err(garbled);
    };
    // RFC 6749 §7.1: a token of a type that we don't understand must not be used.
    if !token_type.eq_ignore_ascii_case("bearer") {
        return Err(TokenProblem::Untrusted("token_type"));
    }
    // Wider than the b64token of RFC 6750 §2.1, because providers are, but nothing that could end
    // a header line or its credentials.
    if access_token.len() > MAX_TOKEN || !access_token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(TokenProblem::Untrusted("access_token"));
    }
    let refresh_token = text("refresh_token")?;
    // RFC 6749 Appendix A.17: `1*VSCHAR`.
    let vschar = |b: u8| matches!(b, 0x20..=0x7E);
    if refresh_token.is_some_and(|token| token.len() > MAX_TOKEN || !token.bytes().all(vschar)) {
        return Err(TokenProblem::Untrusted("refresh_token"));
    }
    Ok(TokenResponse {
        access_token: AccessToken::new(access_token.to_owned()),
        refresh_token: refresh_token.map(|token| RefreshToken::new(token.to_owned())),
        id_token: text("id_token")?.map(str::to_owned),
        expires_in_seconds: members.get("expires_in").and_then(expires_in),
        scopes: members.get("scope").and_then(Value::as_str).map(scopes),
    })
}

/// What an answer without tokens means for a refresh (refresh.md §4.3, §4.7). Only `Ended` ends a
/// session, and only if the refresh token in the store is still the one that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The grant is no longer valid.
    Ended,
    /// The provider wants to see the person; the refresh token is kept.
    InteractionRequired { code: String },
    /// 429: not processed.
    RateLimited,
    /// May pass.
    Unavailable { maybe_processed: bool },
    /// The provider's own trouble or ours with it; the refresh token is kept.
    Provider {
        status: u16,
        code: Option<String>,
        maybe_processed: bool,
    },
}

/// Judges a refused or unreadable refresh.
pub fn verdict(problem: &TokenProblem) -> Verdict {
    match problem {
        TokenProblem::Error { status: 429, .. }
        | TokenProblem::Garbled { status: 429 }
        | TokenProblem::Packed { status: 429 } => Verdict::RateLimited,
        TokenProblem::Error { status, code } => error_verdict(*status, code),
        // A gateway may speak after the provider has committed.
        TokenProblem::Garbled { status: 500.. } | TokenProblem::Packed { status: 500.. } => {
            Verdict::Unavailable {
                maybe_processed: true,
            }
        }
        // A 4xx is a refusal even with an empty body (interop.md); 408 says that an answer took
        // too long, anything below 400 that one was lost or altered on its way.
        TokenProblem::Garbled { status } | TokenProblem::Packed { status } => {
            let maybe_processed = *status < 400 || *status == 408;
            let packed = matches!(problem, TokenProblem::Packed { .. });
            Verdict::Provider {
                status: *status,
                code: packed.then(|| PACKED.to_owned()),
                maybe_processed,
            }
        }
        TokenProblem::Untrusted(_) => Verdict::Provider {
            status: 200,
            code: None,
            maybe_processed: true,
        },
    }
}

fn error_verdict(status: u16, code: &str) -> Verdict {
    let maybe_processed = status >= 500;
    match code {
        // RFC 6749 §5.2 says 400, or 401; Auth0 answers 403 to a refresh token that is spent,
        // expired or revoked.
        "invalid_grant" if matches!(status, 400 | 401 | 403) => Verdict::Ended,
        "invalid_grant" if maybe_processed => Verdict::Unavailable { maybe_processed },
        "server_error" | "temporarily_unavailable" => Verdict::Unavailable { maybe_processed },
        // OpenID Connect Core §3.1.2.6 and Unmet Authentication Requirements; Auth0 (mfa_required).
        "interaction_required"
        | "login_required"
        | "consent_required"
        | "account_selection_required"
        | "unmet_authentication_requirements"
        | "mfa_required"
            if !maybe_processed =>
        {
            Verdict::InteractionRequired {
                code: code.to_owned(),
            }
        }
        _ => Verdict::Provider {
            status,
            code: Some(code.to_owned()),
            maybe_processed,
        },
    }
}

/// A member that is a string: `Some(None)` if it is absent, null or empty, None if it is something
/// else.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<Option<&'a str>> {
    match members.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => None,
    }
}

/// A lifetime as number (RFC 6749 §5.1) or, as some send it, as digits in a string.
fn expires_in(value: &Value) -> Option<u64> {
    let seconds = match value {
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(seconds), _) => seconds,
            // The cast floors and saturates.
            (None, Some(seconds)) if seconds >= 0.0 => seconds as u64,
            _ => return None,
        },
        Value::String(digits)
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            digits.parse().unwrap_or(u64::MAX)
        }
        _ => return None,
    };
    Some(seconds.min(MAX_EXPIRES_IN))
}

fn scopes(list: &str) -> Vec<String> {
    list.split(' ')
        .filter(|scope| is_scope_token(scope))
        .map(str::to_owned)
        .collect()
}

impl From<TokenProblem> for ProtocolError {
    fn from(problem: TokenProblem) -> ProtocolError {
        match problem {
            TokenProblem::Error { status, code } => ProtocolError::Answer {
                status,
                code: Some(code),
            },
            TokenProblem::Garbled { status } => ProtocolError::Answer { status, code: None },
            TokenProblem::Packed { status } => packing::packed(status),
            TokenProblem::Untrusted(check) => ProtocolError::Untrusted(check),
        }
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("refresh_token", &self.refresh_token.is_some())
            .field("id_token", &self.id_token.is_some())
            .field("expires_in_seconds", &self.expires_in_seconds)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! What a protected API says when it refuses: `WWW-Authenticate` (RFC 9110 §11.6.1), its error
//! parameters (RFC 6750 §3, RFC 9470 §3), and the message to show.

use super::authorization::is_scope_token;
use super::encoding::{error_code, printable};
use super::json::{is_json, parse_object};
use serde_json::Value;

/// Bounds on what is read of the headers.
const MAX_BYTES: usize = 8 * 1024;
const MAX_CHALLENGES: usize = 16;
const MAX_PARAMETERS: usize = 32;
/// Longest text that is shown or passed on.
const MAX_TEXT: usize = 512;

/// One challenge. Its values are untrusted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub scheme: String,
    /// Names in lower case, each once.
    pub parameters: Vec<(String, String)>,
}

/// Reads all challenges of all header lines, as far as they are well-formed. A token68 is skipped.
pub fn parse_challenges(values: &[&str]) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut budget = MAX_BYTES;
    for value in values {
        match budget.checked_sub(value.len()) {
            Some(left) => budget = left,
            None => break,
        }
        parse_line(value, &mut challenges);
    }
    challenges
}

/// The error parameters of a Bearer challenge, made safe to show and to send on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BearerError {
    pub error: Option<String>,
    pub description: Option<String>,
    pub scope: Option<String>,
    pub acr_values: Option<String>,
    pub max_age_seconds: Option<u64>,
}

/// Takes the Bearer challenge, or else the DPoP one (RFC 9449 §7.1); one with an `error` first.
pub fn bearer_error(challenges: &[Challenge]) -> BearerError {
    let of = |scheme: &'static str| {
        challenges
            .iter()
            .filter(move |challenge| challenge.scheme.eq_ignore_ascii_case(scheme))
    };
    let ours = || of("bearer").chain(of("dpop"));
    let with_error = ours().find(|challenge| challenge.get("error").is_some());
    let Some(challenge) = with_error.or_else(|| ours().next()) else {
        return BearerError::default();
    };
    let text = |name| {
        let text = printable(challenge.get(name)?, MAX_TEXT);
        Some(text).filter(|text| !text.is_empty())
    };
    BearerError {
        error: challenge.get("error").and_then(error_code),
        description: text("error_description"),
        scope: challenge.get("scope").and_then(scope),
        acr_values: text("acr_values"),
        max_age_seconds: challenge.get("max_age").and_then(seconds),
    }
}

/// What to do about an API's answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiVerdict {
    /// Refresh the access token and repeat, once.
    RefreshOnce,
    /// No refresh helps: the person has to log in for more.
    StepUp {
        reason: StepUpReason,
        scope: Option<String>,
        acr_values: Option<String>,
        max_age_seconds: Option<u64>,
    },
    /// 429 (RFC 6585 §4).
    RateLimited,
    /// 503.
    Unavailable,
    /// An error of the API's own.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUpReason {
    /// RFC 6750 §3.1.
    InsufficientScope,
    /// RFC 9470 §3.
    InsufficientUserAuthentication,
}

/// Judges a status of 400 or more. The two step-up errors count under 401 and 403 alike: APIs mix
/// the two up, and a refresh gives neither a wider scope nor a fresher authentication.
pub fn api_verdict(status: u16, bearer: &BearerError) -> ApiVerdict {
    let reason = match bearer.error.as_deref() {
        Some("insufficient_scope") => Some(StepUpReason::InsufficientScope),
        Some("insufficient_user_authentication") => {
            Some(StepUpReason::InsufficientUserAuthentication)
        }
        _ => None,
    };
    match (status, reason) {
        (401 | 403, Some(reason)) => ApiVerdict::StepUp {
            reason,
            scope: bearer.scope.clone(),
            acr_values: bearer.acr_values.clone(),
            max_age_seconds: bearer.max_age_seconds,
        },
        (401, None) => ApiVerdict::RefreshOnce,
        (429, _) => ApiVerdict::RateLimited,
        (503, _) => ApiVerdict::Unavailable,
        _ => ApiVerdict::Refused,
    }
}

/// The text for the person, in the order of interop.md: the JSON body's, the challenge's, or ours.
pub fn message_to_show(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
    bearer: &BearerError,
) -> String {
    let members = if is_json(content_type) {
        parse_object(body).ok()
    } else {
        None
    };
    let from_body = members.and_then(|members| {
        ["message", "error_description", "title", "detail"]
            .iter()
            .find_map(|name| {
                let text = printable(members.get(*name).and_then(Value::as_str)?, MAX_TEXT);
                Some(text).filter(|text| !text.is_empty())
            })
    });
    from_body
        .or_else(|| bearer.description.clone())
        .unwrap_or_else(|| words(status))
}

fn words(status: u16) -> String {
    let words = match status {
        400 => "the API did not understand the request",
        401 => "the API did not accept the login",
        403 => "the API does not allow this",
        404 => "the API does not know this address",
        429 => "the API got too many requests",
        503 => "the API is not available now",
        500..=599 => "the API failed",
        _ => "the API refused the request",
    };
    format!("{words} (status {status})")
}

impl Challenge {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Commas separate both challenges and parameters; what a word is shows in what follows it: `=`
/// makes it a parameter of the challenge before it, anything else a new scheme.
fn parse_line(line: &str, challenges: &mut Vec<Challenge>) {
    let mut current: Option<Challenge> = None;
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = take(rest, is_token_char);
        if word.is_empty() {
            break;
        }
        if let Some(after) = after.trim_start_matches([' ', '\t']).strip_prefix('=') {
            let (Some(challenge), Some((value, after))) = (&mut current, parameter_value(after))
            else {
                break;
            };
            let name = word.to_ascii_lowercase();
            // Each name once (RFC 9110 §11.2): the first counts.
            if challenge.parameters.len() < MAX_PARAMETERS && challenge.get(&name).is_none() {
                challenge.parameters.push((name, value));
            }
            rest = after;
        } else {
            challenges.extend(current.take());
            if challenges.len() >= MAX_CHALLENGES {
                return;
            }
            current = Some(Challenge {
                scheme: word.to_owned(),
                parameters: Vec::new(),
            });
            rest = skip_token68(after);
        }
    }
    challenges.extend(current);
}

/// A quoted string with its escapes resolved, or what stands up to the next comma or space.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = take(text, |c| !matches!(c, ',' | ' ' | '\t'));
        return Some((value.to_owned(), after));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

/// `token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`, and then the end or a
/// comma: so `abc==` is one, and `realm=x` is not.
fn skip_token68(after_scheme: &str) -> &str {
    let text = after_scheme.trim_start_matches([' ', '\t']);
    let (_, after) = take(text, |c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
    let after = after
        .trim_start_matches('=')
        .trim_start_matches([' ', '\t']);
    let separated = text.len() < after_scheme.len();
    if separated && (after.is_empty() || after.starts_with(',')) {
        after
    } else {
        after_scheme
    }
}

fn take(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// RFC 9110 §5.6.2.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

fn scope(list: &str) -> Option<String> {
    let scopes: Vec<&str> = list
        .split(' ')
        .filter(|scope| is_scope_token(scope))
        .collect();
    Some(scopes.join(" ")).filter(|scope| !scope.is_empty() && scope.len() <= MAX_TEXT)
}

fn seconds(digits: &str) -> Option<u64> {
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;

//! What a protected API says when it refuses: `WWW-Authenticate` (RFC 9110 §11.6.1), its error
//! parameters (RFC 6750 §3, RFC 9470 §3), and the message to show.

use super::authorization::is_scope_token;
use super::encoding::{error_code, printable};
use super::json::{is_json, parse_object};
use serde_json::Value;

/// Bounds on what is read of the headers (R-069).
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
    /// Refresh the access token and repeat, once (R-055).
    RefreshOnce,
    /// No refresh helps: the person has to log in for more (R-062).
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
mod tests {
    use super::*;

    /// Challenges as (scheme, "name=value|name=value").
    fn parse(values: &[&str]) -> Vec<(String, String)> {
        let shown = |challenge: Challenge| {
            let parameters: Vec<String> = challenge
                .parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            (challenge.scheme, parameters.join("|"))
        };
        parse_challenges(values).into_iter().map(shown).collect()
    }

    fn challenges(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(s, p)| ((*s).to_owned(), (*p).to_owned()))
            .collect()
    }

    fn error_of(values: &[&str]) -> BearerError {
        bearer_error(&parse_challenges(values))
    }

    #[test]
    fn one_line_may_hold_two_challenges() {
        assert_eq!(
            parse(&[r#"Bearer realm="api", DPoP algs="RS256 ES256""#]),
            challenges(&[("Bearer", "realm=api"), ("DPoP", "algs=RS256 ES256")])
        );
        assert_eq!(
            parse(&[r#"Bearer realm="api", error="invalid_token",DPoP algs="ES256""#]),
            challenges(&[
                ("Bearer", "realm=api|error=invalid_token"),
                ("DPoP", "algs=ES256")
            ])
        );
    }

    #[test]
    fn two_lines_are_read_as_one_list() {
        assert_eq!(
            parse(&["Bearer", "DPoP error=\"use_dpop_nonce\""]),
            challenges(&[("Bearer", ""), ("DPoP", "error=use_dpop_nonce")])
        );
    }

    #[test]
    fn the_examples_of_the_standards_are_read() {
        // RFC 9110 §11.6.1.
        assert_eq!(
            parse(&[
                r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#
            ]),
            challenges(&[
                ("Basic", "realm=simple"),
                ("Newauth", "realm=apps|type=1|title=Login to \"apps\"")
            ])
        );
        // RFC 9470 §3.
        assert_eq!(
            error_of(&[
                r#"Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="myACR", max_age="5""#
            ]),
            BearerError {
                error: Some("insufficient_user_authentication".to_owned()),
                description: Some("A different authentication level is required".to_owned()),
                scope: None,
                acr_values: Some("myACR".to_owned()),
                max_age_seconds: Some(5),
            }
        );
    }

    #[test]
    fn odd_but_legal_spellings_are_read() {
        for (line, expected) in [
            ("Negotiate", vec![("Negotiate", "")]),
            ("Negotiate YWJj==", vec![("Negotiate", "")]),
            (
                "Negotiate YWJj== , Bearer a=b",
                vec![("Negotiate", ""), ("Bearer", "a=b")],
            ),
            ("Negotiate, Bearer", vec![("Negotiate", ""), ("Bearer", "")]),
            (
                " , ,Bearer , realm = \"x\" ,, ",
                vec![("Bearer", "realm=x")],
            ),
            (
                "Bearer a=\"x, DPoP y=z\", b=2",
                vec![("Bearer", "a=x, DPoP y=z|b=2")],
            ),
            ("Bearer A=1, a=2", vec![("Bearer", "a=1")]),
            ("Bearer a=\"1\" b=\"2\"", vec![("Bearer", "a=1|b=2")]),
            (
                "Bearer u=https://a.example/x?y=z, c=d",
                vec![("Bearer", "u=https://a.example/x?y=z|c=d")],
            ),
            ("bearer\terror=\"\"", vec![("bearer", "error=")]),
        ] {
            assert_eq!(parse(&[line]), challenges(&expected), "{line}");
        }
    }

    #[test]
    fn a_malformed_line_gives_what_was_readable_before_the_fault() {
        for (line, expected) in [
            ("", vec![]),
            ("=", vec![]),
            ("realm=\"x\"", vec![]),
            ("\"Bearer\"", vec![]),
            ("Bearer a=1, b=\"open", vec![("Bearer", "a=1")]),
            ("Bearer a=1, b=\"open\\", vec![("Bearer", "a=1")]),
            ("Bearer a=1, {b}, c=2", vec![("Bearer", "a=1")]),
            ("Bearer ä=1", vec![("Bearer", "")]),
        ] {
            assert_eq!(parse(&[line]), challenges(&expected), "{line}");
        }
    }

    #[test]
    fn eight_kibibytes_and_sixteen_challenges_are_read_and_no_more() {
        assert_eq!(parse(&["A, ".repeat(100).as_str()]).len(), MAX_CHALLENGES);
        let long = format!("Bearer a=\"{}\"", "x".repeat(MAX_BYTES));
        assert_eq!(
            parse(&["Basic", &long, "DPoP"]),
            challenges(&[("Basic", "")])
        );
        let many: String = (0..100).map(|n| format!("p{n}=1,")).collect();
        let read = parse_challenges(&[&format!("Bearer {many}")]);
        assert_eq!(
            read.first().map(|challenge| challenge.parameters.len()),
            Some(MAX_PARAMETERS)
        );
    }

    #[test]
    fn the_bearer_challenge_counts_and_one_with_an_error_first() {
        let error = |line: &str| error_of(&[line]).error;
        assert_eq!(error("Bearer realm=\"api\", DPoP algs=\"ES256\""), None);
        assert_eq!(
            error("Basic error=x, BEARER error=\"invalid_token\"").as_deref(),
            Some("invalid_token")
        );
        assert_eq!(error("DPoP error=a, Bearer error=b").as_deref(), Some("b"));
        assert_eq!(error("Bearer realm=x, DPoP error=a").as_deref(), Some("a"));
        assert_eq!(error("Basic error=x"), None);
        assert_eq!(error_of(&[]), BearerError::default());
    }

    #[test]
    fn what_an_api_says_is_made_safe() {
        let bearer = error_of(&[
            "Bearer error=\"a\u{1b}b\", error_description=\"x\u{202E}\u{0}y\", \
            scope=\"read:a  b\u{7f} write:a\", acr_values=\" \", max_age=\"5s\"",
        ]);
        assert_eq!(bearer.error, None);
        assert_eq!(bearer.description.as_deref(), Some("xy"));
        assert_eq!(bearer.scope.as_deref(), Some("read:a write:a"));
        assert_eq!((bearer.acr_values, bearer.max_age_seconds), (None, None));
        assert_eq!(
            error_of(&["Bearer max_age=\"\", scope=\"\""]),
            BearerError::default()
        );
    }

    fn judge(status: u16, line: &str) -> ApiVerdict {
        api_verdict(status, &error_of(&[line]))
    }

    #[test]
    fn a_401_is_worth_one_refresh_unless_it_asks_for_a_stronger_login() {
        for line in [
            "Bearer realm=\"api\"",
            "",
            "Bearer error=\"invalid_token\"",
            "Basic",
        ] {
            assert_eq!(judge(401, line), ApiVerdict::RefreshOnce, "{line}");
        }
        let line =
            "Bearer error=\"insufficient_user_authentication\", acr_values=\"mfa\", max_age=60";
        let expected = ApiVerdict::StepUp {
            reason: StepUpReason::InsufficientUserAuthentication,
            scope: None,
            acr_values: Some("mfa".to_owned()),
            max_age_seconds: Some(60),
        };
        assert_eq!(judge(401, line), expected);
    }

    #[test]
    fn a_missing_scope_asks_for_a_step_up_and_never_for_a_refresh() {
        let line = "Bearer error=\"insufficient_scope\", scope=\"read:private\"";
        for status in [401, 403] {
            let expected = ApiVerdict::StepUp {
                reason: StepUpReason::InsufficientScope,
                scope: Some("read:private".to_owned()),
                acr_values: None,
                max_age_seconds: None,
            };
            assert_eq!(judge(status, line), expected, "{status}");
        }
        assert_eq!(
            judge(403, "Bearer error=\"invalid_token\""),
            ApiVerdict::Refused
        );
        assert_eq!(judge(400, line), ApiVerdict::Refused);
    }

    #[test]
    fn overload_never_causes_a_refresh() {
        let line = "Bearer error=\"invalid_token\"";
        assert_eq!(judge(429, line), ApiVerdict::RateLimited);
        assert_eq!(judge(503, line), ApiVerdict::Unavailable);
        for status in [400, 404, 409, 500, 502] {
            assert_eq!(judge(status, line), ApiVerdict::Refused, "{status}");
        }
    }

    #[test]
    fn the_message_is_the_bodys_then_the_challenges_then_ours() {
        let described = error_of(&["Bearer error=x, error_description=\"from the challenge\""]);
        let show = |content_type, body: &str| {
            message_to_show(403, Some(content_type), body.as_bytes(), &described)
        };
        let body = r#"{"detail":"4","title":"3","error_description":"2","message":"1"}"#;
        assert_eq!(show("application/json", body), "1");
        let body = r#"{"detail":"4","title":"3","error_description":"2","message":" "}"#;
        assert_eq!(show("application/json", body), "2");
        assert_eq!(
            show("application/problem+json", r#"{"detail":"4","title":"3"}"#),
            "3"
        );
        assert_eq!(
            show("application/json", r#"{"message":{"a":1},"detail":"4"}"#),
            "4"
        );
        for (content_type, body) in [
            ("text/html", r#"{"message":"1"}"#),
            ("application/json", "<html>stack trace"),
            ("application/json", ""),
            ("application/json", r#"{"error":"x"}"#),
        ] {
            assert_eq!(show(content_type, body), "from the challenge", "{body}");
        }
        let ours = message_to_show(403, None, b"", &BearerError::default());
        assert_eq!(ours, "the API does not allow this (status 403)");
    }

    #[test]
    fn a_message_is_short_and_holds_no_control_characters() {
        let body = format!(r#"{{"message":"a\u001b[31m\r\nb{}"}}"#, "x".repeat(10_000));
        let message = message_to_show(
            500,
            Some("application/json"),
            body.as_bytes(),
            &BearerError::default(),
        );
        assert!(message.starts_with("a[31m  b"));
        assert_eq!(message.chars().count(), MAX_TEXT);
    }
}

//! What is printed: one JSON object on one line for scripts (the shapes are in cli.md), or a few words for people.

use std::io::Write as _;

use latchkey::{AuthError, Session};
use serde_json::{Map, Value, json};

/// Where words go. Stdout holds the answer and nothing else; all the rest goes to stderr.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

/// What a command has to say at its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// An object; it says `ok` itself.
    pub(crate) json: Value,
    /// The same for people. Bytes, because an API may answer with a picture.
    pub(crate) plain: Vec<u8>,
}

impl Answer {
    /// An answer of work that is done: `ok` is added.
    pub(crate) fn done(fields: Value, plain: impl Into<String>) -> Self {
        let mut json = fields;
        json["ok"] = Value::Bool(true);
        let mut plain = plain.into();
        plain.push('\n');
        Self {
            json,
            plain: plain.into_bytes(),
        }
    }

    /// Whether the work is done.
    pub(crate) fn is_ok(&self) -> bool {
        self.json["ok"] == Value::Bool(true)
    }
}

impl Output {
    /// Prints an answer. A reader that has gone away is no reason to complain.
    pub(crate) fn answer(self, answer: &Answer) {
        let line = if self.json {
            format!("{}\n", answer.json).into_bytes()
        } else {
            answer.plain.clone()
        };
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
    }

    /// Prints what went wrong.
    pub(crate) fn error(self, error: &AuthError) {
        if self.json {
            let json = json!({ "ok": false, "error": error_json(error) });
            self.answer(&Answer {
                json,
                plain: Vec::new(),
            });
        } else {
            self.note(&format!("{error}"));
            if let Some(hint) = hint(error) {
                self.note(&hint);
            }
        }
    }

    /// Says something on the way.
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", printable(text));
    }

    /// Says something on the way that is part of the answer for people.
    pub(crate) fn say(self, text: &str) {
        if self.json {
            self.note(text);
        } else {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{}", printable(text)).and_then(|()| stdout.flush());
        }
    }
}

/// The object `error` of cli.md, with the fields of its kind.
pub(crate) fn error_json(error: &AuthError) -> Value {
    // No `..` here: a field that the core adds must be given a place in cli.md.
    let fields = match error {
        AuthError::Cancelled => json!({}),
        AuthError::CallbackIgnored { reason } => json!({ "reason": reason.word() }),
        AuthError::LoginRequired { reason } => json!({ "reason": reason.word() }),
        AuthError::InteractionRequired { code } | AuthError::Denied { code } => {
            json!({ "code": code })
        }
        // The options are the login that gives the API what it wants: here they are given as the flags they are.
        AuthError::StepUpRequired {
            reason,
            scope,
            acr_values,
            max_age_seconds,
            options: _,
        } => json!({
            "reason": reason.word(),
            "scope": scope,
            "acr_values": acr_values,
            "max_age_seconds": max_age_seconds,
        }),
        AuthError::Network {
            reason,
            retry_after_seconds,
        } => {
            json!({ "reason": reason.word(), "retry_after_seconds": retry_after_seconds })
        }
        AuthError::Provider { status, code } => json!({ "status": status, "code": code }),
        AuthError::Untrusted { check } => json!({ "check": check }),
        AuthError::Storage { reason } => json!({ "reason": reason.word() }),
        AuthError::Clock { skew_seconds } => json!({ "skew_seconds": skew_seconds }),
        AuthError::Configuration { problems } => json!({
            "problems": problems
                .iter()
                .map(|problem| json!({ "field": problem.field, "reason": problem.reason }))
                .collect::<Vec<_>>(),
        }),
        // Its text is the text of the error.
        AuthError::Api { status, text: _ } => json!({ "status": status }),
    };
    let mut json = json!({
        "kind": error.kind(),
        "text": error.to_string(),
        "recovery": error.recovery().word(),
    });
    if let (Value::Object(json), Value::Object(fields)) = (&mut json, fields) {
        json.extend(fields);
    }
    json
}

/// The object `SESSION` of cli.md.
pub(crate) fn session_json(session: &Session) -> Value {
    match session {
        Session::SignedIn {
            issuer,
            subject,
            scopes,
            claims_json,
            expires_in_seconds,
            refreshable,
            persisted,
        } => json!({
            "state": "signed_in",
            "issuer": issuer,
            "subject": subject,
            "scopes": scopes,
            "claims": object(claims_json),
            "expires_in_seconds": expires_in_seconds,
            "refreshable": refreshable,
            "persisted": persisted,
        }),
        Session::SignedOut { reason } => json!({ "state": "signed_out", "reason": reason.word() }),
        Session::Locked => json!({ "state": "locked" }),
        Session::Unavailable { reason } => {
            json!({ "state": "unavailable", "reason": reason.word() })
        }
    }
}

/// The session for people.
pub(crate) fn session_text(session: &Session) -> String {
    match session {
        Session::SignedIn {
            issuer,
            subject,
            scopes,
            expires_in_seconds,
            refreshable,
            persisted,
            ..
        } => {
            let name = ["name", "preferred_username", "email"]
                .into_iter()
                .find_map(|claim| session.claim(claim.to_owned()));
            let who = name
                .or_else(|| subject.clone())
                .unwrap_or_else(|| "somebody".to_owned());
            let until = match (expires_in_seconds, refreshable) {
                (Some(seconds), true) => {
                    format!("good for {seconds} seconds, then renewed by itself")
                }
                (Some(seconds), false) => format!("good for {seconds} seconds; then log in again"),
                (None, true) => "good until the API says no, then renewed by itself".to_owned(),
                (None, false) => "good until the API says no; then log in again".to_owned(),
            };
            let mut text = format!(
                "Logged in as {who} at {issuer}.\nScopes: {}\nAccess token: {until}.",
                scopes.join(" ")
            );
            if !persisted {
                text.push_str("\nThe store failed: this session is in memory only.");
            }
            printable(&text)
        }
        Session::SignedOut { reason } => AuthError::LoginRequired { reason: *reason }.to_string(),
        Session::Locked => AuthError::Storage {
            reason: latchkey::StorageReason::Locked,
        }
        .to_string(),
        Session::Unavailable { reason } => AuthError::Storage { reason: *reason }.to_string(),
    }
}

/// The JSON object in this text, or an empty one.
pub(crate) fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The flags that help where an error alone does not say them.
fn hint(error: &AuthError) -> Option<String> {
    let AuthError::StepUpRequired {
        scope,
        acr_values,
        max_age_seconds,
        ..
    } = error
    else {
        return None;
    };
    let scope = scope
        .as_ref()
        .map(|scope| format!(" --scope \"openid profile offline_access {scope}\""));
    let acr_values = acr_values
        .as_ref()
        .map(|values| format!(" --acr-values \"{values}\""));
    let max_age = max_age_seconds.map(|seconds| format!(" --max-age {seconds}"));
    let flags: String = [scope, acr_values, max_age].into_iter().flatten().collect();
    Some(format!("Try: latchkey login{flags}"))
}

/// Text of servers on its way to a terminal: without what could move the cursor, colour the screen or turn the
/// direction of writing.
pub(crate) fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| {
            if (c.is_control() && c != '\n') || turns(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use latchkey::{
        CallbackIgnoredReason, ConfigurationProblem, LoginOptions, NetworkReason, SignedOutReason,
        StepUpReason, StorageReason,
    };

    use super::*;

    /// One error of every kind, and the fields that cli.md gives it.
    fn every_kind() -> Vec<(AuthError, Value)> {
        let step_up = AuthError::StepUpRequired {
            reason: StepUpReason::InsufficientScope,
            scope: Some("read:messages".to_owned()),
            acr_values: None,
            max_age_seconds: None,
            options: LoginOptions::default(),
        };
        let problem = ConfigurationProblem {
            field: "issuer".to_owned(),
            reason: "is missing.".to_owned(),
        };
        vec![
            (
                AuthError::Cancelled,
                json!({ "kind": "cancelled", "recovery": "none" }),
            ),
            (
                AuthError::CallbackIgnored {
                    reason: CallbackIgnoredReason::StateMismatch,
                },
                json!({ "kind": "callback_ignored", "recovery": "keep_waiting", "reason": "state_mismatch" }),
            ),
            (
                AuthError::LoginRequired {
                    reason: SignedOutReason::RotationInterrupted,
                },
                json!({ "kind": "login_required", "recovery": "log_in", "reason": "rotation_interrupted" }),
            ),
            (
                AuthError::InteractionRequired {
                    code: "login_required".to_owned(),
                },
                json!({ "kind": "interaction_required", "recovery": "log_in", "code": "login_required" }),
            ),
            (
                step_up,
                json!({
                    "kind": "step_up_required", "recovery": "step_up", "reason": "insufficient_scope",
                    "scope": "read:messages", "acr_values": null, "max_age_seconds": null,
                }),
            ),
            (
                AuthError::Denied {
                    code: "access_denied".to_owned(),
                },
                json!({ "kind": "denied", "recovery": "none", "code": "access_denied" }),
            ),
            (
                AuthError::Network {
                    reason: NetworkReason::RateLimited,
                    retry_after_seconds: Some(5),
                },
                json!({ "kind": "network", "recovery": "retry", "reason": "rate_limited", "retry_after_seconds": 5 }),
            ),
            (
                AuthError::Provider {
                    status: None,
                    code: Some("server_error".to_owned()),
                },
                json!({ "kind": "provider", "recovery": "report", "status": null, "code": "server_error" }),
            ),
            (
                AuthError::Untrusted {
                    check: "nonce".to_owned(),
                },
                json!({ "kind": "untrusted", "recovery": "report", "check": "nonce" }),
            ),
            (
                AuthError::Storage {
                    reason: StorageReason::Incompatible,
                },
                json!({ "kind": "storage", "recovery": "update_app", "reason": "incompatible" }),
            ),
            (
                AuthError::Clock { skew_seconds: -90 },
                json!({ "kind": "clock", "recovery": "fix_clock", "skew_seconds": -90 }),
            ),
            (
                AuthError::Configuration {
                    problems: vec![problem],
                },
                json!({
                    "kind": "configuration", "recovery": "fix_configuration",
                    "problems": [{ "field": "issuer", "reason": "is missing." }],
                }),
            ),
            (
                AuthError::Api {
                    status: 404,
                    text: "No such page.".to_owned(),
                },
                json!({ "kind": "api", "recovery": "none", "status": 404 }),
            ),
        ]
    }

    #[test]
    fn an_error_of_every_kind_has_the_fields_of_the_contract_and_no_other() {
        for (error, mut expected) in every_kind() {
            expected["text"] = Value::from(error.to_string());
            assert_eq!(error_json(&error), expected);
        }
    }

    #[test]
    fn the_text_of_every_kind_is_a_sentence_on_one_line() {
        for (error, _) in every_kind() {
            let text = error.to_string();
            assert!(
                text.ends_with('.') && !text.contains(char::is_control),
                "{text}"
            );
        }
    }

    #[test]
    fn a_session_is_printed_as_the_contract_says() {
        let signed_in = Session::SignedIn {
            issuer: "https://op.test".to_owned(),
            subject: None,
            scopes: vec!["openid".to_owned()],
            claims_json: "{\"sub\":\"7\"}".to_owned(),
            expires_in_seconds: None,
            refreshable: true,
            persisted: true,
        };
        let expected = json!({
            "state": "signed_in", "issuer": "https://op.test", "subject": null, "scopes": ["openid"],
            "claims": { "sub": "7" }, "expires_in_seconds": null, "refreshable": true, "persisted": true,
        });
        assert_eq!(session_json(&signed_in), expected);
        let signed_out = Session::SignedOut {
            reason: SignedOutReason::Never,
        };
        assert_eq!(
            session_json(&signed_out),
            json!({ "state": "signed_out", "reason": "never" })
        );
        assert_eq!(session_json(&Session::Locked), json!({ "state": "locked" }));
        let unavailable = Session::Unavailable {
            reason: StorageReason::Unavailable,
        };
        assert_eq!(
            session_json(&unavailable),
            json!({ "state": "unavailable", "reason": "unavailable" })
        );
    }

    #[test]
    fn what_a_server_says_cannot_drive_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[2Jb\u{9b}c\u{202e}d\ne"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\ne"
        );
    }

    #[test]
    fn a_step_up_names_the_flags_that_give_it() {
        let (error, _) = every_kind().swap_remove(4);
        assert!(
            hint(&error)
                .unwrap()
                .contains("--scope \"openid profile offline_access read:messages\"")
        );
    }
}

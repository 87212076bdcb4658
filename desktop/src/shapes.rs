//! The JSON of cli.md for an error and a session, and the same for people.

use std::fmt::Write as _;

use latchkey::{AuthError, Session};
use serde_json::{Map, Value, json};

use crate::ending::Failure;
use crate::output::printable;

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
        AuthError::Provider { status, code, .. } => json!({ "status": status, "code": code }),
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

/// The object `error` of a command that has failed.
pub(crate) fn failure_json(failure: &Failure) -> Value {
    let mut json = error_json(&failure.error);
    if let Some(text) = failure.unsaved {
        json["unsaved"] = Value::Bool(true);
        json["text"] = Value::from(text);
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
                    format!("good for {seconds} seconds, then renewed when needed")
                }
                (Some(seconds), false) => format!("good for {seconds} seconds; then log in again"),
                (None, true) => "good until the API says no, then renewed when needed".to_owned(),
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
        other => other
            .error()
            .map(|error| error.to_string())
            .unwrap_or_default(),
    }
}

/// The JSON object in this text, or an empty one.
pub(crate) fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// What every login asks for where nothing is configured.
const DEFAULT_SCOPE: &str = "openid profile offline_access";

/// The flags that help where an error alone does not say them: `--scope` takes the place of the scopes that are
/// configured, so it repeats them.
pub(crate) fn hint(error: &AuthError, configured: &[String]) -> Option<String> {
    let AuthError::StepUpRequired {
        scope,
        acr_values,
        max_age_seconds,
        ..
    } = error
    else {
        return None;
    };
    let scope = scope.as_ref().map(|missing| {
        let mut scopes: Vec<&str> = configured.iter().map(String::as_str).collect();
        if scopes.is_empty() {
            scopes.extend(DEFAULT_SCOPE.split(' '));
        }
        for scope in missing.split_whitespace() {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes.join(" ")
    });
    let mut flags = String::new();
    for (flag, words) in [("--scope", &scope), ("--acr-values", acr_values)] {
        if let Some(words) = words {
            // An API's words: what a shell would run when it is pasted is not printed for pasting.
            if words.contains(['"', '$', '`', '\\', '!', '%']) {
                return None;
            }
            let _ = write!(flags, " {flag} \"{words}\"");
        }
    }
    if let Some(seconds) = max_age_seconds {
        let _ = write!(flags, " --max-age {seconds}");
    }
    Some(format!("Try: latchkey login{flags}"))
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
                    persistent: false,
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

    fn step_up(scope: &str, acr_values: Option<&str>) -> AuthError {
        AuthError::StepUpRequired {
            reason: StepUpReason::InsufficientScope,
            scope: Some(scope.to_owned()),
            acr_values: acr_values.map(str::to_owned),
            max_age_seconds: Some(60),
            options: LoginOptions::default(),
        }
    }

    #[test]
    fn a_step_up_names_the_flags_that_give_it() {
        assert_eq!(
            hint(&step_up("read:messages", Some("gold")), &[]).unwrap(),
            "Try: latchkey login --scope \"openid profile offline_access read:messages\" --acr-values \"gold\" --max-age 60"
        );
        assert_eq!(hint(&AuthError::Cancelled, &[]), None);
    }

    #[test]
    fn a_step_up_keeps_the_scopes_that_are_configured_and_names_none_twice() {
        let configured = ["openid", "email", "a"].map(str::to_owned);
        let hint = hint(&step_up("a b", None), &configured).unwrap();
        assert!(hint.contains("--scope \"openid email a b\""), "{hint}");
    }

    #[test]
    fn what_a_shell_would_run_is_not_printed_for_pasting() {
        for (scope, acr_values) in [("$(id)", None), ("a\"b", None), ("a", Some("`id`"))] {
            assert_eq!(hint(&step_up(scope, acr_values), &[]), None);
        }
    }
}

//! A look at everything that a login and a call depend on.

use super::SessionManager;
use crate::error::AuthError;
use crate::protocol::retry_after::http_date;
use crate::transport::Request;
use crate::types::{Check, CheckResult, Session};

/// A clock that is further off than this makes ID tokens look wrong.
const TOLERANCE_SECONDS: u64 = 60;

impl SessionManager {
    /// [`crate::Auth::check_up`].
    pub(crate) async fn check_up(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut add = |name: &str, result: CheckResult, detail: String| {
            checks.push(Check {
                name: name.to_owned(),
                result,
                detail,
            });
        };
        match self.provider.metadata().await {
            Ok(metadata) => {
                add(
                    "provider",
                    CheckResult::Ok,
                    "Its metadata can be had and names the configured issuer.".to_owned(),
                );
                match self.provider.keys().await {
                    Ok(_) => add("keys", CheckResult::Ok, "Its keys can be had.".to_owned()),
                    Err(error) => add("keys", CheckResult::Failed, error.to_string()),
                }
                if metadata.algorithms.is_empty() {
                    add(
                        "algorithm",
                        CheckResult::Failed,
                        "It signs ID tokens with no algorithm that is accepted (RS256, PS256, ES256, EdDSA)."
                            .to_owned(),
                    );
                }
            }
            Err(error) => add("provider", CheckResult::Failed, advice(&error)),
        }
        let (result, detail) = self.clock_check().await;
        add("clock", result, detail);
        let (result, detail) = self.session_check().await;
        add("session", result, detail);
        if self.settings.audience.is_none() && self.settings.resources.is_empty() {
            add(
                "audience",
                CheckResult::Warning,
                "Neither audience nor resource is set. Many providers then give an access token that only they can \
                 read, and an API answers it with 401: set the API's identifier as audience (or resource), and log \
                 in again."
                    .to_owned(),
            );
        } else {
            add(
                "audience",
                CheckResult::Ok,
                "The login names the API that the token is for.".to_owned(),
            );
        }
        checks
    }

    async fn clock_check(&self) -> (CheckResult, String) {
        let [url, _] = crate::protocol::discovery::well_known_urls(&self.settings.issuer_url);
        let answer = self.transport.send(Request::get(&url)).await;
        let date = answer
            .as_ref()
            .ok()
            .and_then(|answer| answer.header("date"))
            .and_then(http_date);
        match date.map(|date| self.now().abs_diff(date)) {
            Some(skew) if skew > TOLERANCE_SECONDS => (
                CheckResult::Failed,
                format!(
                    "This device's clock and the provider's are {skew} seconds apart: set the clock."
                ),
            ),
            Some(_) => (
                CheckResult::Ok,
                "The device's clock agrees with the provider's.".to_owned(),
            ),
            None if answer.is_err() => (
                CheckResult::Warning,
                "The provider was not reached, so the clock was not checked.".to_owned(),
            ),
            None => (
                CheckResult::Warning,
                "The provider does not tell its time, so the clock was not checked.".to_owned(),
            ),
        }
    }

    async fn session_check(&self) -> (CheckResult, String) {
        if let Err(error) = self.reload().await {
            return (CheckResult::Failed, error.to_string());
        }
        match self.snapshot() {
            Session::SignedIn {
                persisted: false, ..
            } => (
                CheckResult::Warning,
                "Logged in, but the store did not take the session yet: it would be lost with this process."
                    .to_owned(),
            ),
            Session::SignedIn {
                refreshable: false, ..
            } => (
                CheckResult::Warning,
                "Logged in, until the access token ends: no refresh token came. Ask for the scope offline_access; \
                 some providers give one only together with prompt=consent."
                    .to_owned(),
            ),
            Session::SignedIn { .. } => (
                CheckResult::Ok,
                "Logged in, and renewed when needed.".to_owned(),
            ),
            other => {
                let result = match other {
                    Session::Unavailable { .. } => CheckResult::Failed,
                    _ => CheckResult::Warning,
                };
                let text = other.error().map(|error| error.to_string());
                (result, text.unwrap_or_default())
            }
        }
    }
}

/// The error's text, and what to look at.
fn advice(error: &AuthError) -> String {
    match error {
        AuthError::Untrusted { check } if check == "issuer" => {
            "The metadata names another issuer than the configuration does: copy it to the letter, with or without \
             the slash at its end."
                .to_owned()
        }
        other => other.to_string(),
    }
}

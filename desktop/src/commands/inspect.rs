//! `doctor` and `timeline`: for whoever asks what is wrong.

use std::sync::Arc;
use std::time::Duration;

use latchkey::{Auth, AuthError, Check, CheckResult, PingClient, Session, Settled, TimelineEvent};
use serde_json::{Map, Value, json};

use crate::commands::{Context, waiting};
use crate::ending::UNANSWERED;
use crate::output::{Answer, printable};

pub(crate) async fn doctor(context: &Context) -> Result<Answer, AuthError> {
    let auth = context.auth()?;
    let mut checks = auth.check_up().await;
    if let Some(api) = &context.settings.api {
        checks.push(api_check(&auth, api).await?);
    }
    let json: Vec<Value> = checks
        .iter()
        .map(|check| json!({ "name": check.name, "result": check.result.word(), "detail": check.detail }))
        .collect();
    let lines: Vec<String> = checks
        .iter()
        .map(|check| {
            printable(&format!(
                "{:<8} {}: {}",
                check.result.word(),
                check.name,
                check.detail
            ))
        })
        .collect();
    Ok(Answer::done(json!({ "checks": json }), lines.join("\n")))
}

/// Calls the API as the app would: whether it takes the token is what is asked.
async fn api_check(auth: &Arc<Auth>, api: &str) -> Result<Check, AuthError> {
    let client = match PingClient::new(Arc::clone(auth), api.to_owned()) {
        Ok(client) => client,
        Err(error) => return Ok(check(CheckResult::Failed, error.to_string())),
    };
    let snapshot = Arc::clone(auth);
    let session = waiting(move || snapshot.session()).await?;
    if !matches!(session, Session::SignedIn { .. }) {
        return Ok(check(
            CheckResult::Warning,
            "Not called, because nobody is logged in.".to_owned(),
        ));
    }
    Ok(match client.ping_private(None).await {
        Ok(_) => check(CheckResult::Ok, "It takes the access token.".to_owned()),
        // An API of one's own needs no such endpoint; that it answers 404 says that it is there.
        Err(AuthError::Api { status: 404, .. }) => check(
            CheckResult::Warning,
            "It answers, but has no endpoint `private` to try.".to_owned(),
        ),
        Err(AuthError::Network { .. })
            if auth.settle(Duration::ZERO).await == Settled::SendIsOpen =>
        {
            check(CheckResult::Failed, UNANSWERED.to_owned())
        }
        Err(error) => check(CheckResult::Failed, error.to_string()),
    })
}

fn check(result: CheckResult, detail: String) -> Check {
    Check {
        name: "api".to_owned(),
        result,
        detail,
    }
}

pub(crate) async fn timeline(context: &Context) -> Result<Answer, AuthError> {
    let auth = context.auth()?;
    let events = waiting(move || auth.timeline()).await?;
    let json: Vec<Value> = events.iter().map(event_json).collect();
    let lines: Vec<String> = events.iter().map(event_line).collect();
    Ok(Answer::done(json!({ "events": json }), lines.join("\n")))
}

fn event_line(event: &TimelineEvent) -> String {
    let (at, name) = (rfc3339(event.at_unix_seconds), &event.event);
    printable(&match &event.detail {
        // The sentence at the end answers what the lines above leave open.
        Some(sentence) if name == "summary" => sentence.clone(),
        Some(detail) => format!("{at} {name} ({detail})"),
        None => format!("{at} {name}"),
    })
}

fn event_json(event: &TimelineEvent) -> Value {
    let mut json = Map::new();
    json.insert("at".to_owned(), rfc3339(event.at_unix_seconds).into());
    json.insert("event".to_owned(), event.event.as_str().into());
    if let Some(detail) = &event.detail {
        json.insert("detail".to_owned(), detail.as_str().into());
    }
    json.into()
}

/// The moment as RFC 3339 writes it, in UTC.
fn rfc3339(unix_seconds: i64) -> String {
    let (days, seconds) = (
        unix_seconds.div_euclid(86_400),
        unix_seconds.rem_euclid(86_400),
    );
    // Years that begin in March have their leap day at the end, so a month's first day is a straight line.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_rfc_3339_says() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (1_790_000_000, "2026-09-21T14:13:20Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn an_event_without_a_detail_has_no_such_field() {
        let mut event = TimelineEvent {
            at_unix_seconds: 0,
            event: "login".to_owned(),
            detail: None,
        };
        assert_eq!(
            event_json(&event),
            json!({ "at": "1970-01-01T00:00:00Z", "event": "login" })
        );
        event.detail = Some("revoked".to_owned());
        assert_eq!(event_json(&event)["detail"], "revoked");
    }
}

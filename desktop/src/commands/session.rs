//! `token`, `status`, `userinfo`, `logout`: what is asked of a session.

use std::sync::Arc;

use latchkey::{
    AccessTokenOptions, AuthError, LogoutOptions, LogoutOutcome, Revocation, Session, Settled,
};
use serde_json::{Value, json};

use crate::args::{LogoutWords, TokenWords};
use crate::commands::{Context, waiting};
use crate::output::{Answer, printable};
use crate::shapes::{object, session_json, session_text};

pub(crate) async fn token(context: &Context, words: TokenWords) -> Result<Answer, AuthError> {
    let options = AccessTokenOptions {
        min_validity_seconds: words.min_validity_seconds,
        force_refresh: words.refresh,
    };
    let token = context.auth()?.access_token(options, None).await?;
    let json = json!({
        "access_token": token.value,
        "token_type": token.token_type,
        "expires_in_seconds": token.expires_in_seconds,
        "scopes": token.scopes,
    });
    // Bare, for `$(latchkey token)`.
    Ok(Answer::done(json, token.value))
}

pub(crate) async fn status(context: &Context) -> Result<Answer, AuthError> {
    let auth = context.auth()?;
    let session = waiting(move || auth.session()).await?;
    Ok(Answer::done(
        json!({ "session": session_json(&session) }),
        session_text(&session),
    ))
}

pub(crate) async fn userinfo(context: &Context) -> Result<Answer, AuthError> {
    let claims = object(&context.auth()?.user_info(None).await?);
    let lines: Vec<String> = claims
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}: {text}"),
            value => format!("{name}: {value}"),
        })
        .collect();
    Ok(Answer::done(
        json!({ "claims": claims }),
        printable(&lines.join("\n")),
    ))
}

pub(crate) async fn logout(context: &Context, words: LogoutWords) -> Result<Answer, AuthError> {
    let auth = context.auth()?;
    let options = LogoutOptions {
        local: words.local,
        post_logout_redirect_uri: words.post_logout_redirect_uri,
    };
    let snapshot = Arc::clone(&auth);
    let before = waiting(move || snapshot.session()).await?;
    let local = options.local;
    let outcome = match Arc::clone(&auth).logout(options).await {
        Err(AuthError::Storage { .. }) if context.settle().await == Settled::Everything => {
            // It was stored after all, and the provider has not said yes.
            LogoutOutcome {
                revocation: match local {
                    true => Revocation::NotNeeded,
                    false => Revocation::Pending,
                },
                end_session_url: None,
            }
        }
        outcome => outcome?,
    };
    let json = json!({
        "revocation": outcome.revocation.word(),
        "end_session_url": outcome.end_session_url,
    });
    let mut plain = match outcome.revocation {
        Revocation::Done => "Logged out, here and at the provider.",
        Revocation::Failed => "Logged out here. The provider refused to end the session on its side.",
        Revocation::Pending => {
            "Logged out here. The provider could not be reached; the tokens there end by themselves."
        }
        Revocation::NotNeeded if matches!(before, Session::SignedOut { .. }) => {
            "Nobody was logged in."
        }
        Revocation::NotNeeded => "Logged out.",
    }
    .to_owned();
    if let Some(url) = outcome.end_session_url {
        plain.push_str(&format!(
            "\nTo log out in the browser as well, open\n{}",
            printable(&url)
        ));
    }
    Ok(Answer::done(json, plain))
}

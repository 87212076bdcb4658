//! `login`: in one go with the browser, or in two halves for whoever brings a browser of their own.

use std::sync::Arc;

use latchkey::{Auth, AuthError, LoginOptions, Session};
use serde_json::json;

use crate::args::LoginWords;
use crate::browser::Browser;
use crate::commands::{Context, waiting};
use crate::listener::Loopback;
use crate::output::Answer;
use crate::shapes::{session_json, session_text};

pub(crate) async fn login(context: &Context, words: LoginWords) -> Result<Answer, AuthError> {
    let auth = context.auth()?;
    if words.begin {
        let request = auth.begin_login(options(words), None).await?;
        let json = json!({ "url": request.url, "expires_in_seconds": request.expires_in_seconds });
        return Ok(Answer::done(json, request.url));
    }
    match words.finish {
        Some(callback) => {
            let finished = auth.finish_login(callback, None);
            context.limit.untorn(finished).await?
        }
        None => {
            let browser = Browser::choose(words.browser.as_deref());
            with_browser(
                context,
                &auth,
                &browser,
                options(words),
                context.settings.redirect_uri(),
            )
            .await?
        }
    };
    let session = context.limit.untorn(stored(context, &auth)).await?;
    Ok(Answer::done(
        json!({ "session": session_json(&session) }),
        session_text(&session),
    ))
}

/// The session when all was done to store it.
async fn stored(context: &Context, auth: &Arc<Auth>) -> Result<Session, AuthError> {
    context.settle().await;
    let auth = Arc::clone(auth);
    waiting(move || auth.session()).await
}

/// The whole login: listens, opens the browser, waits for it to come back.
pub(crate) async fn with_browser(
    context: &Context,
    auth: &Arc<Auth>,
    browser: &Browser,
    options: LoginOptions,
    redirect_uri: &str,
) -> Result<Session, AuthError> {
    // First the port, because the request names it.
    let loopback = Loopback::bind(redirect_uri).await?;
    let redirect_uri = Some(loopback.redirect_uri().to_owned());
    let request = auth
        .begin_login(
            LoginOptions {
                redirect_uri,
                ..options
            },
            None,
        )
        .await?;
    browser.open(&request.url, context.output).await?;
    let (limit, auth) = (Arc::clone(&context.limit), Arc::clone(auth));
    let finish = move |callback| {
        let (limit, auth) = (Arc::clone(&limit), Arc::clone(&auth));
        async move { limit.untorn(auth.finish_login(callback, None)).await }
    };
    let mut waiting = Waiting(Some(context));
    let result = loopback.wait(finish).await;
    // Somebody came back.
    waiting.0 = None;
    result
}

/// Says why, when the time runs out: the error is only that the login was cancelled.
struct Waiting<'a>(Option<&'a Context>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.0
            && let Some(patience) = context.limit.ran_out()
        {
            let seconds = match patience.as_secs() {
                1 => "1 second".to_owned(),
                seconds => format!("{seconds} seconds"),
            };
            context.output.note(&format!(
                "Nobody came back from the browser within {seconds}."
            ));
        }
    }
}

fn options(words: LoginWords) -> LoginOptions {
    LoginOptions {
        prompt: words.prompt,
        login_hint: words.login_hint,
        max_age_seconds: words.max_age,
        acr_values: words.acr_values,
        ui_locales: words.ui_locales,
        extra_parameters: (!words.param.is_empty()).then(|| words.param.into_iter().collect()),
        ..LoginOptions::default()
    }
}

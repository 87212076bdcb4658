//! `demo`: the whole story with a provider and an API of our own, without a set-up.

use std::future::Future;
use std::sync::Arc;

use latchkey::{
    Auth, AuthConfig, AuthError, LoginOptions, LogoutOptions, PingClient, Revocation, Session,
    memory_store,
};
use latchkey_devserver::{DevServer, Options, submit_login};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::args::DemoWords;
use crate::browser::Browser;
use crate::commands::serve::start;
use crate::commands::{Context, login};
use crate::limit::timed_out;
use crate::output::{Answer, program};
use crate::shapes::error_json;

/// The client of the development provider may come back to any port of this.
const REDIRECT_URI: &str = "http://127.0.0.1/callback";
/// What the API's second door asks for.
const SCOPE: &str = "read:messages";

pub(crate) async fn demo(context: &Context, words: DemoWords) -> Result<Answer, AuthError> {
    let mut story = Story {
        context,
        steps: Vec::new(),
    };
    let told = story.tell(Browser::choose(words.browser.as_deref())).await;
    let mut json = json!({ "ok": told.is_ok(), "steps": story.steps });
    let plain = match told {
        Ok(()) => {
            let program = program();
            format!(
                "\nThat is all of it: a login, two calls, a logout. Now with your provider: {program} login --help\n"
            )
        }
        Err(error) => {
            json["error"] = error_json(&error);
            "\nThe demo stopped there.\n".to_owned()
        }
    };
    Ok(Answer {
        json,
        plain: plain.into_bytes(),
    })
}

struct Story<'a> {
    context: &'a Context,
    steps: Vec<Value>,
}

/// What a step adds to its line of JSON, and what it says to people.
type Told<T> = Result<(T, Value, String), AuthError>;

impl Story<'_> {
    async fn tell(&mut self, browser: Browser) -> Result<(), AuthError> {
        let server = self.step("start", timed_out(), begin()).await?;
        let alice = self.auth(&server)?;
        let bob = self.auth(&server)?;
        self.step(
            "login",
            AuthError::Cancelled,
            log_in(self.context, &server, &alice, browser),
        )
        .await?;
        let client = PingClient::new(Arc::clone(&alice), server.api().to_owned())?;
        self.step(
            "ping_private",
            timed_out(),
            message(client.ping_private(None)),
        )
        .await?;
        self.step(
            "ping_private_scoped",
            timed_out(),
            message(client.ping_private_scoped(None)),
        )
        .await?;
        self.step("without_scope", timed_out(), without_scope(&server, &bob))
            .await?;
        self.step("logout", timed_out(), log_out(&alice)).await?;
        server.stop().await;
        Ok(())
    }

    /// Runs one step and writes it down, whichever way it went.
    async fn step<T>(
        &mut self,
        name: &str,
        late: AuthError,
        work: impl Future<Output = Told<T>>,
    ) -> Result<T, AuthError> {
        let begun = Instant::now();
        let result = self.context.limit.bound(late, Box::pin(work)).await;
        let mut step = Map::new();
        step.insert("step".to_owned(), name.into());
        step.insert("ok".to_owned(), result.is_ok().into());
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        step.insert("milliseconds".to_owned(), milliseconds.into());
        let result = match result {
            Ok((value, fields, text)) => {
                self.context.output.say(&format!("{name}: {text}"));
                if let Value::Object(fields) = fields {
                    step.extend(fields);
                }
                Ok(value)
            }
            Err(error) => {
                self.context.output.say(&format!("{name} failed: {error}"));
                step.insert("error".to_owned(), error_json(&error));
                Err(error)
            }
        };
        self.steps.push(step.into());
        result
    }

    /// A session of its own, in memory.
    fn auth(&self, server: &DevServer) -> Result<Arc<Auth>, AuthError> {
        let mut config = AuthConfig::new(server.issuer(), server.client_id(), REDIRECT_URI);
        config.scopes = ["openid", "profile", "offline_access", SCOPE]
            .map(str::to_owned)
            .to_vec();
        config.audience = Some(server.audience().to_owned());
        let auth = Auth::new(config, memory_store())?;
        self.context.log(&auth);
        Ok(auth)
    }
}

async fn begin() -> Told<DevServer> {
    let server = start(Options::default()).await?;
    let text = format!(
        "a provider at {} and its API at {}",
        server.issuer(),
        server.api()
    );
    let json = json!({ "issuer": server.issuer(), "api": server.api() });
    Ok((server, json, text))
}

/// Logs in somebody who may go through both doors: in the browser, or by filling in the page.
async fn log_in(
    context: &Context,
    server: &DevServer,
    auth: &Arc<Auth>,
    browser: Browser,
) -> Told<()> {
    let (name, password) = user(server, true)?;
    let by = if browser == Browser::Nowhere {
        "form"
    } else {
        "browser"
    };
    let session = if browser == Browser::Nowhere {
        context.output.note(
            "No browser can be opened here, so the demo fills in the provider's login page itself.",
        );
        by_form(auth, &name, &password).await?
    } else {
        context
            .output
            .note(&format!("Log in as {name} with the password {password}."));
        login::with_browser(
            context,
            auth,
            &browser,
            LoginOptions::default(),
            REDIRECT_URI,
        )
        .await?
    };
    let Session::SignedIn { scopes, .. } = &session else {
        return Err(AuthError::Cancelled);
    };
    let who = session.claim("name".to_owned()).unwrap_or(name);
    let text = format!("logged in as {who}, with the scopes {}", scopes.join(" "));
    Ok(((), json!({ "by": by, "scopes": scopes }), text))
}

async fn message(call: impl Future<Output = Result<latchkey::PingMessage, AuthError>>) -> Told<()> {
    let message = call.await?.message;
    Ok((
        (),
        json!({ "message": message }),
        format!("the API says “{message}”"),
    ))
}

/// Shows what somebody gets who was not given the scope of the second door.
async fn without_scope(server: &DevServer, auth: &Arc<Auth>) -> Told<()> {
    let (name, password) = user(server, false)?;
    by_form(auth, &name, &password).await?;
    let client = PingClient::new(Arc::clone(auth), server.api().to_owned())?;
    match client.ping_private_scoped(None).await {
        Err(error @ AuthError::StepUpRequired { .. }) => {
            let text = format!("{name} gets the answer “{error}”");
            Ok((
                (),
                json!({ "kind": error.kind(), "text": error.to_string() }),
                text,
            ))
        }
        Err(error) => Err(error),
        Ok(_) => Err(AuthError::Api {
            status: 200,
            text: format!("The API let {name} in without the scope {SCOPE}."),
        }),
    }
}

async fn log_out(auth: &Arc<Auth>) -> Told<()> {
    let outcome = auth.logout(LogoutOptions::default()).await?;
    if outcome.revocation != Revocation::Done {
        let text = format!(
            "The provider has not revoked the tokens ({}).",
            outcome.revocation.word()
        );
        return Err(AuthError::Api { status: 500, text });
    }
    let json = json!({ "revocation": outcome.revocation.word() });
    Ok((
        (),
        json,
        "logged out, and the provider has revoked the tokens".to_owned(),
    ))
}

async fn by_form(auth: &Arc<Auth>, name: &str, password: &str) -> Result<Session, AuthError> {
    let request = auth.begin_login(LoginOptions::default(), None).await?;
    let callback = submit_login(&request.url, name, password)
        .await
        .map_err(|error| AuthError::Api {
            status: 500,
            text: format!("The login page failed: {error}."),
        })?;
    auth.finish_login(callback, None).await
}

/// Somebody with a scope of the API, or somebody without.
fn user(server: &DevServer, with_scope: bool) -> Result<(String, String), AuthError> {
    let fits = |user: &&latchkey_devserver::User| {
        user.scopes.iter().any(|scope| scope == SCOPE) == with_scope
    };
    let user = server.users().iter().find(fits);
    user.map(|user| (user.name.clone(), user.password.clone()))
        .ok_or(AuthError::Cancelled)
}

//! `serve`: the development provider and its API, until told to stop.

use std::io;

use latchkey::{AuthError, Rotation};
use latchkey_devserver::{
    ApiOptions, ApiServer, DevServer, FAULT_HELP, Options, Rotation as Rotates, StartError,
};
use serde_json::Value;

use crate::args::ServeWords;
use crate::commands::Context;
use crate::config::problem;
use crate::output::{Answer, program};

pub(crate) async fn serve(context: &Context, words: ServeWords) -> Result<(), AuthError> {
    let limit = &context.limit;
    if words.api_only {
        let missing = |field: &str| {
            problem(
                field,
                format!(
                    "is needed with --api-only: whose tokens should the API take? Give --{field}."
                ),
            )
        };
        let settings = &context.settings;
        let options = ApiOptions {
            port: words.port,
            issuer: settings.issuer.clone().ok_or_else(|| missing("issuer"))?,
            audience: settings
                .audience
                .clone()
                .ok_or_else(|| missing("audience"))?,
        };
        let takes = format!("the tokens of {} for {}", options.issuer, options.audience);
        let start = async { ApiServer::start(options).await.map_err(not_started) };
        let server = limit.bound(AuthError::Cancelled, start).await?;
        let plain = format!(
            "The API is at {}. It takes {takes}.\nCtrl-C stops it.\n",
            server.api()
        );
        context.output.answer(&Answer {
            json: server.ready_json(),
            plain: plain.into_bytes(),
        });
        told_to_stop(context).await;
        server.stop().await;
        return Ok(());
    }
    let server = DevServer::start(Options {
        port: words.port,
        faults: words.faults.unwrap_or_default(),
        rotation: context
            .settings
            .rotation
            .map_or(Rotates::default(), rotates),
        ..Options::default()
    })
    .await
    .inspect_err(|error| {
        if matches!(error, StartError::Faults(_)) {
            context.output.note(&format!("{FAULT_HELP}\n"));
        }
    })
    .map_err(not_started)?;
    let json = server.ready_json();
    context.output.answer(&Answer {
        plain: ready_text(&json).into_bytes(),
        json,
    });
    told_to_stop(context).await;
    server.stop().await;
    Ok(())
}

/// Starts the provider and its API on loopback.
pub(crate) async fn start(options: Options) -> Result<DevServer, AuthError> {
    DevServer::start(options).await.map_err(not_started)
}

/// `--rotation` says what the provider does with refresh tokens; this provider does as it is told.
fn rotates(word: Rotation) -> Rotates {
    match word {
        Rotation::Unknown | Rotation::Strict => Rotates::Strict,
        Rotation::None => Rotates::None,
        Rotation::Grace { seconds } => Rotates::Grace(seconds.into()),
        Rotation::Parent => Rotates::Parent,
    }
}

fn not_started(error: StartError) -> AuthError {
    match error {
        StartError::Bind { port, source } => {
            let why = match source.kind() {
                io::ErrorKind::AddrInUse => "it is in use".to_owned(),
                _ => source.to_string(),
            };
            let reason = format!("{port} cannot be listened on: {why}; try --port 0");
            problem("port", reason)
        }
        StartError::Faults(error) => problem("faults", format!("are wrong: {error}")),
        StartError::Issuer(reason) => problem("issuer", format!("is unusable: {reason}")),
        error => problem("serve", format!("cannot start: {error}")),
    }
}

async fn told_to_stop(context: &Context) {
    tokio::select! {
        () = context.limit.stopped() => {}
        () = context.limit.passed() => {}
    }
}

/// The ready line for people: what to type next.
fn ready_text(ready: &Value) -> String {
    let field = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    let users = ready["users"].as_array().into_iter().flatten().map(|user| {
        let scopes: Vec<&str> = user["scopes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let may = if scopes.is_empty() {
            "no scope of the API".to_owned()
        } else {
            scopes.join(" ")
        };
        let word = |name: &str| user[name].as_str().unwrap_or_default();
        format!(
            "  {} with the password {} ({may})\n",
            word("name"),
            word("password")
        )
    });
    format!(
        "The provider is at {issuer}, its API at {api}. Ctrl-C stops them.\n\
         To use them in another terminal:\n\n\
         export LATCHKEY_ISSUER={issuer} LATCHKEY_CLIENT_ID={client_id} LATCHKEY_AUDIENCE={audience} \
         LATCHKEY_API={api} LATCHKEY_SCOPE='openid profile offline_access read:messages'\n\
         {program} login && {program} ping private\n\n\
         Who can log in:\n{users}",
        program = program(),
        issuer = field("issuer"),
        api = field("api"),
        client_id = field("client_id"),
        audience = field("audience"),
        users = users.collect::<String>(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ready_text_says_who_can_log_in_and_what_they_may() {
        let ready = json!({
            "issuer": "http://127.0.0.1:1", "api": "http://127.0.0.1:1/api", "client_id": "c", "audience": "a",
            "users": [
                { "name": "alice", "password": "p", "scopes": ["read:messages"] },
                { "name": "bob", "password": "q", "scopes": [] },
            ],
        });
        let text = ready_text(&ready);
        assert!(
            text.contains("alice with the password p (read:messages)\n"),
            "{text}"
        );
        assert!(
            text.contains("bob with the password q (no scope of the API)\n"),
            "{text}"
        );
        assert!(
            text.contains("LATCHKEY_API=http://127.0.0.1:1/api"),
            "{text}"
        );
    }

    #[test]
    fn the_provider_rotates_as_the_word_says() {
        assert_eq!(rotates(Rotation::Grace { seconds: 7 }), Rotates::Grace(7));
        assert_eq!(rotates(Rotation::None), Rotates::None);
        assert_eq!(rotates(Rotation::Unknown), Rotates::Strict);
    }
}

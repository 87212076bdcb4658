//! One function for each command: it takes the words, asks the core, and says what came of it.

mod call;
mod demo;
mod inspect;
mod login;
mod serve;
mod session;

use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory as _;
use latchkey::{Auth, AuthError, LogError, LogLevel, LogSink, memory_store};
use serde_json::json;

use crate::args::{Command, Words};
use crate::config::{Settings, explain_missing};
use crate::limit::{Limit, timed_out};
use crate::output::{Answer, Output};
use crate::store;

/// What every command works with.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) output: Output,
    pub(crate) limit: Arc<Limit>,
}

impl Context {
    /// The session in the store, after the configuration was found to be right.
    pub(crate) fn auth(&self) -> Result<Arc<Auth>, AuthError> {
        let config = self.settings.auth_config()?;
        // Before the store, so that a mistake in the words does not leave a folder behind.
        Auth::new(config.clone(), memory_store())
            .map_err(|error| explain_missing(error, &self.settings))?;
        let auth = Auth::new(
            config,
            store::open(self.settings.store.as_deref(), self.output)?,
        )?;
        self.log(&auth);
        Ok(auth)
    }

    /// Prints to stderr what the core tells.
    pub(crate) fn log(&self, auth: &Auth) {
        if let Some(level) = self.settings.log {
            auth.set_log_sink(level, Some(Arc::new(Stderr(self.output))));
        }
    }
}

/// Runs the command. `None`: it has said everything already.
pub(crate) async fn run(words: Words, output: Output) -> Result<Option<Answer>, AuthError> {
    let settings = Settings::load(&words.global)?;
    let patience = settings.timeout.or(match words.command {
        Command::Serve(_) => None,
        Command::Login(_) => Some(Duration::from_secs(300)),
        Command::Demo(_) => Some(Duration::from_secs(120)),
        _ => Some(Duration::from_secs(60)),
    });
    let context = &Context {
        settings,
        output,
        limit: Arc::new(Limit::new(patience)),
    };
    let limit = &context.limit;
    let answer = match words.command {
        Command::Demo(words) => Box::pin(demo::demo(context, words)).await,
        Command::Serve(words) => return serve::serve(context, words).await.map(|()| None),
        Command::Login(words) => {
            // In a browser it is a person who did not come back, and no server.
            let late = if words.begin || words.finish.is_some() {
                timed_out()
            } else {
                AuthError::Cancelled
            };
            limit.bound(late, login::login(context, words)).await
        }
        Command::Ping { door } => {
            limit
                .bound(timed_out(), limit.untorn(call::ping(context, door)))
                .await
        }
        Command::Call(words) => {
            limit
                .bound(timed_out(), limit.untorn(call::call(context, words)))
                .await
        }
        Command::Token(words) => {
            limit
                .bound(timed_out(), limit.untorn(session::token(context, words)))
                .await
        }
        Command::Status => limit.bound(timed_out(), session::status(context)).await,
        Command::Userinfo => {
            limit
                .bound(timed_out(), limit.untorn(session::userinfo(context)))
                .await
        }
        Command::Logout(words) => {
            limit
                .bound(timed_out(), limit.untorn(session::logout(context, words)))
                .await
        }
        Command::Doctor => limit.bound(timed_out(), inspect::doctor(context)).await,
        Command::Timeline => limit.bound(timed_out(), inspect::timeline(context)).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Words::command(), "latchkey", &mut script);
            let json = json!({ "ok": true, "script": String::from_utf8_lossy(&script) });
            Ok(Answer {
                json,
                plain: script,
            })
        }
    };
    answer.map(Some)
}

/// Runs what may read the store or ask the keyring on a thread that may wait.
pub(crate) async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AuthError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| AuthError::Cancelled)
}

/// The core's log on stderr.
struct Stderr(Output);

impl LogSink for Stderr {
    fn log(&self, level: LogLevel, line: String) -> Result<(), LogError> {
        let level = match level {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        };
        self.0.note(&format!("{level} {line}"));
        Ok(())
    }
}

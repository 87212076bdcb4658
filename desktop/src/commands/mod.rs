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
use latchkey::{Auth, AuthError, LogError, LogLevel, LogSink, Settled, memory_store};
use serde_json::json;

use crate::args::{Command, Words};
use crate::config::{Settings, explain_missing};
use crate::ending::{self, Failure, Opened, Work};
use crate::limit::{Limit, timed_out};
use crate::output::{Answer, Output};
use crate::store;

/// What every command works with.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) output: Output,
    pub(crate) limit: Arc<Limit>,
    opened: Opened,
}

impl Context {
    /// The session in the store, after the configuration was found to be right. At the end of the command it is settled.
    pub(crate) fn auth(&self) -> Result<Arc<Auth>, AuthError> {
        self.opened.auth(|| self.open())
    }

    /// What a command does at its end, earlier: for those whose answer says whether it is stored.
    pub(crate) async fn settle(&self) -> Settled {
        self.opened.settle(&self.limit, self.output).await
    }

    fn open(&self) -> Result<Arc<Auth>, AuthError> {
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
pub(crate) async fn run(
    command: Command,
    settings: Settings,
    output: Output,
) -> Result<Option<Answer>, Failure> {
    let patience = settings.timeout.or(match command {
        Command::Serve(_) => None,
        Command::Login(_) => Some(Duration::from_secs(300)),
        Command::Demo(_) => Some(Duration::from_secs(120)),
        _ => Some(Duration::from_secs(60)),
    });
    let context = &Context {
        settings,
        output,
        limit: Arc::new(Limit::new(patience)),
        opened: Opened::default(),
    };
    let mut late = timed_out();
    let work: Work<'_> = match command {
        // These two watch the time themselves: a step of the demo that is late is told with the others.
        // Its sessions are in memory, and their provider ends with it.
        Command::Demo(words) => return Ok(Some(demo::demo(context, words).await?)),
        Command::Serve(words) => {
            serve::serve(context, words).await?;
            return Ok(None);
        }
        Command::Login(words) => {
            if !words.begin && words.finish.is_none() {
                // It is a person who did not come back in time, and no server.
                late = AuthError::Cancelled;
            }
            Box::pin(login::login(context, words))
        }
        Command::Ping { door } => Box::pin(call::ping(context, door)),
        Command::Call(words) => Box::pin(call::call(context, words)),
        Command::Token(words) => Box::pin(context.limit.untorn(session::token(context, words))),
        Command::Status => Box::pin(session::status(context)),
        Command::Userinfo => Box::pin(session::userinfo(context)),
        Command::Logout(words) => Box::pin(context.limit.untorn(session::logout(context, words))),
        Command::Doctor => Box::pin(inspect::doctor(context)),
        Command::Timeline => Box::pin(inspect::timeline(context)),
        Command::Completions { shell } => return Ok(Some(completions(shell))),
    };
    let limits = (&*context.limit, output);
    ending::run(&context.opened, limits, late, work)
        .await
        .map(Some)
}

fn completions(shell: clap_complete::Shell) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Words::command(), "latchkey", &mut script);
    let json = json!({ "ok": true, "script": String::from_utf8_lossy(&script) });
    Answer {
        json,
        plain: script,
    }
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

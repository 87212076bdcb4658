//! `latchkey`, the desktop shell: opens a browser, keeps sealed bytes, shows text. Every rule of OAuth is the core's.

mod args;
mod browser;
mod commands;
mod config;
mod ending;
mod keyring;
mod limit;
mod listener;
mod output;
mod pages;
mod shapes;
mod store;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

use crate::args::Words;
use crate::config::Settings;
use crate::output::{Answer, Output};

/// The command's work failed.
const FAILED: u8 = 1;
/// The words of the command are wrong.
const WRONG_WORDS: u8 = 2;

fn main() -> ExitCode {
    let words = match Words::try_parse() {
        Ok(words) => words,
        Err(error) => return not_words(&error),
    };
    let output = Output {
        json: words.global.json,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let problem = config::problem("system", format!("gives no threads: {error}."));
            output.error(&problem.into());
            return ExitCode::from(FAILED);
        }
    };
    let settings = match Settings::load(&words.global) {
        Ok(settings) => settings,
        Err(error) => {
            output.error(&error.into());
            return ExitCode::from(FAILED);
        }
    };
    let scopes = settings.scopes();
    let code = runtime.block_on(async {
        match Box::pin(commands::run(words.command, settings, output)).await {
            Ok(None) => ExitCode::SUCCESS,
            Ok(Some(answer)) => {
                output.answer(&answer);
                if answer.is_ok() {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::from(FAILED)
                }
            }
            Err(failure) => {
                output.error(&failure);
                if !output.json
                    && let Some(hint) = shapes::hint(&failure.error, &scopes)
                {
                    output.note(&hint);
                }
                ExitCode::from(FAILED)
            }
        }
    });
    // A keyring that still waits for somebody must not hold the end up.
    runtime.shutdown_background();
    code
}

/// Help and version are no mistake; all else is. A script that asked for JSON gets its one line in any case, without
/// the words, in which there may be a code.
fn not_words(error: &clap::Error) -> ExitCode {
    // Clap's usage line shows what the environment gives as if it had to be given, so it is written without.
    let _ = without_environment().as_ref().unwrap_or(error).print();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|word| word == "--json") {
        let error = config::problem("command", format!("{}; stderr says more", mistake(error)));
        let json = serde_json::json!({ "ok": false, "error": shapes::error_json(&error) });
        Output { json: true }.answer(&Answer {
            json,
            plain: Vec::new(),
        });
    }
    ExitCode::from(WRONG_WORDS)
}

/// The same mistake of the same words, with nothing in the environment; `None` where the mistake is there.
fn without_environment() -> Option<clap::Error> {
    Words::command()
        .mut_args(|arg| arg.env(None::<&'static str>))
        .try_get_matches()
        .err()
}

/// What is wrong with the command. The names are this program's own; what was typed is not repeated.
fn mistake(error: &clap::Error) -> String {
    let named = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => name.clone(),
        Some(ContextValue::Strings(names)) => names.join(" "),
        _ => "an argument".to_owned(),
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => "is not one that latchkey knows".to_owned(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "is missing".to_owned()
        }
        ErrorKind::UnknownArgument => "has an argument that it does not know".to_owned(),
        ErrorKind::MissingRequiredArgument => format!("lacks {named}"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("has a wrong value for {named}, or none")
        }
        ErrorKind::ArgumentConflict => {
            format!("has {named} twice, or with something that it does not go with")
        }
        _ => "has words that do not fit together".to_owned(),
    }
}

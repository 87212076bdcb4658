//! Opens an address in the person's browser.

use std::env;
use std::process::Stdio;

use latchkey::AuthError;
use tokio::process::Command;

use crate::config::problem;
use crate::output::Output;

/// Which browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Browser {
    /// The command of `--browser`.
    Named(String),
    /// The commands of `BROWSER`; on Unix several, the first that starts counts.
    Environment(String),
    /// Whatever the system opens web pages with.
    System,
    /// There is no screen to show one on.
    Nowhere,
}

impl Browser {
    /// The named one, else `BROWSER`, else the system's where there is a screen.
    pub(crate) fn choose(named: Option<&str>) -> Self {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let has_screen = cfg!(any(windows, target_os = "macos"))
            || variable("DISPLAY").is_some()
            || variable("WAYLAND_DISPLAY").is_some();
        match (named, variable("BROWSER")) {
            (Some(command), _) => Self::Named(command.to_owned()),
            (None, Some(commands)) => Self::Environment(commands),
            (None, None) if has_screen => Self::System,
            (None, None) => Self::Nowhere,
        }
    }

    /// Opens the address. Where that cannot be done the person is told to do it; only a command of `--browser`
    /// that does not start is an error, because it is a mistake in the words.
    pub(crate) async fn open(&self, url: &str, output: Output) -> Result<(), AuthError> {
        output.note(&format!("The login page is at\n{url}"));
        let opened = match self {
            Self::Named(command) => {
                start(command, url, output).map_err(|reason| problem("browser", reason))?
            }
            Self::Environment(commands) => {
                let separator = if cfg!(windows) { ';' } else { ':' };
                commands
                    .split(separator)
                    .any(|command| start(command, url, output).is_ok())
            }
            Self::System => {
                let url = url.to_owned();
                // It waits for a browser that lives in the terminal.
                tokio::task::spawn_blocking(move || webbrowser::open(&url).is_ok())
                    .await
                    .unwrap_or(false)
            }
            Self::Nowhere => false,
        };
        output.note(if opened {
            "It should open in your browser now. Log in there; if it does not open, open the address yourself."
        } else {
            "Open it in a browser on this machine and log in there."
        });
        Ok(())
    }
}

/// Starts `command URL` without a shell. The browser's own chatter is dropped: stdout is for the answer.
fn start(command: &str, url: &str, output: Output) -> Result<bool, String> {
    let words =
        words(command, url).ok_or("is no command: a quote is not closed, or it is empty.")?;
    let (program, arguments) = words.split_first().ok_or("is empty.")?;
    let mut process = Command::new(program);
    process
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // A Ctrl-C in the terminal is for this program, not for the person's browser.
    #[cfg(unix)]
    process.process_group(0);
    let mut child = process
        .spawn()
        .map_err(|error| format!("cannot be started: {error}."))?;
    tokio::spawn(async move {
        if let Ok(status) = child.wait().await
            && !status.success()
        {
            output.note("The browser's command ended with an error; open the address yourself.");
        }
    });
    Ok(true)
}

/// The words of a command as a shell would cut them, with the address for `%s` or at the end.
fn words(command: &str, url: &str) -> Option<Vec<String>> {
    // On Windows a backslash is part of a path and escapes nothing.
    let command = if cfg!(windows) {
        command.replace('\\', "\\\\")
    } else {
        command.to_owned()
    };
    let mut words = shlex::split(&command)?;
    if words.is_empty() {
        return None;
    }
    match words.iter().position(|word| word.contains("%s")) {
        Some(at) => words[at] = words[at].replace("%s", url),
        None => words.push(url.to_owned()),
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_cut_as_a_shell_would_and_gets_the_address_as_one_word() {
        let url = "https://op.test/?a=1&b='$(x)'";
        let cut = words("\"my browser\" --new 'a b'", url).unwrap();
        assert_eq!(cut, ["my browser", "--new", "a b", url]);
        assert_eq!(
            words("browser --url=%s", "u").unwrap(),
            ["browser", "--url=u"]
        );
    }

    #[test]
    fn what_is_no_command_is_none() {
        assert_eq!(words("'open", "u"), None);
        assert_eq!(words(" ", "u"), None);
    }

    #[test]
    fn a_named_command_goes_before_everything() {
        assert_eq!(Browser::choose(Some("x")), Browser::Named("x".to_owned()));
    }

    #[tokio::test]
    async fn a_named_command_that_does_not_start_is_a_configuration_error() {
        let browser = Browser::Named("/does/not/exist".to_owned());
        let error = browser
            .open("https://op.test", Output { json: true })
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("browser cannot be started"),
            "{error}"
        );
    }
}

//! Child processes: the binary `latchkey`, servers beside it, and a "browser" that hands its URL to the test.
//! Each is ended by its handle when the test ends, by a panic too.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// A program that runs beside the test until this value is dropped. What it writes to stderr is shown if the test
/// fails, and else nowhere.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: fs::File,
}

impl Running {
    /// Starts it. Its stdin stays open until it is ended.
    pub fn start(command: &mut Command) -> Running {
        let stderr = tempfile::tempfile().expect("a file for stderr");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().expect("a second handle"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = child.stdout.take().map(BufReader::new);
        Running {
            child,
            stdout,
            stderr,
        }
    }

    /// The next line of its stdout, without the line's end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.stdout.as_mut().expect("nobody else reads it");
        stdout.read_line(&mut line).expect("text on stdout");
        assert!(
            line.ends_with('\n'),
            "it ended instead of saying that it is ready"
        );
        line.trim_end().to_owned()
    }

    /// The next line of its stdout, which is JSON.
    pub fn json_line(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
    }

    /// Reads the rest of its stdout; a thread may do it.
    fn rest(&mut self) -> impl FnOnce() -> String + Send + 'static {
        let mut stdout = self.stdout.take().expect("nobody else reads it");
        move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("text on stdout");
            text
        }
    }

    /// Waits for the end of a command that has printed its answer.
    fn answer(mut self, stdout: &str) -> Answer {
        let status = self.child.wait().expect("its exit status");
        Answer::read(status, stdout, self.diagnostics())
    }

    fn diagnostics(&mut self) -> String {
        let mut text = String::new();
        // Not worth a second failure.
        let _ = self.stderr.rewind();
        let _ = self.stderr.read_to_string(&mut text);
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself: nothing is left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            show(&self.diagnostics());
        }
    }
}

/// The binary, with a home and a store of its own.
#[derive(Debug)]
pub struct Latchkey {
    home: TempDir,
    options: Vec<String>,
}

impl Latchkey {
    /// Adds `options` to every command.
    pub fn new(options: &[(&str, &str)]) -> Latchkey {
        let home = tempfile::tempdir().expect("a temporary folder");
        let options = options
            .iter()
            .map(|(flag, value)| format!("--{flag}={value}"))
            .collect();
        Latchkey { home, options }
    }

    /// The command, not started; `--json` is among its options.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in env::vars_os().filter(|(name, _)| is_ours(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env(name, self.home.path());
        }
        command.args(words).args(&self.options).arg("--json");
        command.arg("--store").arg(self.store());
        command
    }

    /// Another one, with the store as it is now: what a backup gives back.
    pub fn copy(&self) -> Latchkey {
        let home = tempfile::tempdir().expect("a temporary folder");
        let copy = Latchkey {
            home,
            options: self.options.clone(),
        };
        let copied = Command::new("cp")
            .arg("-a")
            .args([self.store(), copy.store()])
            .status();
        assert!(copied.expect("cp runs").success(), "cp failed");
        copy
    }

    fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    /// Runs it to its end, in a process of its own.
    pub fn run(&self, words: &[&str]) -> Answer {
        let mut command = Running::start(&mut self.command(words));
        let stdout = command.rest()();
        command.answer(&stdout)
    }

    /// Runs `login` with a browser that only passes on the URL it was given: to `person`, who returns when the
    /// login page has been dealt with.
    pub fn login(&self, words: &[&str], person: impl FnOnce(&str)) -> Answer {
        let opener = Opener::new(self.home.path());
        let mut command = self.command(words);
        command
            .arg("--browser")
            .arg(&opener.script)
            .arg("--timeout=60");
        let mut login = Running::start(&mut command);

        // Whatever comes first: the URL, or the binary's end without one.
        let (sender, events) = mpsc::channel();
        let stdout = login.rest();
        thread::spawn({
            let sender = sender.clone();
            move || sender.send(Event::Ended(stdout()))
        });
        // Never joined: it waits for ever for a URL that does not come.
        thread::spawn(move || sender.send(Event::Opened(opener.url())));
        let mut person = Some(person);
        loop {
            match events.recv().expect("a URL or an end") {
                Event::Opened(url) => person.take().expect("one URL")(&url),
                Event::Ended(stdout) => return login.answer(&stdout),
            }
        }
    }
}

/// What happens during a login.
enum Event {
    /// The binary opened this in its browser.
    Opened(String),
    /// The binary ended, and had printed this.
    Ended(String),
}

/// What the binary printed, and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// The exit status.
    pub status: i32,
    /// The one JSON object on stdout.
    pub json: Value,
    /// The diagnostics.
    pub stderr: String,
}

impl Answer {
    fn read(status: ExitStatus, stdout: &str, stderr: String) -> Answer {
        let status = status.code().unwrap_or(-1);
        let (line, rest) = stdout.split_once('\n').unwrap_or((stdout, ""));
        let json = serde_json::from_str(line)
            .unwrap_or_else(|_| panic!("status {status}, no JSON: {stdout:?}, stderr: {stderr}"));
        assert_eq!(rest, "", "more than one line on stdout");
        Answer {
            status,
            json,
            stderr,
        }
    }

    /// The answer of a command that did its work.
    #[track_caller]
    pub fn done(self) -> Value {
        assert_eq!(
            (self.status, &self.json["ok"]),
            (0, &Value::Bool(true)),
            "{self:#?}"
        );
        self.json
    }

    /// The error of one that did not.
    #[track_caller]
    pub fn error(mut self) -> Value {
        assert_eq!(
            (self.status, &self.json["ok"]),
            (1, &Value::Bool(false)),
            "{self:#?}"
        );
        self.json["error"].take()
    }
}

/// A command for `--browser` that opens nothing: it writes its URL into a pipe.
struct Opener {
    script: PathBuf,
    pipe: PathBuf,
}

impl Opener {
    fn new(folder: &Path) -> Opener {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir_in(folder).expect("a folder").keep();
        let (script, pipe) = (folder.join("browser"), folder.join("url"));
        let made = Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo runs");
        assert!(made.success(), "mkfifo failed");
        let text = format!("#!/bin/sh\nprintf '%s' \"$1\" > '{}'\n", pipe.display());
        fs::write(&script, text).expect("the script is written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("it can be run");
        Opener { script, pipe }
    }

    /// Waits until the command has been run.
    fn url(&self) -> String {
        fs::read_to_string(&self.pipe).expect("the pipe can be read")
    }
}

/// `LATCHKEY_BIN`, or what Cargo built beside this test.
fn binary() -> PathBuf {
    if let Some(path) = env::var_os("LATCHKEY_BIN") {
        return path.into();
    }
    let test = env::current_exe().expect("the test's own path");
    let path = test
        .ancestors()
        .nth(2)
        .expect("target/debug")
        .join("latchkey");
    assert!(
        path.exists(),
        "build it first: cargo build -p latchkey-desktop (or set LATCHKEY_BIN)"
    );
    path
}

/// Variables that would change what the binary does.
fn is_ours(name: &str) -> bool {
    name.starts_with("LATCHKEY_") || name == "BROWSER"
}

#[expect(clippy::print_stderr, reason = "only in a test that has failed")]
fn show(text: &str) {
    eprint!("{text}");
}

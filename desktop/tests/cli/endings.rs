//! How commands end in the middle of what must not be cut off: command × what ends it × (a send is open | something is
//! unstored). The provider ends a session whose spent refresh token comes again, so a rotated token that was thrown
//! away shows at the next command.

mod logout;
mod open_send;
mod unstored;

use std::fs::{self, File};
use std::future::Future;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use latchkey_devserver::{DevServer, Rotation, submit_login};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::person::*;

/// The commands that may send a refresh token. For the last word on `token` see [`keeps_its_result`].
const REFRESHING: [&[&str]; 5] = [
    &["token"],
    &["ping", "private"],
    &["call", "GET", "/private"],
    &["userinfo"],
    &["doctor"],
];
/// Those that send none, or store no session but in memory.
const OTHERS: [&str; 7] = [
    "demo",
    "serve",
    "login",
    "status",
    "logout",
    "timeline",
    "completions",
];
/// What is said while an answer is waited for, and while the store is tried again.
const WAITS: &str = "must not be lost";
const STORES: &str = "The store does not take";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What makes a command end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Timeout,
    Signal(&'static str),
}

const ENDS: [End; 4] = [
    End::Timeout,
    End::Signal("INT"),
    End::Signal("TERM"),
    End::Signal("HUP"),
];

/// A command at work, and what it has said on stderr so far.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    said: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self {
            child,
            lines,
            said: String::new(),
        }
    }

    /// Waits until a line on stderr has these words.
    async fn says(&mut self, words: &str) {
        while !self.said.contains(words) {
            match self.lines.next_line().await.unwrap() {
                Some(line) => self.said.push_str(&format!("{line}\n")),
                None => panic!("it ended without the words {words:?}: {}", self.said),
            }
        }
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(sent.unwrap().success(), "{name}");
    }

    /// As [`Running::ends`], long before a request or a store would end the wait.
    async fn ends_at_once(self) -> (Option<i32>, Value) {
        let at_once = timeout(Duration::from_secs(5), self.ends()).await;
        at_once.expect("it waits for nothing more")
    }

    /// Its exit status and its line of JSON.
    async fn ends(mut self) -> (Option<i32>, Value) {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.said.push_str(&format!("{line}\n"));
        }
        let output = self.child.wait_with_output().await.unwrap();
        (output.status.code(), one_line(&output.stdout))
    }
}

/// Ann's refresh token is at the provider, which has spent it; the answer waits at the gate `answer`.
struct Scene {
    server: DevServer,
    ann: Person,
    running: Running,
}

impl Scene {
    async fn of(words: &[&str], end: Option<End>) -> Self {
        Self::at("token:after_commit,gate=answer@1", words, end).await
    }

    /// A command that has come to the gate of this fault, and that ends then.
    async fn at(fault: &str, words: &[&str], end: Option<End>) -> Self {
        let mut words = [words, &["--json"]].concat();
        if end == Some(End::Timeout) {
            words.extend(["--timeout", "1"]);
        }
        loop {
            let (server, ann) = with_an_ended_token(Rotation::Strict).await;
            server.set_faults(fault).unwrap();
            let mut running = Running::start(ann.command(&words));
            let reached = tokio::select! {
                () = server.gate_reached("answer") => true,
                _ = running.child.wait() => false,
            };
            // On a machine that is busy the time may be over before anything was sent.
            if !reached && end == Some(End::Timeout) {
                continue;
            }
            assert!(reached, "{words:?} ended before the gate");
            if let Some(End::Signal(name)) = end {
                running.signal(name).await;
            }
            return Self {
                server,
                ann,
                running,
            };
        }
    }

    /// The answer to a code, in the place of a refresh.
    async fn of_login() -> Self {
        let server = server().await;
        let ann = Person::of(&server);
        let begun = ann.done(&["login", "--begin"]).await;
        let url = begun["url"].as_str().unwrap();
        let callback = submit_login(url, ALICE.0, ALICE.1).await.unwrap();
        let fault = "token:after_commit,gate=answer@1";
        server.set_faults(fault).unwrap();
        let words = ["login", "--finish", &callback, "--json"];
        let running = Running::start(ann.command(&words));
        server.gate_reached("answer").await;
        Self {
            server,
            ann,
            running,
        }
    }

    fn answer(&self) {
        self.server.open_gate("answer");
    }

    fn lock(&self) -> File {
        let lock = File::open(self.ann.home.path().join("store/lock")).unwrap();
        lock.lock().unwrap();
        lock
    }

    /// From now on nothing can be written: where the store writes its next file there is a folder.
    fn fill_the_disk(&self) -> Full {
        let tmp = self.ann.home.path().join("store/tmp");
        fs::create_dir(&tmp).unwrap();
        Full(tmp)
    }

    /// The next command has the session, and no spent token was sent.
    async fn goes_on(server: &DevServer, ann: &Person) {
        ann.done(&["token"]).await;
        ann.done(&["token", "--refresh"]).await;
        assert_eq!(server.refresh_token_reuse(), 0);
    }
}

struct Full(PathBuf);

impl Full {
    fn has_room_again(self) {
        fs::remove_dir(self.0).unwrap();
    }
}

/// Plays all of these, some beside each other.
async fn all<Play>(plays: impl IntoIterator<Item = Play>)
where
    Play: Future<Output = ()> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(8));
    let mut set = JoinSet::new();
    for play in plays {
        let turns = Arc::clone(&turns);
        set.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            timeout(PATIENCE, play).await.expect("it ends");
        });
    }
    while let Some(played) = set.join_next().await {
        played.unwrap();
    }
}

/// Whether the command's own result is told although it had to end: the answer was what it was about. The others would
/// have gone on to an API.
fn keeps_its_result(words: &[&str]) -> bool {
    words[0] == "token"
}

fn check_unsaved(words: &[&str], (code, json): (Option<i32>, Value), kind: &str) {
    let error = &json["error"];
    assert_eq!((code, &json["ok"]), (Some(1), &json!(false)), "{json}");
    assert_eq!(
        (&error["kind"], &error["unsaved"], &error["recovery"]),
        (&json!(kind), &json!(true), &json!("retry")),
        "{words:?}: {json}"
    );
    let text = error["text"].as_str().unwrap();
    assert!(!text.contains("othing is lost"), "{text}");
    assert!(!text.contains("othing was erased"), "{text}");
}

#[tokio::test]
async fn every_command_is_in_the_table() {
    let help = Person::without_a_provider().run(&["--help"]).await;
    let mut commands: Vec<&str> = text(&help.stdout)
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !matches!(*name, "" | "help"))
        .collect();
    let mut table: Vec<&str> = REFRESHING.iter().map(|words| words[0]).collect();
    table.extend(OTHERS);
    commands.sort_unstable();
    table.sort_unstable();
    // A command that is new may refresh: put it into the first list, unless it cannot.
    assert_eq!(commands, table);
}

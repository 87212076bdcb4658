//! How commands end in the middle of what must not be cut off: command × what ends it × (a send is open | something is
//! unstored). The provider ends a session whose spent refresh token comes again, so a rotated token that was thrown
//! away shows at the next command.

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

#[tokio::test]
async fn a_command_that_must_end_waits_for_the_answer_to_the_refresh_token_that_it_has_sent() {
    let rows = REFRESHING
        .into_iter()
        .flat_map(|words| ENDS.map(|end| (words, end)));
    all(rows.map(|(words, end)| async move {
        let mut scene = Scene::of(words, Some(end)).await;
        scene.running.says(WAITS).await;
        scene.answer();
        let (code, json) = scene.running.ends().await;
        let row = format!("{words:?} {end:?}: {json}");
        if keeps_its_result(words) {
            assert_eq!((code, &json["ok"]), (Some(0), &json!(true)), "{row}");
        } else {
            let kind = match end {
                End::Timeout => "network",
                End::Signal(_) => "cancelled",
            };
            assert_eq!(
                (code, &json["error"]["kind"]),
                (Some(1), &json!(kind)),
                "{row}"
            );
            assert_eq!(json["error"]["unsaved"], Value::Null, "{row}");
        }
        assert_eq!(scene.server.requests("api"), 0, "{row}");
        Scene::goes_on(&scene.server, &scene.ann).await;
    }))
    .await;
}

#[tokio::test]
async fn a_second_ctrl_c_ends_it_at_once_and_says_what_is_open() {
    let rows = REFRESHING
        .into_iter()
        .flat_map(|words| ENDS.map(|end| (words, end)));
    all(rows.map(|(words, end)| async move {
        let mut scene = Scene::of(words, Some(end)).await;
        scene.running.says(WAITS).await;
        scene.running.says("Ctrl-C ends at once").await;
        scene.running.signal("INT").await;
        check_unsaved(words, scene.running.ends_at_once().await, "network");
    }))
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_until_the_deadline_of_its_request() {
    all(REFRESHING.map(|words| async move {
        let scene = Scene::of(words, Some(End::Signal("TERM"))).await;
        check_unsaved(words, scene.running.ends().await, "network");
        assert_eq!(
            scene.server.requests("token"),
            1,
            "it is not asked for again"
        );
    }))
    .await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_not_said_to_be_no_loss() {
    all(REFRESHING.map(|words| async move {
        let (server, ann) = with_an_ended_token(Rotation::Strict).await;
        server.set_faults("token:drop_after_commit").unwrap();
        if words == ["doctor"] {
            // It says so in its list.
            let checks = ann.done(words).await.to_string();
            assert!(!checks.contains("othing is lost"), "{checks}");
            return;
        }
        check_unsaved(words, ann.json(words).await, "network");
    }))
    .await;
}

#[tokio::test]
async fn what_the_store_does_not_take_is_stored_as_soon_as_it_does() {
    let rows = REFRESHING
        .into_iter()
        .flat_map(|words| [None, Some("TERM"), Some("HUP")].map(|end| (words, end)));
    all(rows.map(|(words, end)| async move {
        let mut scene = Scene::of(words, None).await;
        let full = scene.fill_the_disk();
        scene.answer();
        scene.running.says(STORES).await;
        if let Some(end) = end {
            scene.running.signal(end).await;
        }
        full.has_room_again();
        let (code, json) = scene.running.ends().await;
        assert_eq!(
            (code, &json["ok"]),
            (Some(0), &json!(true)),
            "{words:?} {end:?}: {json}"
        );
        Scene::goes_on(&scene.server, &scene.ann).await;
    }))
    .await;
}

#[tokio::test]
async fn a_lock_that_is_held_for_longer_than_the_stores_five_seconds_costs_nothing() {
    let mut refresh = Scene::of(&["token"], None).await;
    let mut login = Scene::of_login().await;
    for scene in [&mut refresh, &mut login] {
        let lock = scene.lock();
        scene.answer();
        scene.running.says(STORES).await;
        lock.unlock().unwrap();
    }
    for scene in [refresh, login] {
        let (code, json) = scene.running.ends().await;
        assert_eq!((code, &json["ok"]), (Some(0), &json!(true)), "{json}");
        Scene::goes_on(&scene.server, &scene.ann).await;
    }
}

#[tokio::test]
async fn a_login_that_is_stored_late_says_that_it_is_stored() {
    let mut scene = Scene::of_login().await;
    let full = scene.fill_the_disk();
    scene.answer();
    scene.running.says(STORES).await;
    full.has_room_again();
    let (code, json) = scene.running.ends().await;
    assert_eq!(code, Some(0), "{json}");
    assert_eq!(json["session"]["persisted"], true, "{json}");
    Scene::goes_on(&scene.server, &scene.ann).await;
}

#[tokio::test]
async fn what_the_store_never_takes_is_said_and_is_no_success() {
    let mut plays: Vec<(&[&str], Option<&str>)> =
        REFRESHING.map(|words| (words, None)).into_iter().collect();
    plays.extend(REFRESHING.map(|words| (words, Some("INT"))));
    plays.push((&["login"], None));
    plays.push((&["login"], Some("INT")));
    all(plays.into_iter().map(|(words, end)| async move {
        let mut scene = match words {
            ["login"] => Scene::of_login().await,
            words => Scene::of(words, None).await,
        };
        let full = scene.fill_the_disk();
        scene.answer();
        scene.running.says(STORES).await;
        let ended = match end {
            None => scene.running.ends().await,
            Some(end) => {
                scene.running.says("Ctrl-C ends at once").await;
                scene.running.signal(end).await;
                scene.running.ends_at_once().await
            }
        };
        check_unsaved(words, ended, "storage");
        full.has_room_again();
    }))
    .await;
}

#[tokio::test]
async fn a_login_whose_code_is_at_the_provider_is_waited_for() {
    all(["INT", "TERM", "HUP"].map(|end| async move {
        let mut scene = Scene::of_login().await;
        scene.running.signal(end).await;
        scene.running.says(WAITS).await;
        scene.answer();
        let (code, json) = scene.running.ends().await;
        assert_eq!(
            (code, &json["ok"]),
            (Some(0), &json!(true)),
            "{end}: {json}"
        );
        assert_eq!(json["session"]["persisted"], true);
        Scene::goes_on(&scene.server, &scene.ann).await;
    }))
    .await;
    let mut scene = Scene::of_login().await;
    scene.running.signal("INT").await;
    scene.running.says("A second Ctrl-C ends at once").await;
    scene.running.signal("INT").await;
    check_unsaved(&["login"], scene.running.ends_at_once().await, "network");
}

#[tokio::test]
async fn an_answer_with_scopes_that_no_store_takes_is_stored_with_the_old_ones() {
    let (server, ann) = with_an_ended_token(Rotation::Strict).await;
    let before = ann.done(&["status"]).await["session"]["scopes"].take();
    let scope = "s".repeat(20 * 1024);
    let scope = base64(&json!({ "scope": scope }).to_string());
    server
        .set_faults(&format!("token:merge={scope}@1"))
        .unwrap();
    let token = ann.done(&["token"]).await;
    server.clear_faults();
    assert_eq!(
        ann.done(&["token"]).await["access_token"],
        token["access_token"]
    );
    assert_eq!(ann.done(&["status"]).await["session"]["scopes"], before);
    Scene::goes_on(&server, &ann).await;
}

#[tokio::test]
async fn a_logout_that_is_done_here_is_done_whatever_the_provider_does() {
    const ANSWERS: [(&str, &str); 4] = [
        ("revoke:status=503", "pending"),
        ("revoke:drop_before_commit", "pending"),
        ("revoke:status=400,error=invalid_request", "failed"),
        ("discovery:status=500", "pending"),
    ];
    const HANGS: [(&str, &str); 2] = [
        ("revoke:gate=answer", "pending"),
        ("discovery:gate=answer", "pending"),
    ];
    let hanging = HANGS
        .into_iter()
        .flat_map(|(fault, revocation)| ENDS.map(|end| (fault, revocation, Some(end))));
    let rows = ANSWERS.map(|(fault, revocation)| (fault, revocation, None));
    all(rows
        .into_iter()
        .chain(hanging)
        .map(|(fault, revocation, end)| async move {
            let (ann, (code, json)) = match end {
                None => {
                    let (server, ann) = with_an_ended_token(Rotation::Strict).await;
                    server.set_faults(fault).unwrap();
                    let ended = ann.json(&["logout"]).await;
                    (ann, ended)
                }
                end => {
                    let scene = Scene::at(fault, &["logout"], end).await;
                    (scene.ann, scene.running.ends().await)
                }
            };
            let row = format!("{fault} {end:?}: {json}");
            assert_eq!((code, &json["ok"]), (Some(0), &json!(true)), "{row}");
            assert_eq!(json["revocation"], revocation, "{row}");
            // Its address is in the metadata.
            let has_url = json["end_session_url"].is_string();
            assert_eq!(has_url, !fault.contains("discovery"), "{row}");
            let status = ann.done(&["status"]).await;
            assert_eq!(status["session"]["reason"], "logged_out", "{row}");
        }))
    .await;
}

#[tokio::test]
async fn a_logout_that_the_store_takes_late_is_done_and_one_that_it_never_takes_is_not() {
    let scenes = [Some("late"), None].map(|late| async move {
        let (server, ann) = with_an_ended_token(Rotation::Strict).await;
        server.set_faults("revoke:status=503").unwrap();
        let lock = File::open(ann.home.path().join("store/lock")).unwrap();
        lock.lock().unwrap();
        let mut running = Running::start(ann.command(&["logout", "--json"]));
        running.says(STORES).await;
        if late.is_none() {
            running.signal("INT").await;
            check_unsaved(&["logout"], running.ends_at_once().await, "storage");
            return;
        }
        lock.unlock().unwrap();
        let (code, json) = running.ends().await;
        assert_eq!((code, &json["ok"]), (Some(0), &json!(true)), "{json}");
        assert_eq!(json["revocation"], "pending");
        let status = ann.done(&["status"]).await;
        assert_eq!(status["session"]["reason"], "logged_out");
    });
    all(scenes).await;
}

#[tokio::test]
async fn a_hangup_that_was_to_be_ignored_is_ignored() {
    let (server, ann) = with_an_ended_token(Rotation::Strict).await;
    let fault = "token:after_commit,gate=answer@1";
    server.set_faults(fault).unwrap();
    let mut command = ann.command(&[]);
    let latchkey = command.as_std().get_program().to_owned();
    // As `nohup` does it.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' HUP; exec \"$0\" ping private --json"])
        .arg(latchkey)
        .env_clear()
        .envs(
            command
                .as_std()
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .kill_on_drop(true);
    command = shell;
    let running = Running::start(command);
    server.gate_reached("answer").await;
    running.signal("HUP").await;
    server.open_gate("answer");
    let (code, json) = running.ends().await;
    assert_eq!((code, &json["ok"]), (Some(0), &json!(true)), "{json}");
}

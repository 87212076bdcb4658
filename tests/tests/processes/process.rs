//! A process of an app, from the outside. It is ended by its handle, with the test at the latest.

use std::env;
use std::process::Stdio;

use latchkey_tests::world::in_time;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::worker::SETTING;

pub(crate) struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts one, which knows the session as it is stored now.
    pub(crate) async fn start(setting: &Value) -> Process {
        let program = env::current_exe().expect("this program's path");
        let mut child = Command::new(program)
            .args(["--ignored", "--exact", "worker", "--nocapture"])
            .env(SETTING, setting.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut process = Process {
            child,
            stdin,
            lines,
        };
        assert_eq!(process.ask("session").await["session"], "signed_in");
        process
    }

    pub(crate) async fn tell(&mut self, line: &str) {
        let line = format!("{line}\n");
        in_time(self.stdin.write_all(line.as_bytes()))
            .await
            .expect("it reads");
    }

    /// The next thing it says.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            let line = in_time(self.lines.next_line()).await.expect("text");
            let line = line.expect("it lives");
            // The test runner in it has its own words.
            if line.starts_with('{') {
                return serde_json::from_str(&line).expect("JSON");
            }
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> Value {
        self.tell(line).await;
        self.hear().await
    }

    /// The token that it was told to get.
    pub(crate) async fn token(&mut self) -> String {
        let answer = self.hear().await;
        let token = answer["token"].as_str();
        token
            .unwrap_or_else(|| panic!("no token: {answer}"))
            .to_owned()
    }

    pub(crate) async fn ask_token(&mut self) -> String {
        self.tell("token").await;
        self.token().await
    }

    pub(crate) async fn timeline(&mut self) -> Vec<String> {
        let answer = self.ask("timeline").await;
        serde_json::from_value(answer["timeline"].clone()).expect("events")
    }

    /// Tells it this and waits until it stands at the point.
    pub(crate) async fn stop_at(&mut self, point: &str, line: &str) {
        self.tell(&format!("arm {point}")).await;
        self.tell(line).await;
        self.at(point).await;
    }

    pub(crate) async fn at(&mut self, point: &str) {
        assert_eq!(self.hear().await["at"], point);
    }

    /// Lets it pass the point.
    pub(crate) async fn go(&mut self) {
        self.tell("go").await;
    }

    /// Freezes all of it; when this returns nothing in it moves.
    pub(crate) async fn freeze(&self) {
        let pid = self.pid();
        kill_process(pid, Signal::STOP).expect("it lives");
        // Its end is not waited for here: that is for its handle.
        let stopped = move || waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED);
        let stopped = in_time(tokio::task::spawn_blocking(stopped)).await;
        let status = stopped.expect("no panic").expect("our child");
        assert!(status.expect("a change").stopped());
    }

    /// Lets it go on, past the point at which it stands.
    pub(crate) async fn thaw(&mut self) {
        self.go().await;
        kill_process(self.pid(), Signal::CONT).expect("it lives");
    }

    /// Kills it; when this returns it is gone.
    pub(crate) async fn kill(mut self) {
        in_time(self.child.kill()).await.expect("our child");
    }

    fn pid(&self) -> Pid {
        let id = self.child.id().expect("it lives");
        let id = i32::try_from(id).expect("a process id");
        Pid::from_raw(id).expect("a process id")
    }
}

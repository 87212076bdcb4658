//! Somebody at a terminal, and what they use as a browser.

use std::process::{Output, Stdio};
use std::str;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey_devserver::{DevServer, Options, Rotation, submit_login};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use url::Url;

pub(crate) const ALICE: (&str, &str) = ("alice", "alice-password");
pub(crate) const BOB: (&str, &str) = ("bob", "bob-password");
pub(crate) const SCOPE: &str = "openid profile email offline_access read:messages";

/// A person at a terminal: a home of their own, and the provider in the environment.
pub(crate) struct Person {
    pub(crate) home: TempDir,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Person {
    pub(crate) fn without_a_provider() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let store = home.path().join("store").to_str().unwrap().to_owned();
        Self {
            home,
            environment: vec![("LATCHKEY_STORE", store)],
        }
    }

    pub(crate) fn with(issuer: &str, api: &str) -> Self {
        let mut person = Self::without_a_provider();
        person.environment.extend([
            ("LATCHKEY_ISSUER", issuer.to_owned()),
            ("LATCHKEY_CLIENT_ID", "latchkey-dev".to_owned()),
            ("LATCHKEY_AUDIENCE", "https://api.latchkey.test".to_owned()),
            ("LATCHKEY_SCOPE", SCOPE.to_owned()),
            ("LATCHKEY_API", api.to_owned()),
        ]);
        person
    }

    pub(crate) fn of(server: &DevServer) -> Self {
        Self::with(server.issuer(), server.api())
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command
            .args(words)
            .current_dir(self.home.path().join("work"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // Nothing of the machine's: no configuration, no browser, no screen, no keyring.
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/does/not/exist")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        for kept in ["PATH", "SystemRoot", "TEMP", "TMP"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
    }

    pub(crate) async fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().await.unwrap()
    }

    /// Runs with `--json`; whatever comes of it, stdout is one object on one line.
    pub(crate) async fn json(&self, words: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(&[words, &["--json"]].concat()).await;
        (output.status.code(), one_line(&output.stdout))
    }

    pub(crate) async fn done(&self, words: &[&str]) -> Value {
        let (code, json) = self.json(words).await;
        assert_eq!(
            (code, &json["ok"]),
            (Some(0), &json!(true)),
            "{words:?}: {json}"
        );
        json
    }

    /// The object `error`, of work that failed.
    pub(crate) async fn failed(&self, words: &[&str]) -> Value {
        let (code, mut json) = self.json(words).await;
        assert_eq!(
            (code, &json["ok"]),
            (Some(1), &json!(false)),
            "{words:?}: {json}"
        );
        json["error"].take()
    }

    pub(crate) async fn log_in(&self, (name, password): (&str, &str)) -> Value {
        let begun = self.done(&["login", "--begin"]).await;
        let callback = submit_login(begun["url"].as_str().unwrap(), name, password)
            .await
            .unwrap();
        self.done(&["login", "--finish", &callback]).await["session"].take()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

pub(crate) fn one_line(stdout: &[u8]) -> Value {
    let text = str::from_utf8(stdout).unwrap();
    let line = text
        .strip_suffix('\n')
        .unwrap_or_else(|| panic!("no line: {text:?}"));
    assert!(!line.contains('\n'), "{text}");
    let json: Value = serde_json::from_str(line).unwrap();
    assert!(json.is_object(), "{line}");
    json
}

pub(crate) fn base64(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

pub(crate) async fn server() -> DevServer {
    DevServer::start(Options::default()).await.unwrap()
}

/// Someone who is logged in with an access token that has ended already.
pub(crate) async fn with_an_ended_token(rotation: Rotation) -> (DevServer, Person) {
    let server = DevServer::start(Options {
        rotation,
        ..Options::default()
    })
    .await
    .unwrap();
    let ann = Person::of(&server);
    server.set_faults("token:expires_in=0@1").unwrap();
    ann.log_in(ALICE).await;
    server.clear_faults();
    server.reset_counts();
    (server, ann)
}

pub(crate) fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// `CMD` for `--browser`: this very program, told to be the browser.
pub(crate) fn this_program_as_browser() -> String {
    let program = std::env::current_exe().unwrap();
    // On Windows a backslash in `--browser` escapes nothing, and a quote keeps a space.
    format!(
        "\"{}\" --exact person::as_browser --ignored",
        program.display()
    )
}

/// `CMD` for `--browser`: a browser in which nobody logs in.
pub(crate) fn this_program_as_nobody() -> String {
    let program = std::env::current_exe().unwrap();
    format!("\"{}\" --exact no_such_test", program.display())
}

/// Not a test: what runs as the browser. It logs Alice in and follows where it is sent.
#[tokio::test]
#[ignore = "runs only as the browser of the other tests"]
async fn as_browser() {
    let Some(url) = std::env::args().find(|word| word.starts_with("http")) else {
        return;
    };
    let callback = submit_login(&url, ALICE.0, ALICE.1).await.unwrap();
    // What a browser asks for besides.
    let callback = Url::parse(&callback).unwrap();
    get(&callback.join("/favicon.ico").unwrap()).await;
    let sent_on = get(&callback).await;
    let page = get(&callback.join("/done").unwrap()).await;
    // What was on the screen, for a test that looks.
    if let Ok(screen) = std::env::var("LATCHKEY_TEST_SCREEN") {
        let mut screen = TcpStream::connect(screen).await.unwrap();
        screen
            .write_all(format!("{sent_on}\n{page}").as_bytes())
            .await
            .unwrap();
    }
}

async fn get(url: &Url) -> String {
    let host = url.host_str().unwrap();
    let mut stream = TcpStream::connect((host, url.port().unwrap()))
        .await
        .unwrap();
    let target = &url[url::Position::BeforePath..];
    stream
        .write_all(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

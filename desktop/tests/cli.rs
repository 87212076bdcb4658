//! Whole runs of the binary `latchkey`, each command a process of its own, against the development server.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::str;

use latchkey_devserver::{DevServer, Options, submit_login};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use url::Url;

const ALICE: (&str, &str) = ("alice", "alice-password");
const BOB: (&str, &str) = ("bob", "bob-password");
const SCOPE: &str = "openid profile email offline_access read:messages";

/// A person at a terminal: a home of their own, and the provider in the environment.
struct Person {
    home: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Person {
    fn without_a_provider() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let store = home.path().join("store").to_str().unwrap().to_owned();
        Self {
            home,
            environment: vec![("LATCHKEY_STORE", store)],
        }
    }

    fn with(issuer: &str, api: &str) -> Self {
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

    fn of(server: &DevServer) -> Self {
        Self::with(server.issuer(), server.api())
    }

    fn command(&self, words: &[&str]) -> Command {
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
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        for kept in ["PATH", "SystemRoot", "TEMP", "TMP"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
    }

    async fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().await.unwrap()
    }

    /// Runs with `--json`; whatever comes of it, stdout is one object on one line.
    async fn json(&self, words: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(&[words, &["--json"]].concat()).await;
        (output.status.code(), one_line(&output.stdout))
    }

    async fn done(&self, words: &[&str]) -> Value {
        let (code, json) = self.json(words).await;
        assert_eq!(
            (code, &json["ok"]),
            (Some(0), &json!(true)),
            "{words:?}: {json}"
        );
        json
    }

    /// The object `error`, of work that failed.
    async fn failed(&self, words: &[&str]) -> Value {
        let (code, mut json) = self.json(words).await;
        assert_eq!(
            (code, &json["ok"]),
            (Some(1), &json!(false)),
            "{words:?}: {json}"
        );
        json["error"].take()
    }

    async fn log_in(&self, (name, password): (&str, &str)) -> Value {
        let begun = self.done(&["login", "--begin"]).await;
        let callback = submit_login(begun["url"].as_str().unwrap(), name, password)
            .await
            .unwrap();
        self.done(&["login", "--finish", &callback]).await["session"].take()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn one_line(stdout: &[u8]) -> Value {
    let text = str::from_utf8(stdout).unwrap();
    let line = text
        .strip_suffix('\n')
        .unwrap_or_else(|| panic!("no line: {text:?}"));
    assert!(!line.contains('\n'), "{text}");
    let json: Value = serde_json::from_str(line).unwrap();
    assert!(json.is_object(), "{line}");
    json
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

async fn server() -> DevServer {
    DevServer::start(Options::default()).await.unwrap()
}

fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[tokio::test]
async fn a_login_in_two_processes_and_everything_that_follows_it() {
    let host = Person::without_a_provider();
    let mut serving = host
        .command(&["serve", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!(ready["ok"], true);
    assert_eq!(
        ready["users"][0],
        json!({ "name": "alice", "password": "alice-password", "scopes": ["read:messages"] })
    );

    let ann = Person::with(
        ready["issuer"].as_str().unwrap(),
        ready["api"].as_str().unwrap(),
    );
    assert_eq!(
        ann.done(&["status"]).await["session"],
        json!({ "state": "signed_out", "reason": "never" })
    );
    let session = ann.log_in(ALICE).await;
    assert_eq!(session["state"], "signed_in");
    assert_eq!(session["issuer"], ready["issuer"]);
    assert_eq!(session["subject"], "dev|alice");
    assert_eq!(session["claims"]["name"], "Alice");
    assert_eq!(session["refreshable"], true);
    assert_eq!(session["persisted"], true);
    assert_eq!(
        ann.done(&["status"]).await["session"]["subject"],
        "dev|alice"
    );

    let private = ann.done(&["ping", "private"]).await;
    assert_eq!(
        private["message"],
        "Hello from a private endpoint! You need to be authenticated to see this."
    );
    let scoped = ann.done(&["ping", "private-scoped"]).await;
    assert!(
        scoped["message"]
            .as_str()
            .unwrap()
            .contains("read:messages")
    );

    let token = ann.done(&["token"]).await;
    assert_eq!(token["token_type"], "Bearer");
    assert!(token["expires_in_seconds"].as_u64().unwrap() > 200);
    assert!(
        token["scopes"]
            .as_array()
            .unwrap()
            .contains(&json!("read:messages"))
    );
    let bare = ann.run(&["token"]).await;
    assert_eq!(
        text(&bare.stdout),
        format!("{}\n", token["access_token"].as_str().unwrap())
    );
    let renewed = ann.done(&["token", "--refresh"]).await;
    assert_ne!(renewed["access_token"], token["access_token"]);
    assert_eq!(
        ann.done(&["token"]).await["access_token"],
        renewed["access_token"]
    );

    let claims = ann.done(&["userinfo"]).await;
    assert_eq!(claims["claims"]["email"], "alice@latchkey.test");
    let answer = ann
        .done(&[
            "call",
            "post",
            "/echo",
            "--header",
            "Content-Type: text/plain",
            "--data",
            "hello",
        ])
        .await;
    assert_eq!(answer["status"], 200);
    assert!(answer["headers"]["content-type"].is_string(), "{answer}");
    assert!(
        answer["body"].as_str().unwrap().contains("hello"),
        "{answer}"
    );

    let checks = ann.done(&["doctor"]).await;
    for check in checks["checks"].as_array().unwrap() {
        assert_eq!(check["result"], "ok", "{check}");
    }
    let events = ann.done(&["timeline"]).await;
    assert_eq!(events["events"][0]["event"], "login", "{events}");
    assert!(events["events"][0]["at"].as_str().unwrap().ends_with('Z'));
    assert!(!events.to_string().contains("alice"), "{events}");

    let logout = ann.done(&["logout"]).await;
    assert_eq!(logout["revocation"], "done");
    assert!(
        logout["end_session_url"]
            .as_str()
            .unwrap()
            .starts_with(ready["issuer"].as_str().unwrap())
    );
    assert_eq!(
        ann.done(&["status"]).await["session"],
        json!({ "state": "signed_out", "reason": "logged_out" })
    );
    let error = ann.failed(&["ping", "private"]).await;
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("login_required"), &json!("logged_out"))
    );
}

#[tokio::test]
async fn a_login_with_a_browser_ends_on_a_clean_page() {
    let server = server().await;
    let mut ann = Person::of(&server);
    let page = ann.home.path().join("page.html");
    ann.environment
        .push(("LATCHKEY_TEST_PAGE", page.to_str().unwrap().to_owned()));
    let output = ann
        .run(&["login", "--json", "--browser", &this_program_as_browser()])
        .await;
    let session = one_line(&output.stdout);
    assert_eq!(
        session["session"]["subject"],
        "dev|alice",
        "{}",
        text(&output.stderr)
    );
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.contains("You are logged in") && page.contains("location: /done"),
        "{page}"
    );
    assert!(!page.contains("state="), "{page}");
}

#[tokio::test]
async fn the_demo_tells_its_story_with_a_browser_and_without() {
    let ann = Person::without_a_provider();
    for words in [
        vec!["demo"],
        vec!["demo", "--browser", &this_program_as_browser()],
    ] {
        let demo = ann.done(&words).await;
        let steps = demo["steps"].as_array().unwrap();
        let names: Vec<&str> = steps
            .iter()
            .map(|step| step["step"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "start",
                "login",
                "ping_private",
                "ping_private_scoped",
                "without_scope",
                "logout"
            ]
        );
        assert!(
            steps
                .iter()
                .all(|step| step["ok"] == true && step["milliseconds"].is_u64()),
            "{demo}"
        );
        assert_eq!(steps[4]["kind"], "step_up_required");
        assert_eq!(
            steps[1]["by"],
            if words.len() == 1 { "form" } else { "browser" }
        );
    }
    assert!(!ann.home.path().join("store").exists());
}

#[tokio::test]
async fn a_demo_that_fails_says_at_which_step_and_ends_with_1() {
    let ann = Person::without_a_provider();
    let (code, demo) = ann.json(&["demo", "--browser", "/does/not/exist"]).await;
    assert_eq!((code, &demo["ok"]), (Some(1), &json!(false)));
    assert_eq!(demo["steps"][1]["step"], "login");
    assert_eq!(demo["steps"][1]["ok"], false);
    assert_eq!(demo["steps"][1]["error"]["kind"], "configuration");
    assert_eq!(demo["error"]["kind"], "configuration");
}

#[tokio::test]
async fn somebody_without_the_scope_is_told_which_login_gives_it() {
    let server = server().await;
    let ann = Person::of(&server);
    ann.log_in(BOB).await;
    let error = ann.failed(&["ping", "private-scoped"]).await;
    assert_eq!(error["kind"], "step_up_required");
    assert_eq!(error["recovery"], "step_up");
    assert_eq!(error["reason"], "insufficient_scope");
    assert_eq!(error["scope"], "read:messages");
    assert!(
        error["acr_values"].is_null() && error["max_age_seconds"].is_null(),
        "{error}"
    );
    let output = ann.run(&["ping", "private-scoped"]).await;
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(
        text(&output.stderr).contains("latchkey login --scope"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test]
async fn what_the_provider_or_the_api_does_wrong_has_its_kind() {
    let server = server().await;
    let ann = Person::of(&server);
    let begun = ann.done(&["login", "--begin", "--prompt", "none"]).await;
    let callback = submit_login(begun["url"].as_str().unwrap(), "", "")
        .await
        .unwrap();
    let error = ann.failed(&["login", "--finish", &callback]).await;
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&json!("interaction_required"), &json!("login_required"))
    );
    let error = ann.failed(&["login", "--finish", &callback]).await;
    assert_eq!(
        (&error["kind"], &error["recovery"]),
        (&json!("callback_ignored"), &json!("keep_waiting"))
    );

    ann.log_in(ALICE).await;
    let error = ann.failed(&["call", "GET", "/no-such-thing"]).await;
    assert_eq!(
        (&error["kind"], &error["status"]),
        (&json!("api"), &json!(404))
    );
    server.set_faults("api:status=429,retry_after=7").unwrap();
    let error = ann.failed(&["ping", "private"]).await;
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("network"), &json!("rate_limited"))
    );
    assert_eq!(error["retry_after_seconds"], 7);
    server.set_faults("token:bad_signature").unwrap();
    let begun = ann.done(&["login", "--begin"]).await;
    let callback = submit_login(begun["url"].as_str().unwrap(), ALICE.0, ALICE.1)
        .await
        .unwrap();
    let error = ann.failed(&["login", "--finish", &callback]).await;
    assert_eq!(
        (&error["kind"], &error["check"]),
        (&json!("untrusted"), &json!("signature"))
    );
    assert_eq!(ann.done(&["status"]).await["session"]["state"], "signed_in");
    server.stop().await;
    let error = ann.failed(&["ping", "private"]).await;
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("network"), &json!("offline"))
    );
}

#[tokio::test]
async fn wrong_words_end_with_2_and_still_give_a_script_its_line() {
    let ann = Person::without_a_provider();
    for words in [
        vec!["stauts"],
        vec!["token", "--rotation", "weekly"],
        vec!["call", "GET"],
        vec!["login", "--begin", "--finish", "x"],
    ] {
        let (code, json) = ann.json(&words).await;
        assert_eq!(
            (code, &json["error"]["kind"]),
            (Some(2), &json!("configuration")),
            "{words:?}"
        );
        let output = ann.run(&words).await;
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(!output.stderr.is_empty());
    }
}

#[tokio::test]
async fn every_mistake_in_the_configuration_is_named_at_once_and_leaves_nothing_behind() {
    let ann = Person::without_a_provider();
    let error = ann.failed(&["status"]).await;
    assert_eq!(
        (&error["kind"], &error["recovery"]),
        (&json!("configuration"), &json!("fix_configuration"))
    );
    let problems = error["problems"].as_array().unwrap();
    for (field, variable) in [
        ("issuer", "LATCHKEY_ISSUER"),
        ("client_id", "LATCHKEY_CLIENT_ID"),
    ] {
        let problem = problems
            .iter()
            .find(|problem| problem["field"] == field)
            .unwrap();
        assert!(
            problem["reason"].as_str().unwrap().contains(variable),
            "{problem}"
        );
    }
    assert!(!ann.home.path().join("store").exists());
}

#[tokio::test]
async fn an_api_that_is_not_named_is_asked_for_by_the_commands_that_call_it() {
    let server = server().await;
    let mut ann = Person::of(&server);
    ann.environment.retain(|(name, _)| *name != "LATCHKEY_API");
    ann.log_in(ALICE).await;
    let error = ann.failed(&["ping", "private"]).await;
    assert_eq!(error["problems"][0]["field"], "api");
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let server = server().await;
    let mut ann = Person::without_a_provider();
    let file = format!(
        "issuer = '{}'\nclient_id = 'of-the-file'\nscope = 'openid of-the-file'\nresource = ['https://a.test', 'https://b.test']\n",
        server.issuer(),
    );
    ann.write("elsewhere.toml", &file);
    ann.environment
        .push(("LATCHKEY_CLIENT_ID", "of-the-environment".to_owned()));
    let file = ann.home.path().join("elsewhere.toml");
    let begin = ["login", "--begin", "--config", file.to_str().unwrap()];
    let url = ann.done(&begin).await["url"].as_str().unwrap().to_owned();
    assert_eq!(parameter(&url, "client_id"), "of-the-environment");
    assert!(parameter(&url, "scope").contains("of-the-file"));
    assert!(url.contains("a.test") && url.contains("b.test"), "{url}");
    let flag = [&begin[..], &["--client-id", "of-the-flag"]].concat();
    let url = ann.done(&flag).await["url"].as_str().unwrap().to_owned();
    assert_eq!(parameter(&url, "client_id"), "of-the-flag");
}

#[cfg(not(windows))]
#[tokio::test]
async fn the_file_in_the_users_folder_is_read_and_the_one_in_the_current_folder_is_not() {
    let server = server().await;
    let ann = Person::without_a_provider();
    let file = format!(
        "issuer = '{}'\nclient_id = 'latchkey-dev'\n",
        server.issuer()
    );
    ann.write("work/latchkey.toml", &file);
    let error = ann.failed(&["status"]).await;
    assert_eq!(error["kind"], "configuration", "{error}");
    ann.write(".config/latchkey/latchkey.toml", &file);
    assert_eq!(
        ann.done(&["status"]).await["session"]["state"],
        "signed_out"
    );
    ann.write(".config/latchkey/latchkey.toml", "isuer = 'x'");
    let error = ann.failed(&["status"]).await;
    assert!(
        error["text"].as_str().unwrap().contains("line 1"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_a_keyring_the_key_is_in_a_file_which_is_said_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = server().await;
    let mut ann = Person::of(&server);
    ann.environment
        .retain(|(name, _)| *name != "LATCHKEY_STORE");
    let begun = ann.run(&["login", "--begin"]).await;
    assert!(
        text(&begun.stderr).contains("no keyring"),
        "{}",
        text(&begun.stderr)
    );
    let url = text(&begun.stdout).trim_end();
    let callback = submit_login(url, ALICE.0, ALICE.1).await.unwrap();
    let finished = ann.run(&["login", "--finish", &callback]).await;
    assert_eq!(text(&finished.stderr), "");
    assert!(
        text(&finished.stdout).starts_with("Logged in as Alice at "),
        "{}",
        text(&finished.stdout)
    );
    let folder = ann.home.path().join(".local/share/latchkey");
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(folder.clone()), mode(folder.join("key"))),
        (0o700, 0o600)
    );
}

#[tokio::test]
async fn no_level_of_the_log_prints_a_secret() {
    let server = server().await;
    let ann = Person::of(&server);
    let begun = ann
        .run(&["login", "--begin", "--json", "--log", "debug"])
        .await;
    let url = one_line(&begun.stdout)["url"].as_str().unwrap().to_owned();
    let callback = submit_login(&url, ALICE.0, ALICE.1).await.unwrap();
    let finished = ann
        .run(&["login", "--finish", &callback, "--json", "--log", "debug"])
        .await;
    let token = ann.run(&["token", "--json", "--log", "debug"]).await;
    let token = (one_line(&token.stdout), token);
    let renewed = ann
        .run(&["token", "--refresh", "--json", "--log", "debug"])
        .await;
    let ping = ann.run(&["ping", "private", "--log", "debug"]).await;
    let info = ann.run(&["userinfo", "--json", "--log", "debug"]).await;
    let logout = ann.run(&["logout", "--json", "--log", "debug"]).await;
    let secrets = [
        parameter(&url, "state"),
        parameter(&url, "nonce"),
        parameter(&callback, "code"),
        token.0["access_token"].as_str().unwrap().to_owned(),
        one_line(&renewed.stdout)["access_token"]
            .as_str()
            .unwrap()
            .to_owned(),
        "dev|alice".to_owned(),
    ];
    for (at, run) in [&begun, &finished, &token.1, &renewed, &ping, &info, &logout]
        .into_iter()
        .enumerate()
    {
        let log = text(&run.stderr);
        for secret in &secrets {
            assert!(
                !secret.is_empty() && !log.contains(secret.as_str()),
                "run {at}: {log}"
            );
        }
    }
    assert!(
        text(&finished.stderr).contains("debug "),
        "{}",
        text(&finished.stderr)
    );
    for secret in &secrets[3..5] {
        assert!(
            !text(&ping.stdout).contains(secret.as_str())
                && !text(&finished.stdout).contains(secret.as_str())
        );
    }
}

#[tokio::test]
async fn nothing_in_the_store_can_be_read_as_it_is() {
    let server = server().await;
    let ann = Person::of(&server);
    ann.log_in(ALICE).await;
    let token = ann.done(&["token"]).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    for entry in std::fs::read_dir(ann.home.path().join("store")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [token.as_str(), "dev|alice", "refresh_token"] {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes())
            );
        }
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_a_storage_error() {
    let server = server().await;
    let ann = Person::of(&server);
    ann.write("file", "");
    let error = ann
        .failed(&[
            "status",
            "--store",
            ann.home.path().join("file").to_str().unwrap(),
        ])
        .await;
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("storage"), &json!("unavailable"))
    );
}

#[tokio::test]
async fn a_person_who_does_not_come_back_in_time_has_cancelled() {
    let server = server().await;
    let ann = Person::of(&server);
    let error = ann.failed(&["login", "--timeout", "1"]).await;
    assert_eq!(
        (&error["kind"], &error["recovery"]),
        (&json!("cancelled"), &json!("none"))
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_a_timeout() {
    let server = server().await;
    let ann = Person::of(&server);
    server.set_faults("discovery:gate=never").unwrap();
    let error = ann.failed(&["login", "--begin", "--timeout", "1"]).await;
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("network"), &json!("timeout"))
    );
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_cancels_a_login_and_ends_a_server() {
    let server = server().await;
    let ann = Person::of(&server);
    let mut login = ann
        .command(&["login", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(login.stderr.take().unwrap()).lines();
    while !lines
        .next_line()
        .await
        .unwrap()
        .unwrap()
        .starts_with("Open it in a browser")
    {}
    interrupt(&login).await;
    let output = login.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(one_line(&output.stdout)["error"]["kind"], "cancelled");

    let mut serving = ann
        .command(&["serve", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
    lines.next_line().await.unwrap().unwrap();
    interrupt(&serving).await;
    assert_eq!(serving.wait().await.unwrap().code(), Some(0));
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[cfg(unix)]
async fn interrupt(child: &tokio::process::Child) {
    let id = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .await
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn the_api_alone_takes_the_tokens_of_the_provider_that_it_is_told() {
    let server = server().await;
    let ann = Person::of(&server);
    let mut serving = ann
        .command(&["serve", "--api-only", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let api = ready["api"].as_str().unwrap();
    ann.log_in(ALICE).await;
    assert!(ann.done(&["ping", "private", "--api", api]).await["message"].is_string());
}

#[tokio::test]
async fn a_server_whose_words_are_wrong_says_which() {
    let ann = Person::without_a_provider();
    let error = ann.failed(&["serve", "--faults", "token:explode"]).await;
    assert_eq!(error["problems"][0]["field"], "faults");
    let error = ann.failed(&["serve", "--api-only"]).await;
    assert_eq!(error["problems"][0]["field"], "issuer");
}

#[tokio::test]
async fn a_local_logout_asks_the_provider_nothing() {
    let server = server().await;
    let ann = Person::of(&server);
    ann.log_in(ALICE).await;
    let logout = ann.done(&["logout", "--local"]).await;
    assert_eq!(logout["revocation"], "none", "{logout}");
    assert_eq!(server.requests("revoke"), 0);
    assert_eq!(
        ann.done(&["status"]).await["session"]["reason"],
        "logged_out"
    );
}

#[tokio::test]
async fn a_port_that_is_named_is_the_one_that_is_listened_on() {
    let server = server().await;
    let ann = Person::of(&server);
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!(
        "http://127.0.0.1:{}/callback",
        taken.local_addr().unwrap().port()
    );
    let error = ann.failed(&["login", "--redirect-uri", &uri]).await;
    assert_eq!(error["problems"][0]["field"], "redirect_uri", "{error}");
    drop(taken);
    let words = [
        "login",
        "--json",
        "--redirect-uri",
        &uri,
        "--browser",
        &this_program_as_browser(),
    ];
    let output = ann.run(&words).await;
    assert_eq!(
        one_line(&output.stdout)["ok"],
        true,
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test]
async fn help_and_completions_are_printed_and_are_no_mistakes() {
    let ann = Person::without_a_provider();
    let help = ann.run(&["--help"]).await;
    assert_eq!(help.status.code(), Some(0));
    for command in [
        "demo", "serve", "login", "ping", "call", "token", "status", "userinfo", "logout",
        "doctor", "timeline",
    ] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
    let script = ann.run(&["completions", "bash"]).await;
    assert!(text(&script.stdout).contains("_latchkey"));
    assert!(ann.done(&["completions", "zsh"]).await["script"].is_string());
}

/// `CMD` for `--browser`: this very program, told to be the browser.
fn this_program_as_browser() -> String {
    let program = std::env::current_exe().unwrap();
    // On Windows a backslash in `--browser` escapes nothing, and a quote keeps a space.
    format!("\"{}\" --exact as_browser --ignored", program.display())
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
    if let Some(file) = std::env::var_os("LATCHKEY_TEST_PAGE") {
        std::fs::write(file, format!("{sent_on}\n{page}")).unwrap();
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

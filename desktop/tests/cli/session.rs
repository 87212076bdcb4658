//! What the commands do for somebody who logs in.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;

use crate::person::*;

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
    assert_eq!(error["kind"], "login_required");
    assert_eq!(error["reason"], "logged_out");
}

#[tokio::test]
async fn a_login_with_a_browser_ends_on_a_clean_page() {
    let server = server().await;
    let mut ann = Person::of(&server);
    let shown = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let screen = shown.local_addr().unwrap().to_string();
    ann.environment.push(("LATCHKEY_TEST_SCREEN", screen));
    let browser = this_program_as_browser();
    let login = ann.done(&["login", "--browser", &browser]).await;
    assert_eq!(login["session"]["subject"], "dev|alice");
    let mut page = String::new();
    let (mut screen, _) = shown.accept().await.unwrap();
    screen.read_to_string(&mut page).await.unwrap();
    assert!(page.contains("location: /done\r\n"), "{page}");
    assert!(page.contains("You are logged in"), "{page}");
    assert!(!page.contains("state="), "{page}");
}

#[tokio::test]
async fn the_demo_tells_its_story_with_a_browser_and_without() {
    let ann = Person::without_a_provider();
    let browser = this_program_as_browser();
    let mut ways = vec![("browser", vec!["demo", "--browser", &browser])];
    if cfg!(target_os = "linux") {
        // Elsewhere there always is a browser, the person's own.
        ways.push(("form", vec!["demo"]));
    }
    for (by, words) in ways {
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
        assert_eq!(steps[1]["by"], by);
    }
    assert!(!ann.home.path().join("store").exists());
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
async fn a_local_logout_asks_the_provider_nothing() {
    let server = server().await;
    let ann = Person::of(&server);
    let output = ann.run(&["logout", "--local"]).await;
    assert_eq!(text(&output.stdout), "Nobody was logged in.\n");
    ann.log_in(ALICE).await;
    let logout = ann.done(&["logout", "--local"]).await;
    assert_eq!(logout["revocation"], "none", "{logout}");
    assert_eq!(server.requests("revoke"), 0);
    assert_eq!(
        ann.done(&["status"]).await["session"]["reason"],
        "logged_out"
    );
}

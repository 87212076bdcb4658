//! How work that fails ends: its kind, its fields, its exit status.

use latchkey_devserver::submit_login;
use serde_json::json;

use crate::person::*;

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
        text(&output.stderr).contains(&format!("latchkey login --scope \"{SCOPE}\"")),
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
    assert_eq!(error["kind"], "interaction_required");
    assert_eq!(error["code"], "login_required");
    let error = ann.failed(&["login", "--finish", &callback]).await;
    assert_eq!(error["kind"], "callback_ignored");
    assert_eq!(error["recovery"], "keep_waiting");

    ann.log_in(ALICE).await;
    let error = ann.failed(&["call", "GET", "/no-such-thing"]).await;
    assert_eq!(error["kind"], "api");
    assert_eq!(error["status"], 404);
    server.set_faults("api:status=429,retry_after=7").unwrap();
    let error = ann.failed(&["ping", "private"]).await;
    assert_eq!(error["kind"], "network");
    assert_eq!(error["reason"], "rate_limited");
    assert_eq!(error["retry_after_seconds"], 7);
    server.set_faults("token:bad_signature").unwrap();
    let begun = ann.done(&["login", "--begin"]).await;
    let callback = submit_login(begun["url"].as_str().unwrap(), ALICE.0, ALICE.1)
        .await
        .unwrap();
    let error = ann.failed(&["login", "--finish", &callback]).await;
    assert_eq!(error["kind"], "untrusted");
    assert_eq!(error["check"], "signature");
    assert_eq!(ann.done(&["status"]).await["session"]["state"], "signed_in");
    server.stop().await;
    let error = ann.failed(&["ping", "private"]).await;
    assert_eq!(error["kind"], "network");
    assert_eq!(error["reason"], "offline");
}

#[tokio::test]
async fn wrong_words_end_with_2_and_still_give_a_script_its_line() {
    let ann = Person::without_a_provider();
    for (words, mistake) in [
        (vec!["stauts"], "command is not one that latchkey knows;"),
        (vec![], "command is missing;"),
        (
            vec!["token", "--rotation", "weekly"],
            "command has a wrong value for --rotation <WORD>",
        ),
        (vec!["call", "GET"], "command lacks <PATH>;"),
        (
            vec!["login", "--begin", "--finish", "x"],
            "command has --begin",
        ),
        (
            vec!["status", "code=geheim"],
            "command has an argument that it does not know;",
        ),
    ] {
        let (code, json) = ann.json(&words).await;
        assert_eq!(
            (code, &json["error"]["kind"]),
            (Some(2), &json!("configuration")),
            "{words:?}"
        );
        let said = json["error"]["text"].as_str().unwrap();
        assert!(said.contains(mistake) && !said.contains("geheim"), "{said}");
        let output = ann.run(&words).await;
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(!output.stderr.is_empty());
    }
}

#[tokio::test]
async fn the_usage_does_not_ask_for_what_the_environment_gives() {
    let ann = Person::with("https://op.test", "https://api.test");
    let output = ann.run(&["call", "GET"]).await;
    let said = text(&output.stderr);
    assert!(said.contains("Usage: latchkey call "), "{said}");
    assert!(!said.contains("--issuer"), "{said}");
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
    assert_eq!(error["kind"], "storage");
    assert_eq!(error["reason"], "unavailable");
}

#[tokio::test]
async fn a_person_who_does_not_come_back_in_time_has_cancelled() {
    let server = server().await;
    let ann = Person::of(&server);
    let browser = this_program_as_nobody();
    let words = ["login", "--timeout", "1", "--browser", &browser];
    let error = ann.failed(&words).await;
    assert_eq!(error["kind"], "cancelled");
    assert_eq!(error["recovery"], "none");
    let output = ann.run(&words).await;
    let said = text(&output.stderr);
    assert!(
        said.contains("Nobody came back from the browser within 1 second."),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_a_timeout() {
    let server = server().await;
    let ann = Person::of(&server);
    server.set_faults("discovery:gate=never").unwrap();
    let error = ann.failed(&["login", "--begin", "--timeout", "1"]).await;
    assert_eq!(error["kind"], "network");
    assert_eq!(error["reason"], "timeout");
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_cancels_a_login_and_ends_a_server() {
    use std::process::Stdio;
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let server = server().await;
    let ann = Person::of(&server);
    let mut login = ann
        .command(&["login", "--json", "--browser", &this_program_as_nobody()])
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
        .starts_with("It should open")
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
        tokio::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .await
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn a_server_whose_words_are_wrong_says_which() {
    let ann = Person::without_a_provider();
    let error = ann.failed(&["serve", "--faults", "token:explode"]).await;
    assert_eq!(error["problems"][0]["field"], "faults");
    let output = ann.run(&["serve", "--faults", "token:explode"]).await;
    assert!(text(&output.stderr).contains("drop_after_commit"));
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = ann.failed(&["serve", "--port", &port]).await;
    let said = error["text"].as_str().unwrap();
    let expected = format!("port {port} cannot be listened on: it is in use; try --port 0.");
    assert!(said.ends_with(&expected), "{said}");
    let error = ann.failed(&["serve", "--api-only"]).await;
    assert_eq!(error["problems"][0]["field"], "issuer");
}

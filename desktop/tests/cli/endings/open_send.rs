//! A refresh token or a code is at the provider when the command must end.

use latchkey_devserver::Rotation;
use serde_json::{Value, json};
use tokio::process::Command;

use super::*;

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
            assert!(checks.contains("may be spent"), "{checks}");
            assert!(!checks.contains("othing is lost"), "{checks}");
            return;
        }
        check_unsaved(words, ann.json(words).await, "network");
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

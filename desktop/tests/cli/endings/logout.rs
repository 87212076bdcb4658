//! A logout ends here, whatever the provider and the store do.

use std::fs::File;

use latchkey_devserver::Rotation;
use serde_json::json;

use super::*;

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

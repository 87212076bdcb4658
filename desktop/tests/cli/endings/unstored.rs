//! The store does not take what an answer has brought.

use latchkey_devserver::Rotation;
use serde_json::json;

use super::*;

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

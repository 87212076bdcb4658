//! The second half of a login: that what was asked for and what was answered become the session.

use serde_json::json;

use super::super::flight::spawn;
use super::server::{Gate, Reply};
use super::world::{NOW, World};
use crate::error::AuthError;
use crate::types::{LoginOptions, Session, StorageReason};

#[tokio::test]
async fn a_max_age_that_was_asked_for_is_held_against_the_id_token() {
    let within = |seconds| LoginOptions {
        max_age_seconds: Some(seconds),
        ..LoginOptions::default()
    };
    // The person has proven who they are a thousand seconds ago.
    for (max_age, is_fresh) in [(600, false), (1_000, true)] {
        let world = World::new().await;
        let session = world.start();
        world.server.claim(json!({ "auth_time": NOW - 1_000 }));
        let callback = world.callback(&session, within(max_age)).await;
        // In another process, as where the system has killed the app meanwhile: it is the store that knows.
        let finished = world.start().finish_login(callback).await;
        if is_fresh {
            finished.expect("fresh enough");
        } else {
            let check = "auth_time".to_owned();
            assert_eq!(finished.map(drop), Err(AuthError::Untrusted { check }));
        }
    }
}

#[tokio::test]
async fn an_id_token_without_the_time_that_a_max_age_asks_for_is_refused() {
    let world = World::new().await;
    let session = world.start();
    let options = LoginOptions {
        max_age_seconds: Some(86_400),
        ..LoginOptions::default()
    };
    let callback = world.callback(&session, options).await;
    let finished = session.finish_login(callback).await;
    let check = "auth_time".to_owned();
    assert_eq!(finished.map(drop), Err(AuthError::Untrusted { check }));
}

#[tokio::test]
async fn a_login_leaves_the_record_of_a_newer_version_alone() {
    let (world, session) = World::logged_in().await;
    world.change_record(&session, |record| record["schema"] = 99.into());
    let newer = world.store.item(&session.session_name);
    let app = world.start();
    let callback = world.callback(&app, LoginOptions::default()).await;
    let reason = StorageReason::Incompatible;
    assert_eq!(
        app.finish_login(callback).await.map(drop),
        Err(AuthError::Storage { reason })
    );
    let found = world.store.item(&session.session_name);
    assert!(found == newer, "the record is as it was");
}

#[tokio::test]
async fn the_life_of_the_first_token_is_counted_from_its_request() {
    let world = World::new().await;
    let session = world.start();
    let callback = world.callback(&session, LoginOptions::default()).await;
    let gate = Gate::default();
    let slow = Reply::Held(gate.clone(), Box::new(Reply::Usual));
    world.server.reply("/token", slow);
    let login = {
        let session = session.clone();
        spawn(async move { session.finish_login(callback).await })
    };
    gate.reached().await;
    world.clock.advance(100);
    gate.open();
    let finished = login.await.expect("no panic").expect("logs in");
    let Session::SignedIn {
        expires_in_seconds, ..
    } = finished
    else {
        panic!("signed out");
    };
    assert_eq!(expires_in_seconds, Some(3_500));
    let record = world.record(&session);
    assert_eq!(record["state"]["live"]["expires_at"], NOW + 3_600);
    assert_eq!(record["state"]["live"]["obtained"]["wall"], NOW);
}

#[tokio::test]
async fn the_scopes_that_the_provider_has_granted_are_the_sessions() {
    let world = World::new().await;
    let session = world.start();
    let callback = world.callback(&session, LoginOptions::default()).await;
    let narrowed = Reply::Merged(json!({ "scope": "openid profile" }));
    world.server.reply("/token", narrowed);
    let finished = session.finish_login(callback).await.expect("logs in");
    let Session::SignedIn { scopes, .. } = finished else {
        panic!("signed out");
    };
    assert_eq!(scopes, ["openid", "profile"]);
    assert_eq!(
        world.token(&session).await.expect("a token").scopes,
        ["openid", "profile"]
    );
    // An answer that says nothing grants what was asked for (RFC 6749 §5.1).
    world.log_in(&session).await;
    let asked = ["openid", "profile", "offline_access"];
    assert_eq!(world.token(&session).await.expect("a token").scopes, asked);
}

#[tokio::test]
async fn a_login_voids_the_pause_of_the_session_before() {
    let (world, session) = World::logged_in().await;
    let refusal = Reply::with(429, "retry-after: 1000\r\n", "");
    world.server.reply("/token", refusal);
    world.forced(&session).await.expect_err("refused");
    world.forced(&session).await.expect_err("too early");
    assert_eq!(world.server.asked("/token").len(), 2, "it is not asked");
    world.log_in(&session).await;
    let renewed = world.forced(&session).await.expect("at once");
    assert_eq!(renewed.value, "at-3");
}

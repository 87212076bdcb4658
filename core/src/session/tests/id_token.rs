//! The ID token that comes with a refresh: what it is held against, and what becomes of the tokens beside it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::SessionManager;
use super::server::Reply;
use super::world::{NOW, World};
use crate::error::AuthError;
use crate::types::SignedOutReason;

/// The name that the session's claims say after a refresh whose ID token says these and "Alicia".
async fn name_after(world: &World, session: &Arc<SessionManager>, mut claims: Value) -> Value {
    claims["name"] = json!("Alicia");
    world.server.claim(claims);
    world.forced(session).await.expect("the session goes on");
    world.live(session)["claims"]["name"].clone()
}

/// The checks by which ID tokens were dropped.
fn dropped(world: &World, session: &SessionManager) -> Vec<String> {
    let events = world.events(session).into_iter();
    events
        .filter_map(|event| Some(event.strip_prefix("id_token_dropped ")?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_refreshed_id_token_may_repeat_the_logins_nonce_and_no_other() {
    let (world, session) = World::logged_in().await;
    let nonce = world.live(&session)["nonce"].clone();
    assert!(nonce.is_string());
    let other = name_after(&world, &session, json!({ "nonce": "another" })).await;
    assert_eq!(other, Value::Null, "dropped");
    assert_eq!(dropped(&world, &session), ["nonce"]);
    let same = name_after(&world, &session, json!({ "nonce": nonce })).await;
    assert_eq!(same, "Alicia");
    assert_eq!(dropped(&world, &session), ["nonce"], "not this one");
}

#[tokio::test]
async fn a_refreshed_id_token_is_held_against_the_logins_auth_time() {
    let world = World::new().await;
    let session = world.start();
    world.server.claim(json!({ "auth_time": NOW - 10 }));
    world.log_in(&session).await;
    let later = name_after(&world, &session, json!({ "auth_time": NOW - 5 })).await;
    assert_eq!(later, Value::Null, "dropped");
    assert_eq!(dropped(&world, &session), ["auth_time"]);
    let same = name_after(&world, &session, json!({ "auth_time": NOW - 10 })).await;
    assert_eq!(same, "Alicia");
}

#[tokio::test]
async fn a_refreshed_id_token_that_no_known_key_has_signed_says_nothing() {
    let (world, session) = World::logged_in().await;
    world.server.rotate_key(2);
    let unknown = name_after(&world, &session, json!({})).await;
    assert_eq!(unknown, Value::Null, "dropped");
    let why = "its signature cannot be verified";
    assert_eq!(dropped(&world, &session), [why]);
    world.server.rotate_key(1);
    assert_eq!(name_after(&world, &session, json!({})).await, "Alicia");
}

#[tokio::test]
async fn a_refreshed_id_token_says_nothing_while_the_keys_cannot_be_had() {
    let (world, _) = World::logged_in().await;
    let session = world.start();
    // They are asked for once more.
    for _ in 0..2 {
        world.server.reply("/jwks", Reply::with(503, "", ""));
    }
    let unverified = name_after(&world, &session, json!({})).await;
    assert_eq!(unverified, Value::Null, "dropped");
    let why = "its signature cannot be verified";
    assert_eq!(dropped(&world, &session), [why]);
}

#[tokio::test]
async fn a_refresh_token_that_came_with_another_persons_id_token_is_revoked() {
    let (world, session) = World::logged_in().await;
    world.server.claim(json!({ "sub": "mallory" }));
    let reason = SignedOutReason::SubjectChanged;
    assert_eq!(
        world.forced(&session).await.map(drop),
        Err(AuthError::LoginRequired { reason })
    );
    world.settled().await;
    let revoked = world.server.asked("/revoke");
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].form("token"), Some("rt-2"));
    assert_eq!(revoked[0].form("token_type_hint"), Some("refresh_token"));
    let stored = world.record(&session).to_string();
    assert!(!stored.contains("rt-2") && !stored.contains("mallory"));
}

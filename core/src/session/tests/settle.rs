//! What a refresh without tokens writes, and over what.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::SessionManager;
use super::server::{Gate, Reply};
use super::world::World;
use crate::error::AuthError;
use crate::types::{Rotation, SignedOutReason};

#[tokio::test]
async fn a_refused_repeat_leaves_the_earlier_send_open() {
    for refusal in [
        || Reply::with(429, "", ""),
        || Reply::json(400, r#"{"error":"invalid_client"}"#),
        || Reply::json(400, r#"{"error":"login_required"}"#),
    ] {
        let (world, session) = World::logged_in_at(Rotation::None).await;
        world.server.reply("/token", Reply::with(503, "", ""));
        world.forced(&session).await.expect_err("no answer");
        let open = world.live(&session)["claim"].clone();
        assert_eq!(open["sent"]["attempts"], 1);
        world.advance(10);
        world.server.reply("/token", refusal());
        world.forced(&session).await.expect_err("refused");
        assert_eq!(world.server.asked("/token").len(), 3, "it was repeated");
        assert_eq!(world.live(&session)["claim"], open, "as it was");
        world.advance(10);
        let ended = Reply::json(400, r#"{"error":"invalid_grant"}"#);
        world.server.reply("/token", ended);
        let reason = SignedOutReason::RotationInterrupted;
        assert_eq!(
            world.forced(&session).await.map(drop),
            Err(AuthError::LoginRequired { reason })
        );
    }
}

#[tokio::test]
async fn a_refusal_without_an_earlier_send_leaves_nothing_open() {
    let (world, session) = World::logged_in().await;
    world.server.reply("/token", Reply::with(429, "", ""));
    world.forced(&session).await.expect_err("refused");
    assert!(world.live(&session)["claim"].is_null());
}

/// The record after a refresh without an answer, where another process has changed it meanwhile.
async fn settled_over(
    world: &World,
    session: &Arc<SessionManager>,
    change: impl FnOnce(&mut Value),
) -> Value {
    let answer = Gate::default();
    let lost = Box::new(Reply::with(503, "", ""));
    world
        .server
        .reply("/token", Reply::Held(answer.clone(), lost));
    let (result, ()) = tokio::join!(world.forced(session), async {
        answer.reached().await;
        world.change_record(session, change);
        answer.open();
    });
    result.expect_err("no answer");
    world.record(session)
}

#[tokio::test]
async fn what_a_refresh_left_is_written_over_our_own_claim_under_whatever_tag() {
    let (world, session) = World::logged_in_at(Rotation::Strict).await;
    let record = settled_over(&world, &session, |_| ()).await;
    let claim = &record["state"]["live"]["claim"];
    assert_eq!(claim["holder"], Value::Null);
    assert_eq!(claim["sent"]["attempts"], 1);
}

#[tokio::test]
async fn what_a_refresh_left_is_not_written_over_another_session_or_generation() {
    for (member, another) in [("session_id", json!("another")), ("generation", json!(7))] {
        let (world, session) = World::logged_in_at(Rotation::Strict).await;
        let before = another.clone();
        let record = settled_over(&world, &session, |record| record[member] = another).await;
        assert_eq!(record[member], before);
        let holder = &record["state"]["live"]["claim"]["holder"];
        assert!(holder.is_object(), "{member}: as it was");
    }
}

#[tokio::test]
async fn what_a_refresh_left_is_not_written_over_the_claim_of_another() {
    let (world, session) = World::logged_in_at(Rotation::Strict).await;
    let record = settled_over(&world, &session, |record| {
        record["state"]["live"]["claim"]["holder"]["run_id"] = json!("another");
    })
    .await;
    let claim = &record["state"]["live"]["claim"];
    assert_eq!(claim["holder"]["run_id"], "another");
}

//! The harness itself: a login and a refresh by default, and that a script is followed.

use super::server::Reply;
use super::world::World;
use crate::error::AuthError;
use crate::types::SignedOutReason;

#[tokio::test]
async fn a_login_and_a_refresh_work_without_a_script() {
    let (world, session) = World::logged_in().await;
    assert_eq!(
        world.record(&session)["state"]["live"]["refresh_token"],
        "rt-1"
    );
    let token = world.forced(&session).await.expect("renewed");
    assert_eq!(token.value, "at-2");
    let asked = world.server.asked("/token");
    assert_eq!(asked[1].form("grant_type"), Some("refresh_token"));
    assert_eq!(asked[1].form("refresh_token"), Some("rt-1"));
    assert_eq!(
        world.record(&session)["state"]["live"]["claims"]["sub"],
        "alice"
    );
}

#[tokio::test]
async fn a_scripted_reply_is_given_once() {
    let (world, session) = World::logged_in().await;
    let refusal = Reply::json(400, r#"{"error":"invalid_grant"}"#);
    world.server.reply("/token", refusal);
    let reason = SignedOutReason::Revoked;
    assert_eq!(
        world.forced(&session).await.map(drop),
        Err(AuthError::LoginRequired { reason })
    );
    world.log_in(&session).await;
    world.forced(&session).await.expect("renewed");
}

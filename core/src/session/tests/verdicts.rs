//! Answers without tokens: which of them leave the send open, and which end the session.

use super::server::Reply;
use super::world::{NOW, World};
use crate::error::AuthError;
use crate::types::{Rotation, SignedOutReason};

const INVALID_GRANT: &str = r#"{"error":"invalid_grant"}"#;

/// After this answer the send is open: a strict provider's token is not repeated while an access token is left, and a
/// refusal later on is an interrupted rotation.
async fn leaves_the_send_open(answer: Reply, why: &str) {
    let (world, session) = World::logged_in_at(Rotation::Strict).await;
    world.server.reply("/token", answer);
    world.forced(&session).await.expect_err(why);
    let claim = world.live(&session)["claim"].clone();
    assert_eq!(claim["sent"]["attempts"], 1, "{why}");
    assert!(claim["holder"].is_null(), "{why}: nobody is at it");
    world.advance(10);
    world.forced(&session).await.expect_err(why);
    assert_eq!(world.server.asked("/token").len(), 2, "{why}: no repeat");
    world.advance(3_600);
    world
        .server
        .reply("/token", Reply::json(400, INVALID_GRANT));
    let reason = SignedOutReason::RotationInterrupted;
    assert_eq!(
        world.token(&session).await.map(drop),
        Err(AuthError::LoginRequired { reason }),
        "{why}"
    );
    let events = world.events(&session);
    let ended = "ended rotation_interrupted".to_owned();
    assert!(events.contains(&ended), "{why}: {events:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_read_leaves_the_send_open() {
    let large = " ".repeat(1024 * 1024 + 1);
    leaves_the_send_open(Reply::json(200, &large), "over a mebibyte").await;
}

#[tokio::test]
async fn a_5xx_leaves_the_send_open() {
    for (answer, why) in [
        (Reply::with(503, "", ""), "503"),
        (Reply::json(502, INVALID_GRANT), "502 invalid_grant"),
        (Reply::json(500, r#"{"error":"server_error"}"#), "500"),
        (Reply::json(500, r#"{"error":"invalid_client"}"#), "500"),
    ] {
        leaves_the_send_open(answer, why).await;
    }
}

#[tokio::test]
async fn a_broken_success_leaves_the_send_open() {
    let html = Reply::with(200, "content-type: text/html\r\n", "<p>Welcome</p>");
    for (answer, why) in [
        (html, "a page"),
        (Reply::json(200, "{"), "no JSON"),
        (
            Reply::json(200, r#"{"access_token":7,"token_type":"Bearer"}"#),
            "a number",
        ),
        (
            Reply::json(200, r#"{"access_token":"at","token_type":"mac"}"#),
            "another token type",
        ),
    ] {
        leaves_the_send_open(answer, why).await;
    }
}

#[tokio::test]
async fn a_refusal_after_which_the_token_may_have_been_used_is_never_called_persistent() {
    for (answer, why) in [
        ((|| Reply::with(408, "", "")) as fn() -> Reply, "408"),
        (|| Reply::json(500, r#"{"error":"x"}"#), "500 with a code"),
        (|| Reply::json(200, "{}"), "a broken success"),
    ] {
        let (world, session) = World::logged_in_at(Rotation::None).await;
        for _ in 0..4 {
            world.server.reply("/token", answer());
            let result = world.forced(&session).await.map(drop);
            let passes = matches!(
                result,
                Err(AuthError::Provider {
                    persistent: false,
                    ..
                })
            );
            assert!(passes, "{why}: {result:?}");
            world.advance(400);
        }
        assert_eq!(world.server.asked("/token").len(), 5, "{why}");
    }
}

#[tokio::test]
async fn a_refusal_that_goes_on_is_persistent_from_the_third_on() {
    let (world, session) = World::logged_in().await;
    for persists in [false, false, true, true] {
        let gone = Reply::json(400, r#"{"error":"invalid_client"}"#);
        world.server.reply("/token", gone);
        let result = world.forced(&session).await.map(drop);
        let told = Err(AuthError::Provider {
            status: Some(400),
            code: Some("invalid_client".to_owned()),
            persistent: persists,
        });
        assert_eq!(result, told);
        world.advance(400);
    }
}

#[tokio::test]
async fn a_refused_refresh_token_ends_the_session_and_the_timeline_says_so() {
    let (world, session) = World::logged_in().await;
    world.advance(100);
    world
        .server
        .reply("/token", Reply::json(400, INVALID_GRANT));
    let reason = SignedOutReason::Revoked;
    assert_eq!(
        world.forced(&session).await.map(drop),
        Err(AuthError::LoginRequired { reason })
    );
    let ended = world.record(&session)["state"]["ended"].clone();
    assert_eq!(ended["reason"], "revoked");
    assert_eq!(ended["at"], NOW + 100);
    assert_eq!(
        ended["logged_in_at"], NOW,
        "which ranks it against other logins"
    );
    let events = world.events(&session);
    let told = events.iter().rev().nth(1).map(String::as_str);
    assert_eq!(told, Some("ended revoked"), "{events:?}");
}

//! A token for a caller: what is served after a refresh, and after one that failed.

use serde_json::json;

use super::super::flight::spawn;
use super::server::{Gate, Reply};
use super::world::World;
use crate::error::AuthError;
use crate::types::AccessTokenOptions;

const fn good_for(seconds: u64) -> AccessTokenOptions {
    AccessTokenOptions {
        min_validity_seconds: Some(seconds),
        force_refresh: false,
    }
}

#[tokio::test]
async fn a_token_that_is_shorter_lived_than_the_wish_is_not_renewed_by_the_next_call() {
    let (world, session) = World::logged_in().await;
    world.advance(3_600);
    // It lives for ten seconds, of which the answer takes nine.
    let gate = Gate::default();
    let short = Reply::Merged(json!({ "expires_in": 10 }));
    let slow = Reply::Held(gate.clone(), Box::new(short));
    world.server.reply("/token", slow);
    let call = {
        let session = session.clone();
        spawn(async move { session.access_token(good_for(5)).await })
    };
    gate.reached().await;
    world.advance(9);
    gate.open();
    let short = call.await.expect("no panic").expect("what is left");
    assert_eq!(
        (short.value.as_str(), short.expires_in_seconds),
        ("at-2", Some(1))
    );

    for _ in 0..3 {
        let again = session.access_token(good_for(5)).await.expect("a token");
        assert_eq!(again.value, "at-2");
    }
    assert_eq!(world.server.asked("/token").len(), 2, "a login, a refresh");
    world.advance(5);
    let next = session.access_token(good_for(5)).await.expect("renewed");
    assert_eq!(next.value, "at-3");
}

/// Near the end of a token, and inside every margin, but not over.
const NEAR_ITS_END: u64 = 3_595;

/// What becomes of a call near the end of a good token, where the refresh is answered so.
async fn with_a_good_token(answer: Reply) -> Result<String, AuthError> {
    let (world, session) = World::logged_in().await;
    world.advance(NEAR_ITS_END);
    world.server.reply("/token", answer);
    let token = world.token(&session).await;
    assert_eq!(world.server.asked("/token").len(), 2, "it was asked for");
    token.map(|token| token.value)
}

#[tokio::test]
async fn an_error_that_may_pass_does_not_take_away_a_token_that_is_good() {
    for status in [400, 429, 503] {
        let answer = Reply::json(status, r#"{"error":"temporarily_unavailable"}"#);
        assert_eq!(with_a_good_token(answer).await, Ok("at-1".to_owned()));
    }
}

#[tokio::test]
async fn an_error_that_does_not_pass_is_told_although_the_token_is_good() {
    let code = "interaction_required".to_owned();
    let answer = Reply::json(400, r#"{"error":"interaction_required"}"#);
    assert_eq!(
        with_a_good_token(answer).await,
        Err(AuthError::InteractionRequired { code })
    );

    // Metadata that fail a check: the refresh token is not sent.
    let (world, session) = World::logged_in().await;
    let metadata = "/.well-known/openid-configuration";
    let other = json!({ "issuer": "https://other.example" });
    world.server.merge(metadata, other);
    world.advance(NEAR_ITS_END);
    let token = world.token(&session).await;
    let check = "issuer".to_owned();
    assert_eq!(token.map(drop), Err(AuthError::Untrusted { check }));
    assert_eq!(world.server.asked("/token").len(), 1, "the login's");
}

#[tokio::test]
async fn a_token_that_ends_as_it_comes_is_served_for_a_moment_and_then_renewed() {
    let (world, session) = World::logged_in().await;
    world.advance(3_600);
    let ended = Reply::Merged(json!({ "expires_in": 0 }));
    world.server.reply("/token", ended);
    for pause in [0, 0, 4] {
        world.advance(pause);
        let token = world.token(&session).await.expect("what has just come");
        assert_eq!(token.value, "at-2");
    }
    world.advance(1);
    let next = world.token(&session).await.expect("renewed");
    assert_eq!(next.value, "at-3");
}

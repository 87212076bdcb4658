//! What a good answer leaves in the session, and what it ends.

use serde_json::json;

use super::server::{Gate, Reply};
use super::world::{NOW, World};
use crate::error::AuthError;
use crate::types::Rotation;

#[tokio::test]
async fn a_renewed_tokens_life_begins_with_the_request_and_not_with_the_answer() {
    let (world, session) = World::logged_in().await;
    let answer = Gate::default();
    world.server.reply(
        "/token",
        Reply::Held(answer.clone(), Box::new(Reply::Usual)),
    );
    let (result, ()) = tokio::join!(world.forced(&session), async {
        answer.reached().await;
        world.advance(100);
        answer.open();
    });
    assert_eq!(result.expect("renewed").expires_in_seconds, Some(3_500));
    let live = world.live(&session);
    assert_eq!(live["expires_at"], NOW + 3_600);
    assert_eq!(live["obtained"]["wall"], NOW);
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_it_and_lets_it_be_sent_again() {
    let (world, session) = World::logged_in_at(Rotation::Unknown).await;
    let none = || Reply::Merged(json!({ "refresh_token": null }));
    world.server.reply("/token", none());
    world.forced(&session).await.expect("renewed");
    let live = world.live(&session);
    assert_eq!(live["refresh_token"], "rt-1");
    assert_eq!(live["refresh_token_kept"], true);
    assert!(
        world
            .events(&session)
            .contains(&"refreshed kept".to_owned())
    );
    world.server.reply("/token", Reply::with(503, "", ""));
    world.forced(&session).await.expect_err("a send is open");
    world.advance(10);
    let again = world.forced(&session).await;
    again.expect("repeated, although an access token is left");
    let asked = world.server.asked("/token");
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[3].form("refresh_token"), Some("rt-1"));
}

#[tokio::test]
async fn an_answer_with_another_refresh_token_is_a_rotation_and_with_the_same_is_none() {
    let (world, session) = World::logged_in().await;
    world.forced(&session).await.expect("renewed");
    assert_eq!(world.live(&session)["refresh_token_kept"], false);
    let same = Reply::Merged(json!({ "refresh_token": "rt-2" }));
    world.server.reply("/token", same);
    world.forced(&session).await.expect("renewed");
    assert_eq!(world.live(&session)["refresh_token_kept"], true);
    let events = world.events(&session).into_iter();
    let refreshed: Vec<_> = events.filter(|e| e.starts_with("refreshed")).collect();
    assert_eq!(refreshed, ["refreshed rotated", "refreshed kept"]);
}

#[tokio::test]
async fn an_answer_without_scopes_leaves_the_sessions() {
    let (world, session) = World::logged_in_with(|config| {
        config.scopes = vec!["openid".to_owned(), "read".to_owned()];
    })
    .await;
    let token = world.forced(&session).await.expect("renewed");
    assert_eq!(token.scopes, ["openid", "read"]);
    assert_eq!(world.live(&session)["scopes"], json!(["openid", "read"]));
    let narrowed = Reply::Merged(json!({ "scope": "openid" }));
    world.server.reply("/token", narrowed);
    let token = world.forced(&session).await.expect("renewed");
    assert_eq!(token.scopes, ["openid"], "what it says counts");
}

#[tokio::test]
async fn a_success_ends_what_the_provider_asked_for_before() {
    let (world, session) = World::logged_in().await;
    let slow_down = Reply::with(429, "retry-after: 100\r\n", "");
    world.server.reply("/token", slow_down);
    world.forced(&session).await.expect_err("not now");
    let seconds = world.live(&session)["hold"]["seconds"].as_u64();
    assert!(seconds.is_some_and(|seconds| (100..125).contains(&seconds)));
    world.advance(125);
    world.forced(&session).await.expect("renewed");
    assert!(world.live(&session)["hold"].is_null());
}

#[tokio::test]
async fn a_success_between_them_makes_two_spells_of_refusals_two() {
    let (world, session) = World::logged_in().await;
    for spell in ["first", "second"] {
        for refusal in 1..=2 {
            world.advance(600);
            let gone = Reply::json(400, r#"{"error":"invalid_client"}"#);
            world.server.reply("/token", gone);
            let result = world.forced(&session).await.map(drop);
            let passes = matches!(
                result,
                Err(AuthError::Provider {
                    persistent: false,
                    ..
                })
            );
            assert!(passes, "{spell} {refusal}: {result:?}");
            assert_eq!(world.live(&session)["refusals"]["count"], refusal);
        }
        world.advance(600);
        world.forced(&session).await.expect("renewed");
        assert_eq!(world.live(&session)["refusals"]["count"], 0, "{spell}");
    }
}

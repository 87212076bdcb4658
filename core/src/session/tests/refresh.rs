//! The order of a refresh: what is looked at before anything is sent, and who waits for whom.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::SessionManager;
use super::server::{Gate, Reply};
use super::world::World;
use crate::error::AuthError;
use crate::types::{LogoutOptions, NetworkReason, Rotation, SignedOutReason};

const METADATA: &str = "/.well-known/openid-configuration";

/// The claim of another run, taken now, with nothing sent.
fn claim_of_another(session: &SessionManager) -> Value {
    let since = serde_json::to_value(session.moment()).expect("JSON");
    json!({ "holder": { "run_id": "another", "role": null, "since": since }, "sent": null })
}

/// Nobody's claim, with so many sends open, the last of which was now.
fn open_sends(session: &SessionManager, attempts: u32) -> Value {
    let now = serde_json::to_value(session.moment()).expect("JSON");
    json!({ "holder": null, "sent": { "first": now, "last": now, "attempts": attempts } })
}

fn unavailable(retry_after_seconds: Option<u64>) -> AuthError {
    AuthError::Network {
        reason: NetworkReason::Unavailable,
        retry_after_seconds,
    }
}

#[tokio::test]
async fn another_processs_logout_that_a_refresh_finds_first_is_a_logout() {
    let (world, session) = World::logged_in().await;
    let other = world.start();
    let local = LogoutOptions {
        local: true,
        ..LogoutOptions::default()
    };
    other.logout(local).await.expect("logs out");
    let reason = SignedOutReason::LoggedOut;
    assert_eq!(
        world.forced(&session).await.map(drop),
        Err(AuthError::LoginRequired { reason })
    );
    assert_eq!(world.server.asked("/token").len(), 1, "nothing is sent");
}

#[tokio::test]
async fn a_forced_refresh_waits_for_another_process_although_the_old_token_is_good() {
    let (world, session) = World::logged_in().await;
    let other = world.start();
    let (answer, wait) = (Gate::default(), world.clock.hold());
    world.server.reply(
        "/token",
        Reply::Held(answer.clone(), Box::new(Reply::Usual)),
    );
    let ours = async {
        answer.reached().await;
        let mut ours = pin!(world.forced(&session));
        tokio::select! {
            biased;
            result = &mut ours => panic!("it did not wait: {result:?}"),
            () = wait.reached() => answer.open(),
        }
        world.settled().await;
        wait.open();
        ours.await
    };
    let (theirs, ours) = tokio::join!(world.forced(&other), ours);
    assert_eq!(theirs.expect("renewed").value, "at-2");
    assert_eq!(ours.expect("adopted").value, "at-2");
    assert_eq!(
        world.server.asked("/token").len(),
        2,
        "one refresh for both"
    );
}

#[tokio::test]
async fn a_forced_refresh_takes_over_when_the_others_claim_is_over() {
    let (world, session) = World::logged_in().await;
    let began = world.clock.boot_seconds();
    world.change_record(&session, |record| {
        record["state"]["live"]["claim"] = claim_of_another(&session);
    });
    let token = world.forced(&session).await.expect("renewed");
    assert_eq!(token.value, "at-2");
    assert_eq!(world.clock.boot_seconds() - began, 15);
}

#[tokio::test]
async fn a_repeat_that_must_wait_longer_than_two_seconds_is_an_error_that_says_for_how_long() {
    let (world, session) = World::logged_in_at(Rotation::None).await;
    for (attempts, seconds) in [(3, 4), (9, 256)] {
        world.change_record(&session, |record| {
            record["state"]["live"]["claim"] = open_sends(&session, attempts);
        });
        let began = world.clock.boot_seconds();
        let result = world.forced(&session).await.map(drop);
        assert_eq!(result, Err(unavailable(Some(seconds))), "{attempts}");
        assert_eq!(world.clock.boot_seconds(), began, "nobody waits");
        assert_eq!(world.server.asked("/token").len(), 1, "nothing is sent");
    }
    world.advance(256);
    world.forced(&session).await.expect("then it is sent");
}

#[tokio::test]
async fn a_repeat_that_must_wait_for_two_seconds_is_waited_for() {
    let (world, session) = World::logged_in_at(Rotation::None).await;
    world.change_record(&session, |record| {
        record["state"]["live"]["claim"] = open_sends(&session, 1);
    });
    let began = world.clock.boot_seconds();
    world.forced(&session).await.expect("renewed");
    assert_eq!(world.clock.boot_seconds() - began, 2);
}

#[tokio::test]
async fn the_refresh_token_is_not_sent_where_the_metadata_was_refused() {
    let (world, _) = World::logged_in().await;
    for refused in [
        json!({ "issuer": "https://another.example" }),
        json!({ "token_endpoint": "http://another.example/token" }),
        json!({ "code_challenge_methods_supported": ["plain"] }),
        json!({ "token_endpoint": null }),
    ] {
        world.server.merge(METADATA, refused.clone());
        let session = world.start();
        match world.forced(&session).await.map(drop) {
            Err(AuthError::Untrusted { .. } | AuthError::Provider { .. }) => {}
            other => panic!("{refused}: {other:?}"),
        }
        assert_eq!(world.server.asked("/token").len(), 1, "{refused}");
        assert!(world.live(&session)["claim"].is_null(), "{refused}");
    }
}

#[tokio::test]
async fn a_refresh_that_failed_for_want_of_metadata_is_not_tried_again_by_each_call() {
    let (world, _) = World::logged_in().await;
    let another = json!({ "issuer": "https://another.example" });
    world.server.merge(METADATA, another);
    world.server.forget();
    let session = world.start();
    let first = world.forced(&session).await.map(drop);
    assert!(
        matches!(&first, Err(AuthError::Untrusted { .. })),
        "{first:?}"
    );
    world.clock.pass(Duration::from_millis(900));
    assert_eq!(world.forced(&session).await.map(drop), first, "from memory");
    assert_eq!(world.server.asked(METADATA).len(), 1);
    world.advance(2);
    assert_eq!(world.forced(&session).await.map(drop), first);
    assert_eq!(world.server.asked(METADATA).len(), 2);
    let failures = world.events(&session).into_iter();
    let failures = failures.filter(|event| event == "refresh_failed untrusted issuer");
    assert_eq!(failures.count(), 2, "each try is told");
}

#[tokio::test]
async fn a_new_session_token_is_no_news_for_who_wants_one_for_the_userinfo_endpoint() {
    let (world, session) = with_a_resource().await;
    let answer = Gate::default();
    world.server.reply(
        "/token",
        Reply::Held(answer.clone(), Box::new(Reply::Usual)),
    );
    world.server.reply("/userinfo", Reply::with(401, "", ""));
    let (renewed, (told, ())) = tokio::join!(world.forced(&session), async {
        answer.reached().await;
        tokio::join!(session.user_info(), async {
            world.settled().await;
            answer.open();
        })
    });
    assert_eq!(renewed.expect("renewed").value, "at-2");
    told.expect("by a token of its own");
    let asked = world.server.asked("/userinfo");
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].header("authorization"), Some("Bearer at-3"));
}

async fn with_a_resource() -> (World, Arc<SessionManager>) {
    World::logged_in_with(|config| config.resources = vec!["https://api.example".to_owned()]).await
}

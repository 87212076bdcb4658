//! The send itself: what it carries, how long it may take, and when it is not made after all.

use std::pin::pin;
use std::time::Duration;

use super::server::{Gate, Reply};
use super::store::Call;
use super::world::World;
use crate::error::AuthError;
use crate::storage::StoreError;
use crate::types::{NetworkReason, Rotation, StorageReason};

#[tokio::test]
async fn a_refresh_is_given_up_after_ten_seconds_although_other_requests_have_thirty() {
    let (world, session) = World::logged_in_at(Rotation::Strict).await;
    let answer = Gate::default();
    world.server.reply(
        "/token",
        Reply::Held(answer.clone(), Box::new(Reply::Usual)),
    );
    let mut refresh = pin!(world.forced(&session));
    let half = async {
        answer.reached().await;
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    tokio::select! {
        biased;
        result = &mut refresh => panic!("already: {result:?}"),
        () = half => {}
    }
    let rest = tokio::time::timeout(Duration::from_secs(6), refresh).await;
    let result = rest.expect("eleven seconds after the request it is over");
    let reason = NetworkReason::Timeout;
    assert_eq!(result.map(drop), Err(AuthError::network(reason)));
}

#[tokio::test]
async fn only_the_refresh_for_the_session_names_the_resource() {
    let resource = "https://api.example";
    let (world, session) =
        World::logged_in_with(|config| config.resources = vec![resource.to_owned()]).await;
    world.forced(&session).await.expect("renewed");
    world.server.reply("/userinfo", Reply::with(401, "", ""));
    session.user_info().await.expect("told");
    let asked = world.server.asked("/token");
    let named: Vec<_> = asked.iter().map(|asked| asked.form("resource")).collect();
    let encoded = Some("https%3A%2F%2Fapi.example");
    assert_eq!(named, [encoded, encoded, None]);
    assert_eq!(asked[2].form("refresh_token"), Some("rt-2"));
    let told = world.server.asked("/userinfo");
    assert_eq!(told[1].header("authorization"), Some("Bearer at-3"));
    let kept = world.token(&session).await.expect("the session's own");
    assert_eq!(kept.value, "at-2");
}

#[tokio::test]
async fn a_repeat_whose_grace_period_ends_on_the_way_is_not_sent() {
    let (world, session) = World::logged_in_at(Rotation::Grace { seconds: 30 }).await;
    world.server.reply("/token", Reply::with(503, "", ""));
    world.forced(&session).await.expect_err("a send is open");
    world.advance(24);
    let mut claim = world.store.wait(Call::Swap, "session", 1);
    let (result, ()) = tokio::join!(world.forced(&session), async {
        claim.reached().await;
        world.advance(3);
        drop(claim);
    });
    assert!(
        matches!(result, Err(AuthError::Network { .. })),
        "{result:?}"
    );
    assert_eq!(world.server.asked("/token").len(), 2, "not a third");
    let live = world.live(&session);
    assert!(live["claim"]["holder"].is_null(), "given up");
    assert_eq!(live["claim"]["sent"]["attempts"], 1);
}

#[tokio::test]
async fn a_claim_that_took_longer_to_write_than_it_lasts_is_taken_anew() {
    let (world, session) = World::logged_in().await;
    let before = world.store.count(Call::Swap, "session");
    let mut claim = world.store.wait(Call::Swap, "session", 1);
    let (result, ()) = tokio::join!(world.forced(&session), async {
        claim.reached().await;
        world.advance(15);
        drop(claim);
    });
    result.expect("renewed");
    assert_eq!(world.server.asked("/token").len(), 2);
    // The claim, and that it is given up; the claim, "it may have been sent", and the tokens.
    assert_eq!(world.store.count(Call::Swap, "session") - before, 5);
}

#[tokio::test]
async fn a_claim_whose_send_came_too_late_is_given_up_and_taken_anew() {
    let (world, session) = World::logged_in_at(Rotation::Strict).await;
    let before = world.store.count(Call::Swap, "session");
    let mut word = world.store.wait(Call::Swap, "session", 2);
    let (result, ()) = tokio::join!(world.forced(&session), async {
        word.reached().await;
        world.advance(5);
        drop(word);
    });
    // Else "it may have been sent" would stay, and a strict provider's token would not be sent again.
    assert_eq!(result.expect("renewed").value, "at-2");
    assert_eq!(world.server.asked("/token").len(), 2);
    // The claim, "it may have been sent", and that it is given up; then the three of a refresh.
    assert_eq!(world.store.count(Call::Swap, "session") - before, 6);
}

#[tokio::test]
async fn nobody_waits_for_a_claim_whose_send_the_store_did_not_let_through() {
    let (world, session) = World::logged_in().await;
    let failure = StoreError::Unavailable;
    world.store.fail(Call::Swap, "session", 2, failure);
    let reason = StorageReason::Unavailable;
    assert_eq!(
        world.forced(&session).await.map(drop),
        Err(AuthError::Storage { reason })
    );
    assert_eq!(world.server.asked("/token").len(), 1, "nothing was sent");
    world.store.heal();
    session.resumed().await;
    assert!(world.live(&session)["claim"].is_null(), "given up");
    let (other, began) = (world.start(), world.clock.boot_seconds());
    world.forced(&other).await.expect("renewed");
    assert_eq!(world.clock.boot_seconds(), began, "at once");
}

//! docs/simulator.md as tests: an app meets the worst moments, and the server is steered as a phone's test would do
//! it, over HTTP.

mod page;
mod remote;

use std::sync::Arc;

use latchkey::{Auth, AuthError, LoginOptions, NetworkReason, PingMessage, SignedOutReason};
use latchkey_tests::world::{World, in_time, state};

use crate::remote::Simulator;

/// Alice is logged in, and her access token has ended: the next call begins with a refresh.
async fn alice() -> (World, Simulator, Arc<Auth>) {
    let world = World::new().await;
    let simulator = Simulator::at(world.server.issuer());
    let auth = world.app();
    simulator.faults("token:expires_in=0");
    world.log_in(&auth, "alice").await;
    simulator.clear();
    (world, simulator, auth)
}

/// What the app does.
async fn call(world: &World, auth: &Arc<Auth>) -> Result<PingMessage, AuthError> {
    in_time(world.ping(auth).ping_private(None)).await
}

/// The same, by somebody who presses "try again" twice, each time when the error says that it makes sense.
async fn call_again(world: &World, auth: &Arc<Auth>) -> Result<PingMessage, AuthError> {
    for _ in 0..2 {
        match call(world, auth).await {
            Err(AuthError::Network {
                retry_after_seconds,
                ..
            }) => world.clock.advance(retry_after_seconds.unwrap_or(0)),
            end => return end,
        }
    }
    call(world, auth).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_whose_answer_is_lost_after_the_commit_costs_no_session_where_there_is_an_overlap()
 {
    for rotation in ["grace:60", "parent"] {
        let (world, simulator, auth) = alice().await;
        simulator.post("/admin/rotation", rotation);
        simulator.faults("token:drop_after_commit@1");
        call_again(&world, &auth).await.expect("an answer");
        assert_eq!(state(&auth.session()), "signed_in", "{rotation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_strict_provider_the_session_ends_and_the_reason_says_why() {
    let (world, simulator, auth) = alice().await;
    simulator.post("/admin/rotation", "strict");
    simulator.faults("token:drop_after_commit@1");
    call_again(&world, &auth).await.expect_err("spent");
    assert_eq!(
        state(&auth.session()),
        "signed_out:rotation_interrupted",
        "a text for people: log in again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_refresh_can_be_the_one_whose_answer_is_lost() {
    let (world, simulator, auth) = alice().await;
    simulator.post("/admin/rotation", "parent");
    // Every token ends at once, so that each call begins with a refresh.
    simulator.faults("token:expires_in=0; token:drop_after_commit@2");
    call(&world, &auth).await.expect("the first refresh");
    assert_eq!(simulator.requests("token"), 1);
    // For five seconds after a refresh no other is made because a token lives so short.
    world.clock.advance(10);
    call_again(&world, &auth).await.expect("the second one");
    assert_eq!(simulator.requests("token"), 3, "the second one, and again");
    assert_eq!(state(&auth.session()), "signed_in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_is_held_while_everything_is_revoked_ends_the_session() {
    let (world, simulator, auth) = alice().await;
    simulator.faults("token:gate=held@1");
    let ping = world.ping(&auth);
    let calling = tokio::spawn(async move { ping.ping_private(None).await });
    simulator.reached("held");
    simulator.post("/admin/revoke-all", "");
    simulator.open("held");
    assert_eq!(
        in_time(calling).await.expect("no panic"),
        Err(AuthError::LoginRequired {
            reason: SignedOutReason::Revoked
        })
    );
    assert_eq!(state(&auth.session()), "signed_out:revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_persons_session_is_revoked_and_another_goes_on() {
    let (mut world, simulator, alice) = alice().await;
    // Bob's phone: another store.
    world.store = latchkey::memory_store();
    let bob = world.app();
    world.log_in(&bob, "bob").await;
    simulator.post("/admin/revoke/alice", "");
    call(&world, &alice).await.expect_err("revoked");
    call(&world, &bob).await.expect("an answer");
    assert_eq!(state(&alice.session()), "signed_out:revoked");
    assert_eq!(state(&bob.session()), "signed_in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_asks_for_a_pause_is_left_alone_until_it_is_over() {
    let (world, simulator, auth) = alice().await;
    simulator.faults("token:status=429,retry_after=30@1");
    assert_eq!(
        call(&world, &auth).await,
        Err(AuthError::Network {
            reason: NetworkReason::RateLimited,
            retry_after_seconds: Some(30)
        })
    );
    call(&world, &auth).await.expect_err("too early");
    assert_eq!(simulator.requests("token"), 1, "the app did not ask again");
    world.clock.advance(40);
    call(&world, &auth).await.expect("an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_is_named_when_the_person_logs_in() {
    let world = World::new().await;
    // The provider is an hour behind: to the app that is a device which is an hour ahead.
    Simulator::at(world.server.issuer()).faults("*:clock=-3600");
    let auth = world.app();
    let callback = world.callback(&auth, "alice").await;
    let error = auth.finish_login(callback, None).await.expect_err("dates");
    assert!(
        matches!(error, AuthError::Clock { skew_seconds } if (3590..=3610).contains(&skew_seconds)),
        "{error:?}"
    );
}

/// The same from Rust without HTTP: every call has a method.
#[tokio::test]
async fn keys_that_change_between_login_and_refresh_are_not_noticed() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.server.reset_counts();
    // Twice, so that the API forgets the key of the token that the app holds.
    world.server.rotate_keys();
    world.server.rotate_keys();
    call(&world, &auth).await.expect("an answer");
    assert_eq!(world.server.requests("token"), 1, "one refresh");
    world.server.revoke("alice").expect("alice is a user");
    // In five seconds one refresh is made because an API refuses the token.
    world.clock.advance(10);
    call(&world, &auth).await.expect_err("revoked");
    assert_eq!(state(&auth.session()), "signed_out:revoked");
    auth.begin_login(LoginOptions::default(), None)
        .await
        .expect("and she can log in again");
}

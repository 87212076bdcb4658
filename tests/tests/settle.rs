//! `Auth::settle`: what a process does before it ends.

use std::time::Duration;

use latchkey::{AuthError, LogoutOptions, Revocation, Settled};
use latchkey_devserver::{Options, Rotation};
use latchkey_tests::calls::{
    FORCE, Late, alice, alice_on_strings, asking, end, forced, is_persisted, token,
};
use latchkey_tests::puppet_store::{Call, Ill};
use latchkey_tests::world::{World, in_time};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn is_transient<T: std::fmt::Debug>(answer: Result<T, AuthError>) -> bool {
    answer.expect_err("not renewed").kind() == "network"
}

#[tokio::test]
async fn what_was_sent_is_waited_for_until_its_answer_is_stored() {
    let (world, auth) = alice().await;
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit@1").await;
    assert_eq!(auth.settle(Duration::ZERO).await, Settled::SendIsOpen);
    let settled = tokio::spawn({
        let auth = auth.clone();
        async move { auth.settle(LONG).await }
    });
    tokio::task::yield_now().await;
    assert!(!settled.is_finished());
    refresh.arrives(&world).await.expect("renewed");
    assert_eq!(end(settled).await, Settled::Everything);
    assert!(is_persisted(&auth));
}

#[tokio::test]
async fn it_waits_no_longer_than_it_is_told_to() {
    let (world, auth) = alice().await;
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit@1").await;
    let left = auth.settle(Duration::from_millis(50)).await;
    assert_eq!(left, Settled::SendIsOpen);
    refresh
        .arrives(&world)
        .await
        .expect("it goes on all the same");
    assert_eq!(auth.settle(Duration::ZERO).await, Settled::Everything);
}

#[tokio::test]
async fn a_refresh_that_has_not_sent_its_token_does_not_send_it_any_more() {
    for at_the_claim in [false, true] {
        let (world, store, auth) = alice_on_strings().await;
        drop(auth);
        world.server.reset_counts();
        // The next process, which has fetched nothing yet.
        let auth = world.app();
        let call;
        if at_the_claim {
            let mut held = store.hold_before(Call::Swap, 1);
            call = asking(&auth, FORCE);
            held.reached().await;
            assert_eq!(in_time(auth.settle(LONG)).await, Settled::Everything);
            held.release();
        } else {
            let gate = "discovery:gate=here";
            world.server.set_faults(gate).expect("faults");
            call = asking(&auth, FORCE);
            in_time(world.server.gate_reached("here")).await;
            assert_eq!(in_time(auth.settle(LONG)).await, Settled::Everything);
            world.server.open_gate("here");
        }
        assert!(is_transient(end(call).await), "{at_the_claim}");
        assert_eq!(world.server.requests("token"), 0, "{at_the_claim}");
        // Whoever asks afterwards is served: the app was only in the background.
        forced(&auth).await.expect("renewed");
        assert_eq!(world.server.refresh_token_reuse(), 0);
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_not_asked_for_again_and_is_said_to_be_open() {
    let (world, auth) = alice().await;
    world.expire().await;
    let refresh = Late::refresh(
        &world,
        &auth,
        FORCE,
        "token:gate=late,drop_after_commit,after_commit",
    )
    .await;
    let settled = tokio::spawn({
        let auth = auth.clone();
        async move { auth.settle(LONG).await }
    });
    tokio::task::yield_now().await;
    assert!(is_transient(refresh.arrives(&world).await));
    assert_eq!(end(settled).await, Settled::SendIsOpen);
    assert_eq!(world.server.requests("token"), 1);
}

#[tokio::test]
async fn a_session_that_the_store_did_not_take_is_stored_before_the_end() {
    let (world, store) = World::with(Options {
        rotation: Rotation::Strict,
        ..Options::default()
    })
    .await
    .on_strings();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit@1").await;
    store.fall_ill(Ill::Full);
    refresh.arrives(&world).await.expect("renewed");
    assert_eq!(auth.settle(Duration::ZERO).await, Settled::Unstored);
    let left = auth.settle(Duration::from_millis(50)).await;
    assert_eq!(left, Settled::Unstored, "it says what it could not do");
    store.heal();
    assert_eq!(in_time(auth.settle(LONG)).await, Settled::Everything);
    token(&world.app()).await.expect("the next process has it");
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn a_logout_gives_up_the_answer_of_a_provider_that_hangs() {
    let (world, auth) = alice().await;
    world
        .server
        .set_faults("revoke:gate=never")
        .expect("faults");
    let logout = tokio::spawn({
        let auth = auth.clone();
        async move { auth.logout(LogoutOptions::default()).await }
    });
    in_time(world.server.gate_reached("never")).await;
    assert_eq!(in_time(auth.settle(LONG)).await, Settled::Everything);
    // A request is given up after 15 seconds.
    let soon = tokio::time::timeout(Duration::from_secs(5), end(logout)).await;
    let outcome = soon.expect("soon").expect("it is done here");
    assert_eq!(outcome.revocation, Revocation::Pending);
    assert!(outcome.end_session_url.is_some());
}

#[tokio::test]
async fn a_process_that_has_nothing_open_may_end_at_once() {
    let (world, store, auth) = alice_on_strings().await;
    let calls = store.calls();
    assert_eq!(auth.settle(LONG).await, Settled::Everything);
    assert_eq!(world.app().settle(LONG).await, Settled::Everything);
    assert_eq!(store.calls(), calls, "the store is not asked");
}

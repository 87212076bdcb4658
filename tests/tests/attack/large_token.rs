//! A session whose access token was too large for the store: the next process has the session and no token. What its
//! dates say of the token is worth nothing.

use std::sync::Arc;

use latchkey::{Auth, Session};
use latchkey_devserver::{Options, Rotation};
use latchkey_tests::calls::{Late, PLAIN, asking, end, token};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::World;
use serde_json::Value;

use crate::later;

/// Alice is logged in at a provider that ends a session whose spent refresh token comes again, her access token is good
/// for its whole life, and the store does not hold it. Returns a process that has just started.
async fn without_token() -> (World, Arc<PuppetStore>, Arc<Auth>) {
    let world = World::with(Options {
        rotation: Rotation::Strict,
        ..Options::default()
    });
    let (world, store) = world.await.on_strings();
    world.log_in(&world.app(), "alice").await;
    store.write(&later(&store.record(), 0, |state| {
        state["live"]["access_token"] = Value::Null;
    }));
    world.server.reset_counts();
    let auth = world.app();
    (world, store, auth)
}

#[tokio::test]
async fn a_token_that_is_not_there_has_no_seconds_left() {
    let (_world, _, auth) = without_token().await;
    match auth.session() {
        Session::SignedIn {
            expires_in_seconds,
            refreshable,
            ..
        } => assert_eq!((expires_in_seconds, refreshable), (Some(0), true)),
        other => panic!("{other:?}"),
    }
    token(&auth).await.expect("it is renewed");
}

#[tokio::test]
async fn a_process_without_a_token_waits_for_the_one_that_renews_it() {
    let (world, store, first) = without_token().await;
    let second = world.app();
    let refresh = Late::refresh(&world, &first, PLAIN, "token:gate=late").await;
    let looked = store.count(Call::Load);
    let waiting = asking(&second, PLAIN);
    // The second one has read the claim of the first, and must not give up now.
    store.until(Call::Load, looked + 2).await;
    let renewed = refresh.arrives(&world).await.expect("renewed");
    let served = end(waiting).await.expect("served");
    assert_eq!(served.value, renewed.value);
    assert_eq!(world.server.requests("token"), 1);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_where_no_token_is_left() {
    let (world, _, auth) = without_token().await;
    world.clock.hurry();
    world
        .server
        .set_faults("token:drop_before_commit@1")
        .expect("a fault");
    token(&auth).await.expect("the second request is answered");
    assert_eq!(world.server.requests("token"), 2);
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

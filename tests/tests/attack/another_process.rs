//! What another process did meanwhile: its verdicts, its tokens, its logout.

use std::sync::Arc;

use latchkey::{Auth, AuthError, Session};
use latchkey_tests::calls::{
    FORCE, LOCAL, Late, PLAIN, alice_on_strings, asking, end, forced, who,
};
use latchkey_tests::puppet_store::{Call, Ill, PuppetStore};
use latchkey_tests::world::{World, in_time};

use crate::{ended, later};

/// A verdict on an old token that could not be stored, against the newer session of another process.
#[tokio::test]
async fn a_verdict_on_an_old_token_that_was_stored_late_does_not_end_the_newer_session() {
    let (world, store, auth) = alice_on_strings().await;
    let record = store.record();
    // The provider refuses the token of this generation, and the store does not take the verdict now.
    world
        .server
        .set_faults("token:status=400,error=invalid_grant")
        .expect("a fault");
    store.fail_from(Call::Swap, 3);
    let refused = forced(&auth).await;
    assert!(
        matches!(refused, Err(AuthError::LoginRequired { .. })),
        "{refused:?}"
    );
    world.server.clear_faults();
    // Meanwhile another process has stored the next generation.
    let newer = later(&record, 1, |state| {
        state["live"]["refresh_token"] = "newer".into();
    });
    let taken = store.count(Call::Swap);
    store.write(&newer);
    store.heal();
    in_time(auth.resumed()).await;
    assert_eq!(who(&world.app().session()), "dev|alice", "in the store");
    assert_eq!(store.count(Call::Swap), taken, "nothing was to be written");
}

/// An answer with new tokens, and another process's verdict on the old one that this process has seen meanwhile.
#[tokio::test]
async fn new_tokens_count_although_this_process_has_looked_at_a_verdict_on_the_old_ones() {
    let (world, store, auth) = alice_on_strings().await;
    let record = store.record();
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit@1").await;
    store.write(&later(&record, 1, ended("revoked")));
    // Any look: a 401, 30 seconds, the app that comes to the foreground.
    in_time(auth.resumed()).await;
    let renewed = refresh.arrives(&world).await;
    assert!(renewed.is_ok(), "{renewed:?}");
    assert_eq!(who(&world.app().session()), "dev|alice");
}

/// A verdict that cannot be stored, and a newer session that memory has from a look meanwhile.
#[tokio::test]
async fn a_verdict_that_cannot_be_stored_does_not_hide_the_newer_session_in_memory() {
    let (world, store, auth) = alice_on_strings().await;
    let record = store.record();
    let refresh = Late::refresh(
        &world,
        &auth,
        FORCE,
        "token:gate=late,status=400,error=invalid_grant",
    )
    .await;
    store.write(&later(&record, 1, |state| {
        state["live"]["access_token"] = "newer".into();
    }));
    in_time(auth.resumed()).await;
    store.fail_from(Call::Swap, 1);
    drop(refresh.arrives(&world).await);
    assert_eq!(who(&auth.session()), "dev|alice");
}

/// A live record in the place of a verdict of the same generation, as `commit_renewed` writes it.
#[tokio::test]
async fn the_life_of_a_token_that_took_the_place_of_a_verdict_is_measured() {
    let (world, store, auth) = alice_on_strings().await;
    let record = store.record();
    store.write(&later(&record, 1, ended("revoked")));
    in_time(auth.resumed()).await;
    assert_eq!(who(&auth.session()), "signed_out:revoked");
    store.write(&later(&record, 1, |_| {}));
    in_time(auth.resumed()).await;
    assert_eq!(who(&auth.session()), "dev|alice");
    world.expire().await;
    let Session::SignedIn {
        expires_in_seconds, ..
    } = auth.session()
    else {
        panic!("signed out");
    };
    assert_eq!(expires_in_seconds, Some(0), "it has ended");
}

/// Two `Auth` of one process, in a role in which the system does run one process at a time.
#[tokio::test]
async fn two_auths_of_one_process_with_its_role_do_not_send_one_token_twice() {
    let world = World::new().await;
    let mut config = world.config();
    config.single_instance_role = Some("app".to_owned());
    let first = world.app_with(config.clone());
    world.log_in(&first, "alice").await;
    let store = PuppetStore::over(Arc::clone(&world.store));
    let clock = world.clock.clone();
    let second = Auth::with_clock(config, store.clone(), clock).expect("valid");
    assert_eq!(who(&second.session()), "dev|alice");
    world.expire().await;
    // A provider that takes its time: some seconds are enough.
    let slow = Late::refresh(&world, &first, PLAIN, "token:gate=late,after_commit@1").await;
    let other = asking(&second, PLAIN);
    // It looks again and again, for longer than a send of its own would have to wait.
    let looks = store.count(Call::Load);
    store.until(Call::Load, looks + 3).await;
    world.clock.advance(4);
    store.until(Call::Load, looks + 6).await;
    drop(slow.arrives(&world).await);
    drop(end(other).await);
    assert_eq!(world.server.refresh_token_reuse(), 0, "sent twice");
    assert_eq!(who(&world.app().session()), "dev|alice");
}

/// A logout that could only remove the record, and a late answer that cannot look at the store.
#[tokio::test]
async fn a_logout_that_removed_the_record_is_not_undone_by_an_answer_that_cannot_look() {
    let world = World::new().await;
    let store = PuppetStore::over(Arc::clone(&world.store));
    let first = world.app_over(store.clone());
    world.log_in(&first, "alice").await;
    let full = PuppetStore::over(Arc::clone(&world.store));
    let second = world.app_over(full.clone());
    assert_eq!(who(&second.session()), "dev|alice");
    let refresh = Late::refresh(&world, &first, FORCE, "token:gate=late,after_commit@1").await;
    full.fall_ill(Ill::Full);
    in_time(second.logout(LOCAL)).await.expect("out");
    store.fail_from(Call::Load, 1);
    drop(refresh.arrives(&world).await);
    store.heal();
    assert_ne!(who(&world.app().session()), "dev|alice", "is back");
}

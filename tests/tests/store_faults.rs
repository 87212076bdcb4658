//! Stores that fail, lie, or go back in time: a typed outcome, nothing sent that is spent, nothing deleted that was not
//! proven lost.

use std::sync::Arc;

use latchkey::{Auth, AuthError, SignedOutReason, StorageReason};
use latchkey_devserver::{Options, Rotation};
use latchkey_tests::calls::{FORCE, LOCAL, Late, alice_on_strings, forced, is_persisted, token};
use latchkey_tests::puppet_store::{Call, Ill, PuppetStore};
use latchkey_tests::world::{World, in_time, state};

/// Alice is logged in at a provider that ends a session whose spent refresh token comes again.
async fn alice() -> (World, Arc<PuppetStore>, Arc<Auth>) {
    let world = World::with(Options {
        rotation: Rotation::Strict,
        ..Options::default()
    });
    let (world, store) = world.await.on_strings();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    (world, store, auth)
}

fn lost() -> AuthError {
    AuthError::LoginRequired {
        reason: SignedOutReason::StorageLost,
    }
}

#[tokio::test]
async fn an_older_record_that_was_put_back_is_not_sent_and_a_login_replaces_it() {
    let (world, store, auth) = alice().await;
    let backup = store.backup();
    forced(&auth).await.expect("renewed");
    drop(auth);
    store.put_back(&backup);
    world.server.reset_counts();
    world.expire().await;
    let next = world.app();
    assert_eq!(state(&next.session()), "signed_out:storage_lost");
    assert_eq!(token(&next).await, Err(lost()));
    assert_eq!(world.server.requests("token"), 0);
    assert_eq!(store.backup(), backup, "it is left as it is");
    let told = next.timeline();
    let last = told.last().and_then(|event| event.detail.clone());
    assert!(
        last.is_some_and(|sentence| sentence.contains("put back")),
        "{told:?}"
    );
    let events = told.iter().filter(|event| event.event == "put_back");
    assert_eq!(events.count(), 1, "{told:?}");
    world.log_in(&next, "alice").await;
    forced(&next).await.expect("a session like any other");
    assert_eq!(state(&world.app().session()), "signed_in");
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn a_process_that_knows_better_stores_its_session_again() {
    let (world, store, auth) = alice().await;
    let backup = store.backup();
    forced(&auth).await.expect("renewed");
    store.put_back(&backup);
    in_time(auth.resumed()).await;
    forced(&auth)
        .await
        .expect("the newest refresh token is in memory");
    assert!(is_persisted(&auth));
    assert_eq!(state(&world.app().session()), "signed_in");
    forced(&world.app()).await.expect("and in the store again");
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn the_timeline_is_read_from_any_thread_and_changes_nothing() {
    let (_world, store, auth) = alice().await;
    let backup = store.backup();
    forced(&auth).await.expect("renewed");
    store.put_back(&backup);
    // An app's thread, outside any runtime, that asks twice.
    let asked = std::thread::spawn({
        let auth = Arc::clone(&auth);
        move || [auth.timeline(), auth.timeline()]
    });
    let [first, second] = asked.join().expect("no panic");
    assert_eq!(first, second);
    assert_eq!(store.backup(), backup);
    assert!(is_persisted(&auth), "as far as is known");
}

#[tokio::test]
async fn a_session_that_was_logged_out_or_replaced_does_not_come_back_with_a_backup() {
    for logout in [true, false] {
        let (world, store, auth) = alice().await;
        let backup = store.backup();
        if logout {
            auth.logout(LOCAL).await.expect("out");
        } else {
            world.log_in(&auth, "bob").await;
        }
        store.put_back(&backup);
        world.server.reset_counts();
        let next = world.app();
        assert_eq!(token(&next).await, Err(lost()), "logout: {logout}");
        assert_eq!(world.server.requests("token"), 0);
    }
}

#[tokio::test]
async fn a_store_that_says_done_and_does_nothing_sends_nothing() {
    let (world, store, auth) = alice().await;
    world.expire().await;
    world.server.reset_counts();
    store.fall_ill(Ill::Lies);
    let error = token(&auth).await.expect_err("the claim is not there");
    assert_eq!(error.kind(), "network");
    assert_eq!(world.server.requests("token"), 0);
    store.heal();
    token(&world.app()).await.expect("nothing was lost");
}

#[tokio::test]
async fn a_store_that_loses_what_a_refresh_brought_is_found_out() {
    let (world, store, auth) = alice().await;
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit@1").await;
    store.fall_ill(Ill::Lies);
    refresh.arrives(&world).await.expect("renewed");
    // The next process does not send what the provider has seen already. It would end the session there.
    let reuse = world.server.refresh_token_reuse();
    assert_eq!(token(&world.app()).await, Err(lost()));
    // This one has it in memory. It looks, and stores it as soon as the store tells the truth.
    store.heal();
    in_time(auth.resumed()).await;
    forced(&auth).await.expect("from memory");
    assert_eq!(state(&world.app().session()), "signed_in");
    assert_eq!(world.server.refresh_token_reuse(), reuse);
}

#[tokio::test]
async fn one_write_that_fails_anywhere_in_a_refresh_loses_nothing() {
    for nth in 1..=4 {
        let (world, store, auth) = alice().await;
        world.expire().await;
        store.fail_from(Call::Swap, nth);
        let first = token(&auth).await;
        store.heal();
        // The first two are before anything is sent: an error. The third is what the answer brought: it is served.
        match nth {
            1 | 2 => assert_eq!(first.expect_err("not sent").kind(), "storage", "swap {nth}"),
            _ => drop(first.unwrap_or_else(|error| panic!("swap {nth}: {error:?}"))),
        }
        in_time(auth.resumed()).await;
        token(&auth)
            .await
            .unwrap_or_else(|error| panic!("swap {nth}, healed: {error:?}"));
        assert!(is_persisted(&auth), "swap {nth}");
        world.expire().await;
        world.clock.advance(16);
        token(&world.app())
            .await
            .unwrap_or_else(|error| panic!("swap {nth}, next: {error:?}"));
        assert_eq!(world.server.refresh_token_reuse(), 0, "swap {nth}");
    }
}

#[tokio::test]
async fn a_store_that_always_fails_is_told_and_nobody_is_logged_out() {
    let (world, store, auth) = alice_on_strings().await;
    world.expire().await;
    store.fail_from(Call::Swap, 1);
    for _ in 0..5 {
        assert_eq!(
            token(&auth).await,
            Err(AuthError::Storage {
                reason: StorageReason::Unavailable
            })
        );
        assert_eq!(state(&auth.session()), "signed_in");
    }
    assert_eq!(world.server.requests("token"), 1, "the login's");
    store.heal();
    token(&auth).await.expect("renewed");
}

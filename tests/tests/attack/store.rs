//! What the store did: it took nothing, took it late, or gave back something else.

use std::sync::Arc;

use latchkey::{LogoutOptions, file_store, key_file_sealer};
use latchkey_tests::calls::{FORCE, Late, alice_on_strings, forced, is_persisted, who};
use latchkey_tests::puppet_store::{Call, Ill, PuppetStore};
use latchkey_tests::world::{World, in_time};

use crate::later;

/// The journal's late word of a login that another one has replaced.
#[tokio::test]
async fn a_login_whose_journal_was_written_late_does_not_end_the_login_after_it() {
    let world = World::new().await;
    let weak = PuppetStore::over(Arc::clone(&world.store));
    let first = world.app_over(weak.clone());
    weak.fall_ill(Ill::Journal);
    world.log_in(&first, "alice").await;
    let second = world.app();
    world.log_in(&second, "bob").await;
    // The first process's journal can be written again.
    weak.heal();
    in_time(first.resumed()).await;
    assert_eq!(who(&second.session()), "dev|bob", "who logged in");
    assert_eq!(who(&world.app().session()), "dev|bob", "started anew");
}

/// An account switch while the disk is full, after the clock was set right.
#[tokio::test]
async fn a_login_that_could_not_be_stored_is_not_undone_because_the_clock_was_set_right() {
    let world = World::new().await;
    let weak = PuppetStore::over(Arc::clone(&world.store));
    let auth = world.app_over(weak.clone());
    // A clock that is ahead by less than an ID token lives is not noticed at a login.
    world.clock.set(120);
    world.log_in(&auth, "alice").await;
    world.clock.set(-120);
    weak.fall_ill(Ill::Full);
    world.log_in(&auth, "bob").await;
    assert_eq!(who(&auth.session()), "dev|bob");
    in_time(auth.resumed()).await;
    assert_eq!(who(&auth.session()), "dev|bob", "after a look at the store");
    weak.heal();
    in_time(auth.resumed()).await;
    assert_eq!(who(&world.app().session()), "dev|bob", "in the store");
}

/// New tokens in memory alone, and an item in the store that was damaged meanwhile.
#[tokio::test]
async fn tokens_that_are_in_memory_alone_are_stored_over_a_damaged_item() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text").to_owned();
    let sealer = key_file_sealer(folder.path()).expect("a key file");
    let files = file_store(path.clone(), sealer).expect("a store");
    let weak = PuppetStore::over(files);
    let auth = world.app_over(weak.clone());
    world.log_in(&auth, "alice").await;
    let record = std::fs::read_dir(&path)
        .expect("a folder")
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().contains("session."))
        .expect("a record")
        .path();
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit@1").await;
    weak.fall_ill(Ill::Full);
    refresh.arrives(&world).await.expect("renewed");
    std::fs::write(&record, b"rubbish").expect("damaged");
    weak.heal();
    in_time(auth.resumed()).await;
    assert!(is_persisted(&auth), "never stored again");
}

/// A logout that could not look at the store is told as what it was, also where others had gone on.
#[tokio::test]
async fn a_logout_that_was_stored_late_is_still_a_logout() {
    let world = World::new().await;
    let store = PuppetStore::over(Arc::clone(&world.store));
    let first = world.app_over(store.clone());
    world.log_in(&first, "alice").await;
    let second = world.app();
    for _ in 0..2 {
        forced(&second).await.expect("renewed");
        world.clock.advance(10);
    }
    store.fail_from(Call::Load, 1);
    store.fail_from(Call::Swap, 1);
    drop(in_time(first.logout(LogoutOptions::default())).await);
    store.heal();
    in_time(first.resumed()).await;
    assert_eq!(who(&world.app().session()), "signed_out:logged_out");
}

/// A record with an absurd generation.
#[tokio::test]
async fn an_absurd_generation_panics_nowhere() {
    let (world, store, _) = alice_on_strings().await;
    store.write(&later(&store.record(), u64::MAX, |_| {}));
    let auth = world.app();
    assert_eq!(who(&auth.session()), "dev|alice");
    in_time(auth.logout(LogoutOptions::default()))
        .await
        .expect("out");
    assert_eq!(who(&world.app().session()), "signed_out:logged_out");
}

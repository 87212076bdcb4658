//! Record and journal put back together, or the journal removed: the store looks as it did once, and only a process that
//! has the newer session in memory can tell.

use std::sync::Arc;

use latchkey::{Auth, SecureStore as _, StoredItem};
use latchkey_devserver::{Options, Rotation};
use latchkey_tests::calls::{LOCAL, LOGGED_OUT, forced, is_persisted, token, who};
use latchkey_tests::puppet_store::PuppetStore;
use latchkey_tests::world::{World, in_time};

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

/// How the journal is changed when an older record is put back.
#[derive(Clone, Copy, Debug)]
enum Journal {
    PutBack,
    Removed,
}

/// Puts the record back, and does this to the journal.
fn put_back(store: &PuppetStore, record: &StoredItem, journal: &StoredItem, how: Journal) {
    store.put_back(record);
    let name = store.journal_name();
    let found = store.load(name.clone()).expect("read").map(|item| item.tag);
    let next = match how {
        Journal::PutBack => Some(journal.clone()),
        Journal::Removed => None,
    };
    store.swap(name, found, next).expect("nobody else writes");
}

#[tokio::test]
async fn memory_that_is_newer_than_both_items_stays_and_is_stored_again() {
    for how in [Journal::PutBack, Journal::Removed] {
        let (world, store, auth) = alice().await;
        let (record, journal) = (store.backup(), store.journal());
        for _ in 0..2 {
            forced(&auth).await.expect("renewed");
            world.clock.advance(10);
        }
        put_back(&store, &record, &journal, how);
        world.server.reset_counts();
        let newest = forced(&auth).await.expect("renewed with what memory has");
        assert_eq!(token(&auth).await.expect("fresh").value, newest.value);
        assert_eq!(world.server.requests("token"), 1, "{how:?}");
        in_time(auth.resumed()).await;
        assert!(is_persisted(&auth), "{how:?}");
        let told = auth.timeline();
        assert_eq!(
            told.iter()
                .filter(|event| event.event == "put_back")
                .count(),
            1,
            "{how:?}: {told:?}"
        );
        forced(&world.app())
            .await
            .expect("it is in the store again");
        assert_eq!(world.server.refresh_token_reuse(), 0, "{how:?}");
    }
}

#[tokio::test]
async fn a_session_whose_end_memory_has_seen_does_not_come_back() {
    for how in [Journal::PutBack, Journal::Removed] {
        let (world, store, auth) = alice().await;
        let (record, journal) = (store.backup(), store.journal());
        auth.logout(LOCAL).await.expect("out");
        put_back(&store, &record, &journal, how);
        world.server.reset_counts();
        in_time(auth.resumed()).await;
        assert_eq!(token(&auth).await, Err(LOGGED_OUT), "{how:?}");
        assert_eq!(who(&world.app().session()), "signed_out:logged_out");
        assert_eq!(world.server.requests("token"), 0, "{how:?}");
    }
}

/// What must stay as it is: a logout that another process could only store late has a lower generation, and counts.
#[tokio::test]
async fn a_logout_with_a_lower_generation_is_not_taken_for_an_old_record() {
    let (world, store, auth) = alice().await;
    for _ in 0..3 {
        forced(&auth).await.expect("renewed");
        world.clock.advance(10);
    }
    let out = crate::ended("logged_out");
    let mut record: serde_json::Value = serde_json::from_str(&store.record()).expect("JSON");
    record["generation"] = 1.into();
    out(&mut record["state"]);
    store.write(&record.to_string());
    in_time(auth.resumed()).await;
    assert_eq!(token(&auth).await, Err(LOGGED_OUT));
}

//! Stores that fail, lie, or go back in time: a typed outcome, nothing sent that is spent, nothing deleted that was not
//! proven lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use latchkey::{
    AccessToken, AccessTokenOptions, Auth, AuthError, LogoutOptions, SecureStore, Session,
    SignedOutReason, StorageReason, StoreError, StoredItem,
};
use latchkey_devserver::{Options, Rotation};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::{World, in_time, state};

const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};

async fn token(auth: &Auth) -> Result<AccessToken, AuthError> {
    in_time(auth.access_token(AccessTokenOptions::default(), None)).await
}

async fn forced(auth: &Auth) -> Result<AccessToken, AuthError> {
    in_time(auth.access_token(FORCE, None)).await
}

/// A store whose items can be copied and put back, and that can say "done" and do nothing.
#[derive(Default)]
struct Rewindable {
    items: Mutex<HashMap<String, StoredItem>>,
    lies: AtomicBool,
}

impl Rewindable {
    fn copy(&self, kind: &str) -> Vec<(String, StoredItem)> {
        let items = self.items.lock().expect("no panic");
        let of_kind = items.iter().filter(|(name, _)| name.starts_with(kind));
        of_kind
            .map(|(name, item)| (name.clone(), item.clone()))
            .collect()
    }

    fn put_back(&self, copy: Vec<(String, StoredItem)>) {
        self.items.lock().expect("no panic").extend(copy);
    }
}

impl SecureStore for Rewindable {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        Ok(self.items.lock().expect("no panic").get(&key).cloned())
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        let mut items = self.items.lock().expect("no panic");
        if items.get(&key).map(|item| &item.tag) != expected.as_ref() {
            return Err(StoreError::Conflict);
        }
        if self.lies.load(Ordering::SeqCst) && key.starts_with("session.") {
            return Ok(());
        }
        match next {
            Some(item) => items.insert(key, item),
            None => items.remove(&key),
        };
        Ok(())
    }
}

/// Alice is logged in at a provider that ends a session whose spent refresh token comes again.
async fn alice() -> (World, Arc<Rewindable>, Arc<Auth>) {
    let mut world = World::with(Options {
        rotation: Rotation::Strict,
        ..Options::default()
    })
    .await;
    let store = Arc::new(Rewindable::default());
    world.store = store.clone();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    (world, store, auth)
}

fn lost() -> AuthError {
    AuthError::LoginRequired {
        reason: SignedOutReason::StorageLost,
    }
}

fn is_persisted(session: &Session) -> Option<bool> {
    match session {
        Session::SignedIn { persisted, .. } => Some(*persisted),
        _ => None,
    }
}

#[tokio::test]
async fn an_older_record_that_was_put_back_is_not_sent_and_a_login_replaces_it() {
    let (world, store, auth) = alice().await;
    let backup = store.copy("session.");
    forced(&auth).await.expect("renewed");
    drop(auth);
    store.put_back(backup.clone());
    world.server.reset_counts();
    world.expire().await;
    let next = world.app();
    assert_eq!(state(&next.session()), "signed_out:storage_lost");
    assert_eq!(token(&next).await, Err(lost()));
    assert_eq!(world.server.requests("token"), 0);
    assert_eq!(store.copy("session."), backup, "it is left as it is");
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
    let backup = store.copy("session.");
    forced(&auth).await.expect("renewed");
    store.put_back(backup);
    in_time(auth.resumed()).await;
    forced(&auth)
        .await
        .expect("the newest refresh token is in memory");
    assert_eq!(is_persisted(&auth.session()), Some(true));
    assert_eq!(state(&world.app().session()), "signed_in");
    forced(&world.app()).await.expect("and in the store again");
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn the_timeline_is_read_from_any_thread_and_changes_nothing() {
    let (_world, store, auth) = alice().await;
    let backup = store.copy("session.");
    forced(&auth).await.expect("renewed");
    store.put_back(backup.clone());
    // An app's thread, outside any runtime, that asks twice.
    let asked = std::thread::spawn({
        let auth = Arc::clone(&auth);
        move || [auth.timeline(), auth.timeline()]
    });
    let [first, second] = asked.join().expect("no panic");
    assert_eq!(first, second);
    assert_eq!(store.copy("session."), backup);
    assert_eq!(
        is_persisted(&auth.session()),
        Some(true),
        "as far as is known"
    );
}

#[tokio::test]
async fn a_session_that_was_logged_out_or_replaced_does_not_come_back_with_a_backup() {
    for logout in [true, false] {
        let (world, store, auth) = alice().await;
        let backup = store.copy("session.");
        if logout {
            let local = LogoutOptions {
                local: true,
                ..LogoutOptions::default()
            };
            auth.logout(local).await.expect("out");
        } else {
            world.log_in(&auth, "bob").await;
        }
        store.put_back(backup);
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
    store.lies.store(true, Ordering::SeqCst);
    let error = token(&auth).await.expect_err("the claim is not there");
    assert_eq!(error.kind(), "network");
    assert_eq!(world.server.requests("token"), 0);
    store.lies.store(false, Ordering::SeqCst);
    token(&world.app()).await.expect("nothing was lost");
}

#[tokio::test]
async fn a_store_that_loses_what_a_refresh_brought_is_found_out() {
    let (world, store, auth) = alice().await;
    world
        .server
        .set_faults("token:gate=here,after_commit@1")
        .expect("a fault");
    let refresh = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { forced(&auth).await }
    });
    in_time(world.server.gate_reached("here")).await;
    store.lies.store(true, Ordering::SeqCst);
    world.server.open_gate("here");
    refresh.await.expect("no panic").expect("renewed");
    // The next process does not send what the provider has seen already. It would end the session there.
    let reuse = world.server.refresh_token_reuse();
    assert_eq!(token(&world.app()).await, Err(lost()));
    // This one has it in memory. It looks, and stores it as soon as the store tells the truth.
    store.lies.store(false, Ordering::SeqCst);
    in_time(auth.resumed()).await;
    forced(&auth).await.expect("from memory");
    assert_eq!(state(&world.app().session()), "signed_in");
    assert_eq!(world.server.refresh_token_reuse(), reuse);
}

#[tokio::test]
async fn one_write_that_fails_anywhere_in_a_refresh_loses_nothing() {
    for nth in 1..=4 {
        let mut world = World::with(Options {
            rotation: Rotation::Strict,
            ..Options::default()
        })
        .await;
        let store = PuppetStore::new();
        world.store = store.clone();
        let auth = world.app();
        world.log_in(&auth, "alice").await;
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
        assert_eq!(is_persisted(&auth.session()), Some(true), "swap {nth}");
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
    let mut world = World::new().await;
    let store = PuppetStore::new();
    world.store = store.clone();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
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

//! Storing what a refresh has brought: where the item is damaged, where the store fails for a while, where it says that
//! it failed and did not.

use std::sync::Arc;
use std::time::Duration;

use super::super::SessionManager;
use super::super::flight::spawn;
use super::super::vault::Vault;
use super::server::{Gate, Reply};
use super::store::{Call, store};
use super::world::World;
use crate::storage::StoreError;
use crate::types::{Session, SignedOutReason};

/// The writes of a refresh: the claim, "it may have been sent", the new tokens.
const THE_NEW_TOKENS: u32 = 3;

/// The session was renewed, and the store has not taken it.
async fn unstored() -> (World, Arc<SessionManager>) {
    let (world, session) = World::logged_in().await;
    let (fails, error) = (THE_NEW_TOKENS, StoreError::Unavailable);
    world.store.fail(Call::Swap, "session", fails, error);
    world.forced(&session).await.expect("renewed");
    assert!(!is_stored(&session));
    (world, session)
}

fn is_stored(session: &SessionManager) -> bool {
    match session.snapshot() {
        Session::SignedIn { persisted, .. } => persisted,
        other => panic!("{other:?}"),
    }
}

fn stored_refresh_token(world: &World, session: &SessionManager) -> String {
    let record = world.record(session);
    let token = record["state"]["live"]["refresh_token"].as_str();
    token.expect("a live session").to_owned()
}

#[tokio::test]
async fn new_tokens_take_the_place_of_an_item_that_was_damaged_meanwhile() {
    let (world, session) = World::logged_in().await;
    let gate = Gate::default();
    let answer = Reply::Held(gate.clone(), Box::new(Reply::Usual));
    world.server.reply("/token", answer);
    let renewing = {
        let session = Arc::clone(&session);
        let options = crate::types::AccessTokenOptions {
            force_refresh: true,
            ..Default::default()
        };
        spawn(async move { session.access_token(options).await })
    };
    gate.reached().await;
    let wreck = Some(b"no record".to_vec());
    world.store.write(&session.session_name, wreck);
    gate.open();
    let token = renewing.await.expect("no panic").expect("renewed");
    assert_eq!(token.value, "at-2");
    assert_eq!(stored_refresh_token(&world, &session), "rt-2");
    assert!(is_stored(&session));
}

#[tokio::test]
async fn a_record_that_is_stored_late_moves_the_journals_mark() {
    let (world, session) = unstored().await;
    let old = world.record(&session).to_string().into_bytes();
    world.store.heal();
    session.resumed().await;
    assert_eq!(stored_refresh_token(&world, &session), "rt-2");
    // The older one is put back, and a process looks at it that knows of no other.
    world.store.write(&session.session_name, Some(old));
    let reason = SignedOutReason::StorageLost;
    assert_eq!(world.start().snapshot(), Session::SignedOut { reason });
}

#[tokio::test]
async fn what_could_not_be_stored_is_tried_each_second_of_the_claims_term_and_then_less_often() {
    let (world, session) = unstored().await;
    // From here on nothing but timers is waited for.
    tokio::time::pause();
    let tries = || world.store.count(Call::Swap, "session");
    let pass = |seconds: u64| tokio::time::sleep(Duration::from_millis(seconds * 1_000 + 500));
    let before = tries();
    pass(15).await;
    let often = tries() - before;
    assert!((15..=16).contains(&often), "{often} times in 15 seconds");
    let before = tries();
    pass(600).await;
    let seldom = tries() - before;
    assert!((10..=20).contains(&seldom), "{seldom} times in 10 minutes");
    world.store.heal();
    pass(60).await;
    assert!(is_stored(&session), "once a minute at least");
    assert_eq!(stored_refresh_token(&world, &session), "rt-2");
}

#[tokio::test]
async fn a_write_that_was_done_and_is_said_to_have_failed_was_done() {
    let store = store();
    let vault = Vault::new(store.clone());
    store.do_and_fail(Call::Swap, "a", 1);
    let tag = vault.swap("a", None, vec![1]).await.expect("it was done");
    assert_eq!(store.item("a").map(|item| item.tag), Some(tag.clone()));
    // One that was not done has failed.
    store.fail(Call::Swap, "a", 1, StoreError::Unavailable);
    let failed = vault.swap("a", Some(tag), vec![2]).await;
    assert_eq!(failed, Err(StoreError::Unavailable));
    assert_eq!(store.item("a").map(|item| item.bytes), Some(vec![1]));
}

#[tokio::test]
async fn tokens_whose_write_is_only_said_to_have_failed_are_stored() {
    let (world, session) = World::logged_in().await;
    world
        .store
        .do_and_fail(Call::Swap, "session", THE_NEW_TOKENS);
    world.forced(&session).await.expect("renewed");
    assert!(is_stored(&session));
    let events = world.events(&session);
    assert!(
        !events.iter().any(|event| event == "persist_pending"),
        "{events:?}"
    );
}

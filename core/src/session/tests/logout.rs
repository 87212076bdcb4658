//! A logout: it ends the session here whatever the store does, and tells the provider the right token.

use std::sync::Arc;
use std::time::Duration;

use super::super::SessionManager;
use super::super::flight::spawn;
use super::server::Reply;
use super::store::Call;
use super::world::World;
use crate::error::AuthError;
use crate::storage::StoreError;
use crate::types::{LogoutOptions, Revocation, Session, SignedOutReason, StorageReason};

const LOCAL: LogoutOptions = LogoutOptions {
    local: true,
    post_logout_redirect_uri: None,
};
const NOT_STORED: AuthError = AuthError::Storage {
    reason: StorageReason::Unavailable,
};

async fn log_out(session: &Arc<SessionManager>) -> Result<Revocation, AuthError> {
    let outcome = session.logout(LogoutOptions::default()).await;
    outcome.map(|outcome| outcome.revocation)
}

fn is_logged_out(session: &SessionManager) -> bool {
    let reason = SignedOutReason::LoggedOut;
    session.snapshot() == Session::SignedOut { reason }
}

/// The store takes neither another record nor none.
fn refuse_writes(world: &World, error: StoreError) {
    for call in [Call::Swap, Call::Delete] {
        world.store.fail(call, "session", 1, error.clone());
    }
}

#[tokio::test]
async fn a_logout_revokes_the_refresh_token() {
    let (world, session) = World::logged_in().await;
    assert_eq!(log_out(&session).await, Ok(Revocation::Done));
    let asked = world.server.asked("/revoke");
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].body,
        "token=rt-1&token_type_hint=refresh_token&client_id=client"
    );
}

/// Memory is logged out before the store is looked at: what stores memory meanwhile stores a logout.
#[tokio::test]
async fn a_logout_that_is_stored_in_the_middle_of_a_logout_does_not_hide_what_to_revoke() {
    let (world, session) = World::logged_in().await;
    let mut looking = world.store.wait(Call::Load, "session", 1);
    let out = spawn({
        let session = Arc::clone(&session);
        async move { log_out(&session).await }
    });
    looking.reached().await;
    session.persist_pending().await;
    drop(looking);
    assert_eq!(out.await.expect("no panic"), Ok(Revocation::Done));
    let asked = world.server.asked("/revoke");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].form("token"), Some("rt-1"));
}

#[tokio::test]
async fn a_session_without_a_refresh_token_has_its_access_token_revoked() {
    let world = World::new().await;
    world
        .server
        .merge("/token", serde_json::json!({ "refresh_token": null }));
    let session = world.start();
    world.log_in(&session).await;
    assert_eq!(log_out(&session).await, Ok(Revocation::Done));
    let asked = world.server.asked("/revoke");
    assert_eq!(asked[0].form("token"), Some("at-1"));
    assert_eq!(asked[0].form("token_type_hint"), Some("access_token"));
}

#[tokio::test]
async fn a_logout_revokes_the_refresh_token_that_memory_alone_has() {
    let (world, session) = World::logged_in().await;
    // The claim is stored, and the word that it is sent; the new tokens are not.
    let unavailable = StoreError::Unavailable;
    world.store.fail(Call::Swap, "session", 3, unavailable);
    world.forced(&session).await.expect("renewed");
    let stored = world.record(&session);
    assert_eq!(stored["state"]["live"]["refresh_token"], "rt-1");
    world.store.heal();
    assert_eq!(log_out(&session).await, Ok(Revocation::Done));
    let asked = world.server.asked("/revoke");
    assert_eq!(asked[0].form("token"), Some("rt-2"));
    assert_eq!(
        world.record(&session)["state"]["ended"]["reason"],
        "logged_out"
    );
}

#[tokio::test]
async fn a_logout_that_was_neither_stored_nor_revoked_is_an_error() {
    for (status, expected) in [
        (503, Err(NOT_STORED)),
        (400, Err(NOT_STORED)),
        (200, Ok(Revocation::Done)),
    ] {
        let (world, session) = World::logged_in().await;
        refuse_writes(&world, StoreError::Unavailable);
        let answer = Reply::json(status, "{}");
        world.server.reply("/revoke", answer);
        assert_eq!(log_out(&session).await, expected, "{status}");
        assert!(is_logged_out(&session), "here it is over: {status}");
    }
    // What is stored is done, whatever the provider says.
    let (world, session) = World::logged_in().await;
    world.server.reply("/revoke", Reply::json(503, ""));
    assert_eq!(log_out(&session).await, Ok(Revocation::Pending));
}

#[tokio::test]
async fn a_store_that_cannot_be_read_and_can_be_written_gets_the_tombstone() {
    let (world, session) = World::logged_in().await;
    let locked = StoreError::Locked;
    world.store.fail(Call::Load, "session", 1, locked);
    session.logout(LOCAL).await.expect("out");
    assert_eq!(
        world.record(&session)["state"]["ended"]["reason"],
        "logged_out"
    );
    assert_eq!(world.store.count(Call::Delete, "session"), 0);
}

#[tokio::test]
async fn a_store_that_takes_no_tombstone_is_asked_to_delete() {
    let (world, session) = World::logged_in().await;
    let full = StoreError::Unavailable;
    world.store.fail(Call::Swap, "session", 1, full);
    session.logout(LOCAL).await.expect("out");
    assert!(world.store.item(&session.session_name).is_none());
    assert!(is_logged_out(&session));
    let (now, next) = (world.token(&session).await, world.start().snapshot());
    let reason = SignedOutReason::LoggedOut;
    assert_eq!(now, Err(AuthError::LoginRequired { reason }));
    let reason = SignedOutReason::Never;
    assert_eq!(next, Session::SignedOut { reason });
}

#[tokio::test]
async fn while_the_store_hangs_a_logout_has_ended_the_session_in_memory() {
    let (world, session) = World::logged_in().await;
    let mut hanging = world.store.wait(Call::Load, "session", 1);
    let logout = {
        let session = session.clone();
        spawn(async move { session.logout(LOCAL).await })
    };
    hanging.reached().await;
    assert!(is_logged_out(&session));
    drop(hanging);
    logout.await.expect("no panic").expect("out");
    assert!(is_logged_out(&session));
}

#[tokio::test]
async fn a_logout_that_the_store_did_not_take_stands_and_is_stored_without_a_call() {
    for error in [StoreError::Unavailable, StoreError::Conflict] {
        let (world, session) = World::logged_in().await;
        refuse_writes(&world, error.clone());
        assert_eq!(session.logout(LOCAL).await.map(drop), Err(NOT_STORED));
        assert!(is_logged_out(&session), "{error}");
        let reason = SignedOutReason::LoggedOut;
        let required = AuthError::LoginRequired { reason };
        assert_eq!(world.token(&session).await, Err(required), "{error}");
        assert!(is_logged_out(&session), "after a look: {error}");

        world.store.heal();
        tokio::time::pause();
        let stored = async {
            while world.record(&session)["state"]["ended"]["reason"] != "logged_out" {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let stored = tokio::time::timeout(Duration::from_secs(10), stored).await;
        stored.unwrap_or_else(|_| panic!("nobody stores it: {error}"));
        tokio::time::resume();
    }
}

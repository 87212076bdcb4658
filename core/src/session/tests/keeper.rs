//! What memory makes of what the store holds: endings, records that are gone, another process's renewal.

use serde_json::json;

use super::super::SessionManager;
use super::server::Reply;
use super::store::Call;
use super::world::World;
use crate::error::AuthError;
use crate::types::{LogoutOptions, Session, SignedOutReason};

/// Somebody removes the record.
fn remove(world: &World, session: &SessionManager) {
    world.store.write(&session.session_name, None);
}

fn signed_out(reason: SignedOutReason) -> Session {
    Session::SignedOut { reason }
}

#[tokio::test]
async fn an_ending_is_remembered_when_its_record_is_removed() {
    for reason in [SignedOutReason::Revoked, SignedOutReason::LoggedOut] {
        let (world, session) = World::logged_in().await;
        if reason == SignedOutReason::Revoked {
            let refusal = Reply::json(400, r#"{"error":"invalid_grant"}"#);
            world.server.reply("/token", refusal);
            drop(world.forced(&session).await);
        } else {
            let out = session.logout(LogoutOptions::default()).await;
            out.expect("logs out");
        }
        assert_eq!(session.snapshot(), signed_out(reason));
        remove(&world, &session);
        for look in 1..=2 {
            session.resumed().await;
            assert_eq!(session.snapshot(), signed_out(reason), "look {look}");
            let token = world.token(&session).await;
            assert_eq!(token, Err(AuthError::LoginRequired { reason }));
        }
    }
}

#[tokio::test]
async fn a_record_that_is_removed_while_the_app_runs_is_a_lost_session() {
    let (world, session) = World::logged_in().await;
    remove(&world, &session);
    for look in 1..=2 {
        session.resumed().await;
        let lost = signed_out(SignedOutReason::StorageLost);
        assert_eq!(session.snapshot(), lost, "look {look}");
    }
    // A process that starts now cannot know of it.
    let later = world.start();
    assert_eq!(later.snapshot(), signed_out(SignedOutReason::Never));
}

#[tokio::test]
async fn a_process_that_takes_over_anothers_renewal_says_so_in_its_timeline() {
    let (world, session) = World::logged_in().await;
    let other = world.start();
    assert_eq!(world.token(&other).await.expect("stored").value, "at-1");
    world.forced(&session).await.expect("renewed");
    other.resumed().await;
    assert_eq!(world.token(&other).await.expect("taken over").value, "at-2");
    let adopted = |session| {
        let events = world.events(session).into_iter();
        events.filter(|event| event == "adopted").count()
    };
    assert_eq!(adopted(&other), 1);
    other.resumed().await;
    assert_eq!(adopted(&other), 1, "once");
}

#[tokio::test]
async fn an_access_token_that_was_too_large_to_store_outlives_a_look_at_the_store() {
    let (world, session) = World::logged_in().await;
    let large = "a".repeat(15_900);
    let answer = json!({ "access_token": large, "id_token": null });
    world.server.reply("/token", Reply::Merged(answer));
    world.forced(&session).await.expect("renewed");
    let stored = world.record(&session)["state"]["live"]["access_token"].clone();
    assert!(stored.is_null(), "it does not fit");
    // As another process's claim would, that came to nothing.
    world.change_record(&session, |_| {});
    let looks = world.store.count(Call::Load, "session");
    session.resumed().await;
    assert!(world.store.count(Call::Load, "session") > looks);
    let token = world.token(&session).await.expect("in memory");
    assert_eq!(token.value.len(), large.len());
    assert_eq!(token.expires_in_seconds, Some(3_600));
    assert_eq!(world.server.asked("/token").len(), 2, "no further refresh");
}

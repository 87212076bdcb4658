//! Whether a record was put back, where another process writes it and the journal in the middle of the look.

use std::sync::Arc;

use super::super::flight::spawn;
use super::store::Call;
use super::world::World;
use crate::types::Session;

#[tokio::test]
async fn a_record_that_is_renewed_in_the_middle_of_a_look_was_not_put_back() {
    let (world, session) = World::logged_in().await;
    let other = world.start();
    // It has read the record, and reads the journal when both have been written anew.
    let mut between = world.store.wait(Call::Load, "journal", 1);
    let looking = Arc::clone(&other);
    let look = spawn(async move { looking.resumed().await });
    between.reached().await;
    world.forced(&session).await.expect("renewed");
    drop(between);
    look.await.expect("no panic");
    let seen = other.snapshot();
    assert!(matches!(seen, Session::SignedIn { .. }), "{seen:?}");
    assert_eq!(world.token(&other).await.expect("its token").value, "at-2");
    let events = world.events(&other);
    assert!(
        !events.iter().any(|event| event == "put_back"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_record_from_before_the_journals_mark_was_put_back() {
    let (world, session) = World::logged_in().await;
    let old = world.record(&session).to_string().into_bytes();
    world.forced(&session).await.expect("renewed");
    world.store.write(&session.session_name, Some(old));
    let later = world.start();
    let seen = later.snapshot();
    assert!(matches!(seen, Session::SignedOut { .. }), "{seen:?}");
    assert!(world.events(&later).iter().any(|event| event == "put_back"));
}

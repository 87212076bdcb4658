//! A keychain daemon that hangs: every call ends, and a logout here is done in memory before the store is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use latchkey::{Auth, AuthError, LogLevel, LoginOptions, StorageReason};
use latchkey_tests::calls::{FORCE, LOCAL, LOGGED_OUT, alice_on_strings, asking, end, token, who};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::{Lines, World};

const UNAVAILABLE: AuthError = AuthError::Storage {
    reason: StorageReason::Unavailable,
};

/// What comes of a call when the runtime's paused clock has gone on by so many seconds, and by no more.
async fn after_seconds<T>(seconds: u64, call: tokio::task::JoinHandle<T>) -> T {
    // The clock stopped between two milliseconds.
    tokio::time::advance(Duration::from_millis(seconds * 1_000 + 1)).await;
    let begun = Instant::now();
    while !call.is_finished() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it has not ended"
        );
        tokio::task::yield_now().await;
    }
    call.await.expect("no panic")
}

#[tokio::test]
async fn every_call_ends_while_the_store_hangs() {
    let (world, store, auth) = alice_on_strings().await;
    let callback = world.callback(&auth, "alice").await;
    world.expire().await;
    tokio::time::pause();
    let mut hanging = store.hold_before(Call::Load, 1);
    let refresh = asking(&auth, FORCE);
    hanging.reached().await;
    assert_eq!(after_seconds(30, refresh).await, Err(UNAVAILABLE));
    // It hangs still: nothing waits for it any more.
    let begun = tokio::time::Instant::now();
    assert_eq!(token(&auth).await, Err(UNAVAILABLE));
    let login = auth.begin_login(LoginOptions::default(), None).await;
    assert_eq!(login.map(drop), Err(UNAVAILABLE));
    let login = auth.finish_login(callback, None).await;
    assert_eq!(login.map(drop), Err(UNAVAILABLE));
    auth.resumed().await;
    assert_eq!(who(&auth.session()), "dev|alice", "nobody was logged out");
    let out = auth.logout(LOCAL).await;
    assert_eq!(
        out.map(drop),
        Err(UNAVAILABLE),
        "it may be back after a restart"
    );
    assert_eq!(token(&auth).await, Err(LOGGED_OUT));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    // It comes back: the logout is stored.
    hanging.release();
    tokio::time::resume();
    stored(&auth, &store).await;
    assert_eq!(who(&world.app().session()), "signed_out:logged_out");
}

/// Asks the app to store what it has until it has.
async fn stored(auth: &Arc<Auth>, store: &PuppetStore) {
    let before = store.count(Call::Swap);
    while store.count(Call::Swap) == before {
        auth.resumed().await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_logout_ends_the_session_in_memory_before_the_store_answers() {
    let (world, store, auth) = alice_on_strings().await;
    let mut hanging = store.hold_before(Call::Load, 1);
    let out = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.logout(LOCAL).await }
    });
    hanging.reached().await;
    assert_eq!(who(&auth.session()), "signed_out:logged_out");
    assert_eq!(token(&auth).await, Err(LOGGED_OUT));
    hanging.release();
    end(out).await.expect("out");
    assert_eq!(who(&world.app().session()), "signed_out:logged_out");
}

/// The write of a refresh's answer is under way when the person logs out, and lands after that.
#[tokio::test]
async fn a_write_that_lands_after_a_logout_logs_nobody_in_again() {
    let (world, store, auth) = alice_on_strings().await;
    let lines = Arc::<Lines>::default();
    auth.set_log_sink(LogLevel::Info, Some(lines.clone()));
    // The claim, the word before the send, and the answer.
    let mut hanging = store.hold(Call::Swap, 3);
    let refresh = asking(&auth, FORCE);
    hanging.reached().await;
    let out = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.logout(LOCAL).await }
    });
    while who(&auth.session()) == "dev|alice" {
        tokio::task::yield_now().await;
    }
    hanging.release();
    assert_eq!(end(refresh).await, Err(LOGGED_OUT));
    end(out).await.expect("out");
    let told = lines.text();
    assert!(
        !told.contains("was renewed"),
        "not even for a moment: {told}"
    );
    for app in [auth, world.app()] {
        assert_eq!(who(&app.session()), "signed_out:logged_out");
    }
}

/// A process that has just started asks a store that hangs who is logged in.
#[tokio::test]
async fn a_first_look_at_a_store_that_hangs_ends_too() {
    let world = World::new().await;
    let (world, store) = world.on_strings();
    world.log_in(&world.app(), "alice").await;
    let next = world.app();
    tokio::time::pause();
    let mut hanging = store.hold_before(Call::Load, 1);
    let asked = asking(&next, FORCE);
    hanging.reached().await;
    assert_eq!(after_seconds(30, asked).await, Err(UNAVAILABLE));
    assert_eq!(who(&next.session()), "unavailable:unavailable");
    hanging.release();
    tokio::time::resume();
    while who(&next.session()) != "dev|alice" {
        tokio::task::yield_now().await;
    }
}

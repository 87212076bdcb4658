//! Two at once, and steps that fall apart: who wins, and that memory tells what the store does.

mod two_at_once;
mod unstored;

use std::sync::Arc;

use latchkey::{
    AccessToken, AccessTokenOptions, Auth, AuthError, LogoutOptions, Session, SignedOutReason,
};
use latchkey_tests::puppet_store::PuppetStore;
use latchkey_tests::world::{World, in_time, state};
use tokio::task::{JoinHandle, yield_now};

const PLAIN: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: false,
};
const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};
const LOGGED_OUT: AuthError = AuthError::LoginRequired {
    reason: SignedOutReason::LoggedOut,
};

async fn token(auth: &Auth) -> Result<AccessToken, AuthError> {
    in_time(auth.access_token(PLAIN, None)).await
}

/// A call beside the test.
fn asking(
    auth: &Arc<Auth>,
    options: AccessTokenOptions,
) -> JoinHandle<Result<AccessToken, AuthError>> {
    let auth = Arc::clone(auth);
    tokio::spawn(async move { auth.access_token(options, None).await })
}

async fn log_out(auth: &Auth) -> Result<(), AuthError> {
    // At this device alone: what the provider is asked afterwards is no matter here.
    let options = LogoutOptions {
        local: true,
        ..LogoutOptions::default()
    };
    in_time(auth.logout(options)).await.map(drop)
}

fn logging_out(auth: &Arc<Auth>) -> JoinHandle<Result<(), AuthError>> {
    let auth = Arc::clone(auth);
    tokio::spawn(async move { log_out(&auth).await })
}

async fn end<T>(call: JoinHandle<T>) -> T {
    in_time(call).await.expect("no panic")
}

/// Gives a call that nothing holds up the time to end.
async fn chance<T>(call: &JoinHandle<T>) {
    for _ in 0..10_000 {
        if call.is_finished() {
            return;
        }
        yield_now().await;
    }
}

/// Who is logged in, or why nobody is.
fn who(session: &Session) -> String {
    match session {
        Session::SignedIn { subject, .. } => subject.clone().unwrap_or_default(),
        other => state(other),
    }
}

/// Alice is logged in, and the strings of the store are in our hands.
async fn alice() -> (World, Arc<PuppetStore>, Arc<Auth>) {
    let mut world = World::new().await;
    let store = PuppetStore::new();
    world.store = store.clone();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    (world, store, auth)
}

/// What this process and the next one say.
fn assert_both(world: &World, auth: &Auth, expected: &str) {
    assert_eq!(who(&auth.session()), expected, "in memory");
    assert_eq!(who(&world.app().session()), expected, "in the store");
}

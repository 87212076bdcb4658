//! Two at once, and steps that fall apart: who wins, and that memory tells what the store does.

mod two_at_once;
mod unstored;

use std::sync::Arc;

use latchkey::{Auth, AuthError};
use latchkey_tests::calls::{LOCAL, who};
use latchkey_tests::world::{World, in_time};
use tokio::task::{JoinHandle, yield_now};

async fn log_out(auth: &Auth) -> Result<(), AuthError> {
    // At this device alone: what the provider is asked afterwards is no matter here.
    in_time(auth.logout(LOCAL)).await.map(drop)
}

fn logging_out(auth: &Arc<Auth>) -> JoinHandle<Result<(), AuthError>> {
    let auth = Arc::clone(auth);
    tokio::spawn(async move { log_out(&auth).await })
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

/// What this process and the next one say.
fn assert_both(world: &World, auth: &Auth, expected: &str) {
    assert_eq!(who(&auth.session()), expected, "in memory");
    assert_eq!(who(&world.app().session()), expected, "in the store");
}

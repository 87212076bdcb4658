//! An app's log sink that asks the session, as one does that puts the user's id beside each line.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use latchkey::{Auth, LogError, LogLevel, LogSink};
use latchkey_tests::calls::{LOCAL, forced, is_persisted, token, who};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::{World, in_time};

/// Calls everything that is not async from inside each line.
#[derive(Default)]
struct AskingSink {
    auth: OnceLock<Weak<Auth>>,
    /// Each line with who was logged in as it came.
    told: Mutex<Vec<String>>,
}

impl LogSink for AskingSink {
    fn log(&self, level: LogLevel, line: String) -> Result<(), LogError> {
        let auth = self.auth.get().and_then(Weak::upgrade);
        let Some(auth) = auth else { return Ok(()) };
        let stored = if is_persisted(&auth) {
            ""
        } else {
            ", not stored"
        };
        let session = who(&auth.session());
        assert!(!auth.timeline().is_empty());
        auth.set_background_time(None);
        let told = format!("{level:?} {line} [{session}{stored}]");
        self.told.lock().expect("no panic").push(told);
        Ok(())
    }
}

/// The app with such a sink.
fn app(world: &World) -> (Arc<Auth>, Arc<AskingSink>) {
    let auth = world.app();
    let sink = Arc::<AskingSink>::default();
    auth.set_log_sink(LogLevel::Debug, Some(sink.clone()));
    sink.auth.set(Arc::downgrade(&auth)).expect("set once");
    (auth, sink)
}

impl AskingSink {
    /// The lines that hold these words.
    fn lines(&self, words: &str) -> Vec<String> {
        let told = self.told.lock().expect("no panic");
        told.iter()
            .filter(|line| line.contains(words))
            .cloned()
            .collect()
    }
}

/// The record lies in the store at each start, so the app crashed at each start.
#[tokio::test]
async fn a_sink_that_asks_who_is_logged_in_survives_a_record_that_was_put_back() {
    let (world, store) = World::new().await.on_strings();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let backup = store.backup();
    forced(&auth).await.expect("renewed");
    drop(auth);
    store.put_back(&backup);
    let (next, sink) = app(&world);
    assert_eq!(who(&next.session()), "signed_out:storage_lost");
    let told = sink.lines("put back");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].ends_with("[signed_out:storage_lost, not stored]"),
        "{told:?}"
    );
}

/// Each line tells of what is already so.
#[tokio::test]
async fn a_sink_that_asks_who_is_logged_in_hears_the_state_that_its_line_tells_of() {
    let (world, store) = World::new().await.on_strings();
    let (auth, sink) = app(&world);
    world.log_in(&auth, "alice").await;
    assert!(sink.lines("logged in")[0].ends_with("[dev|alice]"));
    store.fail_from(Call::Swap, 3);
    forced(&auth).await.expect("renewed, and not stored");
    let told = sink.lines("could not be stored");
    assert!(told[0].ends_with("[dev|alice, not stored]"), "{told:?}");
    store.heal();
    in_time(auth.resumed()).await;
    put_back_beside(&world, &store, &auth).await;
    assert_eq!(sink.lines("put back").len(), 1);
    in_time(auth.logout(LOCAL)).await.expect("out");
    let told = sink.lines("logged out");
    assert!(told[0].contains("[signed_out:logged_out"), "{told:?}");
}

/// An older record is put back while the app runs.
async fn put_back_beside(world: &World, store: &PuppetStore, auth: &Auth) {
    let backup = store.backup();
    world.clock.advance(10);
    forced(auth).await.expect("renewed");
    store.put_back(&backup);
    in_time(auth.resumed()).await;
    token(auth).await.expect("memory has the newer one");
}

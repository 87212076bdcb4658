//! Named points of a refresh, at one of which a process waits: its store and its "system" pass them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use latchkey::{
    BackgroundError, BackgroundGrant, BackgroundTime, SecureStore, StoreError, StoredItem,
};
use serde_json::json;

use crate::worker::say;

/// The one point at which this process waits next, if any.
pub(crate) struct Gate {
    armed: Mutex<Option<String>>,
    go: Mutex<mpsc::Receiver<()>>,
    /// Calls for the session's record since it was armed.
    loads: AtomicU32,
    swaps: AtomicU32,
}

impl Gate {
    /// Whoever waits goes on with a word from the other end.
    pub(crate) fn new(go: mpsc::Receiver<()>) -> Arc<Self> {
        Arc::new(Self {
            armed: Mutex::default(),
            go: Mutex::new(go),
            loads: AtomicU32::new(0),
            swaps: AtomicU32::new(0),
        })
    }

    pub(crate) fn arm(&self, point: &str) {
        self.loads.store(0, Ordering::SeqCst);
        self.swaps.store(0, Ordering::SeqCst);
        *self.armed.lock().expect("no panic") = Some(point.to_owned());
    }

    /// Says that the point is reached, and waits, without a look at any clock. Once; then it is open.
    fn pass(&self, point: &str) {
        let armed = self
            .armed
            .lock()
            .expect("no panic")
            .take_if(|armed| armed == point);
        if armed.is_some() {
            say(&json!({ "at": point }));
            // Without the other end the test is over.
            let _ = self.go.lock().expect("no panic").recv();
        }
    }
}

/// A store whose calls for the session's record pass the gate.
pub(crate) struct Gated {
    pub(crate) inner: Arc<dyn SecureStore>,
    pub(crate) gate: Arc<Gate>,
}

impl SecureStore for Gated {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        let of_session = key.starts_with("session.");
        let of_journal = key.starts_with("journal.");
        let found = self.inner.load(key);
        if of_journal {
            self.gate.pass("looked_at_the_journal");
        }
        if of_session {
            match self.gate.loads.fetch_add(1, Ordering::SeqCst) {
                0 => self.gate.pass("looked"),
                2 => self.gate.pass("looked_again"),
                _ => {}
            }
        }
        found
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        if !key.starts_with("session.") {
            return self.inner.swap(key, expected, next);
        }
        // The claim, then the word that it is sent, then what came of it.
        let (before, after) = match self.gate.swaps.fetch_add(1, Ordering::SeqCst) {
            0 => ("before_claim", "claimed"),
            1 => ("before_send_word", "after_send_word"),
            _ => ("before_commit", "committed"),
        };
        self.gate.pass(before);
        let done = self.inner.swap(key, expected, next);
        self.gate.pass(after);
        done
    }
}

/// A system that grants all the time there is, when the gate is open.
pub(crate) struct Background(pub(crate) Arc<Gate>);

impl BackgroundTime for Background {
    fn begin(&self) -> Result<BackgroundGrant, BackgroundError> {
        self.0.pass("background");
        Ok(BackgroundGrant {
            id: 1,
            seconds_left: None,
        })
    }

    fn end(&self, _: u64) -> Result<(), BackgroundError> {
        Ok(())
    }
}

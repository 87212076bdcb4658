//! A store that can be looked into.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use latchkey::{SecureStore, StoreError, StoredItem, memory_store};

/// The memory store, and what it holds.
pub struct GlassStore {
    inner: Arc<dyn SecureStore>,
    held: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl GlassStore {
    /// An empty one.
    pub fn new() -> Arc<GlassStore> {
        Arc::new(GlassStore {
            inner: memory_store(),
            held: Mutex::default(),
        })
    }

    /// The bytes of the session's record; empty where there is none.
    pub fn session(&self) -> Vec<u8> {
        self.record("session.")
    }

    /// The bytes of the record of open logins; empty where there is none.
    pub fn logins(&self) -> Vec<u8> {
        self.record("logins.")
    }

    fn record(&self, kind: &str) -> Vec<u8> {
        let held = self.held.lock().expect("no panic");
        let mut of_kind = held.iter().filter(|(name, _)| name.starts_with(kind));
        of_kind
            .next()
            .map(|(_, bytes)| bytes.clone())
            .unwrap_or_default()
    }
}

impl SecureStore for GlassStore {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        self.inner.load(key)
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        let bytes = next.as_ref().map(|item| item.bytes.clone());
        self.inner.swap(key.clone(), expected, next)?;
        let mut held = self.held.lock().expect("no panic");
        match bytes {
            Some(bytes) => held.insert(key, bytes),
            None => held.remove(&key),
        };
        Ok(())
    }
}

//! What the checks are written with: one name in a store, and steps that say what they wanted.

use std::fmt::Display;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Checked, ConformanceError};
use crate::storage::{SecureStore, StoreError, StoredItem};

/// One name in the store under test.
pub(super) struct Desk<'a> {
    pub(super) store: &'a dyn SecureStore,
    key: String,
}

impl<'a> Desk<'a> {
    pub(super) fn new(store: &'a dyn SecureStore, key: &str) -> Self {
        Self {
            store,
            key: key.to_owned(),
        }
    }

    pub(super) fn get(&self) -> Result<Option<StoredItem>, StoreError> {
        self.store.load(self.key.clone())
    }

    pub(super) fn put(
        &self,
        expected: Option<&StoredItem>,
        next: Option<&StoredItem>,
    ) -> Result<(), StoreError> {
        self.store.swap(
            self.key.clone(),
            expected.map(|item| item.tag.clone()),
            next.cloned(),
        )
    }

    pub(super) fn load(&self, step: &str, wanted: Option<&StoredItem>) -> Checked {
        match self.get() {
            Ok(found) if found.as_ref() == wanted => Ok(()),
            Ok(Some(_)) if wanted.is_some() => {
                Err(failed(step, "what was written", "another item"))
            }
            other => Err(failed(step, say(&Ok(wanted.cloned())), say(&other))),
        }
    }

    pub(super) fn swap(
        &self,
        step: &str,
        expected: Option<&StoredItem>,
        next: Option<&StoredItem>,
        wanted: Result<(), StoreError>,
    ) -> Checked {
        let say = |result: &Result<(), StoreError>| match result {
            Ok(()) => "done".to_owned(),
            Err(error) => error.to_string(),
        };
        match self.put(expected, next) {
            result if result == wanted => Ok(()),
            result => Err(failed(step, say(&wanted), say(&result))),
        }
    }

    /// Deletes what is there, readable or not.
    pub(super) fn clear(&self) -> Checked {
        let tag = match self.get() {
            Ok(None) => return Ok(()),
            Ok(Some(StoredItem { tag, .. }))
            | Err(StoreError::Corrupt { tag } | StoreError::KeyLost { tag }) => tag,
            other => return Err(failed("load before clearing", "an answer", say(&other))),
        };
        let old = StoredItem { tag, bytes: vec![] };
        self.swap("delete of what is there", Some(&old), None, Ok(()))
    }

    pub(super) fn count(&self) -> Result<(Option<StoredItem>, u32), ConformanceError> {
        let found = self.get();
        let bytes = match &found {
            Ok(None) => Some([0; 4]),
            Ok(Some(item)) => item.bytes.as_slice().try_into().ok(),
            Err(_) => None,
        };
        let count = bytes.ok_or_else(|| failed("load of the count", "4 bytes", say(&found)))?;
        Ok((found.unwrap_or(None), u32::from_be_bytes(count)))
    }

    pub(super) fn increment(&self) -> Checked {
        for _ in 0..100_000 {
            let (current, count) = self.count()?;
            let next = item(&(count + 1).to_be_bytes());
            match self.put(current.as_ref(), Some(&next)) {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(failed("increment", "done or conflict", error)),
            }
        }
        Err(failed(
            "increment",
            "done at some time",
            "conflict each time",
        ))
    }
}

/// An item with a tag that no other process and no other call makes.
pub(super) fn item(bytes: &[u8]) -> StoredItem {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let tag = [
        &process::id().to_be_bytes()[..],
        &made.to_be_bytes(),
        b"test",
    ]
    .concat();
    StoredItem {
        tag,
        bytes: bytes.to_vec(),
    }
}

pub(super) fn say(found: &Result<Option<StoredItem>, StoreError>) -> String {
    match found {
        Ok(None) => "none".to_owned(),
        Ok(Some(_)) => "an item".to_owned(),
        Err(error) => error.to_string(),
    }
}

pub(super) fn failed(step: &str, wanted: impl Display, got: impl Display) -> ConformanceError {
    ConformanceError::Failed {
        reason: format!("{step}: wanted {wanted}, got {got}"),
    }
}

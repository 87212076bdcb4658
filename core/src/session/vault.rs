//! The store, as the session uses it: off the async threads, with a new tag for each write, and with the question
//! "was it done after all?" answered.

use std::sync::Arc;

use super::flight;
use crate::clock::random;
use crate::storage::{SecureStore, StoreError, StoredItem};

/// The 16 random bytes of one write (refresh.md §4.1).
pub(crate) type Tag = Vec<u8>;

#[derive(Clone)]
pub(crate) struct Vault {
    store: Arc<dyn SecureStore>,
}

impl Vault {
    pub(crate) fn new(store: Arc<dyn SecureStore>) -> Self {
        Self { store }
    }

    /// Reads in the caller's thread.
    pub(crate) fn load_here(&self, name: &str) -> Result<Option<StoredItem>, StoreError> {
        self.store.load(name.to_owned())
    }

    pub(crate) async fn load(&self, name: &str) -> Result<Option<StoredItem>, StoreError> {
        let (vault, name) = (self.clone(), name.to_owned());
        off_thread(move || vault.load_here(&name)).await
    }

    /// Writes `next` where the tag is still `expected` (`None`: where nothing is) and returns the new tag.
    pub(crate) async fn swap(
        &self,
        name: &str,
        expected: Option<Tag>,
        next: Vec<u8>,
    ) -> Result<Tag, StoreError> {
        let (vault, name) = (self.clone(), name.to_owned());
        off_thread(move || {
            let tag = random::<16>()
                .map_err(|_| StoreError::Unavailable)?
                .to_vec();
            let item = StoredItem {
                tag: tag.clone(),
                bytes: next,
            };
            match vault.store.swap(name.clone(), expected, Some(item)) {
                Ok(()) => Ok(tag),
                Err(StoreError::Conflict) => Err(StoreError::Conflict),
                // Old or new, never a mix: our own tag there means that it was done.
                Err(error) => match vault.store.load(name) {
                    Ok(Some(found)) if found.tag == tag => Ok(tag),
                    _ => Err(error),
                },
            }
        })
        .await
    }

    /// Removes the item where the tag is still `expected`.
    pub(crate) async fn delete(&self, name: &str, expected: Tag) -> Result<(), StoreError> {
        let (vault, name) = (self.clone(), name.to_owned());
        off_thread(move || vault.store.swap(name, Some(expected), None)).await
    }
}

/// A store that panics is one that failed.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    flight::off_thread(work)
        .await
        .unwrap_or(Err(StoreError::Unavailable))
}

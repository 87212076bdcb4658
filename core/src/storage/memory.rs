//! The store in memory, which is also the double for every store in tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{SecureStore, StoreError, StoredItem, check_item, check_name};

/// A store in memory: for tests, demos, and sessions that shall not outlive the process.
#[uniffi::export]
pub fn memory_store() -> Arc<dyn SecureStore> {
    Arc::new(MemoryStore::new())
}

/// The store behind [`memory_store`], with a switch for faults.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    items: HashMap<String, Kept>,
    /// What both calls answer.
    fault: Option<StoreError>,
}

struct Kept {
    item: StoredItem,
    /// What `load` answers instead of the item.
    damage: Option<StoreError>,
}

impl MemoryStore {
    /// An empty store without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the store fail the way a real one would, for tests.
    ///
    /// `Locked`, `Unavailable` and `Conflict` are what both calls answer from now on. `Corrupt` and
    /// `KeyLost` befall the items that are there now (each reports its own tag, whatever tag is
    /// given here) until they are replaced. `None` heals everything.
    pub fn set_fault(&self, fault: Option<StoreError>) {
        let state = &mut *self.state();
        state.fault = None;
        for kept in state.items.values_mut() {
            let tag = kept.item.tag.clone();
            kept.damage = match fault {
                Some(StoreError::Corrupt { .. }) => Some(StoreError::Corrupt { tag }),
                Some(StoreError::KeyLost { .. }) => Some(StoreError::KeyLost { tag }),
                _ => None,
            };
        }
        match fault {
            Some(StoreError::Corrupt { .. } | StoreError::KeyLost { .. }) => {}
            other => state.fault = other,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecureStore for MemoryStore {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        check_name(&key)?;
        let state = self.state();
        if let Some(fault) = &state.fault {
            return Err(fault.clone());
        }
        match state.items.get(&key) {
            None => Ok(None),
            Some(Kept {
                damage: Some(damage),
                ..
            }) => Err(damage.clone()),
            Some(Kept { item, .. }) => Ok(Some(item.clone())),
        }
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        check_name(&key)?;
        next.as_ref().map_or(Ok(()), check_item)?;
        let mut state = self.state();
        if let Some(fault) = &state.fault {
            return Err(fault.clone());
        }
        if state.items.get(&key).map(|kept| &kept.item.tag) != expected.as_ref() {
            return Err(StoreError::Conflict);
        }
        match next {
            Some(item) => state.items.insert(key, Kept { item, damage: None }),
            None => state.items.remove(&key),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{MAX_ITEM_BYTES, TAG_BYTES, UNREADABLE_TAG};

    fn item(tag: u8, bytes: &[u8]) -> StoredItem {
        StoredItem {
            tag: vec![tag; TAG_BYTES],
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn an_item_that_the_contract_does_not_allow_is_refused_and_nothing_changes() {
        let store = MemoryStore::new();
        let whole = item(1, b"x");
        store.swap("a".into(), None, Some(whole.clone())).unwrap();
        for bad in [
            StoredItem {
                tag: vec![2; 15],
                bytes: vec![],
            },
            StoredItem {
                tag: UNREADABLE_TAG.to_vec(),
                bytes: vec![],
            },
            item(2, &vec![0; MAX_ITEM_BYTES + 1]),
        ] {
            let refused = store.swap("a".into(), Some(whole.tag.clone()), Some(bad));
            assert_eq!(refused, Err(StoreError::Unavailable));
        }
        assert_eq!(store.load("a".into()), Ok(Some(whole)));
    }

    #[test]
    fn a_locked_memory_store_changes_nothing_and_has_everything_after_the_unlock() {
        let store = MemoryStore::new();
        store.swap("a".into(), None, Some(item(1, b"x"))).unwrap();
        store.set_fault(Some(StoreError::Locked));
        assert_eq!(store.load("a".into()), Err(StoreError::Locked));
        assert_eq!(
            store.swap("a".into(), Some(vec![1; 16]), None),
            Err(StoreError::Locked)
        );
        store.set_fault(None);
        assert_eq!(store.load("a".into()), Ok(Some(item(1, b"x"))));
    }

    #[test]
    fn damaged_items_report_their_own_tag_and_can_be_replaced_one_by_one() {
        let store = MemoryStore::new();
        store.swap("a".into(), None, Some(item(1, b"x"))).unwrap();
        store.swap("b".into(), None, Some(item(2, b"y"))).unwrap();
        store.set_fault(Some(StoreError::KeyLost { tag: vec![] }));
        assert_eq!(
            store.load("a".into()),
            Err(StoreError::KeyLost { tag: vec![1; 16] })
        );
        store
            .swap("a".into(), Some(vec![1; 16]), Some(item(3, b"z")))
            .unwrap();
        assert_eq!(store.load("a".into()), Ok(Some(item(3, b"z"))));
        assert_eq!(
            store.load("b".into()),
            Err(StoreError::KeyLost { tag: vec![2; 16] })
        );
    }
}

//! The key that seals the items: when it is made, and what holds while it is locked or lost.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use latchkey::{
    SealError, Sealer, SecureStore, StoreError, conformance_assert_intact,
    conformance_assert_locked, conformance_assert_replaceable, conformance_prepare, file_store,
    key_file_sealer,
};
use tempfile::{TempDir, tempdir};

use crate::{item, open, store_with_an_item};

/// A key that can be locked or lost, around a real one.
struct Switched {
    inner: Arc<dyn Sealer>,
    fault: AtomicU8,
    made: AtomicU8,
}

impl Switched {
    fn new(directory: &Path) -> Arc<Self> {
        let inner = key_file_sealer(directory).unwrap();
        Arc::new(Self {
            inner,
            fault: AtomicU8::new(0),
            made: AtomicU8::new(0),
        })
    }

    fn set(&self, fault: u8) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), SealError> {
        match self.fault.load(Ordering::SeqCst) {
            1 => Err(SealError::Locked),
            2 => Err(SealError::KeyLost),
            3 => Err(SealError::Unavailable),
            4 => Err(SealError::Corrupt),
            _ => Ok(()),
        }
    }
}

impl Sealer for Switched {
    fn create_key(&self) -> Result<(), SealError> {
        self.made.fetch_add(1, Ordering::SeqCst);
        self.set(0);
        self.inner.create_key()
    }
    fn seal(&self, associated_data: Vec<u8>, plaintext: Vec<u8>) -> Result<Vec<u8>, SealError> {
        self.check()
            .and_then(|()| self.inner.seal(associated_data, plaintext))
    }
    fn unseal(&self, associated_data: Vec<u8>, sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        self.check()
            .and_then(|()| self.inner.unseal(associated_data, sealed))
    }
}

fn switched_store() -> (TempDir, Arc<Switched>, Arc<dyn SecureStore>) {
    let directory = tempdir().unwrap();
    let sealer = Switched::new(directory.path());
    let path = directory.path().display().to_string();
    let store = file_store(path, Arc::clone(&sealer) as Arc<dyn Sealer>).unwrap();
    (directory, sealer, store)
}

#[test]
fn a_locked_key_changes_nothing_and_after_the_unlock_everything_is_there() {
    let (_directory, sealer, store) = switched_store();
    conformance_prepare(Arc::clone(&store)).unwrap();
    let keys = sealer.made.load(Ordering::SeqCst);
    sealer.set(1);
    conformance_assert_locked(Arc::clone(&store)).unwrap();
    sealer.set(0);
    conformance_assert_intact(store).unwrap();
    assert_eq!(
        sealer.made.load(Ordering::SeqCst),
        keys,
        "no key is made while locked"
    );
}

#[test]
fn a_lost_key_is_told_with_the_tag_and_a_login_replaces_the_item_and_the_key() {
    let (_directory, sealer, store) = switched_store();
    conformance_prepare(Arc::clone(&store)).unwrap();
    sealer.set(2);
    conformance_assert_replaceable(store).unwrap();
    assert_eq!(
        sealer.made.load(Ordering::SeqCst),
        2,
        "the first key and the one after the loss"
    );
}

#[test]
fn a_sealer_that_fails_otherwise_leaves_the_item_and_its_key_as_they_are() {
    let (_directory, sealer, store) = switched_store();
    conformance_prepare(Arc::clone(&store)).unwrap();
    for fault in [3, 4] {
        sealer.set(fault);
        let refused = store.swap("x".into(), None, Some(item(9, b"")));
        assert_eq!(refused, Err(StoreError::Unavailable));
        assert!(store.load("conformance.kept".into()).is_err());
    }
    sealer.set(0);
    conformance_assert_intact(store).unwrap();
    assert_eq!(sealer.made.load(Ordering::SeqCst), 1);
}

#[test]
fn a_swap_that_conflicts_makes_no_key() {
    let (directory, store, _) = store_with_an_item();
    fs::remove_file(directory.path().join("key")).unwrap();
    let conflict = store.swap("a".into(), None, Some(item(2, b"")));
    assert_eq!(conflict, Err(StoreError::Conflict));
    assert!(!directory.path().join("key").exists());
    assert_eq!(
        store.load("a".into()),
        Err(StoreError::KeyLost { tag: vec![1; 16] })
    );
}

#[test]
fn two_stores_that_start_together_on_an_empty_folder_end_with_one_key() {
    for _ in 0..20 {
        let directory = tempdir().unwrap();
        let start = Barrier::new(2);
        let write = |key: &str| {
            let store = open(directory.path());
            start.wait();
            store
                .swap(key.into(), None, Some(item(1, key.as_bytes())))
                .unwrap();
        };
        thread::scope(|scope| {
            scope.spawn(|| write("a"));
            scope.spawn(|| write("b"));
        });
        for key in ["a", "b"] {
            let found = open(directory.path()).load(key.into());
            assert_eq!(found, Ok(Some(item(1, key.as_bytes()))));
        }
    }
}

//! What the folder and the sealer may do to the file store.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::sealer::key_file_sealer;

fn item(tag: u8) -> StoredItem {
    StoredItem {
        tag: vec![tag; TAG_BYTES],
        bytes: vec![tag],
    }
}

#[test]
fn a_lock_held_by_another_process_ends_the_wait_with_unavailable_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore {
        folder: Folder::open(directory.path()).unwrap(),
        sealer: key_file_sealer(directory.path()).unwrap(),
        patience: Duration::from_millis(20),
    };
    store.swap("a".into(), None, Some(item(1))).unwrap();
    // Another descriptor stands for another process: the lock knows no difference.
    let other = File::open(directory.path().join("lock")).unwrap();
    other.lock().unwrap();
    let refused = store.swap("a".into(), Some(item(1).tag), Some(item(2)));
    assert_eq!(refused, Err(StoreError::Unavailable));
    assert_eq!(
        store.load("a".into()),
        Ok(Some(item(1))),
        "a load needs no lock"
    );
    other.unlock().unwrap();
    assert_eq!(
        store.swap("a".into(), Some(item(1).tag), Some(item(2))),
        Ok(())
    );
}

#[test]
fn a_thread_that_has_the_lock_ends_the_wait_of_another_with_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::open(directory.path()).unwrap();
    let inside = folder.enter(Deadline::after(Duration::ZERO)).unwrap();
    assert!(
        folder
            .enter(Deadline::after(Duration::from_millis(20)))
            .is_err()
    );
    drop(inside);
    assert!(folder.enter(Deadline::after(Duration::ZERO)).is_ok());
}

/// Seals by adding so many bytes, and opens anything.
struct Padding {
    adds: usize,
    opened: AtomicUsize,
}

impl Sealer for Padding {
    fn create_key(&self) -> Result<(), SealError> {
        Ok(())
    }
    fn seal(&self, _: Vec<u8>, plaintext: Vec<u8>) -> Result<Vec<u8>, SealError> {
        Ok([vec![0; self.adds], plaintext].concat())
    }
    fn unseal(&self, _: Vec<u8>, mut sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(sealed.split_off(self.adds))
    }
}

fn padded_store(directory: &Path, adds: usize) -> (Arc<Padding>, Arc<dyn SecureStore>) {
    let opened = AtomicUsize::new(0);
    let sealer = Arc::new(Padding { adds, opened });
    let store = file_store(directory.display().to_string(), sealer.clone()).unwrap();
    (sealer, store)
}

fn largest() -> StoredItem {
    StoredItem {
        tag: vec![1; TAG_BYTES],
        bytes: vec![1; MAX_ITEM_BYTES],
    }
}

#[test]
fn a_sealer_that_adds_too_much_is_an_error_at_the_swap_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (_, good) = padded_store(directory.path(), MAX_SEAL_BYTES);
    assert_eq!(good.swap("a".into(), None, Some(largest())), Ok(()));
    assert_eq!(good.load("a".into()), Ok(Some(largest())));
    let (_, bad) = padded_store(directory.path(), MAX_SEAL_BYTES + 1);
    for (name, expected) in [("a", Some(largest().tag)), ("b", None)] {
        let refused = bad.swap(name.into(), expected, Some(largest()));
        assert_eq!(refused, Err(StoreError::Unavailable), "{name}");
    }
    assert_eq!(good.load("a".into()), Ok(Some(largest())));
    assert_eq!(good.load("b".into()), Ok(None));
}

#[test]
fn a_file_longer_than_any_item_is_corrupt_and_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let (sealer, store) = padded_store(directory.path(), MAX_SEAL_BYTES);
    store.swap("a".into(), None, Some(largest())).unwrap();
    store.load("a".into()).unwrap();
    for more in [1, 1_000_000] {
        let longer = vec![0; MAX_FILE_BYTES + more - HEADER_BYTES];
        let head = [MAGIC.as_slice(), &[VERSION], &[1; TAG_BYTES]].concat();
        std::fs::write(directory.path().join("item.a"), [head, longer].concat()).unwrap();
        let tag = vec![1; TAG_BYTES];
        assert_eq!(store.load("a".into()), Err(StoreError::Corrupt { tag }));
        assert_eq!(sealer.opened.load(Ordering::SeqCst), 1, "that of the item");
    }
    let folder = Folder::open(directory.path()).unwrap();
    let Ok(Found::Bytes(read)) = folder.read("item.a", MAX_FILE_BYTES) else {
        panic!("a file");
    };
    assert_eq!(read.len(), MAX_FILE_BYTES + 1, "and not the whole of it");
}

/// A key of the system's, that another process makes after the first look.
struct MadeMeanwhile {
    lock: PathBuf,
    looks: AtomicUsize,
    made: AtomicUsize,
}

impl Sealer for MadeMeanwhile {
    fn create_key(&self) -> Result<(), SealError> {
        self.made.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn seal(&self, _: Vec<u8>, plaintext: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let is_locked = File::open(&self.lock).unwrap().try_lock().is_err();
        match self.looks.fetch_add(1, Ordering::SeqCst) {
            0 => Err(SealError::NoKey),
            1 => {
                assert!(is_locked, "the second look is under the lock");
                Ok(plaintext)
            }
            _ => Ok(plaintext),
        }
    }
    fn unseal(&self, _: Vec<u8>, sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        Ok(sealed)
    }
}

#[test]
fn a_key_that_another_process_has_made_meanwhile_is_not_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let sealer = Arc::new(MadeMeanwhile {
        lock: directory.path().join("lock"),
        looks: AtomicUsize::new(0),
        made: AtomicUsize::new(0),
    });
    let store = file_store(directory.path().display().to_string(), sealer.clone()).unwrap();
    assert_eq!(store.swap("a".into(), None, Some(item(1))), Ok(()));
    assert_eq!(sealer.made.load(Ordering::SeqCst), 0);
    assert_eq!(store.load("a".into()), Ok(Some(item(1))));
}

#[test]
fn a_header_of_any_cut_length_has_the_unreadable_tag() {
    let whole = [MAGIC.as_slice(), &[VERSION], &[9; TAG_BYTES]].concat();
    assert_eq!(tag_of(&whole), [9; TAG_BYTES]);
    for cut in 0..HEADER_BYTES {
        assert_eq!(tag_of(&whole[..cut]), UNREADABLE_TAG, "cut at {cut}");
    }
    assert_eq!(tag_of(b"LKEx\x01................"), UNREADABLE_TAG);
}

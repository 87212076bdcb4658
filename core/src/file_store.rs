//! The one file store, for Android and the desktop: a sealed file for each item.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0–3 | `LKEY` |
//! | 4 | version of this layout, 1; the tag stands at the same place in all of them |
//! | 5–20 | the item's tag, in the clear |
//! | 21– | the item's bytes as the [`Sealer`] sealed them, bound to the item's name and tag |
//!
//! The item `session.x` is the file `item.session.x`. Beside the items stand `lock` (empty, stays),
//! `tmp` (what is being written; of a crashed process until the next writer) and, where there is no
//! better place, the key file. Sealing, which may be slow, happens outside the lock. A write is:
//! lock, compare the tag, write `tmp`, sync it, rename it, sync the folder, unlock.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::files::{Deadline, Folder, Found};
use crate::sealer::{SealError, Sealer};
use crate::storage::{
    MAX_ITEM_BYTES, SecureStore, StoreError, StoredItem, TAG_BYTES, UNREADABLE_TAG, check_item,
    check_name,
};

const MAGIC: &[u8; 4] = b"LKEY";
const VERSION: u8 = 1;
const TAG_AT: usize = MAGIC.len() + 1;
const HEADER_BYTES: usize = TAG_AT + TAG_BYTES;

/// What a sealer may add to an item.
const MAX_SEAL_BYTES: usize = 1024;
const MAX_FILE_BYTES: usize = HEADER_BYTES + MAX_ITEM_BYTES + MAX_SEAL_BYTES;

/// How long a swap waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store of sealed files in this folder, which is made, for its owner alone, where it is missing.
/// Any number of stores, threads and processes may use one folder, with one key behind their
/// sealers.
///
/// An existing folder that is empty is made private as well; one with files in it keeps its
/// permissions (the files are the owner's alone in any case, their names may be seen).
///
/// # Errors
/// `Unavailable` if the folder cannot be made or used or may be written by others, its group among
/// them; `Locked` before the first unlock of the device.
#[uniffi::export]
pub fn file_store(
    directory: String,
    sealer: Arc<dyn Sealer>,
) -> Result<Arc<dyn SecureStore>, StoreError> {
    if directory.is_empty() {
        return Err(StoreError::Unavailable);
    }
    let folder = Folder::open(Path::new(&directory))?;
    Ok(Arc::new(FileStore {
        folder,
        sealer,
        patience: PATIENCE,
    }))
}

struct FileStore {
    folder: Arc<Folder>,
    sealer: Arc<dyn Sealer>,
    patience: Duration,
}

/// Tries to seal, to see whether there is a key.
type Look<'a> = &'a dyn Fn() -> Result<Vec<u8>, SealError>;

impl SecureStore for FileStore {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        let contents = match self.folder.read(&file_name(&key)?, MAX_FILE_BYTES)? {
            Found::Nothing => return Ok(None),
            Found::Bytes(contents) => contents,
            Found::NoFile => {
                return Err(StoreError::Corrupt {
                    tag: UNREADABLE_TAG.to_vec(),
                });
            }
        };
        let tag = tag_of(&contents);
        if tag == UNREADABLE_TAG || contents[4] != VERSION || contents.len() > MAX_FILE_BYTES {
            return Err(StoreError::Corrupt { tag: tag.to_vec() });
        }
        let sealed = contents[HEADER_BYTES..].to_vec();
        let tag = tag.to_vec();
        match self.sealer.unseal(place(&key, &tag), sealed) {
            Ok(bytes) => Ok(Some(StoredItem { tag, bytes })),
            // There is an item and there is no key for it.
            Err(SealError::NoKey | SealError::KeyLost) => Err(StoreError::KeyLost { tag }),
            Err(SealError::Corrupt) => Err(StoreError::Corrupt { tag }),
            Err(SealError::Locked) => Err(StoreError::Locked),
            Err(SealError::Unavailable) => Err(StoreError::Unavailable),
        }
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        let name = file_name(&key)?;
        let deadline = Deadline::after(self.patience);
        let contents = match next {
            Some(item) => {
                check_item(&item)?;
                let make_key =
                    |look: Look<'_>| self.make_key(&name, expected.as_deref(), deadline, look);
                Some(self.contents(&key, item, make_key)?)
            }
            None => None,
        };
        let _inside = self.folder.enter(deadline)?;
        self.compare(&name, expected.as_deref())?;
        match contents {
            Some(contents) => self.folder.replace(&name, &contents),
            // Also where nothing is to be removed: whoever removed it may have been killed before
            // the folder was synced.
            None => self.folder.remove(&name),
        }
    }
}

impl FileStore {
    /// The file for this item.
    fn contents(
        &self,
        key: &str,
        item: StoredItem,
        make_key: impl Fn(Look<'_>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let place = place(key, &item.tag);
        let seal = || self.sealer.seal(place.clone(), item.bytes.clone());
        let mut sealed = seal();
        if matches!(sealed, Err(SealError::NoKey | SealError::KeyLost)) {
            make_key(&seal)?;
            sealed = seal();
        }
        match sealed {
            Ok(sealed) if sealed.len() <= MAX_ITEM_BYTES + MAX_SEAL_BYTES => {
                Ok([MAGIC, [VERSION].as_slice(), &item.tag, &sealed].concat())
            }
            Err(SealError::Locked) => Err(StoreError::Locked),
            _ => Err(StoreError::Unavailable),
        }
    }

    /// Makes the key under the lock, after looking again: two processes that start together on an
    /// empty folder must end with one key. A swap that would conflict makes none.
    fn make_key(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        deadline: Deadline,
        look: Look<'_>,
    ) -> Result<(), StoreError> {
        let _inside = self.folder.enter(deadline)?;
        self.compare(name, expected)?;
        let made = match look() {
            Err(SealError::NoKey | SealError::KeyLost) => self.sealer.create_key(),
            other => other.map(drop),
        };
        made.map_err(|error| match error {
            SealError::Locked => StoreError::Locked,
            _ => StoreError::Unavailable,
        })
    }

    fn compare(&self, name: &str, expected: Option<&[u8]>) -> Result<(), StoreError> {
        let current = match self.folder.read(name, HEADER_BYTES)? {
            Found::Nothing => None,
            Found::Bytes(start) => Some(tag_of(&start)),
            Found::NoFile => Some(UNREADABLE_TAG),
        };
        if current.as_ref().map(<[u8; TAG_BYTES]>::as_slice) == expected {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }
}

/// The prefix keeps items apart from the lock and the key, and from the device names of Windows.
fn file_name(key: &str) -> Result<String, StoreError> {
    check_name(key)?;
    Ok(format!("item.{key}"))
}

/// The tag in a file's header; the unreadable one if this is no header.
fn tag_of(contents: &[u8]) -> [u8; TAG_BYTES] {
    let header = contents.first_chunk::<HEADER_BYTES>();
    match header.and_then(|header| header.strip_prefix(MAGIC)?.last_chunk()) {
        Some(tag) => *tag,
        None => UNREADABLE_TAG,
    }
}

/// What a sealed item is bound to: a copy of the file under another name or tag does not open.
fn place(key: &str, tag: &[u8]) -> Vec<u8> {
    [b"latchkey item 1\0".as_slice(), key.as_bytes(), b"\0", tag].concat()
}

#[cfg(test)]
mod tests {
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
}

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
mod tests;

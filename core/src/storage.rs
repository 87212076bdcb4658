//! Where a session survives a restart: the [`SecureStore`] contract and the store in memory.
//!
//! The whole contract is one read and one compare-and-swap. Everything that is clever about a
//! refresh (claim, generation, ending) is written *inside* the bytes by the core, so a store needs
//! no lease, no marker and no lock that outlives a call. Each write carries a fresh random tag,
//! which is readable without the key: it is what the next write compares, and what lets a login
//! replace an item that can no longer be read.
//!
//! Every implementation, in whatever language, runs the same checks: `conformance.rs`.

mod memory;

use std::fmt;

use thiserror::Error;

pub use self::memory::{MemoryStore, memory_store};

/// Length of a tag.
pub(crate) const TAG_BYTES: usize = 16;

/// Most bytes that one item may hold.
pub(crate) const MAX_ITEM_BYTES: usize = 16 * 1024;

/// The tag that stands for "something is there, but not even its tag can be read". A store reports
/// it in [`StoreError::Corrupt`] and takes it as `expected`, so that a login can replace the wreck.
/// No item may be written with it.
pub(crate) const UNREADABLE_TAG: [u8; TAG_BYTES] = [0; TAG_BYTES];

/// Keeps small secret items under short names: a keychain, or sealed files.
///
/// What an implementation owes the core:
///
/// 1. An item is what [`swap`](Self::swap) was given: the tag and the bytes, unchanged. The tag is
///    readable without the key.
/// 2. `swap` acts only if the current tag equals `expected`.
/// 3. Both calls are linearizable over threads and processes. `swap` without an error means: this
///    survives a power cut, and the next `load` anywhere sees it. After any error but `Conflict`
///    the old or the new item is there, never a mix.
/// 4. `load` answers "none" only when absence is proven. A keychain that says "not found" before
///    the first unlock has proven nothing: answer [`StoreError::Locked`].
/// 5. `swap` asks no person, ends within 5 seconds and keeps no lock beyond the call. The core gives a `swap` up after 10
///    seconds and a `load` after 30, and calls the store no more until that call has come back.
/// 6. `Locked`, `Corrupt` and `Unavailable` delete nothing, overwrite nothing and make no key.
///    `KeyLost` is said only on the platform's proof.
///
/// Names are the core's: 1 to 100 of `a`–`z`, `0`–`9`, `.`, `_`, `-`, with no dot at either end.
/// The core calls from its blocking threads, from several at once.
#[uniffi::export(rust, foreign)]
pub trait SecureStore: Send + Sync {
    /// The item under this name, or none where there provably is none.
    ///
    /// # Errors
    /// `Locked`, `Corrupt`, `KeyLost`, `Unavailable`; never `Conflict`.
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError>;

    /// If the current tag equals `expected` (none: there is no item), puts `next` in its place, or
    /// deletes where `next` is none. Deleting what is absent, while absence is expected, is done.
    ///
    /// An item that `load` calls `Corrupt` or `KeyLost` is replaced by expecting the tag in that
    /// error.
    ///
    /// # Errors
    /// `Conflict` if another tag is there, and then nothing has changed. `Locked` and
    /// `Unavailable`: the old or the new item is there, look with `load`.
    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError>;
}

/// What is kept under one name. Printing it prints no byte of it.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct StoredItem {
    /// 16 random bytes, made by the core for each write. No secret.
    pub tag: Vec<u8>,
    /// The record, opaque to the store; at most 16 KiB.
    pub bytes: Vec<u8>,
}

impl fmt::Display for StoredItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredItem({} bytes, not shown)", self.bytes.len())
    }
}

impl fmt::Debug for StoredItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a store did not do what it was asked. Holds no secret, no path and no system's text.
#[derive(Debug, Clone, PartialEq, Eq, Error, uniffi::Error)]
pub enum StoreError {
    /// Another tag is there than the one expected. Nothing has changed: load and decide again.
    #[error("the stored item has changed")]
    Conflict,
    /// The device or the key is locked now. Nothing has changed: try again after the unlock.
    #[error("the store is locked")]
    Locked,
    /// The item is there and is damaged for good. It stays until it is replaced.
    #[error("the stored item is damaged")]
    Corrupt {
        /// What to expect in order to replace it; 16 zero bytes where the tag is damaged too.
        tag: Vec<u8>,
    },
    /// The item is there and the platform says that its key is gone for good.
    #[error("the key of the stored item is lost")]
    KeyLost {
        /// What to expect in order to replace it.
        tag: Vec<u8>,
    },
    /// The store cannot be used now (disk full, no permission, a lock held for over 5 seconds), or
    /// was asked for what no store does (a bad name, a tag of another length, too large an item).
    #[error("the store is not available")]
    Unavailable,
}

/// An exception that a foreign store did not declare. Its text may hold anything, so it is dropped.
impl From<uniffi::UnexpectedUniFFICallbackError> for StoreError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unavailable
    }
}

/// Refuses a name that could be anything else than a name, such as a path out of the folder.
pub(crate) fn check_name(key: &str) -> Result<(), StoreError> {
    let plain = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let dot_outside = key.starts_with('.') || key.ends_with('.');
    if (1..=100).contains(&key.len()) && key.bytes().all(plain) && !dot_outside {
        Ok(())
    } else {
        Err(StoreError::Unavailable)
    }
}

/// Refuses an item that the contract does not allow, and gives its tag.
pub(crate) fn check_item(item: &StoredItem) -> Result<(), StoreError> {
    let tag_is_good = item.tag.len() == TAG_BYTES && item.tag != UNREADABLE_TAG;
    if tag_is_good && item.bytes.len() <= MAX_ITEM_BYTES {
        Ok(())
    } else {
        Err(StoreError::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_an_item_shows_its_length_and_none_of_its_bytes() {
        let item = StoredItem {
            tag: vec![7; TAG_BYTES],
            bytes: b"refresh-token".to_vec(),
        };
        for text in [
            format!("{item}"),
            format!("{item:?}"),
            format!("{:#?}", Some(&item)),
        ] {
            assert!(text.contains("13 bytes"), "{text}");
            assert!(!text.contains("refresh") && !text.contains("114"), "{text}");
        }
    }

    #[test]
    fn the_text_of_an_unexpected_exception_is_dropped() {
        let exception = uniffi::UnexpectedUniFFICallbackError::new("token=abc");
        let error = StoreError::from(exception);
        assert_eq!(error, StoreError::Unavailable);
        assert!(!format!("{error} {error:?}").contains("abc"));
    }

    #[test]
    fn only_plain_names_are_taken() {
        for good in ["a", "session.0af3", "a_b-c.9", &"x".repeat(100)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(101);
        for bad in [
            "", ".", "..", "../a", "a/b", "a\\b", ".a", "a.", "A", "ä", "a b", "a\0", "c:", &long,
        ] {
            assert_eq!(check_name(bad), Err(StoreError::Unavailable), "{bad:?}");
        }
    }
}

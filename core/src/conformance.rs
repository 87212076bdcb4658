//! The one conformance test of [`SecureStore`]: every store in every language runs these checks.
//!
//! They are exported, so that Kotlin and Swift hand in their own stores and need no second list;
//! and they are behind the feature `conformance`, so that no shipped library contains them. The
//! names begin with `conformance.`: nothing else in the store is touched.
//!
//! A store passes if
//! * each of [`conformance_checks`] passes in [`run_conformance_check`];
//! * [`conformance_prepare`], then closing and opening the store, then [`conformance_assert_intact`]
//!   passes; likewise with a lock between them, during which [`conformance_assert_locked`] passes;
//!   likewise with the kept item's bytes damaged, or its key lost, and then
//!   [`conformance_assert_replaceable`];
//! * two processes (where several can share the store) that each run [`conformance_race_worker`]
//!   under one name end with a [`conformance_race_total`] of both together.

mod checks;
mod desk;

use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use self::checks::CHECKS;
use self::desk::{Desk, failed, item, say};
use crate::sealer::{SealError, Sealer, key_file_sealer};
use crate::storage::{SecureStore, StoreError, StoredItem, TAG_BYTES};

/// What a store did that the contract does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Error, uniffi::Error)]
pub enum ConformanceError {
    /// The check failed. The text holds no stored byte.
    #[error("{reason}")]
    Failed {
        /// The step, what the contract wants there, and what the store did.
        reason: String,
    },
}

pub(crate) type Checked = Result<(), ConformanceError>;

/// The names of the checks, in the order in which they explain each other.
#[uniffi::export]
pub fn conformance_checks() -> Vec<String> {
    CHECKS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Runs one check on a store that is unlocked and works.
///
/// # Errors
/// The step that failed; or that there is no such check.
#[uniffi::export]
pub fn run_conformance_check(name: String, store: Arc<dyn SecureStore>) -> Checked {
    let known = CHECKS.iter().find(|(known, _)| *known == name);
    let (name, check) = known.ok_or_else(|| failed("the name", "a check", "something else"))?;
    let desk = Desk::new(&*store, &format!("conformance.{name}"));
    desk.clear()?;
    check(&desk)?;
    desk.clear()
}

/// Writes the item that [`conformance_assert_intact`] and the other two look for.
///
/// # Errors
/// The step that failed.
#[uniffi::export]
pub fn conformance_prepare(store: Arc<dyn SecureStore>) -> Checked {
    let desk = Desk::new(&*store, KEPT);
    desk.clear()?;
    desk.swap("create", None, Some(&kept()), Ok(()))
}

/// The prepared item is there as it was written. After a reopening, an unlock, a crash.
///
/// # Errors
/// The step that failed.
#[uniffi::export]
pub fn conformance_assert_intact(store: Arc<dyn SecureStore>) -> Checked {
    Desk::new(&*store, KEPT).load("load of the prepared item", Some(&kept()))
}

/// The store, locked by its own test's switch after [`conformance_prepare`], says so.
///
/// Unlock it afterwards, and see with [`conformance_assert_intact`] that nothing has changed. (A
/// delete needs no key in a file store, so whether it is refused is the store's affair.)
///
/// # Errors
/// The step that failed.
#[uniffi::export]
pub fn conformance_assert_locked(store: Arc<dyn SecureStore>) -> Checked {
    let desk = Desk::new(&*store, KEPT);
    match desk.get() {
        Err(StoreError::Locked) => {}
        other => return Err(failed("load while locked", "locked", say(&other))),
    }
    let locked = Err(StoreError::Locked);
    desk.swap(
        "replace while locked",
        Some(&kept()),
        Some(&item(b"new")),
        locked.clone(),
    )?;
    let other = Desk::new(&*store, "conformance.other");
    other.swap("create while locked", None, Some(&item(b"new")), locked)
}

/// The prepared item, damaged or without its key by its own test's switch, says so, stays as it is,
/// and is replaced by whoever expects the tag that it reports.
///
/// # Errors
/// The step that failed.
#[uniffi::export]
pub fn conformance_assert_replaceable(store: Arc<dyn SecureStore>) -> Checked {
    let desk = Desk::new(&*store, KEPT);
    let found = desk.get();
    let (Err(StoreError::Corrupt { tag }) | Err(StoreError::KeyLost { tag })) = &found else {
        return Err(failed(
            "load of the damaged item",
            "corrupt or key lost",
            say(&found),
        ));
    };
    let damaged = StoredItem {
        tag: tag.clone(),
        bytes: vec![],
    };
    let next = item(b"new login");
    let conflict = Err(StoreError::Conflict);
    desk.swap(
        "create over a damaged item",
        None,
        Some(&next),
        conflict.clone(),
    )?;
    desk.swap(
        "replace with another tag",
        Some(&item(b"")),
        Some(&next),
        conflict,
    )?;
    if desk.get() != found {
        return Err(failed("second load", "the same error", "another answer"));
    }
    desk.swap(
        "replace with the reported tag",
        Some(&damaged),
        Some(&next),
        Ok(()),
    )?;
    desk.load("load after that", Some(&next))
}

/// Counts up by `increments` under the name `key`, against everybody else who does.
///
/// # Errors
/// The step that failed; or a conflict again and again, where nobody can be so much in the way.
#[uniffi::export]
pub fn conformance_race_worker(
    store: Arc<dyn SecureStore>,
    key: String,
    increments: u32,
) -> Checked {
    let desk = Desk::new(&*store, &key);
    for _ in 0..increments {
        desk.increment()?;
    }
    Ok(())
}

/// What has been counted under the name `key`; then deletes it.
///
/// # Errors
/// The step that failed.
#[uniffi::export]
pub fn conformance_race_total(
    store: Arc<dyn SecureStore>,
    key: String,
) -> Result<u32, ConformanceError> {
    let desk = Desk::new(&*store, &key);
    let total = desk.count()?.1;
    desk.clear()?;
    Ok(total)
}

/// A sealer with its key in a file of the folder, for a store that several test processes share.
///
/// # Errors
/// As the real one's.
#[uniffi::export]
pub fn conformance_sealer(directory: String) -> Result<Arc<dyn Sealer>, SealError> {
    key_file_sealer(Path::new(&directory))
}

/// The name and the item of [`conformance_prepare`]. The tag is fixed, so that another process can
/// tell whether it is the same item.
const KEPT: &str = "conformance.kept";

fn kept() -> StoredItem {
    StoredItem {
        tag: vec![0xa5; TAG_BYTES],
        bytes: (0..=255).collect(),
    }
}

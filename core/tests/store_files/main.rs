//! What the file store does with its folder, seen from outside: the conformance checks, and all
//! that can stand in a folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod damage;
mod folder;
mod keys;
#[cfg(unix)]
mod unix;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchkey::{SecureStore, StoredItem, file_store, key_file_sealer};
use tempfile::{TempDir, tempdir};

const UNREADABLE: [u8; 16] = [0; 16];

fn open(directory: &Path) -> Arc<dyn SecureStore> {
    let sealer = key_file_sealer(directory).expect("a sealer");
    file_store(directory.display().to_string(), sealer).expect("a store")
}

fn item(tag: u8, bytes: &[u8]) -> StoredItem {
    StoredItem {
        tag: vec![tag; 16],
        bytes: bytes.to_vec(),
    }
}

/// A store that holds one item named `a` with tag 1, and the path of its file.
fn store_with_an_item() -> (TempDir, Arc<dyn SecureStore>, PathBuf) {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store
        .swap("a".into(), None, Some(item(1, b"refresh-token")))
        .unwrap();
    let path = directory.path().join("item.a");
    (directory, store, path)
}

//! What may be stored in a folder and under which name, and what becomes of the folder.

use std::fs;
use std::path::PathBuf;

use latchkey::{StoreError, StoredItem, file_store, key_file_sealer};
use tempfile::tempdir;

use crate::{UNREADABLE, item, open, store_with_an_item};

#[test]
fn no_byte_of_an_item_stands_in_the_folder_in_the_clear() {
    let (directory, _, path) = store_with_an_item();
    let contents = fs::read(&path).unwrap();
    assert_eq!(&contents[..5], b"LKEY\x01");
    assert_eq!(
        &contents[5..21],
        [1; 16],
        "the tag is readable without the key"
    );
    for entry in fs::read_dir(directory.path()).unwrap() {
        let contents = fs::read(entry.unwrap().path()).unwrap();
        assert!(!contents.windows(7).any(|window| window == b"refresh"));
    }
}

#[test]
fn an_item_too_large_or_with_a_tag_of_another_length_is_refused() {
    let (_directory, store, _) = store_with_an_item();
    for bad in [
        item(2, &[0; 16 * 1024 + 1]),
        item(0, b""),
        StoredItem {
            tag: vec![2],
            bytes: vec![],
        },
    ] {
        let refused = store.swap("a".into(), Some(vec![1; 16]), Some(bad));
        assert_eq!(refused, Err(StoreError::Unavailable));
    }
    assert_eq!(store.load("a".into()), Ok(Some(item(1, b"refresh-token"))));
}

#[test]
fn a_name_never_leaves_the_folder() {
    let directory = tempdir().unwrap();
    let inner = directory.path().join("inner");
    let store = open(&inner);
    for bad in ["../a", "/../a", "a/../../b", "", ".", "..", "A", "a\0"] {
        assert_eq!(
            store.load(bad.into()),
            Err(StoreError::Unavailable),
            "{bad:?}"
        );
        let refused = store.swap(bad.into(), None, Some(item(1, b"")));
        assert_eq!(refused, Err(StoreError::Unavailable), "{bad:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_in_place_of_an_item_is_neither_read_nor_replaced() {
    let (_directory, store, path) = store_with_an_item();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(store.load("a".into()), Err(StoreError::Unavailable));
    for expected in [None, Some(UNREADABLE.to_vec()), Some(vec![1; 16])] {
        let refused = store.swap("a".into(), expected, Some(item(2, b"")));
        assert_eq!(refused, Err(StoreError::Unavailable));
    }
    assert!(path.is_dir());
}

#[test]
fn a_folder_that_went_away_is_no_proof_that_an_item_is_absent() {
    let directory = tempdir().unwrap();
    let inner = directory.path().join("inner");
    let store = open(&inner);
    store.swap("a".into(), None, Some(item(1, b"x"))).unwrap();
    fs::rename(&inner, directory.path().join("moved")).unwrap();
    assert_eq!(store.load("a".into()), Err(StoreError::Unavailable));
    assert!(store.swap("b".into(), None, Some(item(2, b"y"))).is_err());
    fs::rename(directory.path().join("moved"), &inner).unwrap();
    assert_eq!(store.load("a".into()), Ok(Some(item(1, b"x"))));
}

#[test]
fn a_folder_that_was_deleted_is_made_anew_by_the_next_store_and_serves_the_old_one_too() {
    let directory = tempdir().unwrap();
    let inner = directory.path().join("deep/er/inner");
    let store = open(&inner);
    store.swap("a".into(), None, Some(item(1, b"x"))).unwrap();
    fs::remove_dir_all(&inner).unwrap();
    let second = open(&inner);
    assert_eq!(store.load("a".into()), Ok(None));
    assert_eq!(second.swap("a".into(), None, Some(item(2, b"y"))), Ok(()));
    assert_eq!(store.load("a".into()), Ok(Some(item(2, b"y"))));
    let lock = fs::File::open(inner.join("lock")).unwrap();
    assert!(lock.try_lock().is_ok(), "the lock was given back");
}

#[test]
fn a_path_that_can_be_no_folder_is_unavailable() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let sealer = || key_file_sealer(directory.path()).unwrap();
    for bad in [file.clone(), file.join("below"), PathBuf::new()] {
        let result = file_store(bad.display().to_string(), sealer());
        assert_eq!(
            result.err(),
            Some(StoreError::Unavailable),
            "{}",
            bad.display()
        );
    }
}

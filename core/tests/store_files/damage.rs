//! Items that were damaged or exchanged, and what a crash left half written.

use std::fs;

use latchkey::StoreError;

use crate::{UNREADABLE, item, open, store_with_an_item};

#[test]
fn an_item_with_any_byte_changed_or_cut_off_is_corrupt_and_a_login_replaces_it() {
    let (_directory, store, path) = store_with_an_item();
    let whole = fs::read(&path).unwrap();
    let changed = (0..whole.len()).map(|at| {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        changed
    });
    let cut = (0..whole.len()).map(|at| whole[..at].to_vec());
    let longer = [
        [whole.clone(), vec![0]].concat(),
        [whole.clone(), vec![0; 40_000]].concat(),
    ];
    for (case, damaged) in changed.chain(cut).chain(longer).enumerate() {
        fs::write(&path, &damaged).unwrap();
        let Err(StoreError::Corrupt { tag }) = store.load("a".into()) else {
            panic!("case {case} is not corrupt");
        };
        let readable = damaged.len() >= 21 && damaged.starts_with(b"LKEY");
        let best_known = if readable {
            &damaged[5..21]
        } else {
            &UNREADABLE
        };
        assert_eq!(tag, best_known, "case {case}");
        assert_eq!(fs::read(&path).unwrap(), damaged, "a load repairs nothing");
        let conflict = store.swap("a".into(), None, Some(item(2, b"new")));
        assert_eq!(conflict, Err(StoreError::Conflict), "case {case}");
        assert_eq!(
            store.swap("a".into(), Some(tag), Some(item(2, b"new"))),
            Ok(()),
            "case {case}"
        );
        assert_eq!(
            store.load("a".into()),
            Ok(Some(item(2, b"new"))),
            "case {case}"
        );
    }
}

#[test]
fn an_item_copied_to_another_name_or_given_another_tag_does_not_open() {
    let (directory, store, path) = store_with_an_item();
    fs::copy(&path, directory.path().join("item.b")).unwrap();
    assert_eq!(
        store.load("b".into()),
        Err(StoreError::Corrupt { tag: vec![1; 16] })
    );
    assert_eq!(store.load("a".into()), Ok(Some(item(1, b"refresh-token"))));
}

#[test]
fn what_a_crashed_process_was_writing_is_cleaned_when_the_folder_is_opened() {
    let (directory, store, path) = store_with_an_item();
    drop(store);
    let temp = directory.path().join("tmp");
    fs::write(&temp, &fs::read(&path).unwrap()[..30]).unwrap();
    let store = open(directory.path());
    assert!(!temp.exists());
    assert_eq!(store.load("a".into()), Ok(Some(item(1, b"refresh-token"))));
}

#[test]
fn what_another_process_left_behind_since_is_cleaned_by_the_next_swap() {
    let (directory, store, _) = store_with_an_item();
    let temp = directory.path().join("tmp");
    fs::write(&temp, b"half").unwrap();
    store
        .swap("a".into(), Some(vec![1; 16]), Some(item(2, b"new")))
        .unwrap();
    assert!(!temp.exists());
    assert_eq!(store.load("a".into()), Ok(Some(item(2, b"new"))));
}

//! What the file store does with its folder, seen from outside: the conformance checks, and all
//! that can stand in a folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use latchkey::{
    MemoryStore, SealError, Sealer, SecureStore, StoreError, StoredItem, conformance_assert_intact,
    conformance_assert_locked, conformance_assert_replaceable, conformance_checks,
    conformance_prepare, conformance_race_total, conformance_race_worker, file_store,
    key_file_sealer, run_conformance_check,
};
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

fn assert_conforms(store: &Arc<dyn SecureStore>) {
    for name in conformance_checks() {
        let result = run_conformance_check(name.clone(), Arc::clone(store));
        assert_eq!(result, Ok(()), "{name}");
    }
}

#[test]
fn the_file_store_conforms() {
    let directory = tempdir().unwrap();
    assert_conforms(&open(directory.path()));
}

#[test]
fn the_memory_store_conforms() {
    assert_conforms(&latchkey::memory_store());
}

#[test]
fn a_store_that_breaks_a_rule_fails_the_conformance_test() {
    /// Forgets to compare.
    struct LastWriterWins(MemoryStore);
    impl SecureStore for LastWriterWins {
        fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
            self.0.load(key)
        }
        fn swap(
            &self,
            key: String,
            _expected: Option<Vec<u8>>,
            next: Option<StoredItem>,
        ) -> Result<(), StoreError> {
            let current = self.0.load(key.clone())?.map(|item| item.tag);
            self.0.swap(key, current, next)
        }
    }
    let store: Arc<dyn SecureStore> = Arc::new(LastWriterWins(MemoryStore::new()));
    let failed: Vec<_> = conformance_checks()
        .into_iter()
        .filter(|name| run_conformance_check(name.clone(), Arc::clone(&store)).is_err())
        .collect();
    for name in [
        "replace_needs_the_current_tag",
        "of_two_writers_that_saw_the_same_one_wins",
    ] {
        assert!(
            failed.iter().any(|failed| failed == name),
            "{name} not in {failed:?}"
        );
    }
    assert!(run_conformance_check("no_such_check".into(), store).is_err());
}

#[test]
fn an_item_is_there_after_the_store_was_closed_and_opened() {
    let directory = tempdir().unwrap();
    conformance_prepare(open(directory.path())).unwrap();
    conformance_assert_intact(open(directory.path())).unwrap();
}

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

#[test]
fn two_stores_on_one_folder_in_one_process_lose_no_increment() {
    let directory = tempdir().unwrap();
    let count = || conformance_race_worker(open(directory.path()), "race".into(), 50);
    thread::scope(|scope| {
        let (one, two) = (scope.spawn(count), scope.spawn(count));
        one.join().unwrap().unwrap();
        two.join().unwrap().unwrap();
    });
    assert_eq!(
        conformance_race_total(open(directory.path()), "race".into()),
        Ok(100)
    );
}

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

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_belong_to_their_owner_alone() {
        let directory = tempdir().unwrap();
        let inner = directory.path().join("made/here");
        let store = open(&inner);
        store.swap("a".into(), None, Some(item(1, b""))).unwrap();
        store
            .swap("a".into(), Some(vec![1; 16]), Some(item(2, b"")))
            .unwrap();
        assert_eq!(mode(&directory.path().join("made")), 0o700);
        assert_eq!(mode(&inner), 0o700);
        for entry in fs::read_dir(&inner).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[test]
    fn an_empty_folder_is_made_private_and_one_in_use_is_left_as_it_is() {
        let directory = tempdir().unwrap();
        let [empty, used, open_to_all] =
            ["empty", "used", "open"].map(|name| directory.path().join(name));
        for (path, permissions) in [(&empty, 0o755), (&used, 0o755), (&open_to_all, 0o777)] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(permissions)).unwrap();
        }
        fs::write(used.join("something"), b"").unwrap();
        open(&empty);
        open(&used);
        assert_eq!((mode(&empty), mode(&used)), (0o700, 0o755));
        let sealer = key_file_sealer(&empty).unwrap();
        let refused = file_store(open_to_all.display().to_string(), sealer);
        assert_eq!(refused.err(), Some(StoreError::Unavailable));
        assert_eq!(mode(&open_to_all), 0o777);
    }

    #[test]
    fn a_folder_that_its_group_may_write_is_refused_unless_it_is_empty_and_can_be_made_private() {
        let directory = tempdir().unwrap();
        let [empty, used] = ["empty", "used"].map(|name| directory.path().join(name));
        for path in [&empty, &used] {
            fs::create_dir(path).unwrap();
            // As a umask of 002 leaves it.
            fs::set_permissions(path, Permissions::from_mode(0o775)).unwrap();
        }
        fs::write(used.join("something"), b"").unwrap();
        open(&empty);
        assert_eq!(mode(&empty), 0o700);
        let sealer = key_file_sealer(&empty).unwrap();
        let refused = file_store(used.display().to_string(), sealer);
        assert_eq!(refused.err(), Some(StoreError::Unavailable));
        assert_eq!(key_file_sealer(&used).err(), Some(SealError::Unavailable));
        assert_eq!(mode(&used), 0o775);
        assert_eq!(fs::read_dir(&used).unwrap().count(), 1, "nothing is made");
    }

    #[test]
    fn a_link_in_place_of_an_item_is_corrupt_is_not_followed_and_is_replaced() {
        let (directory, store, path) = store_with_an_item();
        let elsewhere = directory.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        let theirs = fs::read(&elsewhere).unwrap();
        for target in [elsewhere.clone(), directory.path().join("nowhere")] {
            let _ = fs::remove_file(&path);
            symlink(target, &path).unwrap();
            let corrupt = StoreError::Corrupt {
                tag: UNREADABLE.to_vec(),
            };
            assert_eq!(store.load("a".into()), Err(corrupt));
            let conflict = store.swap("a".into(), Some(vec![1; 16]), Some(item(2, b"")));
            assert_eq!(conflict, Err(StoreError::Conflict));
            let expected = Some(UNREADABLE.to_vec());
            assert_eq!(
                store.swap("a".into(), expected, Some(item(2, b"new"))),
                Ok(())
            );
            assert_eq!(store.load("a".into()), Ok(Some(item(2, b"new"))));
            assert_eq!(fs::read(&elsewhere).unwrap(), theirs);
        }
    }

    #[test]
    fn a_link_in_place_of_the_temporary_file_or_the_lock_is_not_written_through() {
        let (directory, store, _) = store_with_an_item();
        let target = directory.path().join("target");
        fs::write(&target, b"theirs").unwrap();
        symlink(&target, directory.path().join("tmp")).unwrap();
        store
            .swap("a".into(), Some(vec![1; 16]), Some(item(2, b"new")))
            .unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        fs::remove_file(directory.path().join("lock")).unwrap();
        symlink(&target, directory.path().join("lock")).unwrap();
        let refused = store.swap("a".into(), Some(vec![2; 16]), Some(item(3, b"")));
        assert_eq!(refused, Err(StoreError::Unavailable));
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
    }

    #[test]
    fn a_socket_in_place_of_an_item_blocks_nobody() {
        let (_directory, store, path) = store_with_an_item();
        fs::remove_file(&path).unwrap();
        let _socket = UnixListener::bind(&path).unwrap();
        assert_eq!(store.load("a".into()), Err(StoreError::Unavailable));
    }

    #[test]
    fn a_folder_reached_by_two_paths_is_one_folder() {
        let (directory, store, _) = store_with_an_item();
        let outer = tempdir().unwrap();
        let link = outer.path().join("link");
        symlink(directory.path(), &link).unwrap();
        let second = open(&link);
        assert_eq!(
            second.swap("a".into(), Some(vec![1; 16]), Some(item(2, b"new"))),
            Ok(())
        );
        assert_eq!(store.load("a".into()), Ok(Some(item(2, b"new"))));
    }
}

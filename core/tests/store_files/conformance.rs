//! The checks that every store must pass.

use std::sync::Arc;
use std::thread;

use latchkey::{
    MemoryStore, SecureStore, StoreError, StoredItem, conformance_assert_intact,
    conformance_checks, conformance_prepare, conformance_race_total, conformance_race_worker,
    run_conformance_check,
};
use tempfile::tempdir;

use crate::open;

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

use std::thread;
use std::time::Duration;

use latchkey::{KeyBytes, WrappingKey};

use super::*;
use crate::keyring::Patience;

/// A keyring that fails in this way, or one in which there is no key and which keeps none.
struct Keyring(Option<SealError>);

impl WrappingKey for Keyring {
    fn load(&self) -> Result<Option<KeyBytes>, SealError> {
        self.0.map_or(Ok(None), Err)
    }
    fn keep(&self, _: &KeyBytes) -> Result<(), SealError> {
        Err(self.0.unwrap_or(SealError::Unavailable))
    }
}

fn sealer_with(folder: &Path, keyring: impl WrappingKey + 'static) -> KeyringOrFile {
    KeyringOrFile {
        folder: folder.to_owned(),
        in_keyring: keyed_sealer(keyring),
        in_file: key_file_sealer(folder).unwrap(),
        output: Output { json: true },
    }
}

/// Without a keyring.
fn sealer(folder: &Path) -> KeyringOrFile {
    sealer_with(folder, Keyring(Some(SealError::Unavailable)))
}

fn item() -> latchkey::StoredItem {
    latchkey::StoredItem {
        tag: vec![1; 16],
        bytes: vec![2],
    }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_keyring_that_is_locked_or_keeps_nothing_is_there_and_no_key_file_is_made() {
    for (keyring, expected) in [
        (Some(SealError::Locked), StoreError::Locked),
        (None, StoreError::Unavailable),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let sealer = sealer_with(folder.path(), Keyring(keyring));
        let store = file_store(path, Arc::new(sealer)).unwrap();
        let refused = store.swap("session".to_owned(), None, Some(item()));
        assert_eq!(refused, Err(expected));
        assert_eq!(files(folder.path()), ["lock"]);
    }
}

#[test]
fn a_slow_keyring_holds_a_write_up_for_no_longer_than_one_wait() {
    struct Slow(Patience);
    impl WrappingKey for Slow {
        fn load(&self) -> Result<Option<KeyBytes>, SealError> {
            let work = || {
                thread::sleep(Duration::from_millis(200));
                Ok(())
            };
            let answer = self.0.wait(work);
            answer.map(|()| None).map_err(|_| SealError::Locked)
        }
        fn keep(&self, _: &KeyBytes) -> Result<(), SealError> {
            self.load().map(drop)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let keyring = Slow(Patience::new(Duration::from_millis(300)));
    let store = file_store(path, Arc::new(sealer_with(folder.path(), keyring))).unwrap();
    let refused = store.swap("session".to_owned(), None, Some(item()));
    assert_eq!(refused, Err(StoreError::Locked));
}

#[test]
fn a_new_store_without_a_keyring_gets_a_key_file_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        sealer(folder.path()).seal(vec![1], vec![2]),
        Err(SealError::NoKey)
    );
    sealer(folder.path()).create_key().unwrap();
    let sealed = sealer(folder.path()).seal(vec![1], vec![2]).unwrap();
    assert_eq!(sealer(folder.path()).unseal(vec![1], sealed), Ok(vec![2]));
}

#[test]
fn a_store_whose_key_is_in_a_keyring_gets_no_second_key_while_the_keyring_is_away() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("item.session"), "sealed").unwrap();
    let sealer = sealer(folder.path());
    assert_eq!(sealer.seal(vec![1], vec![2]), Err(SealError::Unavailable));
    assert_eq!(
        sealer.unseal(vec![1], vec![0; 40]),
        Err(SealError::Unavailable)
    );
    assert_eq!(sealer.create_key(), Err(SealError::Unavailable));
    assert!(!folder.path().join(KEY_FILE).exists());
}

#[test]
fn a_named_folder_keeps_its_key_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(Some(folder.path()), Output { json: true }).unwrap();
    store
        .swap("session".to_owned(), None, Some(item()))
        .unwrap();
    assert!(folder.path().join(KEY_FILE).exists());
    assert!(folder.path().join("item.session").exists());
}

#[cfg(unix)]
#[test]
fn what_others_may_write_or_read_is_refused_with_what_to_do_about_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join(KEY_FILE);
    let text = || match open(Some(folder.path()), Output { json: true }) {
        Ok(_) => "it is taken".to_owned(),
        Err(error) => error.to_string(),
    };
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::write(&key, [7; 32]).unwrap();
    set(&key, 0o644);
    let exposed = text();
    assert!(exposed.contains("chmod go= /"), "{exposed}");
    set(&key, 0o600);
    for (mode, advice) in [
        (0o775, "chmod g-w /"),
        (0o757, "chmod go-w /"),
        (0o755, "it is taken"),
    ] {
        set(folder.path(), mode);
        let exposed = text();
        assert!(exposed.contains(advice), "{mode:o}: {exposed}");
    }
}

//! Where the session is kept: sealed files in a folder, their key in the system's keyring or, where there is none,
//! in a file beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchkey::{
    AuthError, SealError, Sealer, SecureStore, StoreError, file_store, key_file_sealer,
    keyed_sealer,
};

use crate::config::{data_folder, problem};
use crate::keyring::KeyringKey;
use crate::output::Output;

/// The name of the core's key file.
const KEY_FILE: &str = "key";
/// How the names of the core's sealed files begin.
const ITEM: &str = "item.";

/// Opens the store: the folder that was named, or the user's own.
pub(crate) fn open(
    named: Option<&Path>,
    output: Output,
) -> Result<Arc<dyn SecureStore>, AuthError> {
    let folder = match named {
        Some(folder) => std::path::absolute(folder).map_err(|_| StoreError::Unavailable)?,
        None => data_folder().ok_or_else(|| {
            problem(
                "store",
                "this system names no folder for a user's data; give one with --store.",
            )
        })?,
    };
    let text = folder
        .to_str()
        .ok_or_else(|| {
            problem(
                "store",
                "the folder's name is not Unicode; give another with --store.",
            )
        })?
        .to_owned();
    let in_file = key_file_sealer(&folder).map_err(|error| match error {
        SealError::Locked => StoreError::Locked,
        _ => StoreError::Unavailable,
    })?;
    let sealer: Arc<dyn Sealer> = match named {
        Some(_) => in_file,
        None => Arc::new(KeyringOrFile {
            folder,
            in_keyring: keyed_sealer(KeyringKey),
            in_file,
            output,
        }),
    };
    Ok(file_store(text, sealer)?)
}

/// Seals with the keyring's key, or with the key file where one was made.
///
/// Which of the two is decided once for a store, when its key is made: a keyring that is missing for an hour must
/// neither hide a session nor give it a second key. The key file itself is what remembers the decision.
struct KeyringOrFile {
    folder: PathBuf,
    in_keyring: Arc<dyn Sealer>,
    in_file: Arc<dyn Sealer>,
    output: Output,
}

impl KeyringOrFile {
    fn has_key_file(&self) -> bool {
        fs::symlink_metadata(self.folder.join(KEY_FILE)).is_ok()
    }

    /// Whether nothing was sealed here yet. A folder that cannot be read is no proof.
    fn is_new(&self) -> bool {
        let Ok(mut entries) = fs::read_dir(&self.folder) else {
            return false;
        };
        !entries.any(|entry| {
            entry.map_or(true, |entry| {
                entry.file_name().to_string_lossy().starts_with(ITEM)
            })
        })
    }

    fn sealer(&self) -> &dyn Sealer {
        if self.has_key_file() {
            self.in_file.as_ref()
        } else {
            self.in_keyring.as_ref()
        }
    }
}

impl Sealer for KeyringOrFile {
    fn create_key(&self) -> Result<(), SealError> {
        if self.has_key_file() {
            return self.in_file.create_key();
        }
        match self.in_keyring.create_key() {
            Err(_) if self.is_new() => {
                self.in_file.create_key()?;
                self.output.note(&format!(
                    "There is no keyring to be used here: the key of the stored session is in {}, for you alone to read.",
                    self.folder.join(KEY_FILE).display(),
                ));
                Ok(())
            }
            result => result,
        }
    }

    fn seal(&self, associated_data: Vec<u8>, plaintext: Vec<u8>) -> Result<Vec<u8>, SealError> {
        match self.sealer().seal(associated_data, plaintext) {
            // The store then asks for a key to be made, under its lock.
            Err(SealError::Locked | SealError::Unavailable)
                if !self.has_key_file() && self.is_new() =>
            {
                Err(SealError::NoKey)
            }
            result => result,
        }
    }

    fn unseal(&self, associated_data: Vec<u8>, sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        self.sealer().unseal(associated_data, sealed)
    }
}

#[cfg(test)]
mod tests {
    use latchkey::{KeyBytes, WrappingKey};

    use super::*;

    /// A keyring that does not answer.
    struct NoKeyring;

    impl WrappingKey for NoKeyring {
        fn load(&self) -> Result<Option<KeyBytes>, SealError> {
            Err(SealError::Unavailable)
        }
        fn keep(&self, _: &KeyBytes) -> Result<(), SealError> {
            Err(SealError::Unavailable)
        }
    }

    fn sealer(folder: &Path) -> KeyringOrFile {
        KeyringOrFile {
            folder: folder.to_owned(),
            in_keyring: keyed_sealer(NoKeyring),
            in_file: key_file_sealer(folder).unwrap(),
            output: Output { json: true },
        }
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
        let item = latchkey::StoredItem {
            tag: vec![1; 16],
            bytes: vec![2],
        };
        store.swap("session".to_owned(), None, Some(item)).unwrap();
        assert!(folder.path().join(KEY_FILE).exists());
        assert!(folder.path().join("item.session").exists());
    }
}

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
                "has no place: this system names no folder for a user's data; give one with --store.",
            )
        })?,
    };
    let text = folder
        .to_str()
        .ok_or_else(|| {
            problem(
                "store",
                "has a name that is not Unicode; give another with --store.",
            )
        })?
        .to_owned();
    let in_file = key_file_sealer(&folder).map_err(|error| match error {
        SealError::Locked => StoreError::Locked.into(),
        _ => exposed_folder(&folder).unwrap_or_else(|| StoreError::Unavailable.into()),
    })?;
    if let Some(error) = exposed_key(&folder.join(KEY_FILE)) {
        return Err(error);
    }
    let sealer: Arc<dyn Sealer> = match named {
        Some(_) => in_file,
        None => Arc::new(KeyringOrFile {
            folder,
            in_keyring: keyed_sealer(KeyringKey::default()),
            in_file,
            output,
        }),
    };
    Ok(file_store(text, sealer)?)
}

/// Says what to do about a folder that the core refuses because others may write in it.
#[cfg(unix)]
fn exposed_folder(folder: &Path) -> Option<AuthError> {
    let (who, right) = match mode(folder)? & 0o022 {
        0 => return None,
        0o020 => ("its group", "g-w"),
        _ => ("everybody", "go-w"),
    };
    let folder = folder.display();
    Some(problem(
        "store",
        format!(
            "is a folder in which {who} may write. If it is yours alone: chmod {right} {folder}"
        ),
    ))
}

/// Says what to do about a key file that the core refuses because others may read or write it.
#[cfg(unix)]
fn exposed_key(key: &Path) -> Option<AuthError> {
    (mode(key)? & 0o066 != 0).then(|| {
        let key = key.display();
        problem(
            "store",
            format!("has a key that others may read or write. If they have not: chmod go= {key}"),
        )
    })
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(path).ok()?;
    (!metadata.is_symlink()).then(|| metadata.mode())
}

#[cfg(not(unix))]
fn exposed_folder(_: &Path) -> Option<AuthError> {
    None
}

#[cfg(not(unix))]
fn exposed_key(_: &Path) -> Option<AuthError> {
    None
}

/// Seals with the keyring's key, or with the key file where one was made.
///
/// Which of the two is decided once for a store, when its key is made: a keyring that is missing for an hour must
/// neither hide a session nor give it a second key. The key file itself is what remembers the decision. A keyring
/// that is locked is there: only one that provably is not makes a key file.
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

    /// Whether there is no keyring at all. One that has no key, or is locked, is there.
    fn has_no_keyring(&self) -> bool {
        let answer = self.in_keyring.seal(Vec::new(), Vec::new());
        matches!(answer, Err(SealError::Unavailable))
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
        if !self.is_new() || !self.has_no_keyring() {
            return self.in_keyring.create_key();
        }
        self.in_file.create_key()?;
        self.output.note(&format!(
            "There is no keyring to be used here: the key of the stored session is in {}, for you alone to read.",
            self.folder.join(KEY_FILE).display(),
        ));
        Ok(())
    }

    fn seal(&self, associated_data: Vec<u8>, plaintext: Vec<u8>) -> Result<Vec<u8>, SealError> {
        match self.sealer().seal(associated_data, plaintext) {
            // The store then asks for a key to be made, under its lock.
            Err(SealError::Unavailable) if !self.has_key_file() && self.is_new() => {
                Err(SealError::NoKey)
            }
            Err(SealError::Locked) if self.is_new() => {
                self.output.note(
                    "The keyring is locked or does not answer. Unlock it, or give a folder for session and key with --store.",
                );
                Err(SealError::Locked)
            }
            result => result,
        }
    }

    fn unseal(&self, associated_data: Vec<u8>, sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        self.sealer().unseal(associated_data, sealed)
    }
}

#[cfg(test)]
mod tests;

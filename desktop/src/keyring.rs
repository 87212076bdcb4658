//! The sealing key in the system's keyring: Keychain, Credential Manager, Secret Service.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyring::{Entry, Error};
use latchkey::{KeyBytes, SealError, WrappingKey};

/// A keyring that asks the person something, or a bus on which nobody answers, holds no command up for longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// One entry, for all stores in the user's data folder.
const SERVICE: &str = "latchkey";
const NAME: &str = "sealing key";

/// The entry in the keyring. It holds the key and no record: keyrings know no conditional writes, and one of them
/// caps a secret at 2,560 bytes.
pub(crate) struct KeyringKey;

impl WrappingKey for KeyringKey {
    fn load(&self) -> Result<Option<KeyBytes>, SealError> {
        let secret = in_time(|| Entry::new(SERVICE, NAME)?.get_secret());
        match secret {
            Ok(secret) => match secret.try_into() {
                Ok(key) => Ok(Some(KeyBytes(key))),
                Err(_) => Err(SealError::KeyLost),
            },
            Err(Failure::Nothing) => Ok(None),
            Err(Failure::Locked) => Err(SealError::Locked),
            Err(Failure::Unavailable) => Err(SealError::Unavailable),
        }
    }

    fn keep(&self, key: &KeyBytes) -> Result<(), SealError> {
        let key = key.0;
        match in_time(move || Entry::new(SERVICE, NAME)?.set_secret(&key)) {
            Ok(()) => Ok(()),
            Err(Failure::Locked) => Err(SealError::Locked),
            Err(Failure::Nothing | Failure::Unavailable) => Err(SealError::Unavailable),
        }
    }
}

enum Failure {
    Nothing,
    Locked,
    Unavailable,
}

impl From<Error> for Failure {
    /// The keyring's own text, which may hold anything, is dropped.
    fn from(error: Error) -> Self {
        match error {
            Error::NoEntry => Self::Nothing,
            Error::NoStorageAccess(_) => Self::Locked,
            _ => Self::Unavailable,
        }
    }
}

/// Runs this on a thread of its own, which is left behind if it takes too long.
fn in_time<T: Send + 'static>(
    work: impl FnOnce() -> keyring::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let (done, result) = mpsc::channel();
    let worker = move || {
        // Nobody listens any more when it took too long.
        let _ = done.send(work());
    };
    if thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(worker)
        .is_err()
    {
        return Err(Failure::Unavailable);
    }
    match result.recv_timeout(PATIENCE) {
        Ok(result) => Ok(result?),
        // It waits for the person to unlock it, as far as can be told.
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Failure::Locked),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(Failure::Unavailable),
    }
}

//! Sealing: what stands between the bytes on a disk and a reader of the disk.
//!
//! [`Sealer`] is the foreign trait under the one file store. Android implements it over a Keystore
//! key that never leaves the system. Where the system only keeps a secret for us (a desktop's
//! keyring) or keeps nothing at all (a key file), the core seals with AES-256-GCM, and a
//! [`WrappingKey`] keeps the 32 bytes of the key.

use std::path::Path;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

use crate::files::Folder;

/// Encrypts and authenticates the items of a file store with a key that the store never sees.
///
/// The store calls [`create_key`](Self::create_key) only while it holds the folder's lock, and only
/// after it has looked again: a call of [`seal`](Self::seal) that says `NoKey` or `KeyLost`. All
/// other calls are made without the lock, from several threads at once. No call asks a person.
#[uniffi::export(rust, foreign)]
pub trait Sealer: Send + Sync {
    /// Makes the key, in place of one that is lost. The next `seal`, in any process, uses it.
    ///
    /// # Errors
    /// `Locked`, `Unavailable`.
    fn create_key(&self) -> Result<(), SealError>;

    /// Encrypts with a fresh nonce and binds `associated_data`. The result may be longer than
    /// `plaintext` by at most 1,024 bytes.
    ///
    /// # Errors
    /// `NoKey`, `KeyLost`, `Locked`, `Unavailable`. It never makes a key.
    fn seal(&self, associated_data: Vec<u8>, plaintext: Vec<u8>) -> Result<Vec<u8>, SealError>;

    /// The plaintext that was sealed with this very `associated_data`.
    ///
    /// # Errors
    /// `Corrupt` if `sealed` is not what the key sealed; `NoKey`, `KeyLost`, `Locked`,
    /// `Unavailable`.
    fn unseal(&self, associated_data: Vec<u8>, sealed: Vec<u8>) -> Result<Vec<u8>, SealError>;
}

/// Why nothing was sealed or opened. Holds no data and no system's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, uniffi::Error)]
pub enum SealError {
    /// There provably is no key (yet). "Not found" from a locked keystore is `Locked`.
    #[error("there is no key")]
    NoKey,
    /// The key is there and cannot be used before an unlock.
    #[error("the key is locked")]
    Locked,
    /// The platform says that the key can never be used again.
    #[error("the key is lost")]
    KeyLost,
    /// These bytes were not sealed by this key for this place.
    #[error("the sealed bytes are damaged")]
    Corrupt,
    /// Anything else: it may pass.
    #[error("the key is not available")]
    Unavailable,
}

/// An exception that a foreign sealer did not declare. Its text may hold anything: it is dropped.
impl From<uniffi::UnexpectedUniFFICallbackError> for SealError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unavailable
    }
}

/// Length of an AES-256 key.
pub const KEY_BYTES: usize = 32;

/// The key itself, on its way to or from the place that keeps it. It has no `Debug` on purpose.
pub struct KeyBytes(pub [u8; KEY_BYTES]);

/// The place that keeps the key: a keyring's entry, a file.
pub trait WrappingKey: Send + Sync {
    /// The key; none only if it provably does not exist.
    ///
    /// # Errors
    /// `Locked`; `KeyLost` if something is there that is no key; `Unavailable`. Never `NoKey`.
    fn load(&self) -> Result<Option<KeyBytes>, SealError>;

    /// Keeps this key, in place of any other, so that it survives a power cut. Called under the
    /// store's lock, after [`load`](Self::load) has shown that there is no key that could be used.
    ///
    /// # Errors
    /// `Locked`, `Unavailable`.
    fn keep(&self, key: &KeyBytes) -> Result<(), SealError>;
}

/// Seals with AES-256-GCM under the key that `place` keeps.
pub fn keyed_sealer(place: impl WrappingKey + 'static) -> Arc<dyn Sealer> {
    Arc::new(KeyedSealer { place })
}

/// Seals with a key in the file `key` of this folder, which is made where it is missing.
///
/// This guards against nobody who can read the folder; it is what is left where a desktop has no
/// keyring. Files and folder are the owner's alone; a key file that another user owns, or that others
/// may read or write, is not used and not replaced: sealing and opening are `Unavailable`.
///
/// # Errors
/// `Unavailable` if the folder cannot be made or used, `Locked` before the unlock.
pub fn key_file_sealer(directory: &Path) -> Result<Arc<dyn Sealer>, SealError> {
    let folder = Folder::open(directory).map_err(|_| SealError::Unavailable)?;
    Ok(keyed_sealer(KeyFile { folder }))
}

/// A sealed item is nonce (12 bytes), ciphertext, authentication tag (16 bytes).
///
/// The key is read for each call and kept nowhere: another process may have made a new one, and a
/// store is written twice in a refresh, not a thousand times a second.
struct KeyedSealer<K> {
    place: K,
}

impl<K: WrappingKey> KeyedSealer<K> {
    fn cipher(&self) -> Result<LessSafeKey, SealError> {
        let key = self.place.load()?.ok_or(SealError::NoKey)?;
        let key = UnboundKey::new(&AES_256_GCM, &key.0).map_err(|_| SealError::Unavailable)?;
        Ok(LessSafeKey::new(key))
    }
}

impl<K: WrappingKey> Sealer for KeyedSealer<K> {
    fn create_key(&self) -> Result<(), SealError> {
        // Looked at once more: a usable key is never replaced, whoever calls.
        match self.place.load() {
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(SealError::KeyLost) => self.place.keep(&KeyBytes(random()?)),
            Err(error) => Err(error),
        }
    }

    fn seal(&self, associated_data: Vec<u8>, plaintext: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let cipher = self.cipher()?;
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut body = plaintext;
        cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated_data),
                &mut body,
            )
            .map_err(|_| SealError::Unavailable)?;
        Ok([nonce.as_slice(), &body].concat())
    }

    fn unseal(&self, associated_data: Vec<u8>, sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let cipher = self.cipher()?;
        let (nonce, body) = sealed.split_first_chunk().ok_or(SealError::Corrupt)?;
        let mut body = body.to_vec();
        let plaintext = cipher
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(associated_data),
                &mut body,
            )
            .map_err(|_| SealError::Corrupt)?;
        Ok(plaintext.to_vec())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "keys and nonces are made here and leave the module only sealed or to be kept"
)]
fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| SealError::Unavailable)?;
    Ok(bytes)
}

/// The key as 32 bytes in a file.
struct KeyFile {
    folder: Arc<Folder>,
}

impl KeyFile {
    const NAME: &str = "key";
}

impl WrappingKey for KeyFile {
    fn load(&self) -> Result<Option<KeyBytes>, SealError> {
        use crate::files::Found;
        match self.folder.read_private(Self::NAME, KEY_BYTES) {
            Ok(Found::Nothing) => Ok(None),
            // The file is replaced as a whole or not at all, so another length is no half write:
            // the bytes of the key are gone.
            Ok(Found::Bytes(bytes)) => match bytes.try_into() {
                Ok(key) => Ok(Some(KeyBytes(key))),
                Err(_) => Err(SealError::KeyLost),
            },
            // Not ours, and no proof of anything.
            Ok(Found::NoFile) | Err(_) => Err(SealError::Unavailable),
        }
    }

    fn keep(&self, key: &KeyBytes) -> Result<(), SealError> {
        self.folder
            .replace(Self::NAME, &key.0)
            .map_err(|_| SealError::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(folder: &Path) -> Arc<dyn Sealer> {
        key_file_sealer(folder).unwrap()
    }

    #[test]
    fn without_a_key_nothing_is_sealed_or_opened_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        assert_eq!(sealer.seal(vec![1], vec![2]), Err(SealError::NoKey));
        assert_eq!(sealer.unseal(vec![1], vec![0; 40]), Err(SealError::NoKey));
        assert!(!folder.path().join("key").exists());
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_associated_data_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        sealer(folder.path()).create_key().unwrap();
        let sealed = sealer(folder.path())
            .seal(b"here".to_vec(), b"secret".to_vec())
            .unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        let again = sealer(folder.path());
        assert_eq!(
            again.unseal(b"here".to_vec(), sealed.clone()),
            Ok(b"secret".to_vec())
        );
        assert_eq!(
            again.unseal(b"there".to_vec(), sealed),
            Err(SealError::Corrupt)
        );
    }

    #[test]
    fn one_changed_bit_or_one_missing_byte_is_corrupt() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        sealer.create_key().unwrap();
        let sealed = sealer.seal(vec![], b"secret".to_vec()).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                sealer.unseal(vec![], changed),
                Err(SealError::Corrupt),
                "bit in byte {at}"
            );
            let cut = sealed[..at].to_vec();
            assert_eq!(
                sealer.unseal(vec![], cut),
                Err(SealError::Corrupt),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn two_seals_of_the_same_bytes_differ() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        sealer.create_key().unwrap();
        assert_ne!(sealer.seal(vec![], vec![1]), sealer.seal(vec![], vec![1]));
    }

    #[test]
    fn a_usable_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        sealer.create_key().unwrap();
        let sealed = sealer.seal(vec![], vec![1]).unwrap();
        sealer.create_key().unwrap();
        assert_eq!(sealer.unseal(vec![], sealed), Ok(vec![1]));
    }

    #[test]
    fn a_key_file_of_another_length_is_a_lost_key_until_a_new_one_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        sealer.create_key().unwrap();
        for wrong in [31, 33] {
            // Over the private file, which stays private.
            std::fs::write(folder.path().join("key"), vec![7; wrong]).unwrap();
            assert_eq!(sealer.seal(vec![], vec![1]), Err(SealError::KeyLost));
        }
        sealer.create_key().unwrap();
        assert!(sealer.seal(vec![], vec![1]).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_belongs_to_its_owner_alone_and_a_link_in_its_place_is_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        sealer.create_key().unwrap();
        let path = folder.path().join("key");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert_eq!(sealer.seal(vec![], vec![1]), Err(SealError::Unavailable));
        assert_eq!(sealer.create_key(), Err(SealError::Unavailable));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_or_write_is_not_used_and_not_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        sealer.create_key().unwrap();
        let sealed = sealer.seal(vec![], vec![1]).unwrap();
        let path = folder.path().join("key");
        let key = std::fs::read(&path).unwrap();
        let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        for exposed in [0o640, 0o620, 0o604, 0o602, 0o644] {
            set(exposed);
            assert_eq!(
                sealer.seal(vec![], vec![1]),
                Err(SealError::Unavailable),
                "{exposed:o}"
            );
            assert_eq!(
                sealer.unseal(vec![], sealed.clone()),
                Err(SealError::Unavailable)
            );
            assert_eq!(sealer.create_key(), Err(SealError::Unavailable));
        }
        assert_eq!(std::fs::read(&path).unwrap(), key);
        set(0o600);
        assert_eq!(sealer.unseal(vec![], sealed), Ok(vec![1]));
    }

    /// Only root can give a file away, so elsewhere this shows nothing.
    #[cfg(unix)]
    #[test]
    fn a_key_that_another_user_owns_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = sealer(folder.path());
        sealer.create_key().unwrap();
        if std::os::unix::fs::chown(folder.path().join("key"), Some(65_534), None).is_ok() {
            assert_eq!(sealer.seal(vec![], vec![1]), Err(SealError::Unavailable));
            assert_eq!(sealer.create_key(), Err(SealError::Unavailable));
        }
    }
}

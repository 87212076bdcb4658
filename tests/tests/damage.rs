//! A stored session that is damaged, locked or without its key, as an app sees it after a restart:
//! a typed state, nothing erased, and a login as the way out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

use latchkey::{
    AccessTokenOptions, Auth, AuthError, SealError, Sealer, Session, StorageReason, file_store,
    key_file_sealer,
};
use latchkey_tests::world::{World, state};
use tempfile::{TempDir, tempdir};

/// A device whose store is a folder with a session in it.
struct Device {
    world: World,
    directory: TempDir,
    /// The session's file, and what was in it after the login.
    file: PathBuf,
    whole: Vec<u8>,
}

impl Device {
    async fn new() -> Self {
        let mut world = World::new().await;
        let directory = tempdir().expect("a folder");
        let sealer = key_file_sealer(directory.path()).expect("a sealer");
        world.store = file_store(path_of(&directory), sealer).expect("a store");
        world.log_in(&world.app(), "alice").await;
        let files = files(directory.path()).expect("files");
        let mut sessions = files
            .into_iter()
            .filter(|(path, _)| path.to_string_lossy().contains("item.session."));
        let (file, whole) = sessions.next().expect("a session is stored");
        assert!(sessions.next().is_none(), "and no other");
        Self {
            world,
            directory,
            file,
            whole,
        }
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(&self.file, bytes).expect("written");
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("key")
    }

    /// What the app says after a restart; reading it changes nothing in the folder.
    fn state_after_restart(&self) -> String {
        let before = files(self.directory.path()).expect("files");
        let session = self.world.app().session();
        let after = files(self.directory.path()).expect("files");
        assert!(after == before, "nothing is erased or written");
        state(&session)
    }

    /// A login takes the place of whatever is there, for the next process too.
    async fn assert_a_login_helps(&self) {
        let session = self.world.log_in(&self.world.app(), "bob").await;
        assert_eq!(subject(&session), Some("dev|bob"));
        let auth = self.world.app();
        assert_eq!(subject(&auth.session()), Some("dev|bob"));
        assert!(token(&auth).await.is_ok());
    }
}

fn path_of(directory: &TempDir) -> String {
    directory.path().display().to_string()
}

fn files(directory: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let entries = fs::read_dir(directory)?.map(|entry| {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        Ok((path, bytes))
    });
    entries.collect()
}

fn subject(session: &Session) -> Option<&str> {
    match session {
        Session::SignedIn {
            subject, persisted, ..
        } => subject.as_deref().filter(|_| *persisted),
        _ => None,
    }
}

async fn token(auth: &Auth) -> Result<String, AuthError> {
    let token = auth.access_token(AccessTokenOptions::default(), None);
    token.await.map(|token| token.value)
}

fn with_bit_flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[tokio::test]
async fn a_session_with_a_bit_flipped_or_cut_off_is_corrupt_and_nothing_is_erased() {
    let device = Device::new().await;
    for bit in (0..device.whole.len() * 8).step_by(7) {
        device.write(&with_bit_flipped(&device.whole, bit));
        let state = device.state_after_restart();
        assert_eq!(state, "unavailable:corrupt", "bit {bit}");
    }
    for length in (0..device.whole.len()).step_by(5) {
        device.write(&device.whole[..length]);
        let state = device.state_after_restart();
        assert_eq!(state, "unavailable:corrupt", "cut at {length}");
    }
    // Nobody was logged out: whole again, it is the same session.
    device.write(&device.whole);
    let auth = device.world.app();
    assert_eq!(subject(&auth.session()), Some("dev|alice"));
    assert!(token(&auth).await.is_ok());
}

#[tokio::test]
async fn a_call_with_a_damaged_session_is_told_so_and_a_login_replaces_the_wreck() {
    let device = Device::new().await;
    let whole = device.whole.as_slice();
    let end = whole.len();
    // In the layout's mark, its version, the tag, the sealed bytes; cut in the header and at its
    // end; without a byte.
    let flipped = [0, 35, 100, 8 * end - 1].map(|bit| with_bit_flipped(whole, bit));
    let cut = [0, 12, 21, end - 1].map(|length| whole[..length].to_vec());
    for damaged in flipped.into_iter().chain(cut) {
        device.write(&damaged);
        let corrupt = Err(AuthError::Storage {
            reason: StorageReason::Corrupt,
        });
        assert_eq!(token(&device.world.app()).await, corrupt);
        assert!(fs::read(&device.file).expect("a file") == damaged);
        device.assert_a_login_helps().await;
    }
}

#[tokio::test]
async fn another_key_makes_the_session_corrupt_and_a_login_replaces_it() {
    let device = Device::new().await;
    let key = fs::read(device.key()).expect("a key");
    let elsewhere = tempdir().expect("a folder");
    let sealer = key_file_sealer(elsewhere.path()).expect("a sealer");
    sealer.create_key().expect("another key");
    let other = fs::read(elsewhere.path().join("key")).expect("a key");
    fs::write(device.key(), other).expect("written");
    assert_eq!(device.state_after_restart(), "unavailable:corrupt");
    fs::write(device.key(), &key).expect("written");
    assert_eq!(device.state_after_restart(), "signed_in");
    fs::write(device.key(), with_bit_flipped(&key, 0)).expect("written");
    assert_eq!(device.state_after_restart(), "unavailable:corrupt");
    device.assert_a_login_helps().await;
}

#[tokio::test]
async fn a_lost_key_is_a_lost_session_and_a_login_makes_both_anew() {
    let device = Device::new().await;
    let key = fs::read(device.key()).expect("a key");
    fs::write(device.key(), &key[..31]).expect("written");
    assert_eq!(device.state_after_restart(), "signed_out:storage_lost");
    fs::remove_file(device.key()).expect("removed");
    assert_eq!(device.state_after_restart(), "signed_out:storage_lost");
    let refused = token(&device.world.app()).await.expect_err("no session");
    assert!(matches!(refused, AuthError::LoginRequired { .. }));
    fs::write(device.key(), &key).expect("written");
    #[cfg(unix)]
    private(&device.key());
    assert_eq!(device.state_after_restart(), "signed_in");
    fs::remove_file(device.key()).expect("removed");
    device.assert_a_login_helps().await;
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// A key that can be locked, as a phone's before the first unlock.
struct Lockable {
    inner: Arc<dyn Sealer>,
    locked: AtomicBool,
}

impl Lockable {
    fn check(&self) -> Result<(), SealError> {
        if self.locked.load(Ordering::SeqCst) {
            Err(SealError::Locked)
        } else {
            Ok(())
        }
    }
}

impl Sealer for Lockable {
    fn create_key(&self) -> Result<(), SealError> {
        self.check().and_then(|()| self.inner.create_key())
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

#[tokio::test]
async fn a_device_that_is_locked_three_times_has_its_session_after_the_unlock() {
    let mut device = Device::new().await;
    let sealer = Arc::new(Lockable {
        inner: key_file_sealer(device.directory.path()).expect("a sealer"),
        locked: AtomicBool::new(true),
    });
    device.world.store = file_store(path_of(&device.directory), sealer.clone()).expect("a store");
    let auth = device.world.app();
    for _ in 0..3 {
        assert_eq!(auth.session(), Session::Locked);
        assert_eq!(device.state_after_restart(), "locked");
        let locked = Err(AuthError::Storage {
            reason: StorageReason::Locked,
        });
        assert_eq!(token(&auth).await, locked);
    }
    sealer.locked.store(false, Ordering::SeqCst);
    assert_eq!(subject(&auth.session()), Some("dev|alice"));
    assert!(token(&auth).await.is_ok());
    assert_eq!(device.state_after_restart(), "signed_in");
}

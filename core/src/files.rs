//! A folder of private files: one lock, whole files or none, no link followed.
//!
//! Everything that the file store and the key file need of an operating system is here. Names come
//! from the code, never from outside; errors say what to do about them and drop the system's text.

pub(crate) mod runs;
#[cfg(not(unix))]
#[path = "files/other.rs"]
mod system;
#[cfg(unix)]
#[path = "files/unix.rs"]
mod system;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use self::system::{
    is_deleted, is_link, is_private, keep_to_this_file, make_private, private, private_folder,
    sync, try_lock, unlock,
};
use crate::storage::StoreError;

/// Locked by whoever changes something in the folder. It stays, empty, for as long as the folder:
/// its presence is the proof that a missing item is missing and the folder is not.
const LOCK: &str = "lock";

/// What is being written. There is one, because there is one writer at a time.
const TEMP: &str = "tmp";

/// The folders that this process has open: all stores on one folder share one [`Folder`].
static OPEN: Mutex<Vec<Weak<Folder>>> = Mutex::new(Vec::new());

/// One folder, however many stores this process opens on it.
pub(crate) struct Folder {
    path: PathBuf,
    /// The lock file while no thread is inside. One descriptor for the process, because two of them
    /// would exclude each other by waiting in turns, where threads can simply queue.
    free: Mutex<Option<File>>,
    freed: Condvar,
}

/// What stands under a name.
pub(crate) enum Found {
    Nothing,
    /// At most one byte more than was asked for, so that the caller sees that there is too much.
    Bytes(Vec<u8>),
    /// A link, pipe or the like, which was not followed or read. Replacing it is safe.
    NoFile,
}

/// When a wait for the lock ends.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Instant);

/// The lock of a folder, given back when dropped, by a crash too.
pub(crate) struct Inside<'a> {
    folder: &'a Folder,
    lock: Option<File>,
}

impl Folder {
    /// Opens the folder, and makes it (for its owner alone) where it is missing. Removes what a
    /// crashed process was writing.
    ///
    /// An existing folder keeps its permissions, unless it is empty: then it is made private too.
    /// One that others may write, its group among them, is refused: they could delete items in it.
    pub(crate) fn open(directory: &Path) -> Result<Arc<Self>, StoreError> {
        let path = prepare(directory).map_err(failure)?;
        let lock = open_lock(&path).map_err(failure)?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|folder| folder.strong_count() > 0);
        if let Some(known) = open
            .iter()
            .filter_map(Weak::upgrade)
            .find(|known| known.path == path)
        {
            return Ok(known);
        }
        let folder = Arc::new(Self {
            path,
            free: Mutex::new(Some(lock)),
            freed: Condvar::new(),
        });
        open.push(Arc::downgrade(&folder));
        drop(open);
        // A folder that is busy is being cleaned by whoever is at work in it.
        if let Ok(_inside) = folder.enter(Deadline::after(Duration::ZERO)) {
            let _ = fs::remove_file(folder.path.join(TEMP));
            runs::clean(&folder.path);
        }
        Ok(folder)
    }

    /// Waits, no longer than until then, for a moment in which nobody else, in this process or
    /// another, changes anything here.
    pub(crate) fn enter(&self, deadline: Deadline) -> Result<Inside<'_>, StoreError> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = loop {
            if let Some(lock) = free.take() {
                break lock;
            }
            let left = deadline.left()?;
            let woken = self.freed.wait_timeout(free, left);
            free = woken.unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(free);
        let mut inside = Inside {
            folder: self,
            lock: Some(lock),
        };
        while !inside.lock_file(deadline)? {}
        Ok(inside)
    }

    /// Reads a file; needs no lock, since files change as a whole. Says "nothing" only on proof.
    pub(crate) fn read(&self, name: &str, at_most: usize) -> Result<Found, StoreError> {
        self.read_if(name, at_most, |_| Ok(true))
    }

    /// As [`read`](Self::read), of a file that must be nobody else's to read or write: `Unavailable`
    /// if it is not.
    pub(crate) fn read_private(&self, name: &str, at_most: usize) -> Result<Found, StoreError> {
        self.read_if(name, at_most, is_private)
    }

    fn read_if(
        &self,
        name: &str,
        at_most: usize,
        acceptable: fn(&File) -> io::Result<bool>,
    ) -> Result<Found, StoreError> {
        let mut options = OpenOptions::new();
        let file = match keep_to_this_file(options.read(true)).open(self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A folder that was moved or unmounted proves nothing about the item.
                File::open(self.path.join(LOCK)).map_err(failure)?;
                return Ok(Found::Nothing);
            }
            Err(error) if is_link(&error) => return Ok(Found::NoFile),
            Err(error) => return Err(failure(error)),
        };
        let kind = file.metadata().map_err(failure)?.file_type();
        if kind.is_dir() {
            return Err(StoreError::Unavailable);
        }
        if !kind.is_file() {
            return Ok(Found::NoFile);
        }
        if !acceptable(&file).map_err(failure)? {
            return Err(StoreError::Unavailable);
        }
        let mut bytes = Vec::new();
        file.take(at_most as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failure)?;
        Ok(Found::Bytes(bytes))
    }

    /// Puts a file in place of another, as a whole, to stay. The caller is [`Inside`].
    pub(crate) fn replace(&self, name: &str, contents: &[u8]) -> Result<(), StoreError> {
        let temp = self.path.join(TEMP);
        remove(&temp).map_err(failure)?;
        let done = write_new(&temp, contents)
            .and_then(|()| fs::rename(&temp, self.path.join(name)))
            .and_then(|()| sync(&self.path));
        if done.is_err() {
            let _ = fs::remove_file(&temp);
        }
        done.map_err(failure)
    }

    /// Removes a file for good; one that is missing is removed. The caller is [`Inside`].
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        remove(&self.path.join(name))
            .and_then(|()| sync(&self.path))
            .map_err(failure)
    }
}

impl Deadline {
    pub(crate) fn after(patience: Duration) -> Self {
        Self(now() + patience)
    }

    fn left(self) -> Result<Duration, StoreError> {
        let left = self.0.saturating_duration_since(now());
        if left.is_zero() {
            Err(StoreError::Unavailable)
        } else {
            Ok(left)
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a wait is measured; no clock that a test turns could end it"
)]
fn now() -> Instant {
    Instant::now()
}

impl Inside<'_> {
    /// True once the file that is locked is the one that others will lock.
    fn lock_file(&mut self, deadline: Deadline) -> Result<bool, StoreError> {
        let lock = self.lock.as_mut().ok_or(StoreError::Unavailable)?;
        let mut pause = Duration::from_micros(500);
        while !try_lock(lock).map_err(failure)? {
            // A blocking call could not be given a deadline, and these waits are rare and short.
            thread::sleep(pause.min(deadline.left()?));
            pause = (pause * 2).min(Duration::from_millis(8));
        }
        if !is_deleted(lock).map_err(failure)? {
            return Ok(true);
        }
        // Somebody cleared the folder under us. The others will find or make a new lock file.
        *lock = open_lock(&self.folder.path).map_err(failure)?;
        Ok(false)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            // Said aloud, not left to closing: a forked child may hold the same descriptor.
            unlock(&lock);
            *self
                .folder
                .free
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(lock);
            self.folder.freed.notify_one();
        }
    }
}

/// What to make of a system's error: only its kind is looked at.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failure(error: io::Error) -> StoreError {
    // Android before the first unlock: names can be seen, the key of the folder is not there.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if error.raw_os_error() == Some(rustix::io::Errno::NOKEY.raw_os_error()) {
        return StoreError::Locked;
    }
    let _ = error;
    StoreError::Unavailable
}

fn prepare(directory: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(directory)?;
    make(&path)?;
    make_private(&path)?;
    fs::canonicalize(path)
}

fn make(path: &Path) -> io::Result<()> {
    let builder = private_folder();
    match (builder.create(path), path.parent()) {
        (Err(error), parent) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Made by the app, or by a process that was killed before the sync below: without a
            // lock file nobody has made sure yet that the folder survives a power cut. A parent
            // that this user may not open is the system's, and was there long before.
            if let Some(parent) = parent
                && !path.join(LOCK).exists()
            {
                let _ = sync(parent);
            }
            Ok(())
        }
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            make(parent)?;
            builder.create(path)?;
            sync(parent)
        }
        (Ok(()), Some(parent)) => sync(parent),
        (result, _) => result,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

fn open_lock(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    keep_to_this_file(private(&mut options)).open(folder.join(LOCK))
}

//! What other systems (Windows) have in place of these calls.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// A user's folders are private on Windows by inheritance.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

pub(super) fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

pub(super) fn keep_to_this_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(windows)]
    {
        const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
        use std::os::windows::fs::OpenOptionsExt;
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    }
    options
}

/// A link is opened itself here; its kind then tells.
pub(super) fn is_link(_: &io::Error) -> bool {
    false
}

pub(super) fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn is_private(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// A folder cannot be synced here; the file system's journal keeps renames in order.
pub(super) fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn try_lock(lock: &File) -> io::Result<bool> {
    match lock.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub(super) fn unlock(lock: &File) {
    let _ = lock.unlock();
}

/// What is open cannot be removed here.
pub(super) fn is_deleted(_: &File) -> io::Result<bool> {
    Ok(false)
}

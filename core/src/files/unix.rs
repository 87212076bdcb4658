//! The calls of Unix systems, Android among them. The path of a folder may hold links; the name of
//! a file in it may be none.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

pub(super) fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// No link is followed, and a pipe is opened without waiting for its writer.
pub(super) fn keep_to_this_file(options: &mut OpenOptions) -> &mut OpenOptions {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed())
}

pub(super) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let folder = File::open(path)?;
    if folder.metadata()?.mode() & 0o002 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    if fs::read_dir(path)?.next().is_none() {
        // Another's folder that we may use stays as its owner wants it.
        let _ = folder.set_permissions(Permissions::from_mode(0o700));
    }
    Ok(())
}

pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// `flock` belongs to the opened file, not to the process: it excludes threads' descriptors too
/// and ends with the process. (`File::try_lock` of Rust 1.95 does not know Android.)
pub(super) fn try_lock(lock: &File) -> io::Result<bool> {
    match flock(lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn unlock(lock: &File) {
    let _ = flock(lock, FlockOperation::Unlock);
}

pub(super) fn is_deleted(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() == 0)
}

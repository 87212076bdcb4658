//! The calls of Unix systems, Android among them. The path of a folder may hold links; the name of
//! a file in it may be none.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::geteuid;

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

/// Refuses a folder in which others could put or delete files. An empty one of ours, as a umask
/// leaves it, is closed to the group first.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    const GROUP_MAY_WRITE: u32 = 0o020;
    const ALL_MAY_WRITE: u32 = 0o002;
    let folder = File::open(path)?;
    let mut mode = folder.metadata()?.mode();
    if mode & ALL_MAY_WRITE == 0 && fs::read_dir(path)?.next().is_none() {
        // Another's folder that we may use stays as its owner wants it.
        let _ = folder.set_permissions(Permissions::from_mode(0o700));
        mode = folder.metadata()?.mode();
    }
    if mode & (GROUP_MAY_WRITE | ALL_MAY_WRITE) != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// Whether the file is this user's, and nobody else may read or write it.
pub(super) fn is_private(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    Ok(metadata.mode() & 0o066 == 0 && metadata.uid() == geteuid().as_raw())
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

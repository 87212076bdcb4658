//! Proof that another process is gone, for whoever shares a folder with it.
//!
//! A run of the core that is about to write a claim holds the lock of a file `run.NAME` in each folder that its process
//! has open. The system gives the lock back when the process ends, however it ends. So a run whose file is there and
//! whose lock is free has ended; where there is no such file nothing is known. No store need know of it: a store on a
//! keychain has no such proof, and a claim's term is waited for there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::system::{keep_to_this_file, private, try_lock, unlock};
use super::{Deadline, Folder, OPEN};

const PREFIX: &str = "run.";

/// The runs of this process that go on.
static HERE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A claim's holder is asked after within seconds. What is older than this is nobody's proof any more.
const KEPT: Duration = Duration::from_secs(600);

/// How long to wait for a busy folder. Without the lock this run's claims are waited for, that is all.
const PATIENCE: Duration = Duration::from_secs(1);

/// One run of the core. Dropped, or with its process, it has ended.
pub(crate) struct Run {
    name: String,
    /// The files whose locks it holds.
    held: Mutex<Vec<(PathBuf, File)>>,
}

impl Run {
    /// `name` is of letters, digits, `-` and `_`, and nobody else's.
    pub(crate) fn new(name: String) -> Self {
        here().push(name.clone());
        Self {
            name,
            held: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Lets others see that this run is alive, in each folder that is open now.
    pub(crate) fn show(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in open_folders() {
            if held.iter().any(|(path, _)| *path == folder.path) {
                continue;
            }
            // Inside, so that who cleans up never meets a file that is not locked yet.
            let Ok(_inside) = folder.enter(Deadline::after(PATIENCE)) else {
                continue;
            };
            if let Ok(file) = lock_new(&folder.path.join(file_name(&self.name))) {
                held.push((folder.path.clone(), file));
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        here().retain(|name| *name != self.name);
    }
}

/// Whether this is a run of this very process, and goes on.
pub(crate) fn is_here(name: &str) -> bool {
    here().iter().any(|here| here == name)
}

fn here() -> MutexGuard<'static, Vec<String>> {
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this run is proven to have ended: its lock is free in one folder, and held in none.
pub(crate) fn has_ended(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) || is_here(name) {
        return false;
    }
    let looks: Vec<bool> = open_folders()
        .iter()
        .filter_map(|folder| is_free(&folder.path.join(file_name(name))).ok())
        .collect();
    !looks.is_empty() && looks.iter().all(|free| *free)
}

/// Removes what is left of runs that ended long ago. The caller is inside the folder.
pub(super) fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|n| n.starts_with(PREFIX));
        let age = entry.metadata().and_then(|metadata| metadata.modified());
        let old = age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT));
        if ours && old && is_free(&entry.path()).is_ok_and(|free| free) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn open_folders() -> Vec<Arc<Folder>> {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.iter().filter_map(Weak::upgrade).collect()
}

fn file_name(run: &str) -> String {
    format!("{PREFIX}{run}")
}

fn lock_new(path: &Path) -> io::Result<File> {
    let file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
    let locked = try_lock(&file);
    if matches!(locked, Ok(true)) {
        return Ok(file);
    }
    // Left there without a lock it would say that this run has ended.
    let _ = fs::remove_file(path);
    Err(locked
        .err()
        .unwrap_or_else(|| io::ErrorKind::WouldBlock.into()))
}

/// An error also where there is no such file.
fn is_free(path: &Path) -> io::Result<bool> {
    let file = keep_to_this_file(OpenOptions::new().read(true).write(true)).open(path)?;
    let free = try_lock(&file)?;
    if free {
        unlock(&file);
    }
    Ok(free)
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn a_run_is_alive_while_it_shows_itself_and_has_ended_after_it() {
        let directory = tempdir().expect("a folder");
        let _folder = Folder::open(directory.path()).expect("it opens");
        let run = Run::new("a-run".to_owned());
        assert!(!has_ended("a-run"), "nothing is known of it yet");
        run.show();
        run.show();
        assert!(!has_ended("a-run") && is_here("a-run"), "it is alive");
        drop(run);
        assert!(!is_here("a-run"));
        assert!(has_ended("a-run"));
    }

    #[test]
    fn a_run_that_has_no_file_in_an_open_folder_is_not_proven_gone() {
        let directory = tempdir().expect("a folder");
        let _folder = Folder::open(directory.path()).expect("it opens");
        assert!(!has_ended("a-run-without-a-file"));
    }

    #[test]
    fn another_run_of_this_process_is_not_proven_gone_though_its_lock_can_be_taken() {
        let directory = tempdir().expect("a folder");
        let _folder = Folder::open(directory.path()).expect("it opens");
        let second = Run::new("a-second-run".to_owned());
        // Where locks are a process's, or somebody has put a file there.
        File::create(directory.path().join(file_name("a-second-run"))).expect("a file");
        assert!(!has_ended("a-second-run"));
        drop(second);
        assert!(has_ended("a-second-run"));
    }

    #[test]
    fn a_run_whose_lock_is_held_in_one_of_two_folders_is_alive() {
        let folders = [tempdir().expect("a folder"), tempdir().expect("a folder")];
        let _open = folders
            .each_ref()
            .map(|folder| Folder::open(folder.path()).expect("it opens"));
        let files = folders
            .each_ref()
            .map(|folder| lock_new(&folder.path().join(file_name("of-another"))).expect("ours"));
        for held in [0, 1] {
            unlock(&files[1 - held]);
            assert!(!has_ended("of-another"), "held in folder {held}");
            assert!(try_lock(&files[1 - held]).expect("ours"));
        }
        drop(files);
        assert!(has_ended("of-another"));
    }

    #[test]
    fn opening_a_folder_removes_what_is_left_of_old_runs() {
        let directory = tempdir().expect("a folder");
        let [old, late] = ["old-run", "late-run"].map(|run| directory.path().join(file_name(run)));
        let file = File::create(&old).expect("a file");
        let then = file.metadata().and_then(|m| m.modified()).expect("a time") - 2 * KEPT;
        file.set_modified(then).expect("a file of ours");
        File::create(&late).expect("a file");
        let _folder = Folder::open(directory.path()).expect("it opens");
        assert_eq!((old.exists(), late.exists()), (false, true));
    }

    #[test]
    fn a_name_is_no_way_to_other_files() {
        let directory = tempdir().expect("a folder");
        let _folder = Folder::open(directory.path()).expect("it opens");
        fs::create_dir(directory.path().join("run.")).expect("a folder");
        assert!(!has_ended("/../lock"));
        assert!(!has_ended(""));
    }

    #[test]
    fn what_is_left_of_old_runs_is_cleaned_up_and_of_living_and_late_ones_is_not() {
        let directory = tempdir().expect("a folder");
        let folder = Folder::open(directory.path()).expect("it opens");
        let runs: Vec<Run> = ["old", "alive", "late"]
            .map(|n| Run::new(n.to_owned()))
            .into();
        runs.iter().for_each(Run::show);
        let path = |name: &str| directory.path().join(file_name(name));
        for name in ["old", "alive"] {
            let file = OpenOptions::new()
                .write(true)
                .open(path(name))
                .expect("there");
            let then = file.metadata().and_then(|m| m.modified()).expect("a time") - 2 * KEPT;
            file.set_modified(then).expect("a file of ours");
        }
        let [old, alive, late] = <[Run; 3]>::try_from(runs).ok().expect("three");
        drop((old, late));
        clean(&folder.path);
        let there = ["old", "alive", "late"].map(|name| path(name).exists());
        assert_eq!(there, [false, true, true]);
        drop(alive);
    }
}

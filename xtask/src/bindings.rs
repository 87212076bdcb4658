//! `cargo xtask bindings`: the Kotlin and Swift sources, generated from the core's library.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::build;
use crate::project::Project;
use crate::steps::Steps;

/// Where the generated Kotlin is.
pub(crate) fn kotlin_folder(project: &Project) -> PathBuf {
    project.target.join("bindings/kotlin")
}

pub(crate) fn run(project: &Project, conformance: bool, verbose: bool) -> Result<bool> {
    let mut steps = Steps::new(project, "bindings", verbose)?;
    generate(project, conformance, &mut steps)
}

/// All steps; false if one failed.
pub(crate) fn generate(project: &Project, conformance: bool, steps: &mut Steps) -> Result<bool> {
    let _alone = alone(&project.target.join("bindings"))?;
    forget_the_other(&project.library("debug"), conformance)?;
    let mut library = if conformance {
        build::core_library_with_conformance(project)
    } else {
        build::core_library(project)
    };
    let built = steps.run("build the core's library", &mut library)?;
    if !built.ok {
        return Ok(false);
    }
    let built = steps.run("build the bindings generator", &mut build::bindgen(project))?;
    if !built.ok {
        return Ok(false);
    }
    // Generated beside, then copied where it differs: a file that stays the same is not compiled again.
    let fresh = project.target.join("bindings/fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    let mut generator = project.command(project.program("xtask-bindgen"));
    generator
        .arg(project.library("debug"))
        .arg(project.root.join("uniffi.toml"))
        .arg(&fresh);
    if !steps.run("generate Kotlin and Swift", &mut generator)?.ok {
        return Ok(false);
    }
    let sources = project.root.join("ios/Sources");
    mirror(&fresh.join("kotlin"), &kotlin_folder(project))?;
    mirror(&fresh.join("LatchkeyCore"), &sources.join("LatchkeyCore"))?;
    mirror(
        &fresh.join("LatchkeyCoreFFI"),
        &sources.join("LatchkeyCoreFFI"),
    )?;
    Ok(true)
}

/// Waits until no other run makes bindings: two of them would take each other's library and files away. Lasts until the
/// result is dropped, or the process is gone.
fn alone(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join("lock");
    let lock = File::create(&path).with_context(|| format!("could not make {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => return Ok(lock),
        Err(TryLockError::WouldBlock) => println!("another run makes bindings; waiting for it"),
        Err(TryLockError::Error(_)) => {}
    }
    lock.lock()
        .with_context(|| format!("could not lock {}", path.display()))?;
    Ok(lock)
}

/// Removes a library that was built with the conformance checks where it is wanted without them, or the other way round:
/// Cargo puts both in one place, and calls each of them fresh whichever lies there.
fn forget_the_other(library: &Path, conformance: bool) -> Result<()> {
    const MARK: &[u8] = b"uniffi_latchkey_fn_func_conformance_checks";
    let built = fs::read(library).unwrap_or_default();
    let has_it = built.windows(MARK.len()).any(|window| window == MARK);
    if built.is_empty() || has_it == conformance {
        return Ok(());
    }
    // Where Cargo links it to is what Cargo looks at.
    let folder = library.parent().context("no folder around the library")?;
    let linked = folder
        .join("deps")
        .join(library.file_name().unwrap_or_default());
    for path in [linked.as_path(), library] {
        if path.exists() {
            fs::remove_file(path)
                .with_context(|| format!("could not remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Makes `to` hold exactly the files of `from`, without touching those that are the same already.
pub(crate) fn mirror(from: &Path, to: &Path) -> Result<()> {
    let wanted = files(from)?;
    let present = files(to)?;
    for old in present.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(to.join(old))?;
    }
    for (name, contents) in &wanted {
        if present.get(name) == Some(contents) {
            continue;
        }
        let path = to.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, contents)
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

/// Every file under a folder, by its path inside; nothing if there is no such folder.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        if !next.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder)?.to_path_buf(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_with_the_checks_is_not_taken_for_one_without() {
        let folder = std::env::temp_dir().join(format!("xtask-other-{}", std::process::id()));
        let (library, linked) = (folder.join("lib.so"), folder.join("deps/lib.so"));
        fs::create_dir_all(folder.join("deps")).unwrap();
        for (contents, conformance, kept) in [
            (
                "\0uniffi_latchkey_fn_func_conformance_checks\0",
                false,
                false,
            ),
            ("\0uniffi_latchkey_fn_func_conformance_checks\0", true, true),
            ("\0uniffi_latchkey_fn_method_auth_session\0", false, true),
            ("\0uniffi_latchkey_fn_method_auth_session\0", true, false),
        ] {
            for path in [&library, &linked] {
                fs::write(path, contents).unwrap();
            }
            forget_the_other(&library, conformance).unwrap();
            assert_eq!(
                (library.exists(), linked.exists()),
                (kept, kept),
                "{contents:?} {conformance}"
            );
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn two_runs_at_once_make_bindings_one_after_the_other() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let folder = std::env::temp_dir().join(format!("xtask-alone-{}", std::process::id()));
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let _alone = alone(&folder).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn mirroring_removes_what_is_gone_and_leaves_what_is_the_same() {
        let folder = std::env::temp_dir().join(format!("xtask-mirror-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("a/b/same"), "1").unwrap();
        fs::write(from.join("changed"), "new").unwrap();
        mirror(&from, &to).unwrap();
        let before = fs::metadata(to.join("a/b/same"))
            .unwrap()
            .modified()
            .unwrap();

        fs::write(to.join("changed"), "old").unwrap();
        fs::write(to.join("gone"), "x").unwrap();
        mirror(&from, &to).unwrap();
        assert_eq!(files(&from).unwrap(), files(&to).unwrap());
        let after = fs::metadata(to.join("a/b/same"))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(before, after);
        fs::remove_dir_all(&folder).unwrap();
    }
}

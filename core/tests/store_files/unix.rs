//! Permissions, links and sockets, where there are such.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use latchkey::{SealError, StoreError, file_store, key_file_sealer};
use tempfile::tempdir;

use crate::{UNREADABLE, item, open, store_with_an_item};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn folder_and_files_belong_to_their_owner_alone() {
    let directory = tempdir().unwrap();
    let inner = directory.path().join("made/here");
    let store = open(&inner);
    store.swap("a".into(), None, Some(item(1, b""))).unwrap();
    store
        .swap("a".into(), Some(vec![1; 16]), Some(item(2, b"")))
        .unwrap();
    assert_eq!(mode(&directory.path().join("made")), 0o700);
    assert_eq!(mode(&inner), 0o700);
    for entry in fs::read_dir(&inner).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn an_empty_folder_is_made_private_and_one_in_use_is_left_as_it_is() {
    let directory = tempdir().unwrap();
    let [empty, used, open_to_all] =
        ["empty", "used", "open"].map(|name| directory.path().join(name));
    for (path, permissions) in [(&empty, 0o755), (&used, 0o755), (&open_to_all, 0o777)] {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, Permissions::from_mode(permissions)).unwrap();
    }
    fs::write(used.join("something"), b"").unwrap();
    open(&empty);
    open(&used);
    assert_eq!((mode(&empty), mode(&used)), (0o700, 0o755));
    let sealer = key_file_sealer(&empty).unwrap();
    let refused = file_store(open_to_all.display().to_string(), sealer);
    assert_eq!(refused.err(), Some(StoreError::Unavailable));
    assert_eq!(mode(&open_to_all), 0o777);
}

#[test]
fn a_folder_that_its_group_may_write_is_refused_unless_it_is_empty_and_can_be_made_private() {
    let directory = tempdir().unwrap();
    let [empty, used] = ["empty", "used"].map(|name| directory.path().join(name));
    for path in [&empty, &used] {
        fs::create_dir(path).unwrap();
        // As a umask of 002 leaves it.
        fs::set_permissions(path, Permissions::from_mode(0o775)).unwrap();
    }
    fs::write(used.join("something"), b"").unwrap();
    open(&empty);
    assert_eq!(mode(&empty), 0o700);
    let sealer = key_file_sealer(&empty).unwrap();
    let refused = file_store(used.display().to_string(), sealer);
    assert_eq!(refused.err(), Some(StoreError::Unavailable));
    assert_eq!(key_file_sealer(&used).err(), Some(SealError::Unavailable));
    assert_eq!(mode(&used), 0o775);
    assert_eq!(fs::read_dir(&used).unwrap().count(), 1, "nothing is made");
}

#[test]
fn a_link_in_place_of_an_item_is_corrupt_is_not_followed_and_is_replaced() {
    let (directory, store, path) = store_with_an_item();
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    let theirs = fs::read(&elsewhere).unwrap();
    for target in [elsewhere.clone(), directory.path().join("nowhere")] {
        let _ = fs::remove_file(&path);
        symlink(target, &path).unwrap();
        let corrupt = StoreError::Corrupt {
            tag: UNREADABLE.to_vec(),
        };
        assert_eq!(store.load("a".into()), Err(corrupt));
        let conflict = store.swap("a".into(), Some(vec![1; 16]), Some(item(2, b"")));
        assert_eq!(conflict, Err(StoreError::Conflict));
        let expected = Some(UNREADABLE.to_vec());
        assert_eq!(
            store.swap("a".into(), expected, Some(item(2, b"new"))),
            Ok(())
        );
        assert_eq!(store.load("a".into()), Ok(Some(item(2, b"new"))));
        assert_eq!(fs::read(&elsewhere).unwrap(), theirs);
    }
}

#[test]
fn a_link_in_place_of_the_temporary_file_or_the_lock_is_not_written_through() {
    let (directory, store, _) = store_with_an_item();
    let target = directory.path().join("target");
    fs::write(&target, b"theirs").unwrap();
    symlink(&target, directory.path().join("tmp")).unwrap();
    store
        .swap("a".into(), Some(vec![1; 16]), Some(item(2, b"new")))
        .unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"theirs");
    fs::remove_file(directory.path().join("lock")).unwrap();
    symlink(&target, directory.path().join("lock")).unwrap();
    let refused = store.swap("a".into(), Some(vec![2; 16]), Some(item(3, b"")));
    assert_eq!(refused, Err(StoreError::Unavailable));
    assert_eq!(fs::read(&target).unwrap(), b"theirs");
}

#[test]
fn a_socket_in_place_of_an_item_blocks_nobody() {
    let (_directory, store, path) = store_with_an_item();
    fs::remove_file(&path).unwrap();
    let _socket = UnixListener::bind(&path).unwrap();
    assert_eq!(store.load("a".into()), Err(StoreError::Unavailable));
}

#[test]
fn a_pipe_in_place_of_an_item_blocks_nobody_and_is_replaced() {
    let (_directory, store, path) = store_with_an_item();
    fs::remove_file(&path).unwrap();
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let (done, loaded) = mpsc::channel();
    let reader = Arc::clone(&store);
    thread::spawn(move || done.send(reader.load("a".into())));
    // One that waits for a writer waits for ever.
    let loaded = loaded.recv_timeout(Duration::from_secs(20));
    let corrupt = StoreError::Corrupt {
        tag: UNREADABLE.to_vec(),
    };
    assert_eq!(loaded, Ok(Err(corrupt)));
    let expected = Some(UNREADABLE.to_vec());
    assert_eq!(
        store.swap("a".into(), expected, Some(item(2, b"new"))),
        Ok(())
    );
    assert_eq!(store.load("a".into()), Ok(Some(item(2, b"new"))));
}

#[test]
fn a_folder_reached_by_two_paths_is_one_folder() {
    let (directory, store, _) = store_with_an_item();
    let outer = tempdir().unwrap();
    let link = outer.path().join("link");
    symlink(directory.path(), &link).unwrap();
    let second = open(&link);
    assert_eq!(
        second.swap("a".into(), Some(vec![1; 16]), Some(item(2, b"new"))),
        Ok(())
    );
    assert_eq!(store.load("a".into()), Ok(Some(item(2, b"new"))));
}

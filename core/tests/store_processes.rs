//! The file store between real processes: they race, and they are killed in the middle of a swap.
//!
//! A test starts this very program again and picks [`worker`] in it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test and its child process"
)]

use std::io::{BufRead, BufReader, Lines, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use latchkey::{
    SecureStore, StoredItem, conformance_race_total, conformance_race_worker, file_store,
    key_file_sealer,
};
use tempfile::tempdir;

const TASK: &str = "LATCHKEY_TEST_STORE_TASK";
const FOLDER: &str = "LATCHKEY_TEST_STORE_FOLDER";

/// Printed by the writing process after each swap that is done, with the number it wrote.
const DONE: &str = "swap done ";

fn open(directory: &Path) -> Arc<dyn SecureStore> {
    let sealer = key_file_sealer(directory).expect("a sealer");
    file_store(directory.display().to_string(), sealer).expect("a store")
}

/// Not a test. Started with a task, it is the other process.
#[test]
#[ignore = "runs only as the other process of the tests here"]
fn worker() {
    let (Ok(task), Ok(folder)) = (std::env::var(TASK), std::env::var(FOLDER)) else {
        return;
    };
    let store = open(Path::new(&folder));
    match task.as_str() {
        "race" => conformance_race_worker(store, "race".into(), 100).unwrap(),
        "write" => write_for_ever(&*store),
        task => panic!("no such task: {task}"),
    }
}

fn start(task: &str, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "worker", "--nocapture"])
        .env(TASK, task)
        .env(FOLDER, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// All of an item follows from its number, so that a mix of two would be seen.
fn numbered(number: u64) -> StoredItem {
    let start = number.to_be_bytes();
    let length = 8 + usize::try_from(number * 997 % 16_000).unwrap();
    StoredItem {
        tag: [start, *b"numbered"].concat(),
        bytes: start.iter().copied().cycle().take(length).collect(),
    }
}

fn load_number(store: &dyn SecureStore) -> u64 {
    let Some(item) = store.load("a".into()).expect("a load") else {
        return 0;
    };
    let number = u64::from_be_bytes(item.tag[..8].try_into().unwrap());
    assert!(
        item == numbered(number),
        "a mix of two items under number {number}"
    );
    number
}

fn write_next(store: &dyn SecureStore) -> u64 {
    let number = load_number(store);
    let expected = (number > 0).then(|| numbered(number).tag);
    store
        .swap("a".into(), expected, Some(numbered(number + 1)))
        .expect("a swap");
    number + 1
}

fn write_for_ever(store: &dyn SecureStore) {
    loop {
        println!("\n{DONE}{}", write_next(store));
    }
}

fn next_done(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<u64> {
    lines.find_map(|line| line.ok()?.strip_prefix(DONE)?.parse().ok())
}

#[test]
fn two_processes_lose_no_increment() {
    let directory = tempdir().unwrap();
    let processes = [
        start("race", directory.path()),
        start("race", directory.path()),
    ];
    for mut process in processes {
        let mut output = String::new();
        process
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut output)
            .unwrap();
        assert!(process.wait().unwrap().success(), "{output}");
    }
    assert_eq!(
        conformance_race_total(open(directory.path()), "race".into()),
        Ok(200)
    );
}

#[test]
fn a_process_killed_in_the_middle_of_a_swap_leaves_the_old_or_the_new_item_and_no_lock() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    for round in 0..40_u32 {
        let mut process = start("write", directory.path());
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut done = 0;
        for _ in 0..=round % 3 {
            done = next_done(&mut lines).expect("the other process writes");
        }
        // Some loads beside it: they see whole items, and move the kill to another moment.
        for _ in 0..round * 7 % 50 {
            let seen = load_number(&*store);
            assert!(seen >= done, "{done} was done and {seen} is there");
            done = seen;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        while let Some(number) = next_done(&mut lines) {
            done = done.max(number);
        }
        let found = load_number(&*store);
        assert!(
            found == done || found == done + 1,
            "{done} was done and {found} is there"
        );
        // The lock is free and the rest of the crash is in nobody's way.
        assert_eq!(write_next(&*store), found + 1);
        assert!(!directory.path().join("tmp").exists());
    }
}

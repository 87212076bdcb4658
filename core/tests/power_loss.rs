//! Power loss: what the file store really does to its folder is recorded, call by call, and cut off
//! after each call; then everything that was not synced is lost, torn or kept, in every combination.
//!
//! Killing a process finds no missing sync, because the system goes on and still writes what it has
//! (refresh.md §4.6). A test starts this very program again under strace and picks [`worker`] in
//! it.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test and its child process"
)]

#[path = "power_loss/disk.rs"]
mod disk;
#[path = "power_loss/trace.rs"]
mod trace;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use latchkey::{SecureStore, StoredItem, file_store, key_file_sealer};
use tempfile::{tempdir, tempdir_in};

use self::disk::{Disk, Left, Operation, ROOT, restore};

const TASK: &str = "LATCHKEY_TEST_POWER_TASK";
const ROOT_FOLDER: &str = "LATCHKEY_TEST_POWER_FOLDER";

/// Where the store is, below the root: in folders that the store has to make.
const STORE: &str = "made/here";

/// Printed by the watched process around each swap, with its number.
const BEGUN: &str = "swap begun ";
const DONE: &str = "swap done ";

/// The items by name.
type Items = BTreeMap<&'static str, StoredItem>;

/// One swap: the name and what is there afterwards.
type Swap = (&'static str, Option<StoredItem>);

fn item(number: u8, length: usize) -> StoredItem {
    StoredItem {
        tag: vec![number; 16],
        bytes: (0..length).map(|at| number ^ at.to_le_bytes()[0]).collect(),
    }
}

/// Create, replace by a larger and a smaller one, beside another item; delete, create again.
fn swaps() -> Vec<Swap> {
    vec![
        ("a", Some(item(1, 300))),
        ("a", Some(item(2, 9_000))),
        ("b", Some(item(3, 40))),
        ("a", Some(item(4, 20))),
        ("a", None),
        ("a", Some(item(5, 300))),
        ("b", None),
    ]
}

/// What a process does that finds what others left who were killed before they could sync.
fn swaps_after_kills() -> Vec<Swap> {
    vec![("a", Some(item(1, 300))), ("a", None)]
}

fn open(directory: &Path) -> Arc<dyn SecureStore> {
    let sealer = key_file_sealer(directory).expect("a sealer");
    file_store(directory.display().to_string(), sealer).expect("a store")
}

/// Not a test. Started with a task, it is the process that is watched.
#[test]
#[ignore = "runs only as the process that the tests here watch"]
fn worker() {
    let (Ok(task), Ok(root)) = (std::env::var(TASK), std::env::var(ROOT_FOLDER)) else {
        return;
    };
    let folder = Path::new(&root).join(STORE);
    match task.as_str() {
        "swaps" => {
            let mut items = Items::new();
            let store = open(&folder);
            for (number, swap) in swaps().into_iter().enumerate() {
                println!("\n{BEGUN}{number}");
                do_swap(&*store, &mut items, swap);
                println!("\n{DONE}{number}");
            }
        }
        "swaps after kills" => {
            // Killed, or an app that makes the folder itself.
            fs::create_dir(folder.parent().unwrap()).unwrap();
            fs::File::open(&root).unwrap().sync_all().unwrap();
            fs::create_dir(&folder).unwrap();
            let [create, delete] = swaps_after_kills().try_into().unwrap();
            let store = open(&folder);
            println!("\n{BEGUN}0");
            do_swap(&*store, &mut Items::new(), create);
            println!("\n{DONE}0");
            println!("\n{BEGUN}1");
            // Killed while it deleted. To have the item absent is asked again.
            fs::remove_file(folder.join("item.a")).unwrap();
            do_swap(&*store, &mut Items::new(), delete);
            println!("\n{DONE}1");
        }
        task => panic!("no such task: {task}"),
    }
}

fn do_swap(store: &dyn SecureStore, items: &mut Items, (name, next): Swap) {
    let expected = items.remove(name).map(|item| item.tag);
    store
        .swap(name.into(), expected, next.clone())
        .expect("a swap");
    items.extend(next.map(|item| (name, item)));
}

fn record(task: &str) -> Vec<Operation> {
    let root = tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let mut worker = Command::new(std::env::current_exe().unwrap());
    worker
        .args([
            "--ignored",
            "--exact",
            "worker",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(TASK, task)
        .env(ROOT_FOLDER, &root);
    trace::record(&mut worker, &root)
}

/// How far the program was, by what it had printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
struct Progress {
    begun: usize,
    done: usize,
}

impl Progress {
    fn hear(&mut self, line: &str) {
        let number = |text: &str| text.parse::<usize>().unwrap() + 1;
        if let Some(text) = line.strip_prefix(BEGUN) {
            self.begun = number(text);
        } else if let Some(text) = line.strip_prefix(DONE) {
            self.done = number(text);
        }
    }
}

/// What was looked at.
#[derive(Default)]
struct Looked {
    prefixes: usize,
    states: usize,
}

/// Looks at everything that a power cut after each operation could leave; an error is the first
/// thing that is wrong.
fn look(operations: &[Operation], swaps: &[Swap]) -> Result<Looked, String> {
    let mut disk = Disk::new();
    let mut progress = Progress::default();
    let mut looked = Looked::default();
    let mut seen: HashSet<(Left, Progress)> = HashSet::new();
    for at in 0..=operations.len() {
        // The first cut is before the first operation.
        if let Some(operation) = at.checked_sub(1).map(|last| &operations[last]) {
            disk.apply(operation);
            if let Operation::Say(line) = operation {
                progress.hear(line);
            }
        }
        looked.prefixes += 1;
        for left in disk.after_power_cut() {
            if seen.insert((left.clone(), progress)) {
                looked.states += 1;
                try_out(&left, progress, swaps).map_err(|wrong| describe(at, &left, &wrong))?;
            }
        }
    }
    assert_eq!(progress.done, swaps.len(), "all of it was recorded");
    Ok(looked)
}

fn describe(at: usize, left: &Left, wrong: &str) -> String {
    let files: Vec<String> = left
        .iter()
        .map(|(path, bytes)| match bytes {
            None => format!("{}/", path.display()),
            Some(bytes) => format!("{} ({} bytes)", path.display(), bytes.len()),
        })
        .collect();
    format!("{wrong}, after {at} operations, with {}", files.join(", "))
}

/// Opens the store on what a power cut has left, and goes on with it.
fn try_out(left: &Left, progress: Progress, swaps: &[Swap]) -> Result<(), String> {
    // In memory where there is such a folder: there a sync costs nothing.
    let root = tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap();
    restore(left, root.path());
    let folder = root.path().join(STORE);
    let store = open(&folder);
    let before = items_after(&swaps[..progress.done]);
    let after = items_after(&swaps[..progress.begun]);
    let mut found = Items::new();
    for name in ["a", "b"] {
        let loaded = store.load(name.into());
        let loaded = loaded.map_err(|error| format!("load({name}) says {error:?}"))?;
        found.extend(loaded.map(|item| (name, item)));
    }
    if found != before && found != after {
        return Err(format!("{progress:?}, and there is {found:?}"));
    }
    for name in ["a", "b"] {
        let expected = found.get(name).map(|item| item.tag.clone());
        let next = item(9, 10);
        let swapped = store.swap(name.into(), expected, Some(next.clone()));
        swapped.map_err(|error| format!("swap({name}) says {error:?}"))?;
        if store.load(name.into()) != Ok(Some(next)) {
            return Err(format!("{name} is not what was stored after the power cut"));
        }
    }
    if folder.join("tmp").exists() {
        return Err("the rest of an interrupted write is still there".into());
    }
    Ok(())
}

fn items_after(swaps: &[Swap]) -> Items {
    let mut items = Items::new();
    for (name, next) in swaps {
        items.remove(name);
        items.extend(next.clone().map(|item| (*name, item)));
    }
    items
}

#[test]
fn a_power_cut_after_any_call_leaves_what_was_done_or_the_old_or_new_item_of_the_swap_in_progress()
{
    let operations = record("swaps");
    let looked = look(&operations, &swaps()).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!(
        "{} prefixes, {} different states of the disk",
        looked.prefixes, looked.states
    );
    assert!(
        looked.prefixes > 50 && looked.states > 200,
        "a whole recording"
    );
}

#[test]
fn what_a_killed_process_had_not_synced_is_synced_by_the_next_before_it_says_done() {
    let operations = record("swaps after kills");
    let looked = look(&operations, &swaps_after_kills()).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!(
        "{} prefixes, {} different states of the disk",
        looked.prefixes, looked.states
    );
}

/// The test of the test: the recording of a store that forgets to sync is not passed.
#[test]
fn a_store_that_leaves_out_one_kind_of_sync_is_seen() {
    let operations = record("swaps");
    let store = operations
        .iter()
        .rev()
        .find_map(|operation| match operation {
            Operation::SyncFolder(folder) => Some(*folder),
            _ => None,
        });
    let store = store.expect("the folder is synced");
    let without = |left_out: &dyn Fn(&Operation) -> bool| {
        let mut rest = operations.clone();
        rest.retain(|operation| !left_out(operation));
        assert_ne!(rest.len(), operations.len(), "there was one to leave out");
        look(&rest, &swaps()).err()
    };
    assert!(without(&|one| matches!(one, Operation::SyncFile(_))).is_some());
    assert!(without(&|one| *one == Operation::SyncFolder(store)).is_some());
    assert!(without(&|one| *one == Operation::SyncFolder(ROOT)).is_some());
}

//! The checks that need nothing but a store: one function each, named by what holds.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Checked;
use super::desk::{Desk, failed, item, say};
use crate::storage::{MAX_ITEM_BYTES, StoreError, StoredItem, TAG_BYTES};

/// A name, and what holds if the store conforms.
type Check = (&'static str, fn(&Desk<'_>) -> Checked);

pub(super) const CHECKS: &[Check] = &[
    ("absent_item_loads_as_none", absent_item_loads_as_none),
    (
        "created_item_loads_as_it_was_written",
        created_item_loads_as_it_was_written,
    ),
    (
        "create_conflicts_where_an_item_is",
        create_conflicts_where_an_item_is,
    ),
    (
        "replace_needs_the_current_tag",
        replace_needs_the_current_tag,
    ),
    (
        "replace_conflicts_where_nothing_is",
        replace_conflicts_where_nothing_is,
    ),
    (
        "same_bytes_under_a_new_tag_are_a_new_item",
        same_bytes_under_a_new_tag_are_a_new_item,
    ),
    ("delete_needs_the_current_tag", delete_needs_the_current_tag),
    (
        "deleted_item_can_be_created_again",
        deleted_item_can_be_created_again,
    ),
    (
        "any_byte_and_any_length_up_to_16_kib",
        any_byte_and_any_length_up_to_16_kib,
    ),
    (
        "names_that_look_alike_are_apart",
        names_that_look_alike_are_apart,
    ),
    (
        "two_threads_lose_no_increment",
        two_threads_lose_no_increment,
    ),
    (
        "of_two_writers_that_saw_the_same_one_wins",
        of_two_writers_that_saw_the_same_one_wins,
    ),
    (
        "reader_sees_old_or_new_and_no_mix",
        reader_sees_old_or_new_and_no_mix,
    ),
];

fn absent_item_loads_as_none(desk: &Desk<'_>) -> Checked {
    desk.load("load", None)?;
    desk.swap("delete of nothing, expecting nothing", None, None, Ok(()))?;
    desk.load("load after that", None)
}

fn created_item_loads_as_it_was_written(desk: &Desk<'_>) -> Checked {
    let first = item(b"first");
    desk.swap("create", None, Some(&first), Ok(()))?;
    desk.load("load", Some(&first))?;
    desk.load("second load", Some(&first))
}

fn create_conflicts_where_an_item_is(desk: &Desk<'_>) -> Checked {
    let first = item(b"first");
    desk.swap("create", None, Some(&first), Ok(()))?;
    desk.swap(
        "second create",
        None,
        Some(&item(b"second")),
        Err(StoreError::Conflict),
    )?;
    desk.load("load", Some(&first))
}

fn replace_needs_the_current_tag(desk: &Desk<'_>) -> Checked {
    let (first, second, third) = (item(b"first"), item(b"second"), item(b"third"));
    let conflict = Err(StoreError::Conflict);
    desk.swap("create", None, Some(&first), Ok(()))?;
    desk.swap(
        "replace with a wrong tag",
        Some(&third),
        Some(&second),
        conflict.clone(),
    )?;
    desk.load("load after a conflict", Some(&first))?;
    desk.swap("replace", Some(&first), Some(&second), Ok(()))?;
    desk.load("load", Some(&second))?;
    desk.swap(
        "replace with the old tag",
        Some(&first),
        Some(&third),
        conflict,
    )?;
    desk.load("load after a late writer", Some(&second))
}

fn replace_conflicts_where_nothing_is(desk: &Desk<'_>) -> Checked {
    let conflict = Err(StoreError::Conflict);
    desk.swap("replace", Some(&item(b"")), Some(&item(b"new")), conflict)?;
    desk.load("load", None)
}

fn same_bytes_under_a_new_tag_are_a_new_item(desk: &Desk<'_>) -> Checked {
    let (first, second) = (item(b"same"), item(b"same"));
    desk.swap("create", None, Some(&first), Ok(()))?;
    desk.swap("replace", Some(&first), Some(&second), Ok(()))?;
    desk.swap(
        "delete with the old tag",
        Some(&first),
        None,
        Err(StoreError::Conflict),
    )?;
    desk.load("load", Some(&second))
}

fn delete_needs_the_current_tag(desk: &Desk<'_>) -> Checked {
    let first = item(b"first");
    let conflict = Err(StoreError::Conflict);
    desk.swap(
        "delete of nothing, expecting an item",
        Some(&first),
        None,
        conflict.clone(),
    )?;
    desk.swap("create", None, Some(&first), Ok(()))?;
    desk.swap(
        "delete with a wrong tag",
        Some(&item(b"")),
        None,
        conflict.clone(),
    )?;
    desk.swap("delete, expecting nothing", None, None, conflict)?;
    desk.load("load after the conflicts", Some(&first))?;
    desk.swap("delete", Some(&first), None, Ok(()))?;
    desk.load("load", None)
}

fn deleted_item_can_be_created_again(desk: &Desk<'_>) -> Checked {
    let (first, second) = (item(b"first"), item(b"second"));
    desk.swap("create", None, Some(&first), Ok(()))?;
    desk.swap("delete", Some(&first), None, Ok(()))?;
    desk.swap(
        "replace of what is gone",
        Some(&first),
        Some(&second),
        Err(StoreError::Conflict),
    )?;
    desk.swap("second create", None, Some(&second), Ok(()))?;
    desk.load("load", Some(&second))
}

fn any_byte_and_any_length_up_to_16_kib(desk: &Desk<'_>) -> Checked {
    let every_byte: Vec<u8> = (0..=255).collect();
    let largest: Vec<u8> = every_byte
        .iter()
        .copied()
        .cycle()
        .take(MAX_ITEM_BYTES)
        .collect();
    let mut current = None;
    for bytes in [every_byte.as_slice(), b"", b"\0", &largest, b"short again"] {
        let next = item(bytes);
        let step = format!("swap of {} bytes", bytes.len());
        desk.swap(&step, current.as_ref(), Some(&next), Ok(()))?;
        desk.load(&step, Some(&next))?;
        current = Some(next);
    }
    // Tags are bytes as well, not text.
    let next = StoredItem {
        tag: vec![0xff; TAG_BYTES],
        bytes: vec![1],
    };
    desk.swap("a tag of bytes 255", current.as_ref(), Some(&next), Ok(()))?;
    desk.load("a tag of bytes 255", Some(&next))
}

fn names_that_look_alike_are_apart(desk: &Desk<'_>) -> Checked {
    let longest = format!("conformance.{}", "x".repeat(88));
    let names = ["a", "a.a", "a-a", "a_a", "aa", "a.0", "a.item", "a.tmp"];
    let names = names
        .iter()
        .map(|name| format!("conformance.{name}"))
        .chain([longest]);
    let desks: Vec<_> = names
        .map(|name| (Desk::new(desk.store, &name), item(name.as_bytes())))
        .collect();
    for (desk, item) in &desks {
        desk.clear()?;
        desk.swap("create", None, Some(item), Ok(()))?;
    }
    for (desk, item) in &desks {
        desk.load("load beside the others", Some(item))?;
        desk.swap("delete", Some(item), None, Ok(()))?;
    }
    Ok(())
}

fn two_threads_lose_no_increment(desk: &Desk<'_>) -> Checked {
    const ROUNDS: u32 = 100;
    for _ in 0..ROUNDS {
        // In step, so that they meet each time.
        let (one, two) = side_by_side(|| desk.increment(), || desk.increment());
        one.and(two)?;
    }
    match desk.count()?.1 {
        total if total == 2 * ROUNDS => Ok(()),
        total => Err(failed("two threads that count to 100 each", "200", total)),
    }
}

fn of_two_writers_that_saw_the_same_one_wins(desk: &Desk<'_>) -> Checked {
    let mut current = None;
    for round in 0..50 {
        let (mine, yours) = (item(b"mine"), item(b"yours"));
        let seen = current.as_ref();
        let results = side_by_side(
            || desk.put(seen, Some(&mine)),
            || desk.put(seen, Some(&yours)),
        );
        let winner = match results {
            (Ok(()), Err(StoreError::Conflict)) => mine,
            (Err(StoreError::Conflict), Ok(())) => yours,
            (one, two) => {
                let got = format!("{one:?} and {two:?}");
                return Err(failed("two swaps at once", "one done, one conflict", got));
            }
        };
        desk.load(&format!("load in round {round}"), Some(&winner))?;
        current = Some(winner);
    }
    Ok(())
}

fn reader_sees_old_or_new_and_no_mix(desk: &Desk<'_>) -> Checked {
    // An item is whole if all its bytes repeat its tag.
    let whole = || {
        let mut whole = item(b"");
        whole.bytes = whole.tag.repeat(MAX_ITEM_BYTES / TAG_BYTES);
        whole
    };
    let mut current = whole();
    desk.swap("create", None, Some(&current), Ok(()))?;
    let written = AtomicBool::new(false);
    let write = || {
        let result = (0..50).try_for_each(|_| {
            let next = whole();
            desk.swap("replace", Some(&current), Some(&next), Ok(()))?;
            current = next;
            Ok(())
        });
        written.store(true, Ordering::Release);
        result
    };
    let read = || {
        while !written.load(Ordering::Acquire) {
            match desk.get() {
                Ok(Some(item)) if item.bytes.chunks(TAG_BYTES).all(|chunk| chunk == item.tag) => {}
                Ok(Some(_)) => return Err(failed("load beside a writer", "a whole item", "a mix")),
                other => return Err(failed("load beside a writer", "an item", say(&other))),
            }
        }
        Ok(())
    };
    let (wrote, read) = side_by_side(write, read);
    wrote.and(read)
}

/// Runs both at once: neither begins before the other is there.
fn side_by_side<T: Send, U>(one: impl FnOnce() -> T + Send, two: impl FnOnce() -> U) -> (T, U) {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            start.wait();
            one()
        });
        start.wait();
        let two = two();
        match one.join() {
            Ok(one) => (one, two),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

//! Damage to single bits: of an item's file, of its tag, of the key.
//!
//! `store_files/damage.rs` changes and cuts every byte; here it is every bit, and what stands
//! beside the item. Whatever the damage: the item is `Corrupt` (or its key is lost), a load changes
//! no file, and a swap that expects the tag in the error replaces the wreck.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use latchkey::{SecureStore, StoreError, StoredItem, file_store, key_file_sealer};
use tempfile::{TempDir, tempdir, tempdir_in};

const UNREADABLE: [u8; 16] = [0; 16];
/// Where the header's tag ends.
const HEADER: usize = 21;

fn item(tag: [u8; 16], bytes: &[u8]) -> StoredItem {
    StoredItem {
        tag: tag.to_vec(),
        bytes: bytes.to_vec(),
    }
}

/// A folder with the item `a` that is damaged and the item `beside` that is not.
struct Scene {
    directory: TempDir,
    store: Arc<dyn SecureStore>,
    item: StoredItem,
    whole: Vec<u8>,
}

type Files = BTreeMap<String, Vec<u8>>;

impl Scene {
    fn new(item: StoredItem) -> Self {
        // In memory where there is such a folder: there a sync costs nothing.
        let directory = tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap();
        let sealer = key_file_sealer(directory.path()).unwrap();
        let store = file_store(directory.path().display().to_string(), sealer).unwrap();
        store.swap("a".into(), None, Some(item.clone())).unwrap();
        store.swap("beside".into(), None, Some(beside())).unwrap();
        let whole = fs::read(directory.path().join("item.a")).unwrap();
        Self {
            directory,
            store,
            item,
            whole,
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.directory.path().join(name), bytes).unwrap();
    }

    /// Loads `a`, and sees that nothing in the folder has changed by it.
    fn load(&self) -> Result<Option<StoredItem>, StoreError> {
        let before = files(self.directory.path());
        let loaded = self.store.load("a".into());
        assert_eq!(
            files(self.directory.path()),
            before,
            "a load changes nothing"
        );
        loaded
    }

    /// As a login does it.
    fn replace(&self, tag: Vec<u8>) {
        let new = item([0xee; 16], b"new");
        let swapped = self.store.swap("a".into(), Some(tag), Some(new.clone()));
        assert_eq!(swapped, Ok(()));
        assert_eq!(self.store.load("a".into()), Ok(Some(new)));
    }
}

fn beside() -> StoredItem {
    item([0xbe; 16], b"beside")
}

fn files(directory: &Path) -> Files {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// These bytes with one bit changed, for each of their bits.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (bit, flipped)
    })
}

fn assert_damage_is_seen(scene: &Scene, damaged: &[u8], case: &str) {
    scene.write("item.a", damaged);
    let Err(StoreError::Corrupt { tag }) = scene.load() else {
        panic!("{case} is not corrupt");
    };
    let readable = damaged.len() >= HEADER && damaged.starts_with(b"LKEY");
    let best_known = if readable {
        &damaged[5..HEADER]
    } else {
        &UNREADABLE
    };
    assert_eq!(tag, best_known, "{case}");
    scene.replace(tag);
    assert_eq!(scene.store.load("beside".into()), Ok(Some(beside())));
}

#[test]
fn an_item_with_any_one_bit_flipped_or_cut_at_any_length_is_corrupt_and_is_replaced() {
    // One with contents, one without, and one whose tag a single bit makes the unreadable tag.
    let mut one_bit = UNREADABLE;
    one_bit[9] = 0x10;
    for item in [
        item([0x5a; 16], b"refresh-token"),
        item([0xa5; 16], b""),
        item(one_bit, b"x"),
    ] {
        let scene = Scene::new(item);
        for (bit, damaged) in flipped(&scene.whole) {
            assert_damage_is_seen(&scene, &damaged, &format!("with bit {bit} flipped"));
        }
        for length in 0..scene.whole.len() {
            let damaged = &scene.whole[..length];
            assert_damage_is_seen(&scene, damaged, &format!("cut at {length}"));
        }
        for more in [0, 0xff] {
            let damaged = [scene.whole.as_slice(), &[more]].concat();
            assert_damage_is_seen(&scene, &damaged, "with one byte more");
        }
        // And none of it was the item itself.
        scene.write("item.a", &scene.whole);
        assert_eq!(scene.load(), Ok(Some(scene.item.clone())));
    }
}

#[test]
fn an_item_of_the_largest_size_with_bits_flipped_is_corrupt() {
    let scene = Scene::new(item([0x5a; 16], &[0x33; 16 * 1024]));
    for (bit, damaged) in flipped(&scene.whole).step_by(997) {
        assert_damage_is_seen(&scene, &damaged, &format!("with bit {bit} flipped"));
    }
}

#[test]
fn a_key_with_any_one_bit_flipped_opens_nothing_and_the_right_one_still_does() {
    let scene = Scene::new(item([0x5a; 16], b"refresh-token"));
    let key = fs::read(scene.directory.path().join("key")).unwrap();
    let corrupt = Err(StoreError::Corrupt {
        tag: scene.item.tag.clone(),
    });
    for (bit, damaged) in flipped(&key) {
        scene.write("key", &damaged);
        assert_eq!(scene.load(), corrupt, "bit {bit}");
    }
    scene.write("key", &key);
    assert_eq!(scene.load(), Ok(Some(scene.item.clone())));
    // A login goes on with the key that is there.
    let (_, damaged) = flipped(&key).next().unwrap();
    scene.write("key", &damaged);
    scene.replace(scene.item.tag.clone());
}

#[test]
fn a_key_of_any_other_length_is_lost_and_a_load_makes_no_new_one() {
    let scene = Scene::new(item([0x5a; 16], b"refresh-token"));
    let key = fs::read(scene.directory.path().join("key")).unwrap();
    let lost = Err(StoreError::KeyLost {
        tag: scene.item.tag.clone(),
    });
    for length in 0..key.len() {
        scene.write("key", &key[..length]);
        assert_eq!(scene.load(), lost, "{length}");
    }
    scene.write("key", &[key.as_slice(), &[0]].concat());
    assert_eq!(scene.load(), lost);
    scene.write("key", &key);
    assert_eq!(scene.load(), Ok(Some(scene.item.clone())));
    // A login makes a new one.
    scene.write("key", &key[..7]);
    scene.replace(scene.item.tag.clone());
}

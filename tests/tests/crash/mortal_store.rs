//! One process's view of the device's store: each write is a step, and the dead write nothing.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use latchkey::{SecureStore, StoreError, StoredItem};

use crate::device::Shared;
use crate::fate::{Cut, Fate, Kill, Point, Write};
use crate::record::{Record, purpose};

pub(crate) struct MortalStore {
    fate: Arc<Fate>,
    shared: Arc<Shared>,
    /// Held over a call, so that a process that is buried has no call under way.
    turn: Mutex<()>,
}

impl MortalStore {
    pub(crate) fn new(fate: Arc<Fate>, shared: Arc<Shared>) -> Arc<MortalStore> {
        Arc::new(MortalStore {
            fate,
            shared,
            turn: Mutex::default(),
        })
    }

    /// Waits until no call is under way; the next ones have no effect.
    pub(crate) fn close(&self) {
        self.fate.die();
        drop(self.turn.lock().expect("no panic"));
    }

    fn enter(&self) -> Result<MutexGuard<'_, ()>, StoreError> {
        let turn = self.turn.lock().expect("no panic");
        if self.fate.is_alive() {
            return Ok(turn);
        }
        drop(turn);
        self.end()
    }

    /// The caller is dead: it hears nothing before it is buried, and nothing true then.
    fn end<T>(&self) -> Result<T, StoreError> {
        self.fate.wait_for_burial();
        Err(StoreError::Unavailable)
    }

    fn purpose(&self, key: &str, next: Option<&StoredItem>) -> Write {
        if key.starts_with("journal.") {
            return Write::Journal;
        }
        let (true, Some(next)) = (key.starts_with("session."), next) else {
            return Write::Login;
        };
        key.clone_into(&mut self.shared.session_name());
        let before = self.shared.record();
        let write = purpose(before.as_ref(), &Record::read(next));
        if let (Write::Ending, Some(before)) = (write, before) {
            self.shared.note_ending(before.open_sends());
        }
        write
    }

    /// What a kill in the middle of the commit leaves behind: the old file, and the first bytes of the new one in
    /// the file that was to be renamed.
    fn cut_commit(&self, folder: &Path, key: &str, cut: Cut, commit: impl FnOnce()) {
        let item = folder.join(format!("item.{key}"));
        let old = fs::read(&item).expect("there is a session");
        commit();
        let new = fs::read(&item).expect("it was replaced");
        fs::write(&item, old).expect("it is put back");
        fs::write(folder.join("tmp"), &new[..cut(new.len())]).expect("it is written");
    }
}

impl SecureStore for MortalStore {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        let _turn = self.enter()?;
        self.shared.store.load(key)
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        let turn = self.enter()?;
        let write = self.purpose(&key, next.as_ref());
        if self.fate.reach(Point::Before(write)) {
            drop(turn);
            return self.end();
        }
        let carry_out = || self.shared.store.swap(key.clone(), expected, next);
        if let (Write::Commit, Kill::InCommit(cut), Some(folder)) =
            (write, self.fate.kill, self.shared.folder())
        {
            self.cut_commit(&folder, &key, cut, || {
                carry_out().expect("nobody else writes now");
            });
            self.fate.die();
            drop(turn);
            return self.end();
        }
        let failure = self.fate.write_fails();
        if failure == Some(false) {
            return Err(StoreError::Unavailable);
        }
        carry_out()?;
        if write == Write::MaybeSent {
            // The next refresh on the wire is this process's.
            self.shared.wire.expect(&self.fate);
        }
        if failure.is_some() {
            return Err(StoreError::Unavailable);
        }
        if self.fate.reach(Point::After(write)) {
            drop(turn);
            return self.end();
        }
        Ok(())
    }
}

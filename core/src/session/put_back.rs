//! A record that was put back to an older one: by a restored backup, or by a store that had said "done" and was not.
//!
//! Its refresh token is spent, so it is as good as lost: it is not sent, and a login replaces it. The journal tells, and
//! so does memory: a process that has a newer record of the same session stores it again. Nothing is deleted: what was put
//! back may be put right.

use super::SessionManager;
use super::flight::off_thread;
use super::journal::Journal;
use super::memory::{Known, Memory};
use super::record::SessionRecord;
use super::timeline::What;
use super::vault::Tag;
use crate::log::LogLevel;
use crate::storage::{StoreError, StoredItem};

type Read = Result<Option<StoredItem>, StoreError>;

impl SessionManager {
    /// What was read, unless it was put back; and whether it was, which the caller tells after its turn. Within a turn:
    /// memory that has the newer record is the truth from now on.
    pub(crate) async fn unless_put_back(&self, read: Read) -> (Read, bool) {
        let manager = match self.this.upgrade() {
            Some(manager) if !self.is_ours(&read) => manager,
            _ => return (read, false),
        };
        if self.memory_is_ahead_of(&read) {
            return (Err(StoreError::Unavailable), true);
        }
        let looked = off_thread(move || manager.look_behind(read)).await;
        let (read, journal) = looked.unwrap_or((Err(StoreError::Unavailable), None));
        let (Some(journal), Err(StoreError::KeyLost { tag })) = (journal, &read) else {
            return (read, false);
        };
        if self.stays(tag, |_, ours| !journal.is_ahead_of(ours)) {
            return (Err(StoreError::Unavailable), true);
        }
        let is_known = matches!(&*self.memory(), Memory::Known(known)
            if known.lost && known.tag.as_ref() == Some(tag));
        (read, !is_known)
    }

    /// Whether this is a record of the session in memory from before what this process has seen in the store. The journal
    /// may say nothing of it: both may have been put back. A logout is none, whatever its generation: a process that could
    /// not read the store has written it.
    fn memory_is_ahead_of(&self, read: &Read) -> bool {
        let Ok(Some(item)) = read else { return false };
        let Ok(found) = self.decode(item) else {
            return false;
        };
        !found.is_logout()
            && self.stays(&item.tag, |known, ours| {
                known.persisted && ours.is_newer_than(&found)
            })
    }

    /// Memory stays as it is, and is stored again in the place of what has this tag, if its record is the newer one.
    fn stays(&self, tag: &Tag, is_newer: impl FnOnce(&Known, &SessionRecord) -> bool) -> bool {
        {
            let mut memory = self.memory();
            let Memory::Known(known) = &mut *memory else {
                return false;
            };
            let Some(ours) = known.record.clone() else {
                return false;
            };
            if !is_newer(known, &ours) {
                return false;
            }
            known.tag = Some(tag.clone());
            known.persisted = false;
        }
        self.persist_later();
        true
    }

    /// Not within a turn: a log sink may ask for the session.
    pub(crate) fn tell_put_back(&self) {
        self.note(&What::PutBack);
        self.log.line(
            LogLevel::Error,
            format_args!("an older session was put back into the store; it is not used"),
        );
    }

    /// What was read, unless it lies behind the mark: then it is a lost one, and with it comes the journal that says so.
    /// Changes nothing. In the caller's thread.
    pub(crate) fn look_behind(&self, read: Read) -> (Read, Option<Journal>) {
        if !self.lies_behind(&read, self.read_journal_here().as_ref()) {
            return (read, None);
        }
        // Another process may have written both in between: one more look, at the record last, which is written first.
        let journal = self.read_journal_here();
        let read = self.vault.load_here(&self.session_name);
        match read {
            Ok(Some(item)) if self.lies_behind(&Ok(Some(item.clone())), journal.as_ref()) => {
                (Err(StoreError::KeyLost { tag: item.tag }), journal)
            }
            read => (read, None),
        }
    }

    /// Whether this is what memory has, or had put there.
    fn is_ours(&self, read: &Read) -> bool {
        let (Ok(Some(item)), Ok(known)) = (read, self.known()) else {
            return false;
        };
        !known.lost && known.tag.as_ref() == Some(&item.tag)
    }

    fn lies_behind(&self, read: &Read, journal: Option<&Journal>) -> bool {
        let (Ok(Some(item)), Some(journal)) = (read, journal) else {
            return false;
        };
        self.decode(item)
            .is_ok_and(|record| journal.is_ahead_of(&record))
    }
}

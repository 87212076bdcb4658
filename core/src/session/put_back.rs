//! A record that was put back to an older one: by a restored backup, or by a store that had said "done" and was not.
//!
//! Its refresh token is spent, so it is as good as lost: it is not sent, and a login replaces it. A process that has the
//! newer one in memory stores it again. Nothing is deleted: what was put back may be put right.

use super::SessionManager;
use super::flight::off_thread;
use super::journal::Journal;
use super::memory::Memory;
use super::timeline::What;
use crate::log::LogLevel;
use crate::storage::{StoreError, StoredItem};

type Read = Result<Option<StoredItem>, StoreError>;

impl SessionManager {
    /// What was read, unless it lies behind the journal's mark. Within a turn: memory that has the newer record is the
    /// truth from now on.
    pub(crate) async fn unless_put_back(&self, read: Read) -> Read {
        let manager = match self.this.upgrade() {
            Some(manager) if !self.is_ours(&read) => manager,
            _ => return read,
        };
        let looked = off_thread(move || manager.look_behind(read)).await;
        let (read, journal) = looked.unwrap_or((Err(StoreError::Unavailable), None));
        let (Some(journal), Err(StoreError::KeyLost { tag })) = (journal, &read) else {
            return read;
        };
        if let Memory::Known(known) = &mut *self.memory() {
            let ours = known.record.as_deref();
            if ours.is_some_and(|ours| !journal.is_ahead_of(ours)) {
                known.tag = Some(tag.clone());
                known.persisted = false;
                self.persist_later();
                return Err(StoreError::Unavailable);
            }
            if known.lost && known.tag.as_ref() == Some(tag) {
                return read;
            }
        }
        self.note_put_back();
        read
    }

    pub(crate) fn note_put_back(&self) {
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

//! A record that was put back to an older one: by a restored backup, or by a store that had said "done" and was not.
//!
//! Its refresh token is spent, so it is as good as lost: it is not sent, and a login replaces it. A process that has the
//! newer one in memory stores it again. Nothing is deleted: what was put back may be put right.

use super::SessionManager;
use super::journal::Journal;
use super::memory::Memory;
use super::timeline::What;
use crate::log::LogLevel;
use crate::storage::{StoreError, StoredItem};

type Read = Result<Option<StoredItem>, StoreError>;

impl SessionManager {
    /// What was read, unless it lies behind the journal's mark.
    pub(crate) async fn unless_put_back(&self, read: Read) -> Read {
        if self.is_ours(&read) {
            return read;
        }
        let journal = self.read_journal().await;
        if !self.lies_behind(&read, journal.as_ref()) {
            return read;
        }
        // Another process may have written both in between: one more look, at the record last, which is written first.
        let journal = self.read_journal().await;
        let read = self.vault.load(&self.session_name).await;
        self.judge(read, journal.as_ref())
    }

    /// As [`Self::unless_put_back`], in the caller's thread.
    pub(crate) fn unless_put_back_here(&self, read: Read) -> Read {
        if self.is_ours(&read) || !self.lies_behind(&read, self.read_journal_here().as_ref()) {
            return read;
        }
        let journal = self.read_journal_here();
        let read = self.vault.load_here(&self.session_name);
        self.judge(read, journal.as_ref())
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

    fn judge(&self, read: Read, journal: Option<&Journal>) -> Read {
        let (true, Some(journal)) = (self.lies_behind(&read, journal), journal) else {
            return read;
        };
        let tag = read?.map(|item| item.tag).unwrap_or_default();
        if let Memory::Known(known) = &mut *self.memory() {
            let ours = known.record.as_deref();
            if ours.is_some_and(|ours| !journal.is_ahead_of(ours)) {
                known.tag = Some(tag);
                known.persisted = false;
                self.persist_later();
                return Err(StoreError::Unavailable);
            }
            if known.lost && known.tag.as_ref() == Some(&tag) {
                return Err(StoreError::KeyLost { tag });
            }
        }
        self.note(&What::PutBack);
        self.log.line(
            LogLevel::Error,
            format_args!("an older session was put back into the store; it is not used"),
        );
        Err(StoreError::KeyLost { tag })
    }
}

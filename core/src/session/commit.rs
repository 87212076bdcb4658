//! Storing the session, and going on trying where the store fails.
//!
//! A record that the store did not take is the truth in memory, is stored again as soon as that works, and stands its
//! ground against what the store holds by one rule, [`outranks`].

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::SessionManager;
use super::claim::TERM;
use super::flight::spawn;
use super::memory::{Known, Memory};
use super::rank::outranks;
use super::record::SessionRecord;
use super::timeline::What;
use super::vault::Tag;
use crate::log::LogLevel;
use crate::storage::StoreError;

/// How often a write is tried again after somebody else's came first.
pub(crate) const RACES: u32 = 16;

/// Who writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// A person, by a login or a logout: it wins.
    Person,
    /// A refresh: it gives way to a logout and to another login, also to one that only memory knows of.
    Refresh,
}

impl SessionManager {
    /// Stores a record in the place of the one with the tag `expected` and takes it over. Where the store fails, the
    /// record is the truth in memory all the same and is stored later; a conflict is the caller's.
    pub(crate) async fn commit(
        &self,
        record: SessionRecord,
        expected: Option<Tag>,
        writer: Writer,
    ) -> Result<(), StoreError> {
        let failed = {
            let _turn = self.turn.lock().await;
            if writer == Writer::Refresh && self.is_fenced(&record) {
                return Err(StoreError::Conflict);
            }
            match self.write(&record, expected.clone()).await {
                // A logout ended the session in memory while the store was at it.
                Ok(tag) if writer == Writer::Refresh && self.is_fenced(&record) => {
                    self.reached(&record);
                    self.point_at(tag);
                    return Err(StoreError::Conflict);
                }
                Ok(tag) => {
                    self.reached(&record);
                    self.take_over(record, Some(tag), true);
                    None
                }
                Err(StoreError::Conflict) => return Err(StoreError::Conflict),
                Err(error) => {
                    self.take_over(record, expected, false);
                    Some(error)
                }
            }
        };
        // After the turn, and when memory is settled: a log sink may ask for the session.
        if let Some(error) = failed {
            self.log.line(
                LogLevel::Error,
                format_args!("the session could not be stored, and is tried again: {error}"),
            );
        }
        Ok(())
    }

    async fn write(
        &self,
        record: &SessionRecord,
        expected: Option<Tag>,
    ) -> Result<Tag, StoreError> {
        let bytes = record.encode().map_err(|_| StoreError::Unavailable)?;
        self.vault.swap(&self.session_name, expected, bytes).await
    }

    /// Stores what a refresh has brought. Only a logout or another login is in its way: another process's claim, or
    /// its verdict on the token that this refresh has used, is replaced. An error says that the answer came too late.
    pub(crate) async fn commit_renewed(
        &self,
        record: SessionRecord,
        mut expected: Option<Tag>,
    ) -> Result<(), StoreError> {
        for _ in 0..RACES {
            let done = self
                .commit(record.clone(), expected.clone(), Writer::Refresh)
                .await;
            if done != Err(StoreError::Conflict) || self.is_fenced(&record) {
                return done;
            }
            let read = self.vault.load(&self.session_name).await;
            let wreck = self.wreck(&read);
            expected = match read {
                _ if wreck.is_some() => wreck,
                Ok(found) => {
                    let decoded = found.as_ref().and_then(|item| self.decode(item).ok());
                    if !outranks(&record, decoded.as_ref()) {
                        return Err(StoreError::Conflict);
                    }
                    found.map(|item| item.tag)
                }
                Err(_) => expected,
            };
        }
        let _turn = self.turn.lock().await;
        if self.is_fenced(&record) {
            return Err(StoreError::Conflict);
        }
        self.take_over(record, expected, false);
        Ok(())
    }

    /// What memory has is to replace the item with this tag. Within a turn.
    fn point_at(&self, tag: Tag) {
        if let Memory::Known(known) = &mut *self.memory() {
            known.tag = Some(tag);
        }
    }

    /// Within a turn.
    pub(crate) fn take_over(&self, record: SessionRecord, tag: Option<Tag>, persisted: bool) {
        self.looked_now();
        let mut known = Known::new(Some(record), tag, &*self.clock);
        known.persisted = persisted;
        if let Memory::Known(before) = &*self.memory()
            && before.has_the_token_of(&known)
        {
            known.lifetime = before.lifetime;
        }
        *self.memory() = Memory::Known(known);
        if !persisted {
            self.persist_later();
        }
    }

    /// Notes whether the store has what has just been committed.
    pub(crate) fn note_stored(&self) {
        let stored = self.known().is_ok_and(|known| known.persisted);
        self.note(if stored {
            &What::Stored
        } else {
            &What::PersistPending
        });
    }

    /// Whether memory knows of a logout, of another login, or of newer tokens.
    fn is_fenced(&self, record: &SessionRecord) -> bool {
        self.known().is_ok_and(|known| {
            known.record.is_some_and(|ours| {
                ours.session_id != record.session_id
                    || ours.is_newer_than(record)
                    || ((ours.live().is_none() || record.live().is_none())
                        && !outranks(record, Some(&ours)))
            })
        })
    }

    /// Tries again to store a record that is in memory alone.
    pub(crate) async fn persist_pending(&self) {
        for _ in 0..RACES {
            let turn = self.turn.lock().await;
            let Ok(Known {
                record: Some(record),
                tag,
                persisted: false,
                ..
            }) = self.known()
            else {
                return;
            };
            let Ok(bytes) = record.encode() else { return };
            match self.vault.swap(&self.session_name, tag, bytes).await {
                Ok(tag) => {
                    if let Memory::Known(known) = &mut *self.memory() {
                        known.tag = Some(tag);
                        known.persisted = true;
                    }
                    self.reached(&record);
                    self.note(&What::Stored);
                    return;
                }
                Err(StoreError::Conflict) => {
                    let was_put_back = self.look().await;
                    drop(turn);
                    if was_put_back {
                        self.tell_put_back();
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// Goes on trying to store for as long as this process has the session: often while our claim still keeps others from
    /// sending the spent token, then less and less often.
    pub(crate) fn persist_later(&self) {
        const OFTEN: Duration = Duration::from_secs(1);
        const LONGEST: Duration = Duration::from_secs(60);
        if self.persisting.swap(true, Ordering::SeqCst) {
            return;
        }
        let this = self.this.clone();
        drop(spawn(async move {
            let (mut pause, mut tries) = (OFTEN, 0);
            loop {
                tokio::time::sleep(pause).await;
                tries += 1;
                if tries > TERM {
                    pause = (pause * 2).min(LONGEST);
                }
                let Some(manager) = this.upgrade() else {
                    return;
                };
                manager.persist_pending().await;
                let is_stored = || manager.known().is_ok_and(|known| known.persisted);
                if !is_stored() {
                    continue;
                }
                manager.write_journal().await;
                manager.persisting.store(false, Ordering::SeqCst);
                // What came up since the look had been told that somebody is at it.
                if is_stored() || manager.persisting.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }));
    }
}

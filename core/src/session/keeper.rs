//! The session in memory, kept in step with what the store holds.
//!
//! One *turn* covers a store operation and the memory that tells of it, so that memory never goes back to what the
//! store has left (`commit` is the other direction).

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::SessionManager;
use super::flight::spawn;
use super::memory::{Known, Memory};
use super::rank::outranks;
use super::record::{SessionRecord, Unreadable};
use super::timeline::What;
use super::vault::Tag;
use crate::error::AuthError;
use crate::storage::{StoreError, StoredItem};
use crate::types::StorageReason;

/// What another process did is seen after so long at the latest, if there are calls.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl SessionManager {
    /// Reads the store and takes over what it holds.
    pub(crate) async fn reload(&self) -> Result<Known, AuthError> {
        let was_put_back = {
            let _turn = self.turn.lock().await;
            self.looked_now();
            self.look().await
        };
        if was_put_back {
            self.tell_put_back();
        }
        self.known()
    }

    /// Within a turn. Returns whether an older record was put back, which is told after the turn.
    pub(crate) async fn look(&self) -> bool {
        let read = self.vault.load(&self.session_name).await;
        let (read, was_put_back) = self.unless_put_back(read).await;
        self.adopt(read);
        was_put_back
    }

    /// Looks at the store beside a caller who is served from memory, if the last look is long ago: so another
    /// process's logout is seen.
    pub(crate) fn look_beside(self: &Arc<Self>) {
        let now = self.clock.boot();
        let last = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(last) < LOOK_AGAIN {
            return;
        }
        self.looked_now();
        let manager = Arc::clone(self);
        drop(spawn(async move {
            drop(manager.reload().await);
            manager.write_journal().await;
        }));
    }

    /// [`crate::Auth::resumed`].
    pub(crate) async fn resumed(self: &Arc<Self>) {
        let manager = Arc::clone(self);
        self.pace.resumed();
        let look = spawn(async move {
            drop(manager.reload().await);
            manager.persist_pending().await;
            manager.write_journal().await;
        });
        drop(look.await);
    }

    pub(crate) fn looked_now(&self) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.boot();
    }

    /// What is known, read from the store if it was not yet.
    pub(crate) async fn loaded(&self) -> Result<Known, AuthError> {
        match self.known() {
            Ok(known) => Ok(known),
            Err(_) => self.reload().await,
        }
    }

    pub(crate) fn known(&self) -> Result<Known, AuthError> {
        match &*self.memory() {
            Memory::Known(known) => Ok(known.clone()),
            Memory::Failed { reason, .. } => Err(AuthError::Storage { reason: *reason }),
            Memory::Unread => Err(AuthError::Storage {
                reason: StorageReason::Unavailable,
            }),
        }
    }

    /// Takes over what the store said. Within a turn, or while nothing is known yet.
    pub(crate) fn adopt(&self, read: Result<Option<StoredItem>, StoreError>) {
        let wreck = self.wreck(&read);
        let next = self.interpret(read);
        let mut memory = self.memory();
        // What is not stored yet takes the place of what can no longer be read.
        if let (Memory::Known(known), Some(tag)) = (&mut *memory, wreck)
            && !known.persisted
        {
            known.tag = Some(tag);
            return;
        }
        let (old, mut new) = match (&mut *memory, next) {
            // What is in memory outlives a store that fails.
            (Memory::Known(_), Memory::Failed { .. }) => return,
            (Memory::Known(old), Memory::Known(new)) => (old, new),
            (memory, next) => {
                *memory = next;
                return;
            }
        };
        if let (false, Some(ours)) = (old.persisted, &old.record)
            && (old.tag.is_some() && old.tag == new.tag || outranks(ours, new.record.as_deref()))
        {
            old.tag = new.tag;
            return;
        }
        // An ending is remembered although its record is gone.
        if new.record.is_none() && old.record.is_some() && old.live().is_none() {
            old.tag = new.tag;
            return;
        }
        let same = match (&old.record, &new.record) {
            (Some(a), Some(b)) => a.is_same(b),
            _ => false,
        };
        if same && old.tag == new.tag {
            return;
        }
        if old.live().is_some() && old.persisted && !same {
            let ours = old.record.as_deref();
            let newer = |new: &SessionRecord| ours.is_some_and(|ours| new.is_newer_than(ours));
            if new
                .record
                .as_deref()
                .is_some_and(|new| new.live().is_some() && newer(new))
            {
                self.note(&What::Adopted);
            }
        }
        // A session that was there and is not any more, without a word of why.
        new.lost |= new.record.is_none() && (old.lost || old.live().is_some());
        // Of the same tokens the lifetime is measured already, and an access token that was too large to store is
        // kept.
        let untold = new.live().is_some_and(|live| live.access_token.is_none());
        let same = same && (old.has_the_token_of(&new) || untold && old.live().is_some());
        let (lifetime, token) = (
            old.lifetime,
            old.live().and_then(|live| live.access_token.clone()),
        );
        *old = new;
        if same {
            old.lifetime = lifetime;
            old.complete(token);
        }
    }

    /// The tag of an item that is damaged, or whose key is lost.
    pub(crate) fn wreck(&self, read: &Result<Option<StoredItem>, StoreError>) -> Option<Tag> {
        match read {
            Err(StoreError::Corrupt { tag } | StoreError::KeyLost { tag }) => Some(tag.clone()),
            Ok(Some(item))
                if self
                    .decode(item)
                    .is_err_and(|why| why == Unreadable::Corrupt) =>
            {
                Some(item.tag.clone())
            }
            _ => None,
        }
    }

    pub(crate) fn interpret(&self, read: Result<Option<StoredItem>, StoreError>) -> Memory {
        let failed = |reason| Memory::Failed { reason };
        match read {
            Ok(None) => Memory::Known(Known::new(None, None, &*self.clock)),
            Ok(Some(item)) => match self.decode(&item) {
                Ok(record) => Memory::Known(Known::new(Some(record), Some(item.tag), &*self.clock)),
                Err(Unreadable::Newer) => failed(StorageReason::Incompatible),
                Err(Unreadable::Corrupt) => failed(StorageReason::Corrupt),
            },
            Err(StoreError::KeyLost { tag }) => {
                let mut known = Known::new(None, Some(tag), &*self.clock);
                known.lost = true;
                Memory::Known(known)
            }
            Err(StoreError::Corrupt { .. }) => failed(StorageReason::Corrupt),
            Err(StoreError::Locked) => failed(StorageReason::Locked),
            Err(StoreError::Conflict | StoreError::Unavailable) => {
                failed(StorageReason::Unavailable)
            }
        }
    }

    pub(crate) fn decode(&self, item: &StoredItem) -> Result<SessionRecord, Unreadable> {
        SessionRecord::decode(&item.bytes, &self.settings.issuer, &self.settings.client_id)
    }
}

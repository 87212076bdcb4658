//! The session in memory and the session in the store, kept in step.
//!
//! One *turn* covers a store operation and the memory that tells of it, so that memory never goes back to what the
//! store has left. A record that the store did not take is the truth in memory, is stored again as soon as that works,
//! and stands its ground against what the store holds by one rule, [`outranks`].

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::SessionManager;
use super::claim::TERM;
use super::flight::spawn;
use super::memory::{Known, Memory};
use super::record::{SessionRecord, State, Unreadable};
use super::timeline::What;
use super::vault::Tag;
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::storage::{StoreError, StoredItem};
use crate::types::{SignedOutReason, StorageReason};

/// How often a write is tried again after somebody else's came first.
pub(crate) const RACES: u32 = 16;

/// What another process did is seen after so long at the latest, if there are calls.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Who writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// A person, by a login or a logout: it wins.
    Person,
    /// A refresh: it gives way to a logout and to another login, also to one that only memory knows of.
    Refresh,
}

impl SessionManager {
    /// Reads the store and takes over what it holds.
    pub(crate) async fn reload(&self) -> Result<Known, AuthError> {
        let _turn = self.turn.lock().await;
        self.looked_now();
        self.look().await;
        self.known()
    }

    /// Within a turn.
    async fn look(&self) {
        let read = self.vault.load(&self.session_name).await;
        let read = self.unless_put_back(read).await;
        self.adopt(read);
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
    fn wreck(&self, read: &Result<Option<StoredItem>, StoreError>) -> Option<Tag> {
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

    /// Stores a record in the place of the one with the tag `expected` and takes it over. Where the store fails, the
    /// record is the truth in memory all the same and is stored later; a conflict is the caller's.
    pub(crate) async fn commit(
        &self,
        record: SessionRecord,
        expected: Option<Tag>,
        writer: Writer,
    ) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        if writer == Writer::Refresh && self.is_fenced(&record) {
            return Err(StoreError::Conflict);
        }
        let stored = match record.encode() {
            Ok(bytes) => {
                self.vault
                    .swap(&self.session_name, expected.clone(), bytes)
                    .await
            }
            Err(_) => Err(StoreError::Unavailable),
        };
        match stored {
            Ok(tag) => {
                self.reached(&record);
                self.take_over(record, Some(tag), true);
            }
            Err(StoreError::Conflict) => return Err(StoreError::Conflict),
            Err(error) => {
                self.log.line(
                    LogLevel::Error,
                    format_args!("the session could not be stored, and is tried again: {error}"),
                );
                self.take_over(record, expected, false);
            }
        }
        Ok(())
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
            let _turn = self.turn.lock().await;
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
                    self.look().await;
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

/// Whether a record that the store does not hold stands against what it does hold.
///
/// Of one session: a logout against everything; new tokens against the claim or the verdict of another process that
/// knew only the ones before; a verdict against the tokens that it is about, and none that came since. Of two
/// sessions: the later login or logout; a refresh never, whatever it has brought.
pub(crate) fn outranks(ours: &SessionRecord, found: Option<&SessionRecord>) -> bool {
    let Some(found) = found else {
        // Somebody has removed it, which only a logout that could not be written does.
        return ours.live().is_none() || ours.generation == 0;
    };
    if ours.session_id != found.session_id {
        return is_by_a_person(ours) && ours.person_acted_at() >= found.person_acted_at();
    }
    match (&ours.state, &found.state) {
        (State::Ended(_), State::Live(_)) => {
            is_by_a_person(ours) || found.generation < ours.generation
        }
        (State::Ended(_), State::Ended(_)) => false,
        (State::Live(_), State::Live(_)) => found.generation < ours.generation,
        (State::Live(_), State::Ended(ending)) => {
            matches!(
                ending.reason(),
                SignedOutReason::Revoked | SignedOutReason::RotationInterrupted
            ) && found.generation <= ours.generation
        }
    }
}

/// Whether a login or a logout wrote this, and not what became of a refresh.
fn is_by_a_person(record: &SessionRecord) -> bool {
    match &record.state {
        State::Live(_) => record.generation == 0,
        State::Ended(_) => record.is_logout(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::Ending;
    use crate::session::record::tests::live;

    fn session(id: &str, generation: u64, logged_in_at: i64) -> SessionRecord {
        let mut live = live();
        live.logged_in_at = logged_in_at;
        let state = State::Live(Box::new(live));
        let mut record = SessionRecord::new("i", "c", id.to_owned(), state);
        record.generation = generation;
        record
    }

    fn ended(of: &SessionRecord, reason: SignedOutReason, at: i64) -> SessionRecord {
        of.next(State::Ended(Ending {
            reason: reason.word(),
            at,
            logged_in_at: None,
        }))
    }

    #[test]
    fn new_tokens_stand_against_a_claim_and_a_verdict_on_the_old_ones() {
        let (old, new) = (session("a", 1, 10), session("a", 2, 10));
        assert!(outranks(&new, Some(&old)));
        for reason in [
            SignedOutReason::Revoked,
            SignedOutReason::RotationInterrupted,
        ] {
            assert!(outranks(&new, Some(&ended(&old, reason, 20))));
        }
    }

    #[test]
    fn new_tokens_give_way_to_newer_ones_a_logout_and_another_login() {
        let new = session("a", 2, 10);
        assert!(!outranks(&new, Some(&session("a", 3, 10))));
        let out = ended(&session("a", 1, 10), SignedOutReason::LoggedOut, 20);
        assert!(!outranks(&new, Some(&out)));
        assert!(!outranks(&new, Some(&session("b", 0, 5))));
        assert!(!outranks(&new, None), "it was removed");
    }

    #[test]
    fn a_logout_stands_against_the_session_it_ended_and_not_against_a_later_login() {
        let out = ended(&session("a", 1, 10), SignedOutReason::LoggedOut, 20);
        assert!(outranks(&out, Some(&session("a", 5, 10))));
        assert!(outranks(&out, Some(&session("b", 3, 15))));
        assert!(!outranks(&out, Some(&session("b", 0, 30))));
    }

    #[test]
    fn a_verdict_that_was_not_stored_gives_way_to_newer_tokens_and_to_another_login() {
        let old = session("a", 1, 10);
        for reason in [
            SignedOutReason::Revoked,
            SignedOutReason::RotationInterrupted,
        ] {
            let verdict = ended(&old, reason, 20);
            assert!(outranks(&verdict, Some(&old)));
            assert!(!outranks(&verdict, Some(&session("a", 2, 10))));
            assert!(!outranks(&verdict, Some(&session("b", 0, 15))));
        }
    }

    #[test]
    fn a_login_that_was_not_stored_stands_against_a_verdict_on_the_session_before_it() {
        let old = session("a", 1, 10);
        let verdict = old.next(State::Ended(Ending {
            reason: SignedOutReason::RotationInterrupted.word(),
            at: 30,
            logged_in_at: Some(10),
        }));
        assert!(outranks(&session("b", 0, 20), Some(&verdict)));
    }

    #[test]
    fn of_two_logins_the_later_one_stands() {
        assert!(outranks(&session("b", 0, 20), Some(&session("a", 4, 10))));
        assert!(!outranks(&session("a", 0, 10), Some(&session("b", 0, 20))));
    }
}

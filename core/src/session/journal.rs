//! The journal: what happened to the session, and how far its record had come.
//!
//! A second small item beside the record, without a secret and without a subject. Its *events* are the timeline that a
//! support engineer reads. Its *mark* is the highest generation that was ever stored: a record behind it was put back,
//! by a restored backup or a store that lies, and its refresh token is spent (refresh.md §4.2). Both put back together
//! cannot be told from the truth. The journal is written after the record, never instead of it, and a journal that
//! cannot be read or written is no reason for anything.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SessionManager;
use super::commit::RACES;
use super::flight::spawn;
use super::record::{SessionRecord, Unreadable, check_version};
use super::timeline::What;
use super::vault::Tag;
use crate::log::LogLevel;
use crate::storage::{StoreError, StoredItem};

const SCHEMA: u32 = 1;
/// How many events are kept, and in how many bytes.
const MOST_EVENTS: usize = 200;
const MOST_BYTES: usize = 12 * 1024;
/// How many sessions before this one are known to be over.
const MOST_PAST: usize = 8;
/// How long a caller waits for the journal. What takes longer goes on without it.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Journal {
    schema: u32,
    mark: Option<Mark>,
    pub(crate) events: Vec<Event>,
}

/// When, what, and a word more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event(pub(crate) i64, pub(crate) String, pub(crate) Option<String>);

/// The highest generation that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    session_id: String,
    generation: u64,
    past: Vec<String>,
}

impl Mark {
    fn new(session_id: &str, generation: u64) -> Self {
        Self {
            session_id: session_id.to_owned(),
            generation,
            past: Vec::new(),
        }
    }
}

/// What is not in the store yet.
#[derive(Default)]
pub(crate) struct Unwritten {
    events: Vec<Event>,
    reached: Vec<(String, u64)>,
}

impl Unwritten {
    /// Takes out what was there when the writing began.
    fn remove(&mut self, written: &Self) {
        if self.events.starts_with(&written.events) {
            self.events.drain(..written.events.len());
        } else {
            // Noting has dropped some of it, where there was too much.
            self.events.retain(|event| !written.events.contains(event));
        }
        self.reached
            .retain(|reached| !written.reached.contains(reached));
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            mark: None,
            events: Vec::new(),
        }
    }
}

impl Journal {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        check_version(bytes, SCHEMA)?;
        serde_json::from_slice(bytes).map_err(|_| Unreadable::Corrupt)
    }

    fn encode(&mut self) -> Vec<u8> {
        loop {
            let bytes = serde_json::to_vec(self).unwrap_or_default();
            if bytes.len() <= MOST_BYTES || self.events.is_empty() {
                return bytes;
            }
            self.events.remove(0);
        }
    }

    /// Adds what was noted. `stored` is the session that the store holds now, where it can be read.
    fn add(&mut self, unwritten: &Unwritten, stored: Option<&str>) {
        self.events.extend(unwritten.events.iter().cloned());
        forget(&mut self.events, MOST_EVENTS);
        for (session_id, generation) in &unwritten.reached {
            self.reach(session_id, *generation, stored);
        }
    }

    /// The word of a session that the store does not hold any more comes late: that session is past, whatever it says.
    fn reach(&mut self, session_id: &str, generation: u64, stored: Option<&str>) {
        let Some(mark) = &mut self.mark else {
            if stored == Some(session_id) {
                self.mark = Some(Mark::new(session_id, generation));
            }
            return;
        };
        if mark.session_id == session_id {
            mark.generation = mark.generation.max(generation);
            return;
        }
        let (past, over) = match stored {
            Some(stored) if stored == session_id => {
                let before = std::mem::replace(mark, Mark::new(session_id, generation));
                (before.past, before.session_id)
            }
            Some(_) => (std::mem::take(&mut mark.past), session_id.to_owned()),
            None => return,
        };
        mark.past = past;
        mark.past
            .retain(|known| *known != over && known != &mark.session_id);
        mark.past.push(over);
        forget(&mut mark.past, MOST_PAST);
    }

    /// Whether this record is one from before what was stored last.
    pub(crate) fn is_ahead_of(&self, record: &SessionRecord) -> bool {
        self.mark.as_ref().is_some_and(|mark| {
            if mark.session_id == record.session_id {
                // An ending that was stored late is an ending.
                record.generation < mark.generation && record.live().is_some()
            } else {
                mark.past.contains(&record.session_id)
            }
        })
    }
}

impl SessionManager {
    /// Writes an event down; [`Self::write_journal`] stores it.
    pub(crate) fn note(&self, what: &What) {
        let event = Event(self.now(), what.word().to_owned(), what.detail());
        let mut unwritten = self.unwritten();
        unwritten.events.push(event);
        forget(&mut unwritten.events, MOST_EVENTS);
    }

    /// The store has this record: nothing before it is believed again.
    pub(crate) fn reached(&self, record: &SessionRecord) {
        let reached = (record.session_id.clone(), record.generation);
        let mut unwritten = self.unwritten();
        unwritten.reached.push(reached);
        // A journal that cannot be written for weeks does not fill the memory.
        forget(&mut unwritten.reached, MOST_PAST);
    }

    /// Stores what was noted. Goes on beside the caller where the store is slow.
    pub(crate) async fn write_journal(&self) {
        let Some(manager) = self.this.upgrade() else {
            return;
        };
        let writing = spawn(async move { manager.write_journal_here().await });
        drop(tokio::time::timeout(PATIENCE, writing).await);
    }

    async fn write_journal_here(self: Arc<Self>) {
        let one = self.writing_journal.lock().await;
        let (events, reached) = {
            let unwritten = self.unwritten();
            (unwritten.events.clone(), unwritten.reached.clone())
        };
        if events.is_empty() && reached.is_empty() {
            return;
        }
        let written = Unwritten { events, reached };
        let appended = self.append(&written).await;
        if appended.is_ok() {
            // What was noted meanwhile stays.
            self.unwritten().remove(&written);
        }
        drop(one);
        if let Err(error) = appended {
            self.log.line(
                LogLevel::Warn,
                format_args!("the journal was not written, and is tried again: {error}"),
            );
        }
    }

    async fn append(&self, unwritten: &Unwritten) -> Result<(), StoreError> {
        for _ in 0..RACES {
            let read = self.vault.load(&self.journal_name).await;
            let Some((mut journal, tag)) = journal_of(read)? else {
                // A newer version of the app keeps it now.
                return Ok(());
            };
            // After the journal and before its swap: a login that comes later has its word after ours.
            let stored = self.vault.load(&self.session_name).await;
            let stored = stored
                .ok()
                .flatten()
                .and_then(|item| self.decode(&item).ok());
            journal.add(
                unwritten,
                stored.as_ref().map(|record| record.session_id.as_str()),
            );
            let bytes = journal.encode();
            match self.vault.swap(&self.journal_name, tag, bytes).await {
                Err(StoreError::Conflict) => {}
                done => return done.map(drop),
            }
        }
        Err(StoreError::Conflict)
    }

    /// The journal as it is stored; `None` where it cannot be read. In the caller's thread.
    pub(crate) fn read_journal_here(&self) -> Option<Journal> {
        let read = self.vault.load_here(&self.journal_name);
        journal_of(read).ok().flatten().map(|(journal, _)| journal)
    }

    /// What happened, oldest first: what is stored, and what is not yet. In the caller's thread.
    pub(crate) fn events_here(&self) -> Vec<Event> {
        let before = self.unwritten().events.clone();
        let mut events = self.read_journal_here().unwrap_or_default().events;
        let now = self.unwritten().events.clone();
        // What was written between the two looks is in both: it is told once.
        if !events.ends_with(&before) {
            events.extend(before.iter().filter(|event| !now.contains(event)).cloned());
            events.extend(now);
        }
        events
    }

    fn unwritten(&self) -> std::sync::MutexGuard<'_, Unwritten> {
        let unwritten: &Mutex<Unwritten> = &self.unwritten;
        unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the oldest, where there are more than `most`.
fn forget<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}

/// `None` for a journal of a newer version.
fn journal_of(
    read: Result<Option<StoredItem>, StoreError>,
) -> Result<Option<(Journal, Option<Tag>)>, StoreError> {
    match read {
        Ok(None) => Ok(Some((Journal::default(), None))),
        Ok(Some(item)) => match Journal::decode(&item.bytes) {
            Ok(journal) => Ok(Some((journal, Some(item.tag)))),
            Err(Unreadable::Newer) => Ok(None),
            Err(Unreadable::Corrupt) => Ok(Some((Journal::default(), Some(item.tag)))),
        },
        Err(StoreError::Corrupt { tag } | StoreError::KeyLost { tag }) => {
            Ok(Some((Journal::default(), Some(tag))))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::live;
    use super::super::record::{Ending, State};
    use super::*;

    fn record(session_id: &str, generation: u64) -> SessionRecord {
        let state = State::Live(Box::new(live()));
        let mut record = SessionRecord::new("i", "c", session_id.to_owned(), state);
        record.generation = generation;
        record
    }

    fn journal(reached: &[(&str, u64)]) -> Journal {
        let mut journal = Journal::default();
        for (session_id, generation) in reached {
            journal.reach(session_id, *generation, Some(session_id));
        }
        journal
    }

    #[test]
    fn a_record_behind_the_mark_was_put_back() {
        let journal = journal(&[("a", 1), ("a", 3), ("a", 2)]);
        for (generation, behind) in [(2, true), (3, false), (4, false)] {
            assert_eq!(journal.is_ahead_of(&record("a", generation)), behind);
        }
    }

    #[test]
    fn a_session_that_another_login_has_replaced_was_put_back() {
        let mut journal = journal(&[("a", 9), ("b", 0)]);
        journal.reach("a", 10, Some("b"));
        assert!(journal.is_ahead_of(&record("a", 11)));
        assert!(!journal.is_ahead_of(&record("b", 0)));
        assert!(
            !journal.is_ahead_of(&record("c", 0)),
            "its mark was not written yet"
        );
    }

    #[test]
    fn the_late_word_of_a_login_that_was_replaced_ends_nobody_elses() {
        let mut journal = journal(&[("c", 0)]);
        for stored in [Some("c"), None] {
            journal.reach("b", 5, stored);
            assert!(!journal.is_ahead_of(&record("c", 0)), "{stored:?}");
        }
        assert!(journal.is_ahead_of(&record("b", 5)));
    }

    #[test]
    fn an_ending_that_was_stored_late_was_not_put_back() {
        let journal = journal(&[("a", 3)]);
        let mut out = record("a", 2);
        out.state = State::Ended(Ending {
            reason: "logged_out".to_owned(),
            at: 1,
            logged_in_at: None,
        });
        assert!(!journal.is_ahead_of(&out));
    }

    #[test]
    fn of_the_events_the_last_two_hundred_are_kept_and_of_long_ones_as_many_as_fit() {
        let mut journal = Journal::default();
        for (length, count) in [(10, MOST_EVENTS), (500, 23)] {
            let mut unwritten = Unwritten::default();
            for at in 0..300 {
                let detail = Some("x".repeat(length));
                unwritten.events.push(Event(at, "login".to_owned(), detail));
            }
            journal.add(&unwritten, None);
            let bytes = journal.encode();
            assert!(bytes.len() <= MOST_BYTES);
            let read = Journal::decode(&bytes).expect("ours");
            assert_eq!(read.events.len(), count);
            assert_eq!(read.events.last().map(|event| event.0), Some(299));
        }
    }

    #[test]
    fn a_journal_of_a_newer_version_is_left_alone_and_a_damaged_one_begun_anew() {
        let item = |text: &str| {
            Ok(Some(StoredItem {
                tag: vec![1; 16],
                bytes: text.as_bytes().to_vec(),
            }))
        };
        assert!(journal_of(item("{\"schema\":2}")).expect("read").is_none());
        let (journal, tag) = journal_of(item("?")).expect("read").expect("anew");
        assert!(journal.events.is_empty() && tag.is_some());
    }
}

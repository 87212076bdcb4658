//! What a process knows and how it stays in step with the store: the model's copy of `keeper` and `commit`. Each write is
//! judged by I4 and I5.

use super::Model;
use super::real::outranks;
use super::state::{Content, Memory, Record, Rule, State, Why};

/// Whose write it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    Person,
    Refresh,
}

/// What the store said to a write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Done,
    Conflict,
    Full,
}

/// What a process reads and writes: [`crate::session::keeper`] and `commit`.
impl Model {
    pub(super) fn swap(
        &self,
        state: &mut State,
        record: Record,
        tag: bool,
        writer: Writer,
    ) -> Said {
        if state.full {
            return Said::Full;
        }
        if !tag {
            return Said::Conflict;
        }
        judge_the_write(state, &record, writer);
        state.write(record);
        Said::Done
    }

    pub(super) fn commit(
        &self,
        state: &mut State,
        process: usize,
        record: Record,
        tag: bool,
        writer: Writer,
    ) -> Said {
        if writer == Writer::Refresh && self.is_fenced(state, process, &record) {
            return Said::Conflict;
        }
        let said = self.swap(state, record, tag, writer);
        let persisted = said == Said::Done;
        if said != Said::Conflict {
            state.processes[process].memory = Some(Memory {
                record,
                persisted,
                tag: persisted || tag,
            });
        }
        said
    }

    pub(super) fn is_fenced(&self, state: &State, process: usize, record: &Record) -> bool {
        state.processes[process].memory.is_some_and(|known| {
            known.record.session != record.session || known.record.live().is_none()
        })
    }

    pub(super) fn loaded(&self, state: &mut State, process: usize) -> Memory {
        match state.processes[process].memory {
            Some(known) => known,
            None => self.reload(state, process),
        }
    }

    /// `reload` and `adopt`.
    pub(super) fn reload(&self, state: &mut State, process: usize) -> Memory {
        let found = Memory {
            record: state.store,
            persisted: true,
            tag: true,
        };
        let next = match state.processes[process].memory {
            Some(ours) if !ours.persisted && outranks(&ours.record, &found.record) => {
                Memory { tag: true, ..ours }
            }
            _ => found,
        };
        state.processes[process].memory = Some(next);
        next
    }

    pub(super) fn persist_pending(&self, state: &mut State, process: usize) {
        for _ in 0..3 {
            let Some(known) = state.processes[process].memory else {
                return;
            };
            if known.persisted {
                return;
            }
            let writer = if is_by_a_person(&known.record) {
                Writer::Person
            } else {
                Writer::Refresh
            };
            match self.swap(state, known.record, known.tag, writer) {
                Said::Done => {
                    state.processes[process].memory = Some(Memory {
                        persisted: true,
                        tag: true,
                        ..known
                    });
                    return;
                }
                Said::Conflict => {
                    self.reload(state, process);
                }
                Said::Full => return,
            }
        }
    }
}

fn is_by_a_person(record: &Record) -> bool {
    match record.content {
        Content::Live(_) => record.generation == 0,
        Content::Ended { why, .. } => why == Why::LoggedOut,
    }
}

/// I4 and I5, at each write.
fn judge_the_write(state: &mut State, record: &Record, writer: Writer) {
    if writer == Writer::Person {
        return;
    }
    let before = state.store;
    // A refresh of a login that is in memory alone brings it into the store.
    let is_later = record.session > before.session
        && record
            .live()
            .is_some_and(|tokens| acted_at(&before) < Some(tokens.logged_in_at));
    let is_same = record.session == before.session && before.ended() != Some(Why::LoggedOut);
    if !is_later && !is_same {
        state.break_rule(Rule::I5);
    }
    if is_later {
        return;
    }
    // A verdict is about the token that the store has. New tokens replace a verdict, and no newer ones.
    let in_order = match (record.content, before.content) {
        (Content::Ended { .. }, _) => before.generation < record.generation,
        (Content::Live(_), Content::Live(_)) => before.generation <= record.generation,
        (Content::Live(_), Content::Ended { .. }) => before.generation == record.generation,
    };
    if !in_order {
        state.break_rule(Rule::I4);
    }
}

/// When a person last decided about this session.
fn acted_at(record: &Record) -> Option<u8> {
    match record.content {
        Content::Live(tokens) => Some(tokens.logged_in_at),
        Content::Ended { why, at, .. } => (why == Why::LoggedOut).then_some(at),
    }
}

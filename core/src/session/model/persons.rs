//! What persons do: each act is one write, whatever it finds (`logout`, `finish`).

use super::Model;
use super::memory::{Said, Writer};
use super::state::{Content, Record, State, Tokens, Why};

impl Model {
    /// A tombstone over whatever is newer, here or in the store.
    pub(super) fn logout(&self, state: &mut State, process: usize, revoked: bool) {
        state.acts += 1;
        state.past.last_act = Some(false);
        let stored = state.store;
        let latest = match state.processes[process].memory {
            Some(ours)
                if ours.record.session == stored.session
                    && ours.record.generation > stored.generation =>
            {
                ours.record
            }
            _ => stored,
        };
        let tombstone = latest.next(Content::Ended {
            why: Why::LoggedOut,
            at: state.at(),
            logged_in_at: latest.logged_in_at(),
        });
        self.commit(state, process, tombstone, true, Writer::Person);
        if revoked && latest.live().is_some() {
            state.families[usize::from(latest.session)].revoke();
        }
    }

    pub(super) fn login(&self, state: &mut State, process: usize) {
        state.acts += 1;
        state.past.last_act = Some(true);
        let record = Record {
            session: 1,
            generation: 0,
            content: Content::Live(Tokens {
                refresh: 0,
                ends: state.now + self.time.life,
                kept: false,
                logged_in_at: state.at(),
                claim: None,
            }),
        };
        let said = self.commit(state, process, record, true, Writer::Person);
        debug_assert!(
            said != Said::Conflict,
            "a login names what it has just read"
        );
    }
}

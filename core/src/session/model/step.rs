//! The steps of a process: what `refresh`, `send`, `answer`, `settle` and `keeper` do between two things that others
//! can see. The decisions are the product's (`real`); only the order of the steps is told again here.

use super::memory::{Said, Writer};
use super::provider::Policy;
use super::real::{View, outranks};
use super::state::{
    At, Attempt, Content, Death, Open, Process, Reply, Rule, State, Tokens, Why, Wish,
};
use super::{Broken, Model};
use crate::session::claim::Next;

/// A caller waits no longer than this for another send of the same token.
const SHORT: u64 = 2;

impl Model {
    /// A caller asks a process for a token.
    pub(super) fn call(&self, state: &mut State, process: usize, force: bool) {
        let mut known = self.loaded(state, process);
        if known.record.live().is_none() {
            known = self.reload(state, process);
        }
        let Some(tokens) = known.record.live() else {
            return;
        };
        if force || tokens.ends <= state.now + self.time.margin {
            state.processes[process].at = At::Looking(Wish {
                force,
                seen: known.record.name(),
            });
        }
    }

    /// The next step of a process that is at a refresh.
    pub(super) fn step(&self, state: &mut State, process: usize) {
        match state.processes[process].at {
            At::Idle | At::Sent(_, Reply::OnItsWay) => {}
            At::Looking(wish) => self.look(state, process, wish),
            At::Looked(attempt) => self.take_claim(state, process, attempt),
            At::Claimed(attempt) => self.say_so(state, process, attempt),
            At::Said(attempt) => self.send(state, process, attempt),
            At::Sent(attempt, Reply::Tokens(refresh)) => {
                self.commit_renewed(state, process, attempt, refresh);
            }
            At::Sent(attempt, Reply::InvalidGrant) => self.refused(state, process, attempt),
            At::Settling(attempt, open, go_on) => {
                self.settle(state, process, attempt, open);
                state.processes[process].at = if go_on {
                    At::Looking(attempt.wish)
                } else {
                    At::Idle
                };
            }
        }
    }

    fn look(&self, state: &mut State, process: usize, wish: Wish) {
        self.persist_pending(state, process);
        let known = self.reload(state, process);
        let (now, me) = (state.now, state.run(process));
        let place = &mut state.processes[process].at;
        let Some(tokens) = known.record.live() else {
            *place = At::Idle;
            return;
        };
        if known.record.name() != wish.seen && tokens.ends > now {
            *place = At::Idle;
            return;
        }
        let holder = tokens.claim.and_then(|claim| claim.holder);
        let gone =
            holder.is_some_and(|(run, _)| self.setting.proof && run != me && state.is_gone(run));
        let view = View {
            now,
            run: me,
            holder_is_gone: gone,
            wish,
        };
        let next = self.setting.next(&known.record, &view);
        let place = &mut state.processes[process].at;
        match next {
            Some(Next::Send) => {
                *place = At::Looked(Attempt {
                    wish,
                    record: known.record,
                    tag: known.tag,
                    earlier: None,
                    asked: now,
                    within: self.setting.send_within(&known.record, &view),
                });
            }
            Some(Next::Wait) => {}
            Some(Next::Later(seconds)) if seconds <= SHORT => {}
            Some(Next::Later(_) | Next::Rest) | None => *place = At::Idle,
        }
    }

    fn take_claim(&self, state: &mut State, process: usize, mut attempt: Attempt) {
        let earlier = attempt.record.claim();
        let claim = self
            .setting
            .taken(earlier, state.run(process), attempt.asked);
        let claimed = attempt.record.with_claim(Some(claim));
        let next = match self.swap(state, claimed, attempt.tag, Writer::Refresh) {
            Said::Done => {
                attempt.record = claimed;
                attempt.tag = true;
                attempt.earlier = claim.sent;
                At::Claimed(attempt)
            }
            Said::Conflict => At::Looking(attempt.wish),
            // What it cannot write down now, it could not write down afterwards.
            Said::Full => At::Idle,
        };
        state.processes[process].at = next;
    }

    fn say_so(&self, state: &mut State, process: usize, mut attempt: Attempt) {
        let claim = attempt.record.claim();
        let sending =
            claim.and_then(|claim| self.setting.sending(claim, state.now, attempt.within));
        let next = match sending {
            _ if self.broken == Some(Broken::SendsUnsaid) => At::Sent(attempt, Reply::OnItsWay),
            None => At::Settling(attempt, attempt.earlier, true),
            Some(sending) => {
                let said = attempt.record.with_claim(Some(sending));
                let tag = attempt.tag || self.broken == Some(Broken::SaysSoWithoutTheTag);
                match self.swap(state, said, tag, Writer::Refresh) {
                    Said::Done => {
                        if state.past.durable[usize::from(said.session)] != said.generation {
                            state.break_rule(Rule::I2);
                        }
                        attempt.record = said;
                        attempt.tag = true;
                        At::Said(attempt)
                    }
                    Said::Conflict => At::Settling(attempt, attempt.earlier, true),
                    Said::Full => At::Settling(attempt, attempt.earlier, false),
                }
            }
        };
        state.processes[process].at = next;
    }

    /// The step that no write guards: from "I send" to sending.
    fn send(&self, state: &mut State, process: usize, attempt: Attempt) {
        let Some(claim) = attempt.record.claim() else {
            return;
        };
        let in_time = self.setting.is_in_time(claim, state.now)
            || self.broken == Some(Broken::SendsAfterTheStep);
        if !in_time {
            state.processes[process].at = At::Settling(attempt, attempt.earlier, true);
            return;
        }
        self.judge_the_send(state, process, &attempt);
        state.processes[process].at = At::Sent(attempt, Reply::OnItsWay);
    }

    fn judge_the_send(&self, state: &mut State, process: usize, attempt: &Attempt) {
        let me = state.run(process);
        let same = state.store.name() == attempt.record.name() && state.store.live().is_some();
        let holder = state.store.claim().and_then(|claim| claim.holder);
        let held = holder.is_some_and(|(run, _)| run == me);
        let other = match state.processes[1 - process].at {
            At::Sent(other, _) if other.record.name() == attempt.record.name() => {
                let holder = other.record.claim().and_then(|claim| claim.holder);
                holder.is_some_and(|(_, since)| self.setting.is_valid(since, state.now))
            }
            _ => false,
        };
        // Where a person acted, or newer tokens came, in the step before: what remains of the window.
        if (same && !held) || other {
            state.break_rule(Rule::I1);
        }
        let Process { memory, at, .. } = state.processes[1 - process];
        let mine = attempt.record;
        let is_newer = memory.is_some_and(|known| {
            known.record.session == mine.session && known.record.generation > mine.generation
        });
        let has_tokens = matches!(at, At::Sent(other, Reply::Tokens(_))
            if other.record.name() == mine.name());
        // What remains of the window: they came between "I send" and sending.
        let is_stored = state.past.durable[usize::from(mine.session)] > mine.generation;
        state.past.overtaken |= is_newer || has_tokens || is_stored;
        let token_left = attempt
            .record
            .live()
            .is_some_and(|tokens| tokens.ends > state.now);
        if let (Some(open), true) = (attempt.earlier, token_left) {
            let is_taken = match self.policy {
                Policy::None | Policy::Parent => true,
                Policy::Grace(grace) => self.setting.seconds(state.now - open.first) <= grace,
                Policy::Strict => false,
            };
            if !is_taken {
                state.break_rule(Rule::CostlyRepeat);
            }
        }
    }

    /// `answer::renewed` and [`crate::session::commit`]'s `commit_renewed`.
    fn commit_renewed(&self, state: &mut State, process: usize, mut attempt: Attempt, refresh: u8) {
        let Some(tokens) = attempt.record.live() else {
            return;
        };
        let renewed = attempt.record.next(Content::Live(Tokens {
            refresh,
            ends: attempt.asked + self.time.life,
            kept: refresh == tokens.refresh,
            claim: None,
            ..*tokens
        }));
        let tag = attempt.tag || self.broken == Some(Broken::StoresWithoutTheTag);
        let said = self.commit(state, process, renewed, tag, Writer::Refresh);
        let next = match said {
            Said::Conflict if self.is_fenced(state, process, &renewed) => {
                self.lost(state, process, &attempt)
            }
            Said::Conflict if outranks(&renewed, &state.store) => {
                attempt.tag = true;
                At::Sent(attempt, Reply::Tokens(refresh))
            }
            Said::Conflict => self.lost(state, process, &attempt),
            Said::Done | Said::Full => At::Idle,
        };
        state.processes[process].at = next;
    }

    /// Somebody else's record won.
    fn lost(&self, state: &mut State, process: usize, attempt: &Attempt) -> At {
        let winner = self.reload(state, process);
        if winner.record.ended() == Some(Why::LoggedOut) {
            state.families[usize::from(attempt.record.session)].revoke();
        }
        At::Idle
    }

    fn refused(&self, state: &mut State, process: usize, attempt: Attempt) {
        let why = if attempt.earlier.is_some() {
            Why::RotationInterrupted
        } else {
            Why::Revoked
        };
        let ended = attempt.record.next(Content::Ended {
            why,
            at: state.at(),
            logged_in_at: attempt.record.logged_in_at(),
        });
        state.processes[process].at = At::Idle;
        match self.commit(state, process, ended, attempt.tag, Writer::Refresh) {
            Said::Conflict => {
                self.reload(state, process);
            }
            Said::Done | Said::Full => self.judge_the_end(state, &attempt, why),
        }
    }

    fn judge_the_end(&self, state: &mut State, attempt: &Attempt, why: Why) {
        let death = state.families[usize::from(attempt.record.session)].dead;
        let Some(death) = death else {
            // The provider refused what it knows nothing of.
            state.break_rule(Rule::I4);
            return;
        };
        let past = state.past;
        if why == Why::Revoked && death != Death::Revoked && !past.overtaken {
            state.break_rule(Rule::I7);
        }
        let excused = past.lost_tokens || past.overtaken || death != Death::Reuse;
        if self.policy != Policy::Strict && !excused {
            state.break_rule(Rule::I6);
        }
    }

    /// `settle`: the record without a holder, for as long as it is still ours.
    fn settle(&self, state: &mut State, process: usize, attempt: Attempt, open: Option<Open>) {
        let settled = attempt.record.with_claim(self.setting.given_up(open));
        let said = self.commit(state, process, settled, attempt.tag, Writer::Refresh);
        let me = state.run(process);
        let holder = state.store.claim().and_then(|claim| claim.holder);
        let ours = holder.is_some_and(|(run, _)| run == me);
        if said == Said::Conflict && ours && state.store.name() == settled.name() {
            self.commit(state, process, settled, true, Writer::Refresh);
        }
    }
}

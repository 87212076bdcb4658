//! I1 to I7 over the model's states. I8, that no secret is outside the sealed record, is no matter of order, and is
//! held by the tests that look for secrets.

use stateright::Property;

use super::Model;
use super::provider::Policy;
use super::state::{At, Process, Reply, Rule, State, Why};

/// After so many steps and ticks a call has ended, or never ends.
const ENOUGH: u8 = 60;

fn keeps(state: &State, rule: Rule) -> bool {
    state.past.broken != Some(rule)
}

pub(super) fn always() -> Vec<Property<Model>> {
    type Condition = fn(&Model, &State) -> bool;
    let rules: [(&'static str, Condition); 9] = [
        ("I1 one send is started for a valid claim", |_, state| {
            keeps(state, Rule::I1)
        }),
        (
            "I2 no old token is sent after a new one is durable",
            |_, state| keeps(state, Rule::I2),
        ),
        (
            "I3 what is in use is durable, or said to be pending",
            |_, state| {
                state
                    .processes
                    .iter()
                    .all(|process| is_told(state, process))
            },
        ),
        ("I4 a session ends by its causes alone", |_, state| {
            keeps(state, Rule::I4)
        }),
        ("I5 a person wins over every late write", |_, state| {
            keeps(state, Rule::I5) && person_has_won(state)
        }),
        (
            "I6 a provider that takes a repeat keeps the session",
            |_, state| keeps(state, Rule::I6),
        ),
        ("I7 an end has its honest reason", |_, state| {
            keeps(state, Rule::I7)
        }),
        (
            "no repeat that may cost the token that is left",
            |_, state| keeps(state, Rule::CostlyRepeat),
        ),
        (
            "I6 and I7 the next call brings a token or an end",
            |model, state| model.next_calls_end_well(state),
        ),
    ];
    rules
        .into_iter()
        .map(|(name, condition)| Property::always(name, condition))
        .collect()
}

/// States that must be reached where they can be, so that an empty exploration is seen.
pub(super) fn sometimes(model: &Model) -> Vec<Property<Model>> {
    type Condition = fn(&Model, &State) -> bool;
    let left = model.left;
    let has_time = model.time.last_tick > 2;
    let states: [(bool, &'static str, Condition); 9] = [
        (true, "two processes race for the claim", |_, state| {
            let races =
                |process: &Process| matches!(process.at, At::Looked(attempt) if attempt.tag);
            state.processes.iter().all(races)
        }),
        (
            has_time,
            "a claim is taken from a process that still believes in it",
            |_, state| {
                let believes = |process: &Process| {
                    matches!(process.at, At::Claimed(_) | At::Said(_) | At::Sent(..))
                };
                state.processes.iter().all(believes)
            },
        ),
        (has_time, "an earlier send is repeated", |_, state| {
            state.processes.iter().any(|process| {
                matches!(process.at, At::Sent(attempt, Reply::OnItsWay) if attempt.earlier.is_some())
            })
        }),
        (
            left.outages > 0,
            "new tokens are in memory alone",
            |_, state| {
                let durable = state.store.generation;
                state.processes.iter().any(|process| {
                    process.memory.is_some_and(|known| {
                        let record = known.record;
                        !known.persisted && record.live().is_some() && record.generation > durable
                    })
                })
            },
        ),
        (
            has_time && model.time.life < model.time.last_tick,
            "a session is renewed twice",
            |_, state| state.store.live().is_some() && state.store.generation == 3,
        ),
        (left.logouts > 0, "a person has logged out", |_, state| {
            state.store.ended() == Some(Why::LoggedOut)
        }),
        (
            left.logins > 0,
            "a login has replaced a session that is being renewed",
            |_, state| {
                let of_the_old = |process: &Process| matches!(process.at, At::Sent(attempt, Reply::Tokens(_)) if attempt.record.session == 0);
                state.store.session == 1 && state.processes.iter().any(of_the_old)
            },
        ),
        // Where I6 and I7 cannot be held: the answer was there, and stood still for a whole term.
        (
            has_time,
            "a process sends again what another one has the answer to",
            |_, state| state.past.overtaken,
        ),
        (
            has_time && model.policy == Policy::Strict,
            "a lost answer has ended the session",
            |_, state| state.store.ended() == Some(Why::RotationInterrupted),
        ),
    ];
    states
        .into_iter()
        .filter(|(can_be, ..)| *can_be)
        .map(|(_, name, condition)| Property::sometimes(name, condition))
        .collect()
}

/// I3.
fn is_told(state: &State, process: &Process) -> bool {
    process.memory.is_none_or(|known| {
        let durable = state.past.durable[usize::from(known.record.session)];
        !known.persisted || known.record.generation <= durable
    })
}

/// I5, where nothing is under way and nothing waits to be stored.
fn person_has_won(state: &State) -> bool {
    let past = state.past;
    let settled = |process: &Process| process.memory.is_none_or(|known| known.persisted);
    if !state.is_quiet() || !state.processes.iter().all(settled) || past.lost_act {
        return true;
    }
    match past.last_act {
        None => true,
        Some(true) => state.store.session == 1 && state.store.ended() != Some(Why::LoggedOut),
        Some(false) => state.store.ended().is_some(),
    }
}

impl Model {
    /// I6 and I7: whatever has happened, a call now, with nothing more going wrong, brings a token or an end.
    fn next_calls_end_well(&self, state: &State) -> bool {
        !state.is_quiet()
            || state.past.broken.is_some()
            || [0, 1]
                .into_iter()
                .all(|process| self.next_call_ends_well(*state, process))
    }

    fn next_call_ends_well(&self, mut state: State, process: usize) -> bool {
        state.full = false;
        for each in [0, 1] {
            self.persist_pending(&mut state, each);
        }
        for _ in 0..ENOUGH {
            match state.processes[process].at {
                At::Idle => {
                    let known = self.loaded(&mut state, process);
                    if known.record.live().is_none() {
                        return state.past.broken.is_none();
                    }
                    self.call(&mut state, process, false);
                    if state.processes[process].at == At::Idle {
                        return state.past.broken.is_none();
                    }
                    // A call that may not send now serves what is left, until nothing is.
                    let before = state.processes[process].at;
                    self.step(&mut state, process);
                    if matches!(state.processes[process].at, At::Idle)
                        || state.processes[process].at == before
                    {
                        state.processes[process].at = At::Idle;
                        state.now += 1;
                    }
                }
                At::Sent(_, Reply::OnItsWay) => self.serve(&mut state, process),
                before => {
                    self.step(&mut state, process);
                    if state.processes[process].at == before {
                        state.now += 1;
                    }
                }
            }
        }
        false
    }
}

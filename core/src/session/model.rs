//! The refresh as a small model, explored exhaustively: {record, memory, claim, the provider's family of tokens} with
//! two processes that stand still at any step for as long as the clock goes, are killed, lose answers, meet a full
//! disk, and persons who log out and in (refresh.md §4.6).
//!
//! What is decided is decided by the product's own functions (`real`). What is told again here is their order
//! (`step`, `memory`), which `tests/tests/schedules.rs` drives through the real core with the same alphabet.
//!
//! What the model leaves out: a store that lies (the journal's mark), clocks that are set (`moment` has tests of its
//! own), bytes that an old socket delivers after its request was given up (refresh.md §4.6, I2), and the waiting that
//! a provider asks for, which only makes fewer sends.

mod faults;
mod memory;
mod persons;
mod properties;
mod provider;
mod real;
mod state;
mod step;
mod tests;
mod view;

use stateright::{Model as Explored, Property};

use self::faults::Event;
use self::provider::Policy;
use self::real::Setting;
use self::state::{At, Budget, Content, Family, Past, Process, Record, State, Tokens};

/// How time goes, in ticks.
#[derive(Clone, Copy, Debug)]
struct Clockwork {
    /// Seconds a tick.
    tick: u8,
    last_tick: u8,
    /// When the first access token ends, for how long the others live, and when another is wished for.
    first_end: u8,
    life: u8,
    margin: u8,
}

/// One configuration.
#[derive(Clone, Debug)]
struct Model {
    name: &'static str,
    setting: Setting,
    policy: Policy,
    time: Clockwork,
    left: Budget,
    broken: Option<Broken>,
}

/// A rule of the design that a test breaks on purpose, to see that the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// `maybe_sent` is written whatever the store holds.
    SaysSoWithoutTheTag,
    /// A frozen process sends when it thaws.
    SendsAfterTheStep,
    /// An answer is stored whatever the store holds.
    StoresWithoutTheTag,
    /// What is sent is not written down before.
    SendsUnsaid,
}

impl Explored for Model {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        let process = Process {
            nth: 0,
            memory: None,
            at: At::Idle,
        };
        vec![State {
            now: 0,
            store: Record {
                session: 0,
                generation: 1,
                content: Content::Live(Tokens {
                    refresh: 0,
                    ends: self.time.first_end,
                    kept: false,
                    logged_in_at: 0,
                    claim: None,
                }),
            },
            full: false,
            processes: [process; 2],
            families: [Family::new(1); 2],
            left: self.left,
            acts: 0,
            past: Past {
                durable: [1, 0],
                ..Past::default()
            },
        }]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if state.past.broken.is_none() {
            self.events(state, events);
        }
    }

    fn next_state(&self, last: &State, event: Event) -> Option<State> {
        let mut next = self.after(*last, event);
        if let Event::Call { .. } = event
            && next.processes == last.processes
        {
            // Served from memory.
            return None;
        }
        next = next.in_order();
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = properties::always();
        properties.extend(properties::sometimes(self));
        properties
    }
}

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
mod properties;
mod provider;
mod real;
mod state;
mod step;

use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model as Explored, Property};

use self::faults::Event;
use self::provider::Policy;
use self::real::Setting;
use self::state::{At, Budget, Content, Family, Past, Process, Record, State, Tokens};
use crate::types::Rotation;

/// One configuration.
#[derive(Clone, Debug)]
struct Model {
    setting: Setting,
    policy: Policy,
    last_tick: u8,
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
                    ends: 1,
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
        properties.extend(properties::sometimes());
        if self.policy == Policy::Strict {
            properties.push(properties::sometimes_interrupted());
        }
        properties
    }
}

fn budget() -> Budget {
    Budget {
        all: std::env::var("MODEL_ALL").unwrap().parse().unwrap(),
        crashes: 1,
        losses: 1,
        outages: 1,
        logouts: 1,
        logins: 1,
        forced: 1,
        calls: std::env::var("MODEL_CALLS").unwrap().parse().unwrap(),
    }
}

fn model(policy: Policy, rotation: Rotation, proof: bool) -> Model {
    Model {
        setting: Setting {
            tick: 8,
            rotation,
            proof,
        },
        policy,
        last_tick: std::env::var("MODEL_TICKS").unwrap().parse().unwrap(),
        left: budget(),
        broken: None,
    }
}

fn explore(name: &str, model: Model) {
    let begun = Instant::now();
    let checked = model
        .checker()
        .threads(2)
        .timeout(std::time::Duration::from_secs(60))
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!(
        "{name}: {} unique states, depth {}, {:?}",
        checked.unique_state_count(),
        checked.max_depth(),
        begun.elapsed()
    );
    for (property, path) in checked.discoveries() {
        if checked.model().property(property).expectation == Expectation::Always {
            println!("{property}:");
            for (state, event) in path.into_vec() {
                println!("{}\n    {event:?}", state.in_short());
            }
        }
    }
    checked.assert_properties();
}

#[test]
fn a_strict_provider_and_a_client_that_knows_it() {
    explore("strict", model(Policy::Strict, Rotation::Strict, true));
}

#[test]
fn a_strict_provider_and_a_client_that_does_not_know() {
    explore(
        "strict, unknown",
        model(Policy::Strict, Rotation::Unknown, false),
    );
}

#[test]
fn a_provider_with_a_grace_period() {
    let rotation = Rotation::Grace { seconds: 30 };
    explore("grace", model(Policy::Grace(30), rotation, true));
}

#[test]
fn a_provider_that_takes_the_parent_of_the_active_token() {
    explore("parent", model(Policy::Parent, Rotation::Parent, false));
}

#[test]
fn a_provider_that_does_not_rotate() {
    explore("none", model(Policy::None, Rotation::None, true));
}

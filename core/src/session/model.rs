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

const NOTHING: Budget = Budget {
    all: 0,
    crashes: 0,
    losses: 0,
    outages: 0,
    logouts: 0,
    logins: 0,
    forced: 0,
    calls: 2,
};

/// One of all that can go wrong, or that a person can do.
const ONE_OF_ALL: Budget = Budget {
    all: 1,
    crashes: 1,
    losses: 1,
    outages: 1,
    logouts: 1,
    logins: 1,
    forced: 1,
    ..NOTHING
};

/// Two faults, and nobody acts.
const TWO_FAULTS: Budget = Budget {
    all: 2,
    crashes: 1,
    losses: 1,
    outages: 1,
    ..NOTHING
};

/// A logout, a login and a full disk.
const PERSONS: Budget = Budget {
    all: 3,
    outages: 1,
    logouts: 1,
    logins: 1,
    ..NOTHING
};

/// A tick of eight seconds is longer than the step that no write guards, two are longer than a term, and four than
/// the grace period; so a few of them tell all cases apart.
const EIGHT_SECONDS: Clockwork = Clockwork {
    tick: 8,
    last_tick: 4,
    first_end: 1,
    life: 3,
    margin: 1,
};

/// The name of a provider, what it does, what the client knows of it, and whether a process that is gone is proven to
/// be gone.
type Provider = (&'static str, Policy, Rotation, bool);

fn model((name, policy, rotation, proof): Provider, left: Budget, time: Clockwork) -> Model {
    Model {
        name,
        setting: Setting {
            tick: time.tick,
            rotation,
            proof,
        },
        policy,
        time,
        left,
        broken: None,
    }
}

const STRICT: Provider = ("strict", Policy::Strict, Rotation::Strict, true);
const UNKNOWN: Provider = (
    "strict and not known",
    Policy::Strict,
    Rotation::Unknown,
    false,
);
const GRACE: Provider = (
    "grace",
    Policy::Grace(30),
    Rotation::Grace { seconds: 30 },
    true,
);
const PARENT: Provider = ("parent", Policy::Parent, Rotation::Parent, false);
const NONE: Provider = ("none", Policy::None, Rotation::None, true);

/// Every state of it. Returns the rules that are broken, each with the way there.
fn explore(model: Model) -> Vec<&'static str> {
    let begun = Instant::now();
    let checked = model
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let model = checked.model();
    println!(
        "{} with {:?}: {} unique states, depth {}, {:?}",
        model.name,
        model.left,
        checked.unique_state_count(),
        checked.max_depth(),
        begun.elapsed()
    );
    let mut discoveries = checked.discoveries();
    let mut broken = Vec::new();
    for property in model.properties() {
        let name = property.name;
        if property.expectation == Expectation::Always
            && let Some(path) = discoveries.remove(name)
        {
            broken.push(name);
            println!("{name}, by this way:");
            for (state, event) in path.into_vec() {
                println!("{}\n    {event:?}", state.in_short());
            }
        }
    }
    for property in model.properties() {
        if property.expectation == Expectation::Sometimes && broken.is_empty() {
            let reached = discoveries.contains_key(property.name);
            assert!(reached, "{}: never {}", model.name, property.name);
        }
    }
    broken
}

fn holds(provider: Provider, left: Budget, time: Clockwork) {
    let broken = explore(model(provider, left, time));
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn one_fault_at_any_step_at_any_provider() {
    for provider in [STRICT, UNKNOWN, GRACE, PARENT, NONE] {
        holds(provider, ONE_OF_ALL, EIGHT_SECONDS);
    }
}

#[test]
fn two_faults_where_a_repeat_ends_the_session_and_where_it_saves_it() {
    for provider in [STRICT, GRACE] {
        holds(provider, TWO_FAULTS, EIGHT_SECONDS);
    }
}

#[test]
fn persons_who_log_out_and_in_while_the_disk_is_full() {
    let time = Clockwork {
        last_tick: 0,
        ..EIGHT_SECONDS
    };
    holds(UNKNOWN, PERSONS, time);
}

#[test]
fn a_repeat_does_not_outlast_the_grace_period_on_its_way() {
    // Four seconds a tick: a repeat is allowed at 24 s of 30, and a slow connection takes it beyond.
    let time = Clockwork {
        tick: 4,
        last_tick: 9,
        first_end: 20,
        life: 40,
        margin: 20,
    };
    holds(GRACE, NOTHING, time);
}

#[test]
#[ignore = "minutes: the soak"]
fn everything_together_soak() {
    let time = Clockwork {
        last_tick: 5,
        ..EIGHT_SECONDS
    };
    let left = Budget {
        all: 2,
        ..ONE_OF_ALL
    };
    for provider in [STRICT, UNKNOWN, GRACE, PARENT, NONE] {
        holds(provider, left, time);
    }
}

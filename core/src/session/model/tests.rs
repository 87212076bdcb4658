//! The explorations.

use stateright::{Checker, Expectation, HasDiscoveries, Model as Explored};

use super::provider::Policy;
use super::real::Setting;
use super::state::Budget;
use super::{Broken, Clockwork, Model};
use crate::types::Rotation;

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
    let checked = model
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let model = checked.model();
    println!(
        "{} with {:?}: {} unique states, depth {}",
        model.name,
        model.left,
        checked.unique_state_count(),
        checked.max_depth(),
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
fn a_rule_that_is_broken_is_seen() {
    for broken in [
        Broken::SaysSoWithoutTheTag,
        Broken::SendsAfterTheStep,
        Broken::StoresWithoutTheTag,
        Broken::SendsUnsaid,
    ] {
        let model = Model {
            broken: Some(broken),
            ..model(UNKNOWN, ONE_OF_ALL, EIGHT_SECONDS)
        };
        let rules = explore(model);
        println!("{broken:?} breaks {rules:?}");
        assert!(!rules.is_empty(), "{broken:?}");
    }
    // A client that takes a strict provider for another.
    let mistaken = ("mistaken", Policy::Strict, Rotation::Parent, true);
    let rules = explore(model(mistaken, ONE_OF_ALL, EIGHT_SECONDS));
    println!("a mistaken client breaks {rules:?}");
    assert!(!rules.is_empty());
}

#[test]
#[ignore = "minutes: the soak"]
fn two_of_all_that_can_happen_at_any_provider_soak() {
    let left = Budget {
        all: 2,
        ..ONE_OF_ALL
    };
    for provider in [STRICT, UNKNOWN, GRACE, PARENT, NONE] {
        holds(provider, left, EIGHT_SECONDS);
    }
}

//! Ten thousand clients at once (fleet.md), on the code that decides in the product and a clock that is moved by hand.
//!
//! Simulated are the app, the provider and the API. What each client does when is decided by the real `Lifetime`,
//! `Pace`, `Hold`, `Situation` and `Forced`; chance comes from one seed, so that a run is the same each time and its
//! table and picture in the documentation can be held to it to the byte.

mod books;
mod client;
mod page;
mod picture;
mod run;
mod world;

use self::run::{App, Ends, FLEET, Report, Scenario, run};
use self::world::Trouble;
use crate::types::Rotation;

const SEED: u64 = 20_240_611;
const HOUR: u64 = 3_600;
const MINUTE: u64 = 60;
/// No second may see more requests than this share of the fleet.
const PERCENT: u32 = 10;

/// Half an hour without anything special.
const QUIET: Scenario = Scenario {
    name: "nothing special",
    app: App::Calm,
    seconds: 30 * MINUTE,
    life: HOUR,
    ends: Ends::Evenly,
    trouble: None,
    api_refuses: None,
    rotation: Rotation::Unknown,
    all_call_at_once: false,
};

fn all_tokens_end_at_once(app: App) -> Scenario {
    Scenario {
        name: "all tokens end in one second",
        app,
        seconds: if app == App::Busy {
            10 * MINUTE
        } else {
            QUIET.seconds
        },
        ends: Ends::AllAt(5 * MINUTE),
        ..QUIET
    }
}

/// Tokens live so short that all of them end while it lasts.
fn outage(name: &'static str, app: App, trouble: Trouble) -> Scenario {
    Scenario {
        name,
        app,
        life: 10 * MINUTE,
        trouble: Some((5 * MINUTE..15 * MINUTE, trouble)),
        ..QUIET
    }
}

/// For two minutes, while all tokens end: the whole fleet is told so.
fn rate_limit(name: &'static str, app: App, trouble: Trouble) -> Scenario {
    Scenario {
        name,
        app,
        trouble: Some((5 * MINUTE..7 * MINUTE, trouble)),
        ends: Ends::AllAt(5 * MINUTE + 30),
        ..QUIET
    }
}

fn scenarios() -> Vec<Scenario> {
    let after_a_minute = Trouble::TooMany {
        retry_after: Some(MINUTE),
    };
    let no_word = Trouble::TooMany { retry_after: None };
    vec![
        QUIET,
        all_tokens_end_at_once(App::Calm),
        all_tokens_end_at_once(App::Busy),
        outage("10 min of refused connections", App::Calm, Trouble::Refused),
        outage("10 min of 503", App::Calm, Trouble::Unavailable),
        outage("10 min of 503", App::Eager, Trouble::Unavailable),
        rate_limit("2 min of 429, Retry-After: 60", App::Calm, after_a_minute),
        rate_limit("2 min of 429, Retry-After: 60", App::Eager, after_a_minute),
        rate_limit("2 min of 429 without a word", App::Eager, no_word),
        Scenario {
            name: "10 min of 401 from the API",
            api_refuses: Some(5 * MINUTE..15 * MINUTE),
            ..QUIET
        },
        Scenario {
            name: "update: all call in one second",
            all_call_at_once: true,
            ..QUIET
        },
        Scenario {
            name: "update: all tokens are over",
            ends: Ends::AllAt(0),
            ..QUIET
        },
        Scenario {
            rotation: Rotation::Parent,
            ..outage(
                "10 min, every second answer lost",
                App::Calm,
                Trouble::Lossy { one_in: 2 },
            )
        },
    ]
}

/// The first bound that this run breaks.
fn broken(report: &Report) -> Option<String> {
    let largest = report.largest() * 100;
    let fleet = u32::try_from(FLEET).expect("small");
    if largest > PERCENT * fleet {
        return Some(format!("{} requests in one second", report.largest()));
    }
    if report.logged_out > 0 {
        return Some(format!("{} people are logged out", report.logged_out));
    }
    report.broken.clone()
}

#[test]
fn ten_thousand_clients_keep_to_the_bounds_and_the_page_shows_what_they_did() {
    let runs: Vec<(Scenario, Report)> = scenarios()
        .into_iter()
        .map(|scenario| {
            let report = run(&scenario, SEED, false);
            (scenario, report)
        })
        .collect();
    let table = page::table(&runs);
    println!("{FLEET} clients, seed {SEED}\n\n{table}");
    for (scenario, report) in &runs {
        let name = (scenario.name, scenario.app.name());
        assert_eq!(broken(report), None, "{name:?}");
        assert!(
            report.forced == 0 || scenario.api_refuses.is_some(),
            "{name:?}"
        );
    }
    page::is_shown(&table);
    page::is_drawn(&picture::draw(&runs));
}

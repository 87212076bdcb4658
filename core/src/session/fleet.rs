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
        seconds: match app {
            App::Busy => 3 * MINUTE,
            App::Calm | App::Eager => QUIET.seconds,
        },
        ends: Ends::AllAt(2 * MINUTE),
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
    let unavailable = Trouble::Unavailable {
        retry_after: Some(MINUTE),
    };
    let no_word = Trouble::TooMany { retry_after: None };
    vec![
        QUIET,
        all_tokens_end_at_once(App::Calm),
        all_tokens_end_at_once(App::Busy),
        outage("10 min of refused connections", App::Calm, Trouble::Refused),
        outage(
            "10 min of 503",
            App::Calm,
            Trouble::Unavailable { retry_after: None },
        ),
        outage("10 min of 503, Retry-After: 60", App::Eager, unavailable),
        Scenario {
            seconds: 10 * MINUTE,
            trouble: Some((
                MINUTE..5 * MINUTE,
                Trouble::Unavailable { retry_after: None },
            )),
            ..outage(
                "4 min of 503",
                App::Busy,
                Trouble::Unavailable { retry_after: None },
            )
        },
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

/// Apps that hammer, and a fleet in step: here the one bound that holds is each client's own.
fn beyond() -> Vec<Scenario> {
    let busy = Scenario {
        app: App::Busy,
        seconds: 4 * MINUTE,
        ..QUIET
    };
    let until = Trouble::TooManyUntil { second: 6 * MINUTE };
    vec![
        Scenario {
            name: "2 min of refused connections",
            life: 2 * MINUTE,
            trouble: Some((MINUTE..3 * MINUTE, Trouble::Refused)),
            ..busy.clone()
        },
        Scenario {
            name: "2 min of 401 from the API",
            api_refuses: Some(MINUTE..3 * MINUTE),
            ..busy.clone()
        },
        Scenario {
            name: "2 min of 429 without a word",
            seconds: 8 * MINUTE,
            ends: Ends::AllAt(MINUTE + 30),
            trouble: Some((MINUTE..3 * MINUTE, Trouble::TooMany { retry_after: None })),
            ..busy
        },
        Scenario {
            trouble: Some((5 * MINUTE..6 * MINUTE, until)),
            ..rate_limit("1 min of 429 until a fixed second", App::Eager, until)
        },
    ]
}

/// Runs them side by side: each has a clock and chance of its own.
fn run_all(scenarios: Vec<Scenario>) -> Vec<(Scenario, Report)> {
    std::thread::scope(|scope| {
        let started: Vec<_> = scenarios
            .into_iter()
            .map(|scenario| {
                scope.spawn(move || {
                    let report = run(&scenario, SEED, false);
                    (scenario, report)
                })
            })
            .collect();
        started
            .into_iter()
            .map(|run| run.join().expect("it ends"))
            .collect()
    })
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
    let runs = run_all(scenarios());
    let beyond = run_all(beyond());
    let tables = [page::table(&runs), page::table(&beyond)];
    println!("{FLEET} clients, seed {SEED}\n\n{}", tables.join("\n\n"));
    for (scenario, report) in &runs {
        let name = (scenario.name, scenario.app.name());
        assert_eq!(broken(report), None, "{name:?}");
        assert!(
            report.forced == 0 || scenario.api_refuses.is_some(),
            "{name:?}"
        );
    }
    for (scenario, report) in &beyond {
        assert_eq!(report.broken, None, "{}", scenario.name);
        assert_eq!(report.logged_out, 0, "{}", scenario.name);
    }
    for (scenario, report) in runs.iter().chain(&beyond) {
        let troubled = scenario.trouble_is_on().is_some();
        assert_eq!(report.recovered.is_some(), troubled, "{}", scenario.name);
    }
    page::are_shown(&tables);
    page::is_drawn(&picture::draw(&runs));
}

#[test]
fn a_fleet_that_was_turned_away_in_one_second_does_not_come_back_in_one_second() {
    let everybody = Scenario {
        ends: Ends::AllAt(0),
        all_call_at_once: true,
        trouble: Some((
            0..30,
            Trouble::TooMany {
                retry_after: Some(MINUTE),
            },
        )),
        app: App::Eager,
        seconds: 5 * MINUTE,
        ..QUIET
    };
    let report = run(&everybody, SEED, false);
    assert_eq!(report.broken, None);
    assert_eq!(report.seconds[0], 10_000, "which was the app's doing");
    let back = report.seconds[1..].iter().max();
    assert!(back.is_some_and(|most| *most <= 1_000), "{back:?}");
    let in_step = run(&everybody, SEED, true);
    let back = in_step.seconds[1..].iter().max();
    assert!(back.is_some_and(|most| *most > 9_000), "the test can fail");
}

#[test]
fn without_chance_in_the_margin_the_same_fleet_breaks_the_bound() {
    let report = run(&all_tokens_end_at_once(App::Busy), SEED, true);
    assert_eq!(
        broken(&report).as_deref(),
        Some("10000 requests in one second")
    );
}

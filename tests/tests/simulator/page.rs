//! docs/simulator.md holds: its rows end as they say, and its examples are from tests that run.

use latchkey::{AuthError, LoginOptions};
use latchkey_tests::world::{World, fields, in_time, state};

use crate::remote::Simulator;
use crate::{alice, call_again};

const PAGE: &str = include_str!("../../../docs/simulator.md");
const IN_RUST: &str = include_str!("main.rs");
const IN_KOTLIN: &str =
    include_str!("../../../android/jvm-tests/src/test/kotlin/dev/latchkey/tests/SimulatorTest.kt");
const IN_SWIFT: &str = include_str!("../../../ios/Tests/LatchkeyTests/SimulatorTests.swift");

/// A row of one of the tables.
struct Row {
    send: Vec<&'static str>,
    ends_with: Vec<&'static str>,
    session: &'static str,
}

/// The rows of the table under this heading.
fn rows(heading: &str) -> Vec<Row> {
    let section = PAGE.split("\n## ").find(|part| part.starts_with(heading));
    let lines = section.expect("the section").lines();
    let table = lines.filter(|line| line.starts_with('|')).skip(2);
    let rows: Vec<Row> = table
        .map(|line| {
            let cells: Vec<_> = line.split('|').map(code).collect();
            Row {
                send: cells[2].clone(),
                ends_with: cells[3].clone(),
                session: cells[4][0],
            }
        })
        .collect();
    assert!(rows.len() > 4, "a table under {heading}");
    rows
}

/// What stands between backticks.
fn code(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

impl Row {
    fn send(&self, simulator: &Simulator) {
        for step in &self.send {
            match step.split_once(' ') {
                Some((path, body)) if path.starts_with('/') => simulator.post(path, body),
                None if step.starts_with('/') => simulator.post(step, ""),
                _ => simulator.faults(step),
            }
        }
    }

    /// Whether it has ended as the row says: with an answer, or with an error of this kind and detail.
    fn check<T>(&self, end: Result<T, AuthError>, session: &latchkey::Session) {
        let end = end.err().map(|error| (error.kind(), fields(&error)));
        let shown = format!("{:?}: {end:?}", self.send);
        let kind = end.as_ref().map(|(kind, _)| kind.as_str());
        assert_eq!(kind, self.ends_with.first().copied(), "{shown}");
        if let (Some(detail), Some((_, fields))) = (self.ends_with.get(1), end) {
            let mut values = fields.as_object().expect("fields").values();
            let is_it = |value: &serde_json::Value| value.to_string().trim_matches('"') == *detail;
            assert!(values.any(is_it), "{shown}");
        }
        assert_eq!(state(session), self.session, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_moment_of_an_app_in_use_ends_as_the_page_says() {
    for row in rows("While the app is in use") {
        let (world, simulator, auth) = alice().await;
        row.send(&simulator);
        row.check(call_again(&world, &auth).await, &auth.session());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_moment_of_a_login_ends_as_the_page_says() {
    for row in rows("While the person logs in") {
        let world = World::new().await;
        let auth = world.app();
        row.send(&Simulator::at(world.server.issuer()));
        let end = match in_time(auth.begin_login(LoginOptions::default(), None)).await {
            Ok(request) => {
                let callback = world.submit(&request.url, "alice").await;
                in_time(auth.finish_login(callback, None)).await.map(drop)
            }
            Err(error) => Err(error),
        };
        row.check(end, &auth.session());
    }
}

#[test]
fn the_examples_of_the_page_are_taken_from_tests_that_run() {
    for (language, source) in [
        ("rust", IN_RUST),
        ("kotlin", IN_KOTLIN),
        ("swift", IN_SWIFT),
    ] {
        let block = PAGE.split_once(&format!("```{language}\n"));
        let (example, _) = block
            .and_then(|(_, rest)| rest.split_once("```"))
            .expect("an example");
        let bare = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        assert!(bare(source).contains(bare(example).trim()), "{language}");
    }
}

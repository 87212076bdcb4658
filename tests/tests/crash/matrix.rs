//! The crash matrix (refresh.md §4.8): killed at a point of one refresh, restarted on what was durable, one API call.

use std::fmt::Write as _;
use std::sync::Arc;

use latchkey::AuthError;

use crate::device::{Device, GRACE, PARENT, Policy, Provider, STRICT, STRICT_UNTOLD};
use crate::fate::{Cut, Kill, Point, Write};
use crate::page::assert_documented;
use crate::process::{APP, Call, Process};

/// A point of the refresh, and the ways to die there.
struct Row {
    name: &'static str,
    what: &'static str,
    kills: Vec<Kill>,
    /// In files, where a commit has bytes; else in memory.
    in_files: bool,
    expected: Expected,
}

#[derive(Clone, Copy)]
enum Expected {
    /// Nothing has happened at the provider.
    AsBefore,
    /// The refresh token is used, and its successor is lost.
    Lost,
    /// The successor is stored.
    Stored,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    state: String,
    /// Token requests of the call after the restart, and of the calls after it, in the same process and the next.
    requests: [u64; 2],
    /// Whether the provider gave tokens twice for the same refresh token.
    repeat: bool,
    /// Whether it saw a spent token used without the right to.
    reuse: bool,
}

/// From the first byte to the last, not renamed; between them the end of the header, and a middle.
const IN_COMMIT: [Cut; 6] = [
    |_| 0,
    |_| 1,
    |_| 21,
    |length| length / 2,
    |length| length - 1,
    |length| length,
];
/// Nothing of the answer, its status line, half of it, all but its last byte.
const IN_ANSWER: [Cut; 4] = [|_| 0, |_| 17, |length| length / 2, |length| length - 1];

fn rows() -> Vec<Row> {
    let row = |name, what, kills: &[Kill], expected| Row {
        name,
        what,
        kills: kills.to_vec(),
        in_files: false,
        expected,
    };
    let after = |write| Kill::At(Point::After(write));
    let before = |write| Kill::At(Point::Before(write));
    vec![
        row(
            "P1",
            "before the claim",
            &[before(Write::Claim)],
            Expected::AsBefore,
        ),
        row("P2", "claimed", &[after(Write::Claim)], Expected::AsBefore),
        row(
            "P3",
            "`maybe_sent` durable, nothing sent",
            &[after(Write::MaybeSent)],
            Expected::AsBefore,
        ),
        row(
            "P4",
            "sent, answer partial or lost",
            &IN_ANSWER.map(Kill::InAnswer),
            Expected::Lost,
        ),
        row(
            "P5",
            "answer parsed, not committed",
            &[before(Write::Commit)],
            Expected::Lost,
        ),
        Row {
            in_files: true,
            ..row(
                "P6",
                "inside the commit, up to its last byte: the old record",
                &IN_COMMIT.map(Kill::InCommit),
                Expected::Lost,
            )
        },
        Row {
            in_files: true,
            ..row(
                "P6",
                "inside the commit, renamed: the new record",
                &[after(Write::Commit)],
                Expected::Stored,
            )
        },
        row(
            "P7",
            "committed, high-water mark not written",
            &[after(Write::Commit), before(Write::Journal)],
            Expected::Stored,
        ),
        row(
            "P8",
            "done, callers not told",
            &[after(Write::Journal)],
            Expected::Stored,
        ),
    ]
}

impl Expected {
    fn under(self, policy: &Policy) -> Outcome {
        let is_strict = policy.name.starts_with("strict");
        let lost = matches!(self, Expected::Lost);
        let state = match lost && is_strict {
            true => "signed_out:rotation_interrupted",
            false => "signed_in",
        };
        Outcome {
            state: state.to_owned(),
            requests: [u64::from(!matches!(self, Expected::Stored)), 0],
            repeat: lost && !is_strict,
            reuse: lost && is_strict,
        }
    }
}

impl Outcome {
    fn words(&self) -> String {
        let state = match self.state.as_str() {
            "signed_in" => "live".to_owned(),
            other => format!("`{}`", other.trim_start_matches("signed_out:")),
        };
        let requests = match self.requests {
            [0, 0] => "no request".to_owned(),
            [1, 0] => "one request".to_owned(),
            [first, more] => format!("{first} requests, then {more}"),
        };
        let kind = match (self.repeat, self.reuse) {
            (false, false) => "",
            (true, false) => ", the repeat",
            (false, true) => ", seen as a reuse",
            (true, true) => ", a repeat and a reuse",
        };
        format!("{state}; {requests}{kind}")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crash_matrix() {
    let mut columns = Vec::new();
    for policy in [STRICT, STRICT_UNTOLD, GRACE, PARENT] {
        columns.push(Provider::start(policy).await);
    }
    let mut text = String::from(
        "| Killed | strict | grace 30 s, restart within it | parent of the active token |\n| --- | --- | --- | --- |\n",
    );
    let (mut deaths, mut wrong) = (0, Vec::new());
    for row in rows() {
        let mut cells = Vec::new();
        for provider in &columns {
            let expected = row.expected.under(&provider.policy);
            let mut cell = Vec::new();
            for (way, kill) in row.kills.iter().enumerate() {
                let name = format!(
                    "{} {}, way {way}, {}",
                    row.name, row.what, provider.policy.name
                );
                let outcome = die_and_go_on(provider, *kill, row.in_files, &name).await;
                deaths += 1;
                if outcome != expected {
                    let (found, expected) = (outcome.words(), expected.words());
                    wrong.push(format!("{name}: {found} instead of {expected}"));
                }
                if !cell.contains(&outcome.words()) {
                    cell.push(outcome.words());
                }
            }
            cells.push(cell.join(" / "));
        }
        // Whether the app was told that the provider is strict makes no difference here.
        let untold = cells.remove(1);
        if untold != cells[0] {
            cells[0] = format!("{} (not told: {untold})", cells[0]);
        }
        let cells = cells.join(" | ");
        writeln!(text, "| {} {} | {cells} |", row.name, row.what).expect("a string");
    }
    println!("{text}\n{deaths} deaths");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_documented(&text);
}

/// A process dies in a refresh; the next one, three seconds later, calls the API.
async fn die_and_go_on(
    provider: &Arc<Provider>,
    kill: Kill,
    in_files: bool,
    name: &str,
) -> Outcome {
    let mut device = if in_files {
        Device::with_files(provider).await
    } else {
        Device::new(provider).await
    };
    device.expire();
    let (rotations, generation) = (provider.wire.rotations(), device.record().generation);
    let process = Process::start(&device, APP, kill, None);
    let told = process.ask(Call::Token).await;
    assert_died_there(kill, &process.fate.steps(), name);
    assert_eq!(told, None, "{name}: it dies of it");
    process.end().await;

    device.open_anew();
    device.advance(3);
    provider.server.reset_counts();
    let next = Process::start(&device, APP, Kill::Never, None);
    let said = next.ask(Call::Ping).await.expect("it lives");
    let first = provider.server.requests("token");
    let state = device.state();
    let told = match &said {
        Ok(()) => "signed_in".to_owned(),
        Err(AuthError::LoginRequired { reason }) => format!("signed_out:{}", reason.word()),
        Err(error) => error.kind().to_owned(),
    };
    let state = match told == state {
        true => state,
        false => format!("{state}, but the caller was told {told}"),
    };
    // No loop: neither here nor in the process after this one.
    assert_eq!(next.ask(Call::Ping).await, Some(said.clone()), "{name}");
    next.end().await;
    device.advance(3);
    let third = Process::start(&device, APP, Kill::Never, None);
    assert_eq!(third.ask(Call::Ping).await, Some(said), "{name}");
    third.end().await;
    let rotations = provider.wire.rotations() - rotations;
    let repeat = state == "signed_in" && rotations > device.record().generation - generation;
    Outcome {
        state,
        requests: [first, provider.server.requests("token") - first],
        repeat,
        reuse: provider.server.refresh_token_reuse() > 0,
    }
}

/// A refresh takes these steps, in this order, up to the one that it does not survive.
fn assert_died_there(kill: Kill, steps: &[Point], name: &str) {
    let all = [
        Point::Before(Write::Claim),
        Point::After(Write::Claim),
        Point::Before(Write::MaybeSent),
        Point::After(Write::MaybeSent),
        Point::Sent,
        Point::Answered,
        Point::Half,
        Point::Arrived,
        Point::Before(Write::Commit),
        Point::After(Write::Commit),
        Point::Before(Write::Journal),
        Point::After(Write::Journal),
    ];
    let last = match kill {
        Kill::At(point) => point,
        Kill::InAnswer(_) => Point::Sent,
        Kill::InCommit(_) => Point::Before(Write::Commit),
        Kill::Never | Kill::Nth(_) => unreachable!("no row of the matrix"),
    };
    // Whether the answer has arrived is noted beside the process, and maybe after what it does next.
    let known = |points: &[Point]| -> Vec<Point> {
        points
            .iter()
            .copied()
            .filter(|p| *p != Point::Arrived)
            .collect()
    };
    let end = all.iter().position(|point| *point == last).expect("a step") + 1;
    assert_eq!(known(steps), known(&all[..end]), "{name}");
}

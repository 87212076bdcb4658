//! Lane rust: formatting, lints, borders, documentation, tests.

use super::{Lane, Stop};
use crate::system::{self, Tool};
use crate::{borders, count};

/// On Linux alone: elsewhere the test that uses it does not exist.
pub(super) const TOOLS: &[Tool] = if cfg!(target_os = "linux") {
    &[system::STRACE]
} else {
    &[]
};

pub(super) fn run(lane: &mut Lane<'_>) -> Result<(), Stop> {
    checks(lane)?;
    let mut tests = lane
        .project
        .cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    lane.tests("tests", &mut tests, count::cargo_test)
}

/// The tests that explore for longer than anybody waits for at each change: those named `…_soak`.
pub(super) fn soak(lane: &mut Lane<'_>) -> Result<(), Stop> {
    let mut tests = lane.project.cargo(&[
        "test",
        "--locked",
        "--package=latchkey",
        "--package=latchkey-tests",
        "--no-fail-fast",
        "--lib",
        "--tests",
        "--",
        "--ignored",
        "soak",
        "--nocapture",
    ]);
    lane.tests("long tests", &mut tests, count::cargo_test)
}

/// All but the tests.
pub(super) fn checks(lane: &mut Lane<'_>) -> Result<(), Stop> {
    let project = lane.project;
    lane.check(
        "formatting",
        &mut project.cargo(&["fmt", "--all", "--check", "--", "--color", "never"]),
    )?;
    // All features: the tests of other lanes and the bindings generator are linted here as well.
    let mut clippy = project.cargo(&[
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]);
    lane.check("lints", &mut clippy)?;
    lane.look("borders between modules", || borders::violations(project))?;
    let mut docs = project.cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
    lane.check("documentation", docs.env("RUSTDOCFLAGS", "-D warnings"))
}

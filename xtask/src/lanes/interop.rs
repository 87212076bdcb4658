//! Lane interop: the program `latchkey` against login servers written by others, which run on Node.js.

use super::{Lane, Stop};
use crate::count;
use crate::system::{self, Tool};

pub(super) const TOOLS: &[Tool] = &[system::NODE, system::NPM];

pub(super) fn run(lane: &mut Lane<'_>) -> Result<(), Stop> {
    let servers = lane.project.root.join("tests/interop");
    let npm = system::NPM.find().unwrap_or_else(|| "npm".into());
    let mut fetch = lane.project.command(npm);
    fetch
        .current_dir(&servers)
        .args(["ci", "--no-audit", "--no-fund"]);
    lane.need("npm: fetch the servers", &mut fetch)?;
    lane.programs(&["latchkey"])?;
    let mut tests = lane.feature_tests("interop");
    tests.env("LATCHKEY_INTEROP_DIR", &servers);
    lane.tests("tests", &mut tests, count::cargo_test)
}

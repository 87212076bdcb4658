//! Lane browser: a whole login, with a real web browser in the person's place.

use super::{Lane, Stop};
use crate::count;
use crate::system::{self, Tool};

pub(super) const TOOLS: &[Tool] = &[system::CHROMIUM, system::CHROMEDRIVER, system::FONTS];

pub(super) fn run(lane: &mut Lane<'_>) -> Result<(), Stop> {
    lane.programs(&["latchkey", "latchkey-devserver"])?;
    let mut tests = lane.feature_tests("browser");
    for (variable, tool) in [
        ("LATCHKEY_CHROMIUM", system::CHROMIUM),
        ("LATCHKEY_CHROMEDRIVER", system::CHROMEDRIVER),
    ] {
        if let Some(program) = tool.find() {
            tests.env(variable, program);
        }
    }
    if lane.options.bless {
        tests.env("LATCHKEY_BLESS", "1");
    }
    lane.tests("tests", &mut tests, count::cargo_test)
}

//! Lane kotlin: the generated Kotlin and the Android shell call the core on the Java virtual machine.

use super::{Lane, Stop};
use crate::android::maven;
use crate::count;
use crate::system::{self, Tool};

pub(super) const TOOLS: &[Tool] = &[system::JDK, system::MAVEN];

pub(super) fn run(lane: &mut Lane<'_>) -> Result<(), Stop> {
    lane.bindings()?;
    lane.programs(&["latchkey-devserver"])?;
    if maven::r8(lane.project, &mut lane.steps)?.is_none() {
        let why = maven::NO_R8;
        lane.notes
            .push(format!("the app that was shrunk did not run: {why}"));
    }
    if !maven::merger(lane.project, &mut lane.steps)? {
        let why = maven::NO_MERGER;
        lane.notes
            .push(format!("SKIPPED the merging of the manifests: {why}"));
    }
    let mut tests = maven::command(lane.project);
    lane.hand_over(&mut tests);
    tests.arg("test");
    if lane.options.bless {
        tests.env("LATCHKEY_BLESS", "1");
    }
    lane.tests("Maven: compile and test", &mut tests, count::surefire)
}

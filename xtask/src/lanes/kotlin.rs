//! Lane kotlin: the generated Kotlin and the Android shell call the core on the Java virtual machine.

use super::{Lane, Stop};
use crate::system::{self, Tool};
use crate::{bindings, count};

pub(super) const TOOLS: &[Tool] = &[system::JDK, system::MAVEN];

pub(super) fn run(lane: &mut Lane<'_>) -> Result<(), Stop> {
    lane.bindings()?;
    lane.programs(&["latchkey-devserver"])?;
    let maven = system::MAVEN.find().unwrap_or_else(|| "mvn".into());
    let mut tests = lane.project.command(maven);
    lane.hand_over(&mut tests);
    tests
        .env(
            "LATCHKEY_BINDINGS_KOTLIN",
            bindings::kotlin_folder(lane.project),
        )
        .current_dir(lane.project.root.join("android"))
        .args(["--batch-mode", "--no-transfer-progress", "test"]);
    if lane.options.bless {
        tests.env("LATCHKEY_BLESS", "1");
    }
    lane.tests("Maven: compile and test", &mut tests, count::surefire)
}

//! Lane swift: the generated Swift and the iOS shell, compiled and tested on this machine.

use std::path::Path;
use std::process::Command;

use super::{Lane, Stop};
use crate::count;
use crate::project::Project;
use crate::system::{self, Tool};

pub(super) const TOOLS: &[Tool] = &[];

/// What `swift format` looks at, as far as it is there.
const LINTED: &[&str] = &[
    "Package.swift",
    "ios/AppleStubs",
    "ios/Sources/Latchkey",
    "ios/Tests",
];

pub(super) fn run(lane: &mut Lane<'_>) -> Result<(), Stop> {
    let swift = Swift::get(lane)?;
    lane.bindings()?;
    lane.programs(&["latchkey-devserver"])?;

    let root = &lane.project.root;
    let mut lint = swift.command(lane, &["format", "lint", "--strict", "--recursive"]);
    lint.args(LINTED.iter().filter(|path| root.join(path).exists()));
    lane.check("lints", &mut lint)?;

    // Precompiled modules remember where they were built: this folder never moves.
    let scratch = lane.project.target.join("swift");
    let mut tests = swift.command(lane, &["test", "--scratch-path"]);
    tests.arg(&scratch);
    lane.hand_over(&mut tests);
    lane.tests("swift test", &mut tests, count::swift_test)
}

enum Swift {
    /// `swift` of this system.
    System,
    /// In the cache folder, by xtask/scripts/swift-toolchain.sh.
    Cached,
}

impl Swift {
    fn get(lane: &mut Lane<'_>) -> Result<Self, Stop> {
        if system_has_swift_6(lane.project) {
            return Ok(Self::System);
        }
        if !system::is_debian() || !system::is_root() || system::on_path("unshare").is_none() {
            return Err(Stop::Skipped(
                "needs Swift 6 (the language of iOS apps); install it from swift.org and have `swift` on PATH \
                 (as root on Debian it is fetched into the cache folder by itself)"
                    .to_owned(),
            ));
        }
        let folder = lane.project.cache.join("swift");
        if !folder.join("recipe").exists() {
            println!(
                "swift    Debian's Swift compiler comes into {}: 550 MB to fetch, 1.9 GB unpacked, nothing is installed",
                folder.display()
            );
        }
        let mut make = Command::new(script(lane));
        make.arg(&folder);
        lane.need("Swift in the cache folder", &mut make)?;
        Ok(Self::Cached)
    }

    fn command(&self, lane: &Lane<'_>, args: &[&str]) -> Command {
        let project = lane.project;
        let mut command = match self {
            Self::System => project.command("swift"),
            Self::Cached => {
                let mut command = project.command(script(lane));
                command
                    .arg(project.cache.join("swift"))
                    .arg("exec")
                    .arg(&project.root)
                    .args(["--", "swift"]);
                command
            }
        };
        command.args(args);
        command
    }
}

/// Another program of that name exists, so its own words are read.
fn system_has_swift_6(project: &Project) -> bool {
    let output = project.command("swift").arg("--version").output();
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_once("Swift version ")
            .is_some_and(|(_, version)| system::first_number(version) >= 6)
    })
}

fn script(lane: &Lane<'_>) -> impl AsRef<Path> + AsRef<std::ffi::OsStr> + use<> {
    lane.project.root.join("xtask/scripts/swift-toolchain.sh")
}

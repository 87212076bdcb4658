//! Lane swift: the generated Swift and the iOS shell, compiled and tested on this machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Lane, Stop};
use crate::bindings::mirror;
use crate::count;
use crate::ios::{release, xcframework};
use crate::project::Project;
use crate::system::{self, Tool};

pub(super) const TOOLS: &[Tool] = &[];

/// What `swift format` looks at, as far as it is there.
const LINTED: &[&str] = &[
    "Package.swift",
    "ios/App",
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
    if lane.options.bless {
        tests.env("LATCHKEY_BLESS", "1");
    }
    lane.tests("swift test", &mut tests, count::swift_test)?;
    as_apps_get_it(lane, &swift)
}

/// The package as an app's SwiftPM sees it, with the core as a framework: here with one made by hand, that holds the right
/// files and no code, and as a release, which has an address in its place.
fn as_apps_get_it(lane: &mut Lane<'_>, swift: &Swift) -> Result<(), Stop> {
    let project = lane.project;
    let folder = project.target.join("ios-package");
    lane.look("the package with a framework made by hand", || {
        package_by_hand(project, &folder)?;
        xcframework::problems(&folder.join(xcframework::PATH))
    })?;
    let described = read(lane, swift, &folder, "describe", &["--type", "json"])?;
    let is_binary = described["targets"].as_array().is_some_and(|targets| {
        targets
            .iter()
            .any(|target| target["name"] == xcframework::MODULE && target["type"] == "binary")
    });
    let version = project.version()?;
    let url = release::url(project, &version)?;
    let checksum = "1".repeat(64);
    let main =
        fs::read_to_string(project.root.join("Package.swift")).context("no Package.swift")?;
    let released = release::manifest(&main, &url, &checksum)?;
    fs::write(folder.join("Package.swift"), released).context("could not write Package.swift")?;
    let dumped = read(lane, swift, &folder, "dump-package", &[])?.to_string();
    lane.look(
        "the core is a framework, in a release one with an address",
        || {
            let mut wrong = Vec::new();
            if !is_binary {
                wrong
                    .push("`swift package describe` knows no binary target of the core".to_owned());
            }
            // JSON writes slashes with and without a backslash.
            if !dumped.replace("\\/", "/").contains(&url) || !dumped.contains(&checksum) {
                wrong.push(
                    "a release's manifest does not name the framework's address and checksum"
                        .to_owned(),
                );
            }
            Ok(wrong)
        },
    )
}

fn package_by_hand(project: &Project, folder: &Path) -> Result<()> {
    let (framework, sources) = (folder.join(xcframework::PATH), project.root.join("ios"));
    mirror(&sources, &folder.join("ios"))?;
    fs::copy(
        project.root.join("Package.swift"),
        folder.join("Package.swift"),
    )?;
    if framework.exists() {
        fs::remove_dir_all(&framework)?;
    }
    let headers = sources.join("Sources").join(xcframework::MODULE);
    xcframework::by_hand(&framework, b"!<arch>\n", &headers)
}

/// What a command of `swift package` says about the package there, which is no test's: it knows no library of this machine.
fn read(
    lane: &mut Lane<'_>,
    swift: &Swift,
    folder: &Path,
    command: &str,
    more: &[&str],
) -> Result<Value, Stop> {
    let scratch = lane.project.target.join("swift-package");
    let mut describe = swift.command(lane, &["package", "--package-path"]);
    describe
        .arg(folder)
        .arg("--scratch-path")
        .arg(scratch)
        .arg(command)
        .args(more)
        .env_remove("LATCHKEY_LIB_DIR");
    let said = lane.output(&format!("swift package {command}"), &mut describe)?;
    let json = said.find('{').map_or("", |start| &said[start..]);
    // Warnings go to the same log, before it and after it.
    let value = serde_json::Deserializer::from_str(json).into_iter().next();
    Ok(value.and_then(Result::ok).unwrap_or_default())
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

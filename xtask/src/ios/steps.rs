//! How the XCFramework is made, as a list of commands: run on a Mac, printed elsewhere, compared with a golden text by
//! a test.

use std::process::Command;

use super::xcframework;
use crate::project::Project;

pub(super) const ZIP: &str = "target/ios/LatchkeyCoreFFI.xcframework.zip";
const HEADERS: &str = "target/ios/headers";
/// The oldest systems that the package is for: as in Package.swift, which a test compares.
const IOS: &str = "17.0";
const MACOS: &str = "14.0";

/// Each slice of the XCFramework: its name among our files, and the Rust targets in it.
const SLICES: [(&str, &[&str]); 3] = [
    ("ios", &["aarch64-apple-ios"]),
    (
        "ios-simulator",
        &["aarch64-apple-ios-sim", "x86_64-apple-ios"],
    ),
    ("macos", &["aarch64-apple-darwin", "x86_64-apple-darwin"]),
];

pub(super) struct Step {
    pub(super) what: &'static str,
    environment: Vec<(&'static str, &'static str)>,
    words: Vec<String>,
}

impl Step {
    fn new(what: &'static str, words: &[&str]) -> Self {
        Self {
            what,
            environment: Vec::new(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// At the root of the project, where its paths begin.
    pub(super) fn command(&self, project: &Project) -> Command {
        let mut command = project.command(self.words.first().map_or("", String::as_str));
        command
            .args(self.words.iter().skip(1))
            .envs(self.environment.iter().copied());
        command
    }
}

pub(super) fn package() -> Vec<Step> {
    let targets: Vec<&str> = SLICES
        .iter()
        .flat_map(|(_, targets)| *targets)
        .copied()
        .collect();
    let mut steps = vec![Step::new(
        "Rust's standard library for Apple's systems",
        &[&["rustup", "target", "add"], &*targets].concat(),
    )];
    steps.extend(targets.iter().map(|target| build(target)));
    steps.push(Step::new(
        "an empty folder",
        &["rm", "-rf", "target/ios", xcframework::PATH],
    ));
    for (slice, targets) in SLICES {
        steps.push(Step::new(
            "a folder for the slice",
            &["mkdir", "-p", &format!("target/ios/{slice}")],
        ));
        let archives: Vec<String> = targets.iter().map(|target| archive(target)).collect();
        let archives: Vec<&str> = archives.iter().map(String::as_str).collect();
        steps.push(Step::new(
            "one archive for the slice",
            &[
                &["lipo", "-create"],
                &*archives,
                &["-output", &in_slice(slice)],
            ]
            .concat(),
        ));
    }
    // In a folder of their own: two packages with a module map at the top of their headers cannot be in one app.
    let headers = format!("{HEADERS}/{}", xcframework::MODULE);
    steps.push(Step::new(
        "a folder for the headers",
        &["mkdir", "-p", &headers],
    ));
    steps.push(Step::new(
        "the headers",
        &[
            "cp",
            "ios/Sources/LatchkeyCoreFFI/LatchkeyCoreFFI.h",
            "ios/Sources/LatchkeyCoreFFI/module.modulemap",
            &headers,
        ],
    ));
    let libraries: Vec<String> = SLICES.iter().map(|(slice, _)| in_slice(slice)).collect();
    let mut words = vec!["xcodebuild", "-create-xcframework"];
    for library in &libraries {
        words.extend(["-library", library, "-headers", HEADERS]);
    }
    words.extend(["-output", xcframework::PATH]);
    steps.push(Step::new("the XCFramework", &words));
    steps.push(Step::new(
        "the zip for a release",
        &["ditto", "-c", "-k", "--keepParent", xcframework::PATH, ZIP],
    ));
    steps.push(checksum());
    steps
}

pub(super) fn checksum() -> Step {
    Step::new(
        "the checksum for Package.swift",
        &["swift", "package", "compute-checksum", ZIP],
    )
}

fn build(target: &str) -> Step {
    let mut step = Step::new(
        "the core for one target",
        &[
            "cargo",
            "rustc",
            "--locked",
            "--package",
            "latchkey",
            "--lib",
            "--crate-type",
            "staticlib",
            "--profile",
            "mobile",
            "--target",
            target,
            "--target-dir",
            "target",
        ],
    );
    // Else the oldest systems that Rust knows stand in the objects.
    step.environment = vec![
        ("IPHONEOS_DEPLOYMENT_TARGET", IOS),
        ("MACOSX_DEPLOYMENT_TARGET", MACOS),
    ];
    step
}

fn archive(target: &str) -> String {
    format!("target/{target}/mobile/liblatchkey.a")
}

fn in_slice(slice: &str) -> String {
    format!("target/ios/{slice}/liblatchkey.a")
}

/// As lines that a shell would run. The bindings come first, by this program itself.
pub(super) fn text(steps: &[Step]) -> String {
    let mut text = "cargo xtask bindings\n".to_owned();
    for step in steps {
        for (name, value) in &step.environment {
            text.push_str(&format!("{name}={value} "));
        }
        text.push_str(&step.words.join(" "));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dry_run_is_what_a_mac_would_run() {
        assert_eq!(text(&package()), include_str!("golden/package.txt"));
    }

    #[test]
    fn the_oldest_systems_are_those_of_the_package() {
        let manifest = include_str!("../../../Package.swift");
        let platforms = format!(
            "platforms: [.iOS(.v{}), .macOS(.v{})]",
            IOS.trim_end_matches(".0"),
            MACOS.trim_end_matches(".0")
        );
        assert!(manifest.contains(&platforms), "{platforms}");
    }
}

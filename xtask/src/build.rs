//! The Rust pieces that several lanes need. Cargo sees by itself what is built already.

use std::process::Command;

use crate::project::Project;

/// The core as a dynamic library for this machine, unstripped: bindings are generated from it, tests load it.
pub(crate) fn core_library(project: &Project) -> Command {
    project.cargo(&[
        "rustc",
        "--locked",
        "--package",
        "latchkey",
        "--lib",
        "--crate-type",
        "cdylib",
    ])
}

/// The same with the checks that every store must pass, for the tests of the shells. Never shipped.
pub(crate) fn core_library_with_conformance(project: &Project) -> Command {
    let mut command = core_library(project);
    command.args(["--features", "conformance"]);
    command
}

/// The core as phones get it; whoever builds says for what target. Alone: with `lib` beside `cdylib` Cargo would drop
/// fat LTO.
pub(crate) fn mobile_library(project: &Project) -> Command {
    let mut command = core_library(project);
    command.args(["--profile", "mobile"]);
    command
}

/// The same for this machine.
///
/// On Linux it is linked as for Android, by lld: equal functions become one, and relocations are packed (Android 9 and
/// glibc 2.36 can read them).
pub(crate) fn shipped_library(project: &Project) -> Command {
    let mut command = mobile_library(project);
    if cfg!(target_os = "linux") {
        command.args([
            "--",
            "-Clink-arg=-Wl,--icf=all",
            "-Clink-arg=-Wl,--pack-dyn-relocs=relr",
        ]);
    }
    command
}

/// One program of the workspace. `--workspace` keeps the features of shared packages the same as in a test run, so
/// that they are not built twice.
pub(crate) fn program(project: &Project, name: &str) -> Command {
    project.cargo(&["build", "--locked", "--workspace", "--bin", name])
}

/// The generator of the bindings: part of this package, behind a feature, so that `cargo xtask` builds quickly.
pub(crate) fn bindgen(project: &Project) -> Command {
    project.cargo(&[
        "build",
        "--locked",
        "--package",
        "xtask",
        "--features",
        "bindgen",
        "--bin",
        "xtask-bindgen",
    ])
}

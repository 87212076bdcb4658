//! `cargo xtask …`: the only door for commands of this project.
//!
//! Test lanes, generated bindings, sizes and checks. `cargo xtask --help` lists them in plain words.
#![expect(
    clippy::print_stdout,
    reason = "this program talks to a person in a terminal"
)]

mod android;
mod bindings;
mod borders;
mod build;
mod count;
mod cross_check;
mod ios;
mod lanes;
mod project;
mod report;
mod size;
mod steps;
mod system;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cross_check::Phones;
use crate::lanes::LaneName;
use crate::project::Project;

/// The one door for commands: run the tests, generate bindings, measure sizes.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the tests, all lanes or those named, and print one table at the end.
    ///
    /// A lane is one language or one kind of test. Its output is kept in target/lanes/LANE.log, and the end of it
    /// is shown when something fails. A lane whose tools are not on this machine is skipped, and says how to get
    /// them; with CI=true in the environment that counts as a failure.
    Test(TestArgs),
    /// Check formatting, lints, the borders between modules and the documentation; run no tests.
    Check(Verbosity),
    /// Run the long tests: thousands of kills more, and the session's model within wider bounds. Up to an hour.
    Soak(Verbosity),
    /// Generate the Kotlin and Swift sources from the core's library.
    ///
    /// Kotlin goes to target/bindings/kotlin, Swift to ios/Sources/LatchkeyCore, its C header and module map to
    /// ios/Sources/LatchkeyCoreFFI. None of them is committed on the main branch.
    Bindings {
        /// With the checks that every store must pass, as the test lanes want them; not for shipping.
        #[arg(long)]
        conformance: bool,
        #[command(flatten)]
        verbosity: Verbosity,
    },
    /// Build the library as it is shipped, for this machine, and compare its size with the limit in size.json.
    Size {
        /// Write what was measured into size.json.
        #[arg(long)]
        record: bool,
        #[command(flatten)]
        verbosity: Verbosity,
    },
    /// See whether the core builds and links for phones, without Google's or Apple's tools (Debian 12 only).
    ///
    /// This is a check, never what is shipped. The compilers, about 1 GB, are fetched into the cache folder once.
    CrossCheck {
        /// Which phones to check for.
        #[arg(value_enum, default_value_t = Phones::All)]
        phones: Phones,
        /// Write what was measured into size.json.
        #[arg(long)]
        record: bool,
    },
    /// Make what apps are built from, and check it. What a missing tool leaves out is said at the end.
    ///
    /// For iOS: the XCFramework, on a Mac; elsewhere the steps are printed. For Android: an AAR, alone and as a Maven
    /// repository, and the sample as a signed APK, in target/android.
    Package {
        /// For which phones.
        #[arg(value_enum)]
        phones: Packaged,
        /// The Rust library alone, as Gradle asks for it (Android).
        #[arg(long)]
        native_only: bool,
        #[command(flatten)]
        verbosity: Verbosity,
    },
    /// Print the commit that the tag of a release would name: with the generated Swift sources, which main does not
    /// hold, and with the address and checksum of the XCFramework.
    Release {
        /// Make the tag as well; it is not pushed.
        #[arg(long)]
        tag: bool,
        #[command(flatten)]
        verbosity: Verbosity,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Packaged {
    /// 64-bit Android phones.
    Android,
    /// iPhones and Macs.
    Ios,
}

#[derive(Args)]
struct TestArgs {
    /// The lanes to run; all of them if none is named.
    #[arg(value_enum)]
    lanes: Vec<LaneName>,
    /// Install the system packages that are missing, on Debian and its relatives; each is named first.
    #[arg(long)]
    install: bool,
    /// Keep the pictures of the lanes browser, kotlin and swift as the new references.
    #[arg(long)]
    bless: bool,
    #[command(flatten)]
    verbosity: Verbosity,
}

#[derive(Args, Clone, Copy)]
struct Verbosity {
    /// Show the tools' output as it comes, not only in the log.
    #[arg(long, short)]
    verbose: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<bool> {
    let project = Project::find()?;
    match command {
        Command::Test(args) => {
            let options = lanes::Options {
                verbose: args.verbosity.verbose,
                bless: args.bless,
                install: args.install,
                ci: std::env::var("CI").is_ok_and(|ci| ci == "true"),
            };
            lanes::test(&project, &args.lanes, &options)
        }
        Command::Check(verbosity) => lanes::check(&project, verbosity.verbose),
        Command::Soak(verbosity) => lanes::soak(&project, verbosity.verbose),
        Command::Bindings {
            conformance,
            verbosity,
        } => bindings::run(&project, conformance, verbosity.verbose),
        Command::Size { record, verbosity } => size::run(&project, record, verbosity.verbose),
        Command::CrossCheck { phones, record } => cross_check::run(&project, phones, record),
        Command::Package {
            phones: Packaged::Android,
            native_only,
            verbosity,
        } => android::package(&project, native_only, verbosity.verbose),
        Command::Package {
            phones: Packaged::Ios,
            verbosity,
            ..
        } => ios::package(&project, verbosity.verbose),
        Command::Release { tag, verbosity } => ios::release::run(&project, tag, verbosity.verbose),
    }
}

//! The test lanes: one language or one kind of test each.

mod browser;
mod interop;
mod kotlin;
mod rust;
mod swift;

use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use crate::bindings;
use crate::build;
use crate::count::Counts;
use crate::project::Project;
use crate::report::{self, End, LaneReport};
use crate::steps::Steps;
use crate::system::{self, Tool};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LaneName {
    /// Formatting, lints, borders, documentation and the Rust tests.
    Rust,
    /// The generated Kotlin and the Android shell, on the Java virtual machine.
    Kotlin,
    /// The generated Swift and the iOS shell's tests.
    Swift,
    /// The program `latchkey` against login servers written by others.
    Interop,
    /// A whole login in a real web browser.
    Browser,
}

/// What a person asked for.
pub(crate) struct Options {
    pub(crate) verbose: bool,
    pub(crate) bless: bool,
    pub(crate) install: bool,
    pub(crate) ci: bool,
}

/// Why a lane ended before its end.
enum Stop {
    Failed(String),
    Skipped(String),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

impl LaneName {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Kotlin => "kotlin",
            Self::Swift => "swift",
            Self::Interop => "interop",
            Self::Browser => "browser",
        }
    }

    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Rust => rust::TOOLS,
            Self::Kotlin => kotlin::TOOLS,
            Self::Swift => swift::TOOLS,
            Self::Interop => interop::TOOLS,
            Self::Browser => browser::TOOLS,
        }
    }

    fn run(self, lane: &mut Lane<'_>) -> Result<(), Stop> {
        match self {
            Self::Rust => rust::run(lane),
            Self::Kotlin => kotlin::run(lane),
            Self::Swift => swift::run(lane),
            Self::Interop => interop::run(lane),
            Self::Browser => browser::run(lane),
        }
    }
}

/// `cargo xtask test`.
pub(crate) fn test(project: &Project, named: &[LaneName], options: &Options) -> Result<bool> {
    // Always in this order, each once.
    let lanes: Vec<LaneName> = LaneName::value_variants()
        .iter()
        .copied()
        .filter(|lane| named.is_empty() || named.contains(lane))
        .collect();
    if options.install {
        let tools: Vec<Tool> = lanes
            .iter()
            .flat_map(|lane| lane.tools())
            .copied()
            .collect();
        if let Err(error) = system::install(project, &tools, options.verbose) {
            println!("install: {error:#}");
        }
    }
    let mut reports = Vec::new();
    for lane in lanes {
        reports.push(run_lane(project, options, lane.name(), |state| {
            if let Some(why) = system::why_not(lane.name(), lane.tools()) {
                return Err(Stop::Skipped(why));
            }
            lane.run(state)
        }));
    }
    Ok(print_table(&reports, options.ci))
}

/// `cargo xtask check`.
pub(crate) fn check(project: &Project, verbose: bool) -> Result<bool> {
    let options = Options {
        verbose,
        bless: false,
        install: false,
        ci: false,
    };
    let report = run_lane(project, &options, "check", rust::checks);
    Ok(print_table(&[report], false))
}

/// `cargo xtask soak`.
pub(crate) fn soak(project: &Project, verbose: bool) -> Result<bool> {
    let options = Options {
        verbose,
        bless: false,
        install: false,
        ci: false,
    };
    let report = run_lane(project, &options, "soak", rust::soak);
    Ok(print_table(&[report], false))
}

fn print_table(reports: &[LaneReport], ci: bool) -> bool {
    let (text, ok) = report::table(reports, ci);
    print!("\n{text}");
    ok
}

fn run_lane(
    project: &Project,
    options: &Options,
    name: &'static str,
    work: impl FnOnce(&mut Lane<'_>) -> Result<(), Stop>,
) -> LaneReport {
    let started = Instant::now();
    let end = Steps::new(project, name, options.verbose)
        .map_err(Stop::from)
        .and_then(|steps| {
            let mut lane = Lane {
                project,
                options,
                steps,
                counts: Counts::default(),
                notes: Vec::new(),
            };
            match work(&mut lane) {
                Err(Stop::Skipped(why)) => return Err(Stop::Skipped(why)),
                Err(Stop::Failed(why)) => lane.fail(why),
                Ok(()) => {}
            }
            if lane.counts.ran() == 0 {
                lane.fail("no test ran".to_owned());
            }
            Ok(End::Ran {
                counts: lane.counts,
                notes: lane.notes,
            })
        })
        .unwrap_or_else(|stop| match stop {
            Stop::Skipped(why) => {
                println!("{name:<8} skipped: {why}");
                End::Skipped(why)
            }
            Stop::Failed(why) => End::Ran {
                counts: Counts {
                    failed: 1,
                    ..Counts::default()
                },
                notes: vec![why],
            },
        });
    LaneReport {
        lane: name,
        end,
        took: started.elapsed(),
    }
}

/// A lane while it runs: what it has counted so far.
struct Lane<'a> {
    project: &'a Project,
    options: &'a Options,
    steps: Steps,
    counts: Counts,
    notes: Vec<String>,
}

impl Lane<'_> {
    fn fail(&mut self, why: String) {
        self.counts.failed += 1;
        self.notes.push(why);
    }

    fn count_check(&mut self, name: &str, ok: bool) {
        if ok {
            self.counts.passed += 1;
        } else {
            self.fail(format!("{name} failed"));
        }
    }

    /// A check that a tool makes: it counts as one, and the lane goes on when it fails.
    fn check(&mut self, name: &str, command: &mut Command) -> Result<(), Stop> {
        let ok = self.steps.run(name, command)?.ok;
        self.count_check(name, ok);
        Ok(())
    }

    /// A check of our own: `work` gives what is wrong.
    fn look(&mut self, name: &str, work: impl FnOnce() -> Result<Vec<String>>) -> Result<(), Stop> {
        let ok = self.steps.look(name, work)?;
        self.count_check(name, ok);
        Ok(())
    }

    /// A step without which the rest makes no sense.
    fn need(&mut self, name: &str, command: &mut Command) -> Result<(), Stop> {
        if self.steps.run(name, command)?.ok {
            Ok(())
        } else {
            Err(Stop::Failed(format!("{name} failed")))
        }
    }

    /// The same, for what it says.
    fn output(&mut self, name: &str, command: &mut Command) -> Result<String, Stop> {
        let finished = self.steps.run(name, command)?;
        if finished.ok {
            Ok(finished.output)
        } else {
            Err(Stop::Failed(format!("{name} failed")))
        }
    }

    /// A step that runs tests; `count` reads their number from the output.
    fn tests(
        &mut self,
        name: &str,
        command: &mut Command,
        count: fn(&str) -> Counts,
    ) -> Result<(), Stop> {
        let finished = self.steps.run(name, command)?;
        let counts = count(&finished.output);
        self.counts += counts;
        if !finished.ok && counts.failed == 0 {
            self.fail(format!("{name} failed"));
        } else if counts.ran() == 0 {
            self.fail(format!("{name}: no test ran"));
        }
        Ok(())
    }

    fn bindings(&mut self) -> Result<(), Stop> {
        if bindings::generate(self.project, true, &mut self.steps)? {
            Ok(())
        } else {
            Err(Stop::Failed("no bindings".to_owned()))
        }
    }

    /// Builds the programs, by name.
    fn programs(&mut self, names: &[&str]) -> Result<(), Stop> {
        for name in names {
            self.need(
                &format!("build {name}"),
                &mut build::program(self.project, name),
            )?;
        }
        Ok(())
    }

    /// Gives a command what every test outside Rust needs: the library, the test server, the shared test cases.
    fn hand_over(&self, command: &mut Command) {
        let library = self.project.library("debug");
        if let Some(folder) = library.parent() {
            command.env("LATCHKEY_LIB_DIR", folder);
        }
        command
            .env(
                "LATCHKEY_DEVSERVER",
                self.project.program("latchkey-devserver"),
            )
            .env("LATCHKEY_VECTORS", self.project.root.join("tests/vectors"))
            .env("LATCHKEY_BIN", self.project.program("latchkey"));
    }

    /// Tests of the package `latchkey-tests` that stand behind a feature of the same name.
    fn feature_tests(&self, name: &str) -> Command {
        let feature = format!("latchkey-tests/{name}");
        let mut command = self.project.cargo(&[
            "test",
            "--locked",
            "--workspace",
            "--no-fail-fast",
            "--features",
            &feature,
            "--test",
            name,
        ]);
        self.hand_over(&mut command);
        command
    }
}

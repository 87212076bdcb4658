//! The system's own tools: are they here, and how does one get them?

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::project::Project;
use crate::steps::Steps;

/// A program (or a set of fonts) that a lane needs and that comes with the system, not with this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// What it is, for someone who has never heard of it.
    pub(crate) words: &'static str,
    pub(crate) probe: Probe,
    /// Debian's names for it; the first that the system's package lists know is taken.
    pub(crate) packages: &'static [&'static str],
    /// Without it the lane runs all the same, only less well: a test that cannot do without it fails and says so.
    pub(crate) optional: bool,
}

/// How to see whether it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// One of these programs runs with that argument, and the first number it prints is not too low.
    Runs {
        programs: &'static [&'static str],
        variable: Option<&'static str>,
        arg: &'static str,
        at_least: u32,
    },
    Folder(&'static str),
}

pub(crate) const STRACE: Tool = Tool {
    words: "strace (shows the system calls of a program, to see what a power cut would leave of its files)",
    probe: Probe::Runs {
        programs: &["strace"],
        variable: None,
        arg: "--version",
        at_least: 0,
    },
    packages: &["strace"],
    // Three tests need it. A whole lane that is skipped for it would say less.
    optional: true,
};
pub(crate) const JDK: Tool = Tool {
    words: "a Java development kit, version 17 or later (compiles and runs the Kotlin tests)",
    probe: Probe::Runs {
        programs: &["javac"],
        variable: None,
        arg: "-version",
        at_least: 17,
    },
    packages: &[
        "openjdk-21-jdk-headless",
        "openjdk-17-jdk-headless",
        "default-jdk-headless",
    ],
    optional: false,
};
pub(crate) const MAVEN: Tool = Tool {
    words: "Apache Maven (builds Java and Kotlin projects and fetches their libraries)",
    probe: Probe::Runs {
        programs: &["mvn"],
        variable: None,
        arg: "-version",
        at_least: 0,
    },
    packages: &["maven"],
    optional: false,
};
pub(crate) const NODE: Tool = Tool {
    words: "Node.js, version 18 or later (runs login servers written by others, to test against)",
    probe: Probe::Runs {
        programs: &["node"],
        variable: None,
        arg: "--version",
        at_least: 18,
    },
    packages: &["nodejs"],
    optional: false,
};
pub(crate) const NPM: Tool = Tool {
    words: "npm (fetches those servers)",
    probe: Probe::Runs {
        programs: &["npm"],
        variable: None,
        arg: "--version",
        at_least: 0,
    },
    packages: &["npm"],
    optional: false,
};
pub(crate) const CHROMIUM: Tool = Tool {
    words: "Chromium (a real web browser, to log in with as a person would)",
    probe: Probe::Runs {
        programs: &["chromium", "chromium-browser", "google-chrome"],
        variable: Some("LATCHKEY_CHROMIUM"),
        arg: "--version",
        at_least: 0,
    },
    packages: &["chromium"],
    optional: false,
};
pub(crate) const CHROMEDRIVER: Tool = Tool {
    words: "ChromeDriver (lets a test press the browser's buttons)",
    probe: Probe::Runs {
        programs: &["chromedriver"],
        variable: Some("LATCHKEY_CHROMEDRIVER"),
        arg: "--version",
        at_least: 0,
    },
    packages: &["chromium-driver"],
    optional: false,
};
pub(crate) const FONTS: Tool = Tool {
    words: "the DejaVu fonts (letters for the browser's screenshots)",
    probe: Probe::Folder("/usr/share/fonts/truetype/dejavu"),
    packages: &["fonts-dejavu-core"],
    optional: true,
};

impl Tool {
    /// The program, if it is here and good enough. (For fonts: their folder.)
    pub(crate) fn find(&self) -> Option<PathBuf> {
        match self.probe {
            Probe::Folder(folder) => Some(PathBuf::from(folder)).filter(|path| path.is_dir()),
            Probe::Runs {
                programs,
                variable,
                arg,
                at_least,
            } => {
                let named = variable.and_then(env::var_os).map(PathBuf::from);
                named
                    .into_iter()
                    .chain(programs.iter().filter_map(|name| on_path(name)))
                    .find(|program| version(program, arg).is_some_and(|v| v >= at_least))
            }
        }
    }
}

/// Why a lane cannot run, and the way out; nothing if all it needs is here.
pub(crate) fn why_not(lane: &str, tools: &[Tool]) -> Option<String> {
    let missing: Vec<&str> = tools
        .iter()
        .filter(|tool| !tool.optional && tool.find().is_none())
        .map(|tool| tool.words)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let way = if is_debian_like() {
        format!("`cargo xtask test {lane} --install` installs it")
    } else {
        "install it with your system's package manager and have it on PATH".to_owned()
    };
    Some(format!("needs {}; {way}", missing.join(" and ")))
}

/// Installs what is missing, after saying what. On systems other than Debian's relatives it does nothing.
pub(crate) fn install(project: &Project, tools: &[Tool], verbose: bool) -> Result<()> {
    let mut missing: Vec<Tool> = Vec::new();
    for tool in tools {
        if !missing.contains(tool) && tool.find().is_none() {
            missing.push(*tool);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !is_debian_like() {
        println!("--install knows only Debian and its relatives (apt-get); here, install by hand:");
        for tool in &missing {
            println!("  - {}", tool.words);
        }
        return Ok(());
    }
    let mut steps = Steps::new(project, "install", verbose)?;
    let updated = steps.run("apt-get update", &mut apt_get(project, &["update"]))?;
    if !updated.ok {
        println!("The package lists could not be renewed; going on with those that are here.");
    }
    println!("These system packages will be installed:");
    let mut packages = Vec::new();
    for tool in &missing {
        let Some(package) = tool.packages.iter().find(|name| is_known(project, name)) else {
            println!("  - {}: not among this system's packages", tool.words);
            continue;
        };
        println!("  - {package}: {}", tool.words);
        packages.push(*package);
    }
    if packages.is_empty() {
        return Ok(());
    }
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(&packages);
    let installed = steps.run("apt-get install", &mut apt_get(project, &args))?;
    if !installed.ok {
        bail!("apt-get install failed, see above");
    }
    Ok(())
}

fn apt_get(project: &Project, args: &[&str]) -> Command {
    let mut command = if is_root() {
        project.command("apt-get")
    } else {
        let mut sudo = project.command("sudo");
        sudo.args(["--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        // So that it can ask for a password.
        sudo.stdin(Stdio::inherit());
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(args);
    command
}

fn is_known(project: &Project, package: &str) -> bool {
    project
        .command("apt-cache")
        .args(["show", "--no-all-versions", package])
        .output()
        .is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
}

pub(crate) fn is_debian_like() -> bool {
    Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

/// Debian itself, for what needs Debian's own package archive.
pub(crate) fn is_debian() -> bool {
    is_debian_like()
        && fs::read_to_string("/etc/os-release")
            .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

pub(crate) fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let endings: &[&str] = if cfg!(windows) {
        &[".exe", ".cmd", ".bat"]
    } else {
        &[""]
    };
    env::split_paths(&env::var_os("PATH")?)
        .flat_map(|folder| {
            endings
                .iter()
                .map(move |end| folder.join(format!("{name}{end}")))
        })
        .find(|path| path.is_file())
}

/// The first number that a program prints about its version; nothing if it does not run.
fn version(program: &Path, arg: &str) -> Option<u32> {
    let output = Command::new(program)
        .arg(arg)
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(first_number(&text))
}

pub(crate) fn first_number(text: &str) -> u32 {
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_tools_print() {
        assert_eq!(first_number("javac 17.0.15\n"), 17);
        assert_eq!(first_number("javac 1.8.0_392\n"), 1);
        assert_eq!(first_number("v20.20.2\n"), 20);
        assert_eq!(first_number("no number"), 0);
    }

    #[test]
    fn a_missing_tool_is_named_in_words_and_an_optional_one_is_not() {
        let missing = Tool {
            words: "a thing that nobody has",
            probe: Probe::Runs {
                programs: &["latchkey-no-such-program"],
                variable: None,
                arg: "--version",
                at_least: 0,
            },
            packages: &[],
            optional: false,
        };
        let why = why_not("kotlin", &[missing]).unwrap();
        assert!(why.contains("a thing that nobody has"));
        let optional = Tool {
            optional: true,
            ..missing
        };
        assert_eq!(why_not("kotlin", &[optional]), None);
    }
}

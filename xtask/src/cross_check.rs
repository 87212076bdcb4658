//! `cargo xtask cross-check`: does the core build and link for phones? The work is in scripts/cross-check.sh.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::ios::privacy;
use crate::project::Project;
use crate::size::Sizes;
use crate::system;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Phones {
    /// 64-bit Android phones.
    Android,
    /// iPhones.
    Ios,
    /// Both.
    All,
}

pub(crate) fn run(project: &Project, phones: Phones, record: bool) -> Result<bool> {
    if !system::is_debian() {
        bail!("the cross-check needs Debian 12: its compilers are taken from Debian's packages");
    }
    let output = project
        .command(project.root.join("xtask/scripts/cross-check.sh"))
        .arg(project.cache.join("cross"))
        .arg(&project.root)
        .arg("latchkey")
        .arg(match phones {
            Phones::Android => "android",
            Phones::Ios => "ios",
            Phones::All => "all",
        })
        .env("PROFILE", "mobile")
        // The toolchain of the script is another one than ours.
        .env_remove("RUSTUP_TOOLCHAIN")
        .stdout(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .context("could not start the cross-check script")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{text}");

    let mut sizes = Sizes::read(project)?;
    let mut ok = output.status.success();
    for (target, measured) in figures(&text) {
        if let Some(&stripped) = measured.get("stripped") {
            ok &= sizes.judge(target, stripped);
        }
        if record {
            sizes.measured.insert(target.to_owned(), measured);
        }
    }
    if record {
        sizes.write(project)?;
    }
    if phones != Phones::Android && output.status.success() {
        let undefined = fs::read_to_string(project.cache.join("cross/out/ios.undefined"))
            .context("the script left no list of undefined symbols")?;
        let wrong = privacy::problems(&project.root, &undefined)?;
        for line in &wrong {
            println!("privacy manifest: {line}");
        }
        ok &= wrong.is_empty();
    }
    Ok(ok)
}

/// The numbers in the script's two lines.
fn figures(text: &str) -> Vec<(&'static str, BTreeMap<String, u64>)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let (target, names): (_, &[&str]) = if line.starts_with("android arm64: ") {
            ("aarch64-linux-android", &["stripped", "gzip"])
        } else if line.starts_with("ios arm64: ") {
            ("aarch64-apple-ios", &["staticlib", "dylib"])
        } else {
            continue;
        };
        let numbers = line
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter_map(|word| word.parse().ok());
        let measured = names.iter().map(|name| (*name).to_owned()).zip(numbers);
        found.push((target, measured.collect()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_lines_are_read() {
        let text = "\
android arm64: 2156784 bytes stripped, 1012345 gzip; undefined symbols outside libc/libm/libdl/liblog: 0
ios arm64: staticlib 14234567, linked dylib 2683784
";
        let sizes = |pairs: [(&str, u64); 2]| {
            BTreeMap::from(pairs.map(|(name, size)| (name.to_owned(), size)))
        };
        assert_eq!(
            figures(text),
            [
                (
                    "aarch64-linux-android",
                    sizes([("stripped", 2_156_784), ("gzip", 1_012_345)])
                ),
                (
                    "aarch64-apple-ios",
                    sizes([("staticlib", 14_234_567), ("dylib", 2_683_784)])
                ),
            ]
        );
    }
}

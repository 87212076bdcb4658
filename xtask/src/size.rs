//! `cargo xtask size`: how many bytes an app carries for the core, and the limit it must stay under.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::build;
use crate::project::Project;
use crate::steps::Steps;

/// `size.json` at the root.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sizes {
    pub(crate) limit_stripped_bytes: u64,
    /// Target, then what was measured of it ("stripped", "gzip", …), in bytes.
    pub(crate) measured: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Sizes {
    pub(crate) fn read(project: &Project) -> Result<Self> {
        let path = project.root.join("size.json");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("could not read {}", path.display()))?;
        serde_json::from_str(&text).context("size.json is not as expected")
    }

    pub(crate) fn write(&self, project: &Project) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(project.root.join("size.json"), text).context("could not write size.json")
    }

    /// Says how a size stands to the limit and to what was recorded; false if it is too large.
    pub(crate) fn judge(&self, target: &str, stripped: u64) -> bool {
        let limit = self.limit_stripped_bytes;
        let recorded = self
            .measured
            .get(target)
            .and_then(|sizes| sizes.get("stripped"));
        if let Some(&recorded) = recorded {
            let change = i128::from(stripped) - i128::from(recorded);
            println!("{target}: {change:+} bytes against the {recorded} recorded");
        }
        if stripped > limit {
            println!(
                "{target}: {stripped} bytes, {} above the limit of {limit}",
                stripped - limit
            );
            return false;
        }
        true
    }
}

pub(crate) fn run(project: &Project, record: bool, verbose: bool) -> Result<bool> {
    let mut steps = Steps::new(project, "size", verbose)?;
    let built = steps.run(
        "build the library as shipped",
        &mut build::shipped_library(project),
    )?;
    if !built.ok {
        return Ok(false);
    }
    let folder = project.target.join("size");
    fs::create_dir_all(&folder)?;
    let library = project.library("mobile");
    let stripped_library = folder.join(library.file_name().context("a library has a name")?);
    strip(project, &library, &stripped_library)?;
    let stripped = fs::metadata(&stripped_library)?.len();
    let gzip = gzip_size(project, &stripped_library)?;
    let target = host(project)?;
    println!("{target}: {stripped} bytes stripped, {gzip} bytes gzip");

    let mut sizes = Sizes::read(project)?;
    let ok = sizes.judge(&target, stripped);
    if record {
        let measured =
            BTreeMap::from([("stripped".to_owned(), stripped), ("gzip".to_owned(), gzip)]);
        sizes.measured.insert(target, measured);
        sizes.write(project)?;
    }
    Ok(ok)
}

fn strip(project: &Project, from: &Path, to: &Path) -> Result<()> {
    let mut strip = project.command("strip");
    strip.arg(if cfg!(target_vendor = "apple") {
        "-x"
    } else {
        "--strip-unneeded"
    });
    let status = strip
        .arg("-o")
        .args([to, from])
        .status()
        .context("could not start `strip` (it comes with a C compiler's tools)")?;
    if !status.success() {
        bail!("`strip` failed on {}", from.display());
    }
    Ok(())
}

fn gzip_size(project: &Project, path: &Path) -> Result<u64> {
    let output = project
        .command("gzip")
        .arg("-9nc")
        .arg(path)
        .output()
        .context("could not start `gzip`")?;
    if !output.status.success() {
        bail!("`gzip` failed on {}", path.display());
    }
    Ok(output.stdout.len() as u64)
}

fn host(project: &Project) -> Result<String> {
    let output = project.command("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc did not say what machine this is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_the_limit_fails_and_at_the_limit_does_not() {
        let sizes = Sizes {
            limit_stripped_bytes: 100,
            measured: BTreeMap::new(),
        };
        assert!(sizes.judge("phone", 100));
        assert!(!sizes.judge("phone", 101));
    }
}

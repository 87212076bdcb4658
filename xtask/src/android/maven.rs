//! Maven's part: compiling, and fetching what comes from Maven repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::made;
use crate::bindings;
use crate::project::Project;
use crate::steps::Steps;
use crate::system;

pub(crate) const NO_R8: &str = "R8 and D8 (com.android.tools:r8) come from Google's Maven repository, which Maven did \
     not reach; let it go there, by a mirror in its settings for instance";

pub(crate) const NO_MERGER: &str = "Google's manifest merger (com.android.tools.build:manifest-merger) did not come, or \
     not with all that it needs; let Maven go where it is, by a mirror in its settings for instance";

/// Where the poms look for the generated Kotlin.
const KOTLIN: &str = "LATCHKEY_BINDINGS_KOTLIN";

/// Maven over the modules in `android/`.
pub(crate) fn command(project: &Project) -> Command {
    let mut command = project.command(system::MAVEN.find().unwrap_or_else(|| "mvn".into()));
    command
        .env(KOTLIN, bindings::kotlin_folder(project))
        .current_dir(project.root.join("android"))
        .args(["--batch-mode", "--no-transfer-progress"]);
    command
}

/// Compiles the library and the sample anew: what another build has left would go along.
pub(super) fn build(project: &Project, steps: &mut Steps) -> Result<bool> {
    for folder in ["latchkey", "app"].map(|module| made(project, module)) {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    // A copy, since a run of the tests makes theirs in the same place.
    let kotlin = project.target.join("android/kotlin");
    bindings::mirror(&bindings::kotlin_folder(project), &kotlin)?;
    let mut compile = command(project);
    compile.env(KOTLIN, kotlin).args([
        "--projects",
        "app",
        "--also-make",
        "-Dmaven.test.skip=true",
        "package",
        // For the sample: what goes into its APK, and the framework that it is compiled against.
        "dependency:build-classpath@device",
        "dependency:build-classpath@framework",
    ]);
    Ok(steps.run("Maven: compile", &mut compile)?.ok)
}

/// Android's compiler to dex, which is its shrinker too, where it can be had.
pub(crate) fn r8(project: &Project, steps: &mut Steps) -> Result<Option<PathBuf>> {
    fetch(project, steps, "r8", "jar")
}

/// Fetches Google's manifest merger, where it can be had; the tests find its class path.
pub(crate) fn merger(project: &Project, steps: &mut Steps) -> Result<bool> {
    // What an earlier run has fetched may be gone.
    let class_path = tools(project).join("manifest-merger.classpath");
    if class_path.exists() {
        fs::remove_file(class_path)?;
    }
    let mut fetch = command(project);
    fetch.args([
        "--file",
        "manifest-merger/pom.xml",
        "dependency:build-classpath",
    ]);
    let fetched = steps.run("Maven: fetch the manifest merger", &mut fetch)?;
    Ok(fetched.ok)
}

/// Where the poms' `tools.folder` is.
fn tools(project: &Project) -> PathBuf {
    project.root.join("android/target/tools")
}

/// Fetches a file that the parent pom names, by an execution of the same name.
pub(super) fn fetch(
    project: &Project,
    steps: &mut Steps,
    name: &str,
    kind: &str,
) -> Result<Option<PathBuf>> {
    let mut fetch = command(project);
    fetch.args([
        "--projects",
        "jvm-tests",
        &format!("dependency:copy@{name}"),
    ]);
    let fetched = steps.run(&format!("Maven: fetch {name}"), &mut fetch)?.ok;
    let file = format!("{name}-{}.{kind}", version(project, name)?);
    let path = tools(project).join(file);
    Ok(fetched.then_some(path))
}

/// The jars of a class path that Maven wrote down.
pub(super) fn class_path(project: &Project, name: &str) -> Result<Vec<PathBuf>> {
    let path = made(project, "app").join(format!("{name}.classpath"));
    let text =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    Ok(std::env::split_paths(text.trim()).collect())
}

/// A version that all modules share, as `android/pom.xml` has it.
pub(super) fn version(project: &Project, name: &str) -> Result<String> {
    let pom = fs::read_to_string(project.root.join("android/pom.xml"))?;
    property(&pom, &format!("{name}.version"))
        .with_context(|| format!("android/pom.xml has no {name}.version"))
}

fn property(pom: &str, name: &str) -> Option<String> {
    let (_, rest) = pom.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once("</")?;
    Some(value.to_owned())
}

/// The folder of the JDK, whose classes are Java's own part of Android's.
pub(super) fn java_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("JAVA_HOME") {
        return Ok(home.into());
    }
    let compiler = system::JDK.find().context("no JDK")?;
    let compiler = fs::canonicalize(compiler)?;
    let home = compiler.parent().and_then(Path::parent);
    Ok(home
        .context("no folder above the Java compiler's")?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_pom() {
        let pom = include_str!("../../../android/pom.xml");
        for name in ["kotlin", "coroutines", "jna", "r8"] {
            let version = property(pom, &format!("{name}.version")).unwrap();
            assert!(
                version.starts_with(|c: char| c.is_ascii_digit()),
                "{version}"
            );
        }
        assert_eq!(property(pom, "nobody.version"), None);
    }
}

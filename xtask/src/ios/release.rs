//! The commit that a release tag names: the main branch's, plus the generated Swift sources and a Package.swift that
//! fetches the XCFramework. Main never holds them.
//!
//! It is made of the same files with the same name and date each time, so whoever builds it again gets the same hash.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::xcframework;
use crate::bindings;
use crate::project::Project;
use crate::steps::Steps;

/// Stands for the checksum where no XCFramework was made.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// `cargo xtask release`: prints the commit, and with `tag` makes the tag too.
pub(crate) fn run(project: &Project, tag: bool, verbose: bool) -> Result<bool> {
    let version = project.version()?;
    if tag {
        let changed = git(project, &["status", "--porcelain"], None)?;
        ensure!(
            changed.is_empty(),
            "commit first: a release is made of what is committed\n{changed}"
        );
    }
    let checksum = match super::checksum(project) {
        Ok(checksum) => checksum,
        Err(error) if tag => return Err(error),
        Err(_) => NO_CHECKSUM.to_owned(),
    };
    let mut steps = Steps::new(project, "release", verbose)?;
    if !bindings::generate(project, false, &mut steps)? {
        return Ok(false);
    }
    let commit = commit(project, &version, &checksum)?;
    let shown = ["show", "--stat=100", "--format=fuller", commit.as_str()];
    println!("{}", git(project, &shown, None)?);
    let manifest = ["show", "--format=", commit.as_str(), "--", "Package.swift"];
    println!("{}", git(project, &manifest, None)?);
    let name = format!("v{version}");
    if tag {
        let message = format!("Latchkey {version}");
        git(
            project,
            &["tag", "-a", &name, "-m", &message, &commit],
            None,
        )?;
        println!(
            "Tagged as {name}. Put {} beside it, then push the tag.",
            super::steps::ZIP
        );
    } else {
        println!("A dry run: no tag was made. This is the commit that {name} would name.");
        if checksum == NO_CHECKSUM {
            println!(
                "Its checksum is none: the XCFramework is made on a Mac, by `cargo xtask package ios`."
            );
        }
    }
    Ok(true)
}

/// Package.swift of a release, from main's.
pub(crate) fn manifest(main: &str, url: &str, checksum: &str) -> Result<String> {
    let local = format!(
        ".binaryTarget(name: \"{}\", path: \"{}\")",
        xcframework::MODULE,
        xcframework::PATH
    );
    ensure!(
        main.matches(&local).count() == 1,
        "Package.swift does not hold `{local}` once"
    );
    let released = format!(
        ".binaryTarget(\n            name: \"{}\", url: \"{url}\",\n            checksum: \"{checksum}\")",
        xcframework::MODULE
    );
    Ok(main.replace(&local, &released))
}

pub(crate) fn url(project: &Project, version: &str) -> Result<String> {
    let repository = project.metadata["packages"][0]["repository"].as_str();
    let repository = repository.context("Cargo.toml names no repository")?;
    let zip = Path::new(super::steps::ZIP)
        .file_name()
        .and_then(|name| name.to_str());
    let zip = zip.context("the zip has no name")?;
    Ok(format!("{repository}/releases/download/v{version}/{zip}"))
}

/// Makes the commit, which nothing points at yet.
fn commit(project: &Project, version: &str, checksum: &str) -> Result<String> {
    let folder = project.target.join("release");
    fs::create_dir_all(&folder)?;
    let index = folder.join("index");
    if index.exists() {
        fs::remove_file(&index)?;
    }
    let index = Some(index.as_path());
    git(project, &["read-tree", "HEAD"], index)?;
    for file in ["LatchkeyCore", "LatchkeyCoreFFI"] {
        git(
            project,
            &["add", "--force", &format!("ios/Sources/{file}")],
            index,
        )?;
    }
    let main = git(project, &["show", "HEAD:Package.swift"], None)?;
    let released = manifest(&(main + "\n"), &url(project, version)?, checksum)?;
    let blob = git_with(
        project,
        &["hash-object", "-w", "--stdin"],
        index,
        &released,
        &[],
    )?;
    let entry = format!("100644,{blob},Package.swift");
    git(project, &["update-index", "--cacheinfo", &entry], index)?;
    let tree = git(project, &["write-tree"], index)?;
    let date = git(project, &["show", "-s", "--format=%cI", "HEAD"], None)?;
    let who = [
        ("GIT_AUTHOR_NAME", "Latchkey"),
        ("GIT_AUTHOR_EMAIL", "release@latchkey.invalid"),
        ("GIT_AUTHOR_DATE", &date),
        ("GIT_COMMITTER_NAME", "Latchkey"),
        ("GIT_COMMITTER_EMAIL", "release@latchkey.invalid"),
        ("GIT_COMMITTER_DATE", &date),
    ];
    let message = format!("Latchkey {version}, with its generated sources\n");
    let commit = ["commit-tree", tree.as_str(), "-p", "HEAD"];
    git_with(project, &commit, index, &message, &who)
}

fn git(project: &Project, args: &[&str], index: Option<&Path>) -> Result<String> {
    git_with(project, args, index, "", &[])
}

fn git_with(
    project: &Project,
    args: &[&str],
    index: Option<&Path>,
    input: &str,
    environment: &[(&str, &str)],
) -> Result<String> {
    let mut command: Command = project.command("git");
    command
        .args(args)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    let mut child = command.spawn().context("could not start git")?;
    // Dropped at once, so that git sees the end of it.
    child
        .stdin
        .take()
        .context("git has no input")?
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "git {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_fetches_the_core_and_main_does_not() {
        let main = include_str!("../../../Package.swift");
        let released = manifest(main, "https://example.com/x.zip", "abc").unwrap();
        assert!(
            released.contains("url: \"https://example.com/x.zip\"")
                && released.contains("checksum: \"abc\"")
        );
        assert!(!released.contains("path: \"ios/LatchkeyCoreFFI.xcframework\""));
        assert!(!main.contains("checksum:"));
        assert!(manifest(&released, "https://example.com/x.zip", "abc").is_err());
    }

    #[test]
    fn the_commit_is_made_of_committed_and_generated_files_and_is_the_same_each_time() {
        let root = std::env::temp_dir().join(format!("xtask-release-{}", std::process::id()));
        fs::create_dir_all(root.join("ios/Sources/LatchkeyCore")).unwrap();
        fs::create_dir_all(root.join("ios/Sources/LatchkeyCoreFFI")).unwrap();
        let project = Project {
            root: root.clone(),
            target: root.join("target"),
            cache: root.clone(),
            metadata: serde_json::json!({"packages": [{"repository": "https://example.com/latchkey"}]}),
        };
        let write = |path: &str, text: &str| fs::write(root.join(path), text).unwrap();
        write(
            ".gitignore",
            "/target/\n/ios/Sources/LatchkeyCore/\n/ios/Sources/LatchkeyCoreFFI/\n",
        );
        write("Package.swift", include_str!("../../../Package.swift"));
        write(
            "ios/Sources/LatchkeyCore/LatchkeyCore.swift",
            "// generated",
        );
        write(
            "ios/Sources/LatchkeyCoreFFI/LatchkeyCoreFFI.h",
            "// generated",
        );
        let me = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        git(&project, &["init", "-q"], None).unwrap();
        git(&project, &["add", "."], None).unwrap();
        git(
            &project,
            &[&me[..], &["commit", "-q", "-m", "main"]].concat(),
            None,
        )
        .unwrap();
        // Not committed, so not in it.
        write("Package.swift", "changed");

        let made = commit(&project, "1.2.3", "abc").unwrap();
        assert_eq!(made, commit(&project, "1.2.3", "abc").unwrap());
        let files = git(&project, &["ls-tree", "-r", "--name-only", &made], None).unwrap();
        assert!(
            files.contains("LatchkeyCore.swift") && files.contains("LatchkeyCoreFFI.h"),
            "{files}"
        );
        let manifest = git(&project, &["show", &format!("{made}:Package.swift")], None).unwrap();
        assert!(manifest.contains(
            "url: \"https://example.com/latchkey/releases/download/v1.2.3/LatchkeyCoreFFI.xcframework.zip\""
        ));
        // Main is as it was.
        let main = git(&project, &["ls-tree", "-r", "--name-only", "HEAD"], None).unwrap();
        assert!(!main.contains("LatchkeyCore.swift"), "{main}");
        fs::remove_dir_all(root).unwrap();
    }
}

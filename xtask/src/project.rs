//! Where things are, and how Cargo is started from inside Cargo.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The folders that every command needs.
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) cache: PathBuf,
    /// What `cargo metadata --no-deps` says: the workspace's own packages.
    pub(crate) metadata: Value,
}

impl Project {
    pub(crate) fn find() -> Result<Self> {
        let output = cargo_program()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("could not start cargo")?;
        if !output.status.success() {
            bail!(
                "cargo metadata failed:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let metadata: Value =
            serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")?;
        let folder = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata has no {key}"))
        };
        let root = folder("workspace_root")?;
        let cache = match env::var_os("LATCHKEY_CACHE") {
            Some(cache) => root.join(cache),
            None => root.join(".cache"),
        };
        Ok(Self {
            target: folder("target_directory")?,
            root,
            cache,
            metadata,
        })
    }

    /// A command that runs at the root of the project, free of what the outer `cargo run` left in the environment.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        forget_outer_cargo(&mut command);
        command.current_dir(&self.root);
        command
    }

    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = cargo_program();
        command.current_dir(&self.root).args(args);
        command
    }

    /// The version that all packages of the workspace share.
    pub(crate) fn version(&self) -> Result<String> {
        let version = self.metadata["packages"][0]["version"].as_str();
        Ok(version.context("cargo metadata has no version")?.to_owned())
    }

    /// Where Cargo puts a program of the dev profile.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target
            .join("debug")
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Where Cargo puts the core's dynamic library, in the folder of that profile.
    pub(crate) fn library(&self, profile_folder: &str) -> PathBuf {
        let name = format!(
            "{}latchkey{}",
            env::consts::DLL_PREFIX,
            env::consts::DLL_SUFFIX
        );
        self.target.join(profile_folder).join(name)
    }
}

fn cargo_program() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_outer_cargo(&mut command);
    command
}

/// `cargo run` describes *this* package to its program. A Cargo started from here must not see that: build scripts
/// that look at those variables would run again each time, and everything above them.
fn forget_outer_cargo(command: &mut Command) {
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "OUT_DIR"].contains(&&*name)
        {
            command.env_remove(&key);
        }
    }
    for name in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        if let Some(paths) = env::var_os(name) {
            match without_cargo_folders(&paths) {
                Some(rest) => command.env(name, rest),
                None => command.env_remove(name),
            };
        }
    }
    command.env("CARGO_TERM_COLOR", "never");
    command.stdin(std::process::Stdio::null());
}

fn without_cargo_folders(paths: &OsString) -> Option<OsString> {
    let ours = env::current_exe().ok()?.parent()?.to_path_buf();
    let rest: Vec<PathBuf> = env::split_paths(paths)
        .filter(|path| {
            !path.as_os_str().is_empty()
                && !path.starts_with(&ours)
                && !path.components().any(|c| c.as_os_str() == "rustlib")
        })
        .collect();
    if rest.is_empty() {
        None
    } else {
        env::join_paths(rest).ok()
    }
}

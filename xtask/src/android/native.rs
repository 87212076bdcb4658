//! The core as a library for phones, by Android's NDK. The linker's options are those of `build::shipped_library`, for
//! Android; `cargo xtask cross-check` tries the same target without an NDK.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::build;
use crate::project::Project;
use crate::steps::Steps;

pub(super) const NO_NDK: &str = "no Android NDK: install one (Android Studio's SDK Manager, \"NDK (Side by side)\") and \
     set ANDROID_NDK_HOME to its folder";
/// Phones with 64-bit ARM processors; their folder in an AAR and an APK.
pub(super) const ABI: &str = "arm64-v8a";
const TARGET: &str = "aarch64-linux-android";
/// The oldest Android, as in the poms and Gradle's files; `GradleFilesTest` compares.
pub(super) const MIN_SDK: &str = "28";

pub(super) enum Built {
    Library(PathBuf),
    Failed,
    NoNdk,
}

pub(super) fn build(project: &Project, steps: &mut Steps) -> Result<Built> {
    let Some(tools) = ndk() else {
        return Ok(Built::NoNdk);
    };
    let target = ["target", "add", TARGET];
    let mut add = project.command("rustup");
    if !steps
        .run("Rust's standard library for Android", add.args(target))?
        .ok
    {
        return Ok(Built::Failed);
    }
    let home = env::home_dir().unwrap_or_default();
    let mut library = library(project, &tools, &home);
    if !steps.run("build the core for Android", &mut library)?.ok {
        return Ok(Built::Failed);
    }
    let built = project.target.join(TARGET).join("mobile/liblatchkey.so");
    // Gradle takes this folder whole.
    let folder = project.target.join("android/jni").join(ABI);
    fs::create_dir_all(&folder)?;
    let stripped = folder.join("liblatchkey.so");
    let mut strip = project.command(tools.join("llvm-strip"));
    strip
        .arg("--strip-unneeded")
        .arg(built)
        .arg("-o")
        .arg(&stripped);
    Ok(match steps.run("strip it", &mut strip)?.ok {
        true => Built::Library(stripped),
        false => Built::Failed,
    })
}

/// The folder of the NDK's programs.
fn ndk() -> Option<PathBuf> {
    let ndk = ["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"]
        .iter()
        .find_map(env::var_os)?;
    // One folder, named after the machine that they run on.
    let hosts = fs::read_dir(PathBuf::from(ndk).join("toolchains/llvm/prebuilt")).ok()?;
    let mut hosts = hosts.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    hosts.find(|folder| folder.is_dir())
}

fn library(project: &Project, tools: &Path, home: &Path) -> Command {
    let clang = tools.join(format!("{TARGET}{MIN_SDK}-clang"));
    let flags = [
        // Pages of 16 KB, which a phone may have.
        "-Clink-arg=-Wl,-z,max-page-size=16384".to_owned(),
        "-Clink-arg=-Wl,--icf=all".to_owned(),
        // Packed relocations, by the names that Android 9 knows them by.
        "-Clink-arg=-Wl,--pack-dyn-relocs=relr,--use-android-relr-tags".to_owned(),
        // What panics say names source files: not where they lay on this machine.
        format!("--remap-path-prefix={}=home", home.display()),
        format!("--remap-path-prefix={}=latchkey", project.root.display()),
    ];
    let mut command = build::mobile_library(project);
    command
        .args(["--target", TARGET])
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_TARGET_AARCH64_LINUX_ANDROID_LINKER", &clang)
        .env("CC_aarch64_linux_android", &clang)
        .env("AR_aarch64_linux_android", tools.join("llvm-ar"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_is_built_by_the_ndk_for_pages_of_16_kb_and_without_this_machines_paths() {
        let project = Project::find().unwrap();
        let command = library(&project, Path::new("/ndk/bin"), Path::new("/home/alice"));
        let args: Vec<_> = command
            .get_args()
            .map(|arg| arg.to_string_lossy())
            .collect();
        assert!(args.windows(2).any(|pair| pair == ["--profile", "mobile"]));
        assert!(args.windows(2).any(|pair| pair == ["--target", TARGET]));
        let said = |name: &str| {
            let mut found = command.get_envs().filter(|(key, _)| *key == name);
            let value = found
                .next()
                .and_then(|(_, value)| value)
                .unwrap_or_default();
            value.to_string_lossy().into_owned()
        };
        let linker = "/ndk/bin/aarch64-linux-android28-clang";
        assert_eq!(said("CARGO_TARGET_AARCH64_LINUX_ANDROID_LINKER"), linker);
        let flags = said("CARGO_ENCODED_RUSTFLAGS");
        let flags: Vec<&str> = flags.split('\u{1f}').collect();
        assert!(
            flags.contains(&"-Clink-arg=-Wl,-z,max-page-size=16384"),
            "{flags:?}"
        );
        assert!(
            flags.contains(&"--remap-path-prefix=/home/alice=home"),
            "{flags:?}"
        );
    }
}

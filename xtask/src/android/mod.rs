//! The Android library as apps get it, an AAR, and the sample as an APK: from Maven's build, without Google's SDK.

mod aar;
mod apk;
mod archive;
mod checks;
mod elf;
mod manifest;
pub(crate) mod maven;
mod native;
mod secrets;

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::bindings;
use crate::project::Project;
use crate::steps::Steps;
use crate::system;

/// `cargo xtask package android`.
pub(crate) fn package(project: &Project, native_only: bool, verbose: bool) -> Result<bool> {
    let out = project.target.join("android");
    fs::create_dir_all(&out)?;
    let mut steps = Steps::new(project, "package", verbose)?;
    let native = match native::build(project, &mut steps)? {
        native::Built::Library(path) => Some(path),
        native::Built::Failed => return Ok(false),
        native::Built::NoNdk if native_only => bail!("{}", native::NO_NDK),
        native::Built::NoNdk => None,
    };
    if native_only {
        return Ok(true);
    }
    let tools = [system::JDK, system::MAVEN];
    if let Some(why) = system::why_not("kotlin", &tools) {
        bail!("{why}");
    }
    // Not those that the tests take: with them an app would get the checks that every store must pass.
    if !bindings::generate(project, false, &mut steps)? || !maven::build(project, &mut steps)? {
        return Ok(false);
    }
    let r8 = maven::r8(project, &mut steps)?;
    let aar = aar::make(project, native.as_deref())?;
    let mut ok = checks::aar(project, &aar, native.is_some(), &mut steps)?;
    let apk = match &r8 {
        Some(r8) => apk::make(project, r8, native.as_deref(), &mut steps)?,
        None => None,
    };
    match &apk {
        Some(apk) => ok &= checks::apk(project, apk, &mut steps)?,
        None => ok &= r8.is_none(),
    }
    say_what_is_missing(native.is_some(), r8.is_some(), apk.as_ref());
    println!("The library: {}", aar.display());
    println!(
        "The same as a Maven repository: {}",
        aar::repository(project).display()
    );
    if let Some(apk) = apk {
        println!("The sample: {}", apk.path.display());
    }
    Ok(ok)
}

fn say_what_is_missing(native: bool, r8: bool, apk: Option<&apk::Apk>) {
    if !native {
        println!("SKIPPED the Rust library for phones: {}", native::NO_NDK);
        println!("        What was made can be looked at; no phone can run it.");
    }
    if !r8 {
        println!("SKIPPED the APK: {}", maven::NO_R8);
    }
    if apk.is_some_and(|apk| !apk.signed) {
        println!("SKIPPED the signature: {}", apk::NO_SIGNER);
    }
}

/// Where Maven puts what it has made of a module.
fn made(project: &Project, module: &str) -> PathBuf {
    project.root.join("android").join(module).join("target")
}

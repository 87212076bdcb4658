//! Generates the Kotlin and Swift sources from the core's library: `xtask-bindgen LIBRARY CONFIG OUT_FOLDER`.
//!
//! Started by `cargo xtask bindings`, which puts the results where they belong.
#![expect(
    clippy::print_stderr,
    reason = "its one message goes to whoever started it"
)]

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use uniffi_bindgen::bindings::{
    GenerateOptions, SwiftBindingsOptions, TargetLanguage, generate, generate_swift_bindings,
};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [library, config, out] = args.as_slice() else {
        eprintln!("usage: xtask-bindgen LIBRARY CONFIG OUT_FOLDER");
        return ExitCode::FAILURE;
    };
    match run(library, config, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(library: &str, config: &str, out: &str) -> Result<()> {
    generate(GenerateOptions {
        languages: vec![TargetLanguage::Kotlin],
        source: library.into(),
        out_dir: format!("{out}/kotlin").into(),
        config_override: Some(config.into()),
        ..GenerateOptions::default()
    })
    .context("could not generate Kotlin")?;
    catch_errors_too(&format!("{out}/kotlin/dev/latchkey/latchkey.kt"))?;

    let swift = |folder: &str| SwiftBindingsOptions {
        source: library.into(),
        out_dir: format!("{out}/{folder}").into(),
        config: Some(config.into()),
        module_name: Some("LatchkeyCoreFFI".to_owned()),
        modulemap_filename: Some("module.modulemap".to_owned()),
        ..SwiftBindingsOptions::default()
    };
    generate_swift_bindings(SwiftBindingsOptions {
        generate_swift_sources: true,
        ..swift("LatchkeyCore")
    })
    .context("could not generate Swift")?;
    generate_swift_bindings(SwiftBindingsOptions {
        generate_headers: true,
        generate_modulemap: true,
        ..swift("LatchkeyCoreFFI")
    })
    .context("could not generate Swift's C header")
}

/// A foreign trait's method may throw an `Error` (no memory, a missing class). UniFFI 0.32 catches exceptions alone
/// there, so the call would count as done: a session would be taken for stored that is not.
fn catch_errors_too(kotlin: &str) -> Result<()> {
    const NARROW: &str = "catch(e: kotlin.Exception)";
    let text = std::fs::read_to_string(kotlin).context("could not read the generated Kotlin")?;
    ensure!(
        text.matches(NARROW).count() == 2,
        "the generated Kotlin has other catches than expected: look at how it calls foreign traits"
    );
    std::fs::write(kotlin, text.replace(NARROW, "catch(e: kotlin.Throwable)"))
        .context("could not write the generated Kotlin")
}

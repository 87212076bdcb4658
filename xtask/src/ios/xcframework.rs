//! The shape of the XCFramework: what SwiftPM and Xcode look for in it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use plist::{Dictionary, Value};

/// Where Package.swift looks for it.
pub(crate) const PATH: &str = "ios/LatchkeyCoreFFI.xcframework";
/// The C module that the generated Swift imports.
pub(crate) const MODULE: &str = "LatchkeyCoreFFI";
const LIBRARY: &str = "liblatchkey.a";

/// A folder of the framework: one system, one or two processors.
struct Slice {
    name: &'static str,
    platform: &'static str,
    variant: Option<&'static str>,
    architectures: &'static [&'static str],
}

const SLICES: [Slice; 3] = [
    Slice {
        name: "ios-arm64",
        platform: "ios",
        variant: None,
        architectures: &["arm64"],
    },
    Slice {
        name: "ios-arm64_x86_64-simulator",
        platform: "ios",
        variant: Some("simulator"),
        architectures: &["arm64", "x86_64"],
    },
    Slice {
        name: "macos-arm64_x86_64",
        platform: "macos",
        variant: None,
        architectures: &["arm64", "x86_64"],
    },
];

/// Makes one by hand, to see on any machine that SwiftPM takes it: the archives in it are what `archive` holds, whatever
/// that is. What ships is made by Xcode alone.
pub(crate) fn by_hand(to: &Path, archive: &[u8], headers: &Path) -> Result<()> {
    for slice in &SLICES {
        let folder = to.join(slice.name);
        let module = folder.join("Headers").join(MODULE);
        fs::create_dir_all(&module)?;
        fs::write(folder.join(LIBRARY), archive)?;
        for name in ["LatchkeyCoreFFI.h", "module.modulemap"] {
            fs::copy(headers.join(name), module.join(name))
                .with_context(|| format!("no {name} in {}", headers.display()))?;
        }
    }
    plist::to_file_xml(to.join("Info.plist"), &info())?;
    Ok(())
}

fn info() -> Value {
    let libraries = SLICES.iter().map(|slice| {
        let mut library = Dictionary::new();
        let mut say = |key: &str, value: Value| library.insert(key.to_owned(), value);
        say("LibraryIdentifier", slice.name.into());
        say("LibraryPath", LIBRARY.into());
        say("BinaryPath", LIBRARY.into());
        say("HeadersPath", "Headers".into());
        say("SupportedPlatform", slice.platform.into());
        if let Some(variant) = slice.variant {
            say("SupportedPlatformVariant", variant.into());
        }
        let architectures = slice.architectures.iter().map(|name| (*name).into());
        say(
            "SupportedArchitectures",
            Value::Array(architectures.collect()),
        );
        Value::Dictionary(library)
    });
    let mut info = Dictionary::new();
    info.insert(
        "AvailableLibraries".to_owned(),
        Value::Array(libraries.collect()),
    );
    info.insert("CFBundlePackageType".to_owned(), "XFWK".into());
    info.insert("XCFrameworkFormatVersion".to_owned(), "1.0".into());
    Value::Dictionary(info)
}

/// What is wrong with a framework, whoever made it.
pub(crate) fn problems(framework: &Path) -> Result<Vec<String>> {
    let info = Value::from_file(framework.join("Info.plist"))
        .with_context(|| format!("no Info.plist in {}", framework.display()))?;
    let libraries = info
        .as_dictionary()
        .and_then(|info| info.get("AvailableLibraries"))
        .and_then(Value::as_array)
        .context("Info.plist has no AvailableLibraries")?;
    let mut wrong = Vec::new();
    for slice in &SLICES {
        let found = libraries
            .iter()
            .filter_map(Value::as_dictionary)
            .find(|library| is_for(library, slice));
        match found {
            Some(library) => wrong.extend(missing(framework, slice, library)),
            None => wrong.push(format!("no library for {}", slice.name)),
        }
    }
    if libraries.len() != SLICES.len() {
        wrong.push(format!(
            "{} libraries, not {}",
            libraries.len(),
            SLICES.len()
        ));
    }
    Ok(wrong)
}

fn is_for(library: &Dictionary, slice: &Slice) -> bool {
    let text = |key: &str| library.get(key).and_then(Value::as_string);
    let architectures: Vec<&str> = library
        .get("SupportedArchitectures")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_string).collect())
        .unwrap_or_default();
    text("SupportedPlatform") == Some(slice.platform)
        && text("SupportedPlatformVariant") == slice.variant
        && slice
            .architectures
            .iter()
            .all(|name| architectures.contains(name))
}

fn missing(framework: &Path, slice: &Slice, library: &Dictionary) -> Vec<String> {
    let text = |key: &str| {
        library
            .get(key)
            .and_then(Value::as_string)
            .unwrap_or_default()
    };
    let folder = framework.join(text("LibraryIdentifier"));
    let module = folder.join(text("HeadersPath")).join(MODULE);
    let mut wrong = Vec::new();
    if !folder.join(text("LibraryPath")).is_file() {
        wrong.push(format!("{}: no archive", slice.name));
    }
    let map = fs::read_to_string(module.join("module.modulemap")).unwrap_or_default();
    if !map.contains(&format!("module {MODULE} ")) || !map.contains("LatchkeyCoreFFI.h") {
        wrong.push(format!(
            "{}: no module map of {MODULE} in a folder of its own",
            slice.name
        ));
    }
    if !module.join("LatchkeyCoreFFI.h").is_file() {
        wrong.push(format!("{}: no header", slice.name));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        let headers = folder.join("headers");
        fs::create_dir_all(&headers).unwrap();
        fs::write(headers.join("LatchkeyCoreFFI.h"), "").unwrap();
        let map = "module LatchkeyCoreFFI {\n header \"LatchkeyCoreFFI.h\"\n}";
        fs::write(headers.join("module.modulemap"), map).unwrap();
        by_hand(&folder.join("made"), b"!<arch>\n", &headers).unwrap();
        folder
    }

    #[test]
    fn one_made_by_hand_has_the_shape_that_is_looked_for() {
        let folder = made("by-hand");
        assert_eq!(
            problems(&folder.join("made")).unwrap(),
            Vec::<String>::new()
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = made("missing");
        let framework = folder.join("made");
        fs::remove_file(framework.join("ios-arm64/liblatchkey.a")).unwrap();
        // At the top of the headers it would collide with another package's.
        let headers = framework.join("macos-arm64_x86_64/Headers");
        let map = headers.join(MODULE).join("module.modulemap");
        fs::rename(map, headers.join("module.modulemap")).unwrap();
        assert_eq!(
            problems(&framework).unwrap(),
            [
                "ios-arm64: no archive",
                "macos-arm64_x86_64: no module map of LatchkeyCoreFFI in a folder of its own",
            ]
        );
        fs::remove_dir_all(folder).unwrap();
    }
}

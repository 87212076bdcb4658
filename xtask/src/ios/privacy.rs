//! The privacy manifest: Apple wants a reason for certain functions, and refuses an app whose packages do not give it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use plist::{Dictionary, Value};

/// In the folder of the Swift target, as one of its resources: a static library carries none into an app.
pub(crate) const MANIFEST: &str = "ios/Sources/Latchkey/PrivacyInfo.xcprivacy";

/// C functions that need a reason, by category (Apple: "Describing use of required reason API").
const FUNCTIONS: [(&str, &[&str]); 3] = [
    (
        "NSPrivacyAccessedAPICategoryFileTimestamp",
        &[
            "stat",
            "fstat",
            "fstatat",
            "lstat",
            "getattrlist",
            "getattrlistat",
            "getattrlistbulk",
            "fgetattrlist",
        ],
    ),
    (
        "NSPrivacyAccessedAPICategorySystemBootTime",
        &["mach_absolute_time"],
    ),
    (
        "NSPrivacyAccessedAPICategoryDiskSpace",
        &["statfs", "statvfs", "fstatfs", "fstatvfs"],
    ),
];

/// Compares what the core's archive touches (one symbol a line, as `nm` writes them) with what the manifest says.
pub(crate) fn problems(root: &Path, undefined: &str) -> Result<Vec<String>> {
    let manifest = Value::from_file(root.join(MANIFEST))
        .with_context(|| format!("could not read {MANIFEST}"))?;
    let manifest = manifest.as_dictionary().context("no dictionary")?;
    let declared = declared(manifest);
    let touched = touched(undefined);
    let mut wrong = Vec::new();
    for (category, functions) in &touched {
        if !declared.contains(*category) {
            wrong.push(format!(
                "{category} is not declared; touched: {functions:?}"
            ));
        }
    }
    for category in declared
        .iter()
        .filter(|name| !touched.contains_key(name.as_str()))
    {
        wrong.push(format!("{category} is declared and not touched"));
    }
    if undefined.lines().count() < 10 {
        wrong.push("hardly an undefined symbol: not what was meant to be looked at".to_owned());
    }
    Ok(wrong)
}

fn touched(undefined: &str) -> BTreeMap<&'static str, Vec<&'static str>> {
    // Apple's C names begin with an underscore; what follows a dollar sign is a variant of the same function.
    let symbols: BTreeSet<&str> = undefined
        .lines()
        .filter_map(|line| line.trim().strip_prefix('_'))
        .map(|name| name.split('$').next().unwrap_or(name))
        .collect();
    let mut touched = BTreeMap::new();
    for (category, functions) in FUNCTIONS {
        let found: Vec<&str> = functions
            .iter()
            .copied()
            .filter(|name| symbols.contains(name))
            .collect();
        if !found.is_empty() {
            touched.insert(category, found);
        }
    }
    touched
}

/// The categories that are declared with a reason.
fn declared(manifest: &Dictionary) -> BTreeSet<String> {
    let entries = manifest
        .get("NSPrivacyAccessedAPITypes")
        .and_then(Value::as_array);
    let with_a_reason = entries.into_iter().flatten().filter_map(|entry| {
        let entry = entry.as_dictionary()?;
        let reasons = entry.get("NSPrivacyAccessedAPITypeReasons")?.as_array()?;
        let category = entry.get("NSPrivacyAccessedAPIType")?.as_string()?;
        (!reasons.is_empty()).then(|| category.to_owned())
    });
    with_a_reason.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    /// Names in Swift that need a reason. The shell has no business with them.
    const NAMES: [&str; 4] = [
        "UserDefaults",
        "systemUptime",
        "activeInputModes",
        "attributesOfItem",
    ];

    /// What the archive had when this was written; `cargo xtask cross-check ios` looks at the real one.
    const SEEN: [&str; 10] = [
        "_bind",
        "_clock_gettime",
        "_close",
        "_fstat",
        "_fstatat",
        "_mkdir",
        "_open",
        "_read",
        "_rename",
        "_realpath$DARWIN_EXTSN",
    ];

    #[test]
    fn the_manifest_says_what_the_core_touches() {
        assert_eq!(
            problems(root(), &SEEN.join("\n")).unwrap(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_function_without_a_reason_is_named() {
        let more = format!("{}\n_mach_absolute_time\n_statfs$INODE64", SEEN.join("\n"));
        let wrong = problems(root(), &more).unwrap().join("\n");
        assert!(wrong.contains("SystemBootTime is not declared"), "{wrong}");
        assert!(wrong.contains("DiskSpace is not declared"), "{wrong}");
    }

    #[test]
    fn a_reason_without_a_function_is_named() {
        let less = SEEN
            .join("\n")
            .replace("_fstatat\n", "")
            .replace("_fstat\n", "_x\n_y\n");
        assert_eq!(
            problems(root(), &less).unwrap(),
            ["NSPrivacyAccessedAPICategoryFileTimestamp is declared and not touched"]
        );
    }

    #[test]
    fn the_shell_touches_nothing_that_needs_a_reason() {
        let mut folders = vec![root().join("ios/Sources/Latchkey")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "swift") {
                    files += 1;
                    let text = std::fs::read_to_string(&path).unwrap();
                    for name in NAMES {
                        assert!(!text.contains(name), "{name} in {}", path.display());
                    }
                }
            }
        }
        assert!(files > 0);
    }
}

//! What is looked at before anything that was made is handed out.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result};

use super::apk::Apk;
use super::archive::{self, Entry};
use super::{aar, elf, manifest, native, secrets};
use crate::project::Project;
use crate::steps::Steps;
use crate::system;

/// Of an AAR, beside its resources and libraries.
const IN_AN_AAR: [&str; 5] = [
    "AndroidManifest.xml",
    "META-INF/com/android/build/gradle/aar-metadata.properties",
    "R.txt",
    "classes.jar",
    "proguard.txt",
];

/// The placeholder that an app fills in.
const SCHEME: &str = "latchkeyRedirectScheme";

/// Names that only tests have, as classes are named in dex files.
const OF_TESTS: [&str; 6] = [
    "Landroidx/test/",
    "Lorg/junit/",
    "Lorg/robolectric/",
    "Ldev/latchkey/tests/",
    "conformance_",
    "Conformance",
];

pub(super) fn aar(project: &Project, aar: &Path, native: bool, steps: &mut Steps) -> Result<bool> {
    let entries = archive::read(aar)?;
    let mut ok = steps.look("AAR: what is in it", || Ok(contents(&entries, native)))?;
    ok &= steps.look("AAR: the manifest", || aar_manifest(&entries))?;
    ok &= steps.look("AAR: classes", || classes(&entries))?;
    ok &= steps.look("AAR: libraries fit pages of 16 KB", || Ok(pages(&entries)))?;
    ok &= steps.look("AAR: no secret", || no_secret(&entries, &project.root))?;
    Ok(ok)
}

pub(super) fn apk(project: &Project, apk: &Apk, steps: &mut Steps) -> Result<bool> {
    let entries = archive::read(&apk.path)?;
    let mut ok = true;
    if let (true, Some(signer)) = (apk.signed, system::on_path("apksigner")) {
        let mut verify = project.command(signer);
        verify
            .args(["verify", "--verbose", "--print-certs"])
            .arg(&apk.path);
        ok &= steps.run("APK: the signature", &mut verify)?.ok;
    }
    let mut dump = project.command(project.root.join("android/target").join(manifest::TOOL));
    dump.args(["dump", "xmltree", "--file", "AndroidManifest.xml"])
        .arg(&apk.path);
    let dumped = steps.run("APK: read the manifest", &mut dump)?;
    ok &= dumped.ok
        && steps.look("APK: the manifest", || {
            Ok(manifest::problems(&dumped.output))
        })?;
    ok &= steps.look("APK: alignment", || archive::misaligned(&apk.path))?;
    if let Some(zipalign) = system::on_path("zipalign") {
        // It knows pages of 4 KB, or of 16 in later versions: ours is the stricter check, this the second opinion.
        let mut check = project.command(zipalign);
        check.args(["-c", "-p", "4"]).arg(&apk.path);
        ok &= steps.run("APK: zipalign thinks so too", &mut check)?.ok;
    }
    ok &= steps.look("APK: libraries fit pages of 16 KB", || Ok(pages(&entries)))?;
    ok &= steps.look("APK: no class of tests", || Ok(no_tests(&entries)))?;
    ok &= steps.look("APK: no secret", || no_secret(&entries, &project.root))?;
    Ok(ok)
}

fn contents(entries: &[Entry], native: bool) -> Vec<String> {
    let library = format!("jni/{}/liblatchkey.so", native::ABI);
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut wanted: BTreeSet<&str> = IN_AN_AAR.into();
    if native {
        wanted.insert(&library);
    }
    let missing = wanted
        .difference(&names)
        .map(|name| format!("{name} is missing"));
    let more = names
        .difference(&wanted)
        .filter(|name| !name.starts_with("res/"));
    missing
        .chain(more.map(|name| format!("{name} has no place in it")))
        .collect()
}

/// It names the library and the oldest Android, and leaves open the scheme alone: each other placeholder would be one
/// more that every app has to fill in.
fn aar_manifest(entries: &[Entry]) -> Result<Vec<String>> {
    let manifest = entries
        .iter()
        .find(|entry| entry.name == "AndroidManifest.xml");
    let text = str::from_utf8(&manifest.context("no manifest")?.bytes)?;
    let sdk = format!("<uses-sdk android:minSdkVersion=\"{}\" />", native::MIN_SDK);
    let mut wrong: Vec<String> = [format!(" package=\"{}\"", aar::PACKAGE), sdk]
        .into_iter()
        .filter(|words| !text.contains(words))
        .map(|words| format!("no {words}"))
        .collect();
    let open: BTreeSet<&str> = text
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect();
    if open != BTreeSet::from([SCHEME]) {
        wrong.push(format!("placeholders: {open:?}, not {SCHEME} alone"));
    }
    Ok(wrong)
}

fn classes(entries: &[Entry]) -> Result<Vec<String>> {
    let jar = entries.iter().find(|entry| entry.name == "classes.jar");
    let classes = archive::unpack(Cursor::new(&jar.context("no classes.jar")?.bytes))?;
    let mut wrong: Vec<String> = classes
        .iter()
        .filter(|class| !has_a_place(&class.name))
        .map(|class| format!("{} has no place in it", class.name))
        .collect();
    for class in [
        "dev/latchkey/Auth.class",
        "dev/latchkey/LatchkeyClient.class",
    ] {
        if !classes.iter().any(|entry| entry.name == class) {
            wrong.push(format!("{class} is missing"));
        }
    }
    Ok(wrong)
}

fn has_a_place(name: &str) -> bool {
    let ours = name.starts_with("dev/latchkey/") && name.ends_with(".class");
    let of_others = ["dev/latchkey/tests/", "dev/latchkey/sample/"];
    let allowed = ours && !of_others.iter().any(|package| name.starts_with(package));
    name.ends_with(".kotlin_module") || allowed && !aar::is_r(name) && !name.contains("onformance")
}

fn pages(entries: &[Entry]) -> Vec<String> {
    let libraries = entries
        .iter()
        .filter(|entry| archive::is_library(&entry.name));
    let problem = |entry: &Entry| match elf::alignment(&entry.bytes) {
        Ok(alignment) if alignment >= elf::PAGE => None,
        Ok(alignment) => Some(format!("{}: segments at {alignment} bytes", entry.name)),
        Err(error) => Some(format!("{}: {error:#}", entry.name)),
    };
    libraries.filter_map(problem).collect()
}

fn no_tests(entries: &[Entry]) -> Vec<String> {
    let dex: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.name.ends_with(".dex"))
        .collect();
    let mut wrong = Vec::new();
    for word in OF_TESTS {
        if dex.iter().any(|entry| secrets::holds(&entry.bytes, word)) {
            wrong.push(format!("{word}… is in the classes"));
        }
    }
    if !dex
        .iter()
        .any(|entry| secrets::holds(&entry.bytes, "Ldev/latchkey/LatchkeyClient;"))
    {
        wrong.push("the library is not in the classes".to_owned());
    }
    wrong
}

fn no_secret(entries: &[Entry], root: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for entry in entries {
        wrong.extend(secrets::found(&entry.name, &entry.bytes, root));
        if entry.name.ends_with(".jar") {
            for inside in archive::unpack(Cursor::new(&entry.bytes))? {
                wrong.extend(secrets::found(&inside.name, &inside.bytes, root));
            }
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aar(names: &[&str]) -> Vec<Entry> {
        names.iter().map(|name| Entry::new(*name, "")).collect()
    }

    #[test]
    fn an_aar_has_its_files_and_no_others() {
        let mut whole = IN_AN_AAR.to_vec();
        whole.push("res/values/strings.xml");
        assert_eq!(contents(&aar(&whole), false), Vec::<String>::new());
        let wrong = contents(&aar(&whole), true);
        assert_eq!(wrong, ["jni/arm64-v8a/liblatchkey.so is missing"]);
        whole.push("jni/x86/liblatchkey.so");
        let wrong = contents(&aar(&whole[1..]), false);
        assert_eq!(
            wrong,
            [
                "AndroidManifest.xml is missing",
                "jni/x86/liblatchkey.so has no place in it",
            ]
        );
    }

    #[test]
    fn the_manifest_of_an_aar_names_the_oldest_android_and_leaves_one_placeholder_open() {
        let wrong = |text: &str| aar_manifest(&[Entry::new("AndroidManifest.xml", text)]).unwrap();
        let right = "<manifest package=\"dev.latchkey\"><uses-sdk android:minSdkVersion=\"28\" />\
             <data android:scheme=\"${latchkeyRedirectScheme}\" />";
        assert_eq!(wrong(right), Vec::<String>::new());
        for (before, after, named) in [
            (" package", " other", "package"),
            ("\"28\"", "\"21\"", "minSdkVersion"),
            ("}", "}${host}", "host"),
            ("${latchkeyRedirectScheme}", "x", "placeholders"),
        ] {
            let wrong = wrong(&right.replace(before, after)).join("; ");
            assert!(wrong.contains(named), "{named}: {wrong}");
        }
    }

    #[test]
    fn the_classes_are_the_librarys_alone() {
        for name in ["dev/latchkey/Auth.class", "META-INF/latchkey.kotlin_module"] {
            assert!(has_a_place(name), "{name}");
        }
        for name in [
            "dev/latchkey/R$string.class",
            "dev/latchkey/ConformanceException.class",
            "dev/latchkey/tests/World.class",
            "dev/latchkey/sample/MainActivity.class",
            "androidx/test/runner/intent/IntentMonitor.class",
        ] {
            assert!(!has_a_place(name), "{name}");
        }
    }

    #[test]
    fn a_class_of_tests_in_an_app_is_named() {
        let dex = |text: &str| vec![Entry::new("classes.dex", text)];
        let ours = "Ldev/latchkey/LatchkeyClient;";
        assert_eq!(no_tests(&dex(ours)), Vec::<String>::new());
        assert_eq!(no_tests(&dex(&format!("{ours}Lorg/junit/Test;"))).len(), 1);
        assert_eq!(no_tests(&dex("Lother;")).len(), 1);
    }

    #[test]
    fn a_library_for_smaller_pages_is_named() {
        let library = |alignment| Entry::new("lib/x.so", elf::tests::library(elf::PAGE, alignment));
        assert_eq!(pages(&[library(elf::PAGE)]), Vec::<String>::new());
        let wrong = pages(&[library(4096), Entry::new("classes.dex", "")]);
        assert_eq!(wrong, ["lib/x.so: segments at 4096 bytes"]);
    }
}

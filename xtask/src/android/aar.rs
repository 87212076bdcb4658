//! The AAR: a zip of fixed names that Gradle's Android plugin takes apart. Laid out as a Maven repository too, since
//! Gradle resolves what the library itself needs from there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::archive::{self, Entry};
use super::{made, maven, native};
use crate::project::Project;

pub(super) const PACKAGE: &str = "dev.latchkey";
const METADATA: &str = "META-INF/com/android/build/gradle/aar-metadata.properties";

pub(super) fn repository(project: &Project) -> PathBuf {
    project.target.join("android/repository")
}

/// Makes both, from what Maven has compiled.
pub(super) fn make(project: &Project, native: Option<&Path>) -> Result<PathBuf> {
    let library = project.root.join("android/latchkey");
    let classes = made(project, "latchkey").join("classes");
    let resources = library.join("src/main/res");
    // The names of the resources, as the resource compiler lists them.
    let symbols = made(project, "latchkey").join("R.txt");
    let manifest = fs::read_to_string(library.join("src/main/AndroidManifest.xml"))?;
    let mut entries = vec![
        Entry::new("AndroidManifest.xml", completed(&manifest)?),
        Entry::new("classes.jar", archive::bytes(&class_files(&classes)?)?),
        Entry::new("R.txt", fs::read(symbols).unwrap_or_default()),
        Entry::new(
            "proguard.txt",
            fs::read(library.join("consumer-rules.pro"))?,
        ),
        Entry::new(METADATA, METADATA_TEXT),
    ];
    if resources.is_dir() {
        entries.extend(files(&resources, "res/")?);
    }
    if let Some(native) = native {
        let name = format!("jni/{}/liblatchkey.so", native::ABI);
        entries.push(Entry::new(name, fs::read(native)?));
    }
    let version = project.version()?;
    let name = format!("latchkey-{version}");
    let folder = repository(project).join(PACKAGE.replace('.', "/"));
    let folder = folder.join("latchkey").join(&version);
    archive::write(&folder.join(format!("{name}.aar")), &entries)?;
    fs::write(folder.join(format!("{name}.pom")), pom(project, &version)?)?;
    let aar = project.target.join("android").join(format!("{name}.aar"));
    fs::copy(folder.join(format!("{name}.aar")), &aar)?;
    Ok(aar)
}

/// Older builds would not pack what is in here as it has to be: `<queries>` came with API 30, and libraries at pages of
/// 16 KB with version 8.5.1 of the plugin.
const METADATA_TEXT: &str = "\
aarFormatVersion=1.0
aarMetadataVersion=1.0
minCompileSdk=30
minCompileSdkExtension=0
minAndroidGradlePluginVersion=8.5.1
coreLibraryDesugaringEnabled=false
";

/// The manifest names the package and the oldest Android only here: Gradle's plugin has them from its own files, adds
/// them to an AAR as is done here, and refuses them in the sources. The Android that is built for is the app's to say.
fn completed(manifest: &str) -> Result<String> {
    anyhow::ensure!(
        !manifest.contains(" package=") && !manifest.contains("<uses-sdk"),
        "the library's manifest says what Gradle's plugin refuses in it"
    );
    let (start, rest) = manifest
        .split_once("<manifest ")
        .context("the library's manifest has no <manifest>")?;
    let (before, application) = rest
        .split_once("<application")
        .context("the library's manifest has no <application>")?;
    Ok(format!(
        "{start}<manifest package=\"{PACKAGE}\" {before}<uses-sdk android:minSdkVersion=\"{}\" />\n\n    \
         <application{application}",
        native::MIN_SDK
    ))
}

/// What Maven compiled. The class R is the app's to make, since the numbers in it are.
fn class_files(folder: &Path) -> Result<Vec<Entry>> {
    let mut entries = files(folder, "")?;
    entries.retain(|entry| !is_r(&entry.name));
    Ok(entries)
}

pub(super) fn is_r(class: &str) -> bool {
    let name = class.rsplit('/').next().unwrap_or(class);
    name == "R.class" || name.starts_with("R$")
}

/// The files under a folder, by name, so that the archive is the same each time.
fn files(folder: &Path, prefix: &str) -> Result<Vec<Entry>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("could not read {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    let mut entries = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            entries.extend(files(&path, &format!("{prefix}{name}/"))?);
        } else {
            entries.push(Entry::new(format!("{prefix}{name}"), fs::read(&path)?));
        }
    }
    Ok(entries)
}

/// What an app needs beside the library, for whichever build tool reads it.
fn pom(project: &Project, version: &str) -> Result<String> {
    let mut dependencies = String::new();
    for (group, name, its_version, kind) in [
        ("org.jetbrains.kotlin", "kotlin-stdlib", "kotlin", "jar"),
        (
            "org.jetbrains.kotlinx",
            "kotlinx-coroutines-android",
            "coroutines",
            "jar",
        ),
        // Not its jar, which holds libraries for desktops and none for phones.
        ("net.java.dev.jna", "jna", "jna", "aar"),
    ] {
        let its_version = maven::version(project, its_version)?;
        dependencies.push_str(&format!(
            "        <dependency>
            <groupId>{group}</groupId>
            <artifactId>{name}</artifactId>
            <version>{its_version}</version>
            <type>{kind}</type>
            <scope>compile</scope>
        </dependency>\n"
        ));
    }
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
    <modelVersion>4.0.0</modelVersion>
    <groupId>{PACKAGE}</groupId>
    <artifactId>latchkey</artifactId>
    <version>{version}</version>
    <packaging>aar</packaging>
    <dependencies>
{dependencies}    </dependencies>
</project>
"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_gets_its_package_and_the_oldest_android_once() {
        let manifest = include_str!("../../../android/latchkey/src/main/AndroidManifest.xml");
        let whole = completed(manifest).unwrap();
        for words in [
            "<manifest package=\"dev.latchkey\" xmlns",
            "<uses-sdk android:minSdkVersion=\"28\" />\n\n    <application>",
        ] {
            assert_eq!(whole.matches(words).count(), 1, "{whole}");
        }
        assert!(completed(&whole).is_err());
        assert!(completed("<application />").is_err());
        assert!(completed("<manifest />").is_err());
    }

    #[test]
    fn the_class_r_and_its_parts_stay_out_and_others_do_not() {
        for name in ["dev/latchkey/R.class", "dev/latchkey/R$string.class"] {
            assert!(is_r(name), "{name}");
        }
        for name in [
            "dev/latchkey/Recovery.class",
            "dev/latchkey/RustBuffer$R.class",
        ] {
            assert!(!is_r(name), "{name}");
        }
    }

    #[test]
    fn the_pom_has_the_versions_that_are_tested() {
        let project = Project::find().unwrap();
        let pom = pom(&project, "1.2.3").unwrap();
        let jna = maven::version(&project, "jna").unwrap();
        let words = format!(
            "<artifactId>jna</artifactId>\n            <version>{jna}</version>\n            <type>aar"
        );
        assert!(
            pom.contains(&words) && pom.contains("<version>1.2.3</version>"),
            "{pom}"
        );
    }
}

//! The sample as an APK: resources as Android's resource compiler has linked them, classes as D8 makes them of Java's,
//! libraries at pages of 16 KB, and a signature by a key that is worth nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::archive::{self, Entry};
use super::{made, maven, native};
use crate::project::Project;
use crate::steps::Steps;
use crate::system;

pub(super) const NO_SIGNER: &str = "no apksigner; Debian has a package of that name, elsewhere it is in Android's \
     build-tools, whose folder must be on PATH";
/// Of a key that is made on the spot.
const PASSWORD: &str = "throw-away";

pub(super) struct Apk {
    pub(super) path: PathBuf,
    pub(super) signed: bool,
}

/// Nothing if a step failed, which said so.
pub(super) fn make(
    project: &Project,
    r8: &Path,
    native: Option<&Path>,
    steps: &mut Steps,
) -> Result<Option<Apk>> {
    let folder = project.target.join("android");
    let Some(jna) = maven::fetch(project, steps, "jna", "aar")? else {
        return Ok(None);
    };
    let jna = archive::read(&jna)?;
    let classes = folder.join("jna.jar");
    fs::write(&classes, inside(&jna, "classes.jar")?)?;
    let jars = jars(project, classes)?;
    let dex = folder.join("dex");
    if dex.exists() {
        fs::remove_dir_all(&dex)?;
    }
    fs::create_dir_all(&dex)?;
    let mut d8 = project.command("java");
    d8.arg("-cp")
        .arg(r8)
        .args(["com.android.tools.r8.D8", "--release"]);
    d8.args(["--min-api", native::MIN_SDK])
        .arg("--output")
        .arg(&dex);
    // The framework's jar has no Java of its own.
    for library in maven::class_path(project, "framework")? {
        d8.arg("--lib").arg(library);
    }
    d8.arg("--lib").arg(maven::java_home()?).args(&jars);
    if !steps.run("D8: classes for Android", &mut d8)?.ok {
        return Ok(None);
    }
    let unsigned = folder.join("latchkey-sample-unsigned.apk");
    let mut entries = entries(project, &jars, &dex)?;
    let folder = format!("lib/{}", native::ABI);
    let dispatch = inside(&jna, &format!("jni/{}/libjnidispatch.so", native::ABI))?;
    entries.push(Entry::stored(
        format!("{folder}/libjnidispatch.so"),
        dispatch,
    ));
    if let Some(native) = native {
        entries.push(Entry::stored(
            format!("{folder}/liblatchkey.so"),
            fs::read(native)?,
        ));
    }
    archive::write(&unsigned, &entries)?;
    let Some(signer) = system::on_path("apksigner") else {
        return Ok(Some(Apk {
            path: unsigned,
            signed: false,
        }));
    };
    sign(project, &signer, &unsigned, steps)
}

/// What the app's class path has, with JNA as it is for phones.
fn jars(project: &Project, jna: PathBuf) -> Result<Vec<PathBuf>> {
    let mut jars = maven::class_path(project, "device")?;
    let before = jars.len();
    jars.retain(|jar| !file_name(jar).starts_with("jna-"));
    anyhow::ensure!(jars.len() + 1 == before, "JNA is not among {jars:?}");
    jars.push(jna);
    let built = fs::read_dir(made(project, "app"))?;
    let built = built.filter_map(|entry| Some(entry.ok()?.path()));
    let mut built = built.filter(|path| path.extension().is_some_and(|end| end == "jar"));
    jars.push(
        built
            .next()
            .context("Maven has made no jar of the sample")?,
    );
    Ok(jars)
}

fn entries(project: &Project, jars: &[PathBuf], dex: &Path) -> Result<Vec<Entry>> {
    // The resource compiler knows what must not be compressed.
    let mut entries = archive::read(&made(project, "app").join("resources.apk"))?;
    let mut classes: Vec<PathBuf> = fs::read_dir(dex)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    classes.sort();
    for path in classes {
        entries.push(Entry::new(file_name(&path), fs::read(&path)?));
    }
    // By these, libraries find their parts.
    for jar in jars {
        let services = archive::read(jar)?;
        entries.extend(
            services
                .into_iter()
                .filter(|entry| entry.name.starts_with("META-INF/services/")),
        );
    }
    Ok(entries)
}

fn sign(
    project: &Project,
    signer: &Path,
    unsigned: &Path,
    steps: &mut Steps,
) -> Result<Option<Apk>> {
    let folder = project.target.join("android");
    let key = folder.join("throw-away.p12");
    if !key.exists() {
        let mut make = project.command("keytool");
        make.args([
            "-genkeypair",
            "-alias",
            "sample",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
        ]);
        make.args([
            "-dname",
            "CN=Nobody",
            "-validity",
            "365",
            "-storetype",
            "PKCS12",
        ]);
        make.args(["-storepass", PASSWORD])
            .arg("-keystore")
            .arg(&key);
        if !steps.run("keytool: a key to throw away", &mut make)?.ok {
            return Ok(None);
        }
    }
    let path = folder.join("latchkey-sample.apk");
    let mut sign = project.command(signer);
    sign.arg("sign").arg("--ks").arg(&key);
    sign.args(["--ks-pass", &format!("pass:{PASSWORD}")])
        .arg("--out")
        .arg(&path)
        .arg(unsigned);
    let signed = steps.run("apksigner: sign", &mut sign)?.ok;
    Ok(signed.then_some(Apk { path, signed }))
}

fn inside<'a>(entries: &'a [Entry], name: &str) -> Result<&'a [u8]> {
    let found = entries.iter().find(|entry| entry.name == name);
    Ok(&found
        .with_context(|| format!("no {name} in JNA's AAR"))?
        .bytes)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

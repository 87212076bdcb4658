//! The sample's manifest as it is in the APK, read from the tree that the resource compiler prints.

use std::collections::BTreeSet;

/// The resource compiler, inside the folder that Maven makes.
pub(super) const TOOL: &str = if cfg!(target_os = "macos") {
    "aapt2/prebuilt/macosx/aapt2"
} else {
    "aapt2/prebuilt/linux/aapt2"
};

/// What other apps can start: the screen, and the door for the provider's answer.
const OPEN: [&str; 2] = [
    "dev.latchkey.browser.RedirectActivity",
    "dev.latchkey.sample.MainActivity",
];
const COMPONENTS: [&str; 5] = [
    "activity",
    "activity-alias",
    "service",
    "receiver",
    "provider",
];

/// An element with its attributes, without their namespace.
struct Element<'a> {
    tag: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Element<'a> {
    fn says(&self, name: &str) -> &'a str {
        let mut found = self.attributes.iter().filter(|(key, _)| *key == name);
        found.next().map_or("", |(_, value)| value)
    }
}

pub(super) fn problems(tree: &str) -> Vec<String> {
    let elements = elements(tree);
    let all = |tag: &'static str| elements.iter().filter(move |element| element.tag == tag);
    let one = |tag, name| {
        all(tag)
            .map(|element| element.says(name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut wrong = Vec::new();
    for (what, found, wanted) in [
        ("package", one("manifest", "package"), "dev.latchkey.sample"),
        ("minSdkVersion", one("uses-sdk", "minSdkVersion"), "28"),
        (
            "targetSdkVersion",
            one("uses-sdk", "targetSdkVersion"),
            "35",
        ),
        (
            "permissions",
            one("uses-permission", "name"),
            "android.permission.INTERNET",
        ),
        ("allowBackup", one("application", "allowBackup"), "false"),
        (
            "extractNativeLibs",
            one("application", "extractNativeLibs"),
            "false",
        ),
        ("debuggable", one("application", "debuggable"), ""),
    ] {
        if found != wanted {
            wrong.push(format!("{what}: {found:?}, not {wanted:?}"));
        }
    }
    let components = elements
        .iter()
        .filter(|element| COMPONENTS.contains(&element.tag));
    let (open, closed): (Vec<_>, Vec<_>) =
        components.partition(|component| component.says("exported") == "true");
    let open: BTreeSet<&str> = open
        .iter()
        .map(|component| component.says("name"))
        .collect();
    if open != BTreeSet::from(OPEN) {
        wrong.push(format!("open to other apps: {open:?}, not {OPEN:?}"));
    }
    for component in closed
        .iter()
        .filter(|component| component.says("exported") != "false")
    {
        wrong.push(format!(
            "{} does not say whether it is open",
            component.says("name")
        ));
    }
    wrong
}

fn elements(tree: &str) -> Vec<Element<'_>> {
    let mut elements: Vec<Element<'_>> = Vec::new();
    for line in tree.lines().map(str::trim) {
        if let Some(element) = line.strip_prefix("E: ") {
            elements.push(Element {
                tag: element.split(' ').next().unwrap_or_default(),
                attributes: Vec::new(),
            });
        } else if let (Some(line), Some(element)) = (line.strip_prefix("A: "), elements.last_mut())
        {
            element.attributes.extend(attribute(line));
        }
    }
    elements
}

/// `http://…/android:name(0x01010003)="value" (Raw: "value")`, or `package="value" …`, or `…=28`.
fn attribute(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.split('(').next()?;
    let name = name.rsplit(':').next()?;
    let value = match value.strip_prefix('"') {
        Some(text) => text.split('"').next()?,
        None => value,
    };
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = r#"
N: android=http://schemas.android.com/apk/res/android (line=1)
  E: manifest (line=1)
    A: package="dev.latchkey.sample" (Raw: "dev.latchkey.sample")
      E: uses-sdk (line=3)
        A: http://schemas.android.com/apk/res/android:minSdkVersion(0x0101020c)=28
        A: http://schemas.android.com/apk/res/android:targetSdkVersion(0x01010270)=35
      E: uses-permission (line=6)
        A: http://schemas.android.com/apk/res/android:name(0x01010003)="android.permission.INTERNET" (Raw: "x")
      E: application (line=20)
        A: http://schemas.android.com/apk/res/android:allowBackup(0x01010280)=false
        A: http://schemas.android.com/apk/res/android:extractNativeLibs(0x010104ea)=false
          E: activity (line=21)
            A: http://schemas.android.com/apk/res/android:name(0x01010003)="dev.latchkey.sample.MainActivity" (Raw: "x")
            A: http://schemas.android.com/apk/res/android:exported(0x01010010)=true
          E: activity (line=27)
            A: http://schemas.android.com/apk/res/android:name(0x01010003)="dev.latchkey.browser.LoginActivity" (Raw: "x")
            A: http://schemas.android.com/apk/res/android:exported(0x01010010)=false
          E: activity (line=28)
            A: http://schemas.android.com/apk/res/android:name(0x01010003)="dev.latchkey.browser.RedirectActivity" (Raw: "x")
            A: http://schemas.android.com/apk/res/android:exported(0x01010010)=true
"#;

    #[test]
    fn the_sample_as_it_is_meant_has_no_problem() {
        assert_eq!(problems(TREE), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named() {
        for (before, after, named) in [
            ("=28\n", "=21\n", "minSdkVersion"),
            ("=35\n", "=30\n", "targetSdkVersion"),
            ("permission.INTERNET", "permission.CAMERA", "permissions"),
            (
                "package=\"dev.latchkey.sample\"",
                "package=\"dev\"",
                "package",
            ),
            (
                "allowBackup(0x01010280)=false",
                "allowBackup(0x01010280)=true",
                "allowBackup",
            ),
            (
                "(0x01010010)=false",
                "(0x01010010)=true",
                "open to other apps",
            ),
            (
                "exported(0x01010010)=false",
                "label(0x0)=x",
                "LoginActivity does not say",
            ),
        ] {
            let wrong = problems(&TREE.replace(before, after)).join("; ");
            assert!(wrong.contains(named), "{named}: {wrong}");
        }
    }
}

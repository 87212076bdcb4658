//! The borders between the core's modules, read from the source text.
//!
//! Imports run one way. The tables below are the rule: a module that is not in them has no place yet, and the check
//! fails until it gets one.

mod paths;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::project::Project;
use paths::{Found, module_of, paths, test_modules};

/// Shared by all above `protocol`; they know each other and nothing else (except `error`, below).
const LEAVES: &[&str] = &["error", "types", "cancel", "clock", "log"];

/// From the top down: each may use those below it in this list (beside itself and the leaves).
const FROM_THE_TOP: &[&str] = &["ping", "api", "auth", "session"];

/// Below those: what each may use beside itself and the leaves. The four above may use all of these but `conformance`.
const BELOW: &[(&str, &[&str])] = &[
    // The stores, and the test that every store must pass (never in what is shipped).
    ("conformance", &["file_store", "sealer", "storage"]),
    ("file_store", &["sealer", "files", "storage"]),
    ("sealer", &["files", "storage"]),
    ("files", &["storage"]),
    // These three do not know each other.
    ("transport", &[]),
    ("storage", &[]),
    ("protocol", &[]),
    // To convert from their errors into the exported one.
    ("error", &["transport", "storage", "protocol"]),
    ("types", &[]),
    ("background", &[]),
    ("cancel", &[]),
    ("clock", &[]),
    ("log", &[]),
];

/// `protocol` is a function of its inputs: no runtime, network, files, randomness, clock or exported macros.
const NOT_IN_PROTOCOL: &[&str] = &[
    "tokio",
    "reqwest",
    "uniffi",
    "ring::rand",
    "std::time::SystemTime",
    "std::time::Instant",
    "std::fs",
    "std::net",
];

/// One module speaks HTTP and TLS.
const ONLY_IN_TRANSPORT: &[&str] = &["reqwest", "rustls", "rustls_platform_verifier"];

/// Everything that is wrong in this project, one line each.
pub(crate) fn violations(project: &Project) -> Result<Vec<String>> {
    let mut sources = Vec::new();
    read_sources(&project.root.join("core/src"), Path::new(""), &mut sources)?;
    let mut wrong = check_sources(&sources);
    wrong.extend(check_dependencies(&project.metadata)?);
    Ok(wrong)
}

fn read_sources(folder: &Path, inside: &Path, sources: &mut Vec<(PathBuf, String)>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    entries.sort();
    for path in entries {
        let inside = inside.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            read_sources(&path, &inside, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push((inside, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Checks source files of the core, given by their path inside `core/src`.
fn check_sources(sources: &[(PathBuf, String)]) -> Vec<String> {
    let tests: Vec<Vec<String>> = sources
        .iter()
        .flat_map(|(file, text)| test_modules(text, &module_of(file)))
        .collect();
    let mut wrong = Vec::new();
    for (file, text) in sources {
        let module = module_of(file);
        // lib.rs is the tour: it names them all.
        let Some(top) = module.first() else { continue };
        if tests.iter().any(|test| module.starts_with(test)) {
            continue;
        }
        if !has_a_place(top) {
            wrong.push(format!(
                "core/src/{}: the module `{top}` has no place in xtask/src/borders/mod.rs",
                file.display()
            ));
            continue;
        }
        for found in paths(text, &module) {
            if let Some(why) = objection(top, &found) {
                let (file, line) = (file.display(), found.line);
                wrong.push(format!("core/src/{file}:{line}: {why}"));
            }
        }
    }
    wrong
}

fn has_a_place(module: &str) -> bool {
    FROM_THE_TOP.contains(&module) || BELOW.iter().any(|(name, _)| *name == module)
}

/// The rule itself.
fn may_use(module: &str, target: &str) -> bool {
    let rank = |name| FROM_THE_TOP.iter().position(|upper| *upper == name);
    if module == target || LEAVES.contains(&target) && module != "protocol" {
        return true;
    }
    match (rank(module), rank(target)) {
        (Some(from), Some(to)) => from < to,
        (Some(_), None) => target != "conformance",
        (None, _) => BELOW
            .iter()
            .any(|(name, lower)| *name == module && lower.contains(&target)),
    }
}

fn objection(top: &str, found: &Found) -> Option<String> {
    let written = found.segments.join("::");
    if found.segments[0] == "crate" {
        let target = found.segments.get(1)?.as_str();
        if !has_a_place(target) {
            return Some(format!(
                "`{written}`: name the module it lives in, so that the direction can be seen"
            ));
        }
        return (!may_use(top, target))
            .then(|| format!("`{top}` must not use `{target}` (`{written}`)"));
    }
    let forbidden = |list: &[&str]| {
        list.iter()
            .any(|path| covers(path, &found.segments, found.in_use))
    };
    if top == "protocol" && forbidden(NOT_IN_PROTOCOL) {
        return Some(format!("`protocol` must not use `{written}`"));
    }
    if top != "transport" && forbidden(ONLY_IN_TRANSPORT) {
        return Some(format!("only `transport` may use `{written}`"));
    }
    None
}

/// Whether a written path reaches something forbidden: it lies inside, or it imports what lies around it (after
/// `use std::time;` a plain `time::Instant` would not be seen).
fn covers(forbidden: &str, written: &[String], in_use: bool) -> bool {
    let forbidden: Vec<&str> = forbidden.split("::").collect();
    let glob = written.last().is_some_and(|last| last == "*");
    let written = &written[..written.len() - usize::from(glob)];
    if written.len() >= forbidden.len() {
        return written.iter().zip(&forbidden).all(|(a, b)| a == b);
    }
    in_use && written.iter().zip(&forbidden).all(|(a, b)| a == b)
}

/// The test server and the core are second opinions on each other, so neither is built on the other.
fn check_dependencies(metadata: &serde_json::Value) -> Result<Vec<String>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let mut wrong = Vec::new();
    for (from, to, even_in_tests) in [
        ("latchkey-devserver", "latchkey", true),
        ("latchkey", "latchkey-devserver", false),
    ] {
        let package = packages
            .iter()
            .find(|package| package["name"] == from)
            .with_context(|| format!("no package {from} in the workspace"))?;
        let dependencies = package["dependencies"].as_array();
        let found = dependencies.into_iter().flatten().any(|dependency| {
            dependency["name"] == to && (even_in_tests || dependency["kind"] != "dev")
        });
        if found {
            wrong.push(format!("the package {from} must not depend on {to}"));
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(file: &str, text: &str) -> Vec<String> {
        check_sources(&[(PathBuf::from(file), text.to_owned())])
    }

    #[test]
    fn the_core_keeps_its_borders() {
        let project = Project::find().unwrap();
        assert_eq!(violations(&project).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_one_way_is_allowed() {
        for (file, text) in [
            (
                "ping.rs",
                "use crate::api::ApiClient;\nuse crate::auth::Auth;",
            ),
            (
                "auth.rs",
                "use crate::session::Session;\nuse crate::error::AuthError;",
            ),
            (
                "session/flight.rs",
                "use super::claim::Claim;\nuse crate::{storage::Tag, transport};",
            ),
            ("error.rs", "use crate::protocol::token::TokenError;"),
            (
                "protocol/jws.rs",
                "use super::base64;\nuse crate::protocol::time::Seconds;",
            ),
            (
                "protocol/jws.rs",
                "use std::time::Duration;\nuse ring::signature;",
            ),
            (
                "transport.rs",
                "use reqwest::Client;\nuse rustls::ClientConfig;",
            ),
            (
                "lib.rs",
                "pub use crate::ping::PingClient;\nuniffi::setup_scaffolding!();",
            ),
        ] {
            assert_eq!(check(file, text), Vec::<String>::new(), "{file}: {text}");
        }
    }

    #[test]
    fn the_other_way_is_not() {
        for (file, text) in [
            ("api.rs", "use crate::ping::PingClient;"),
            ("session.rs", "fn f() { crate::auth::helper() }"),
            ("session/claim.rs", "use super::super::api::ApiClient;"),
            (
                "storage.rs",
                "use crate::{error::AuthError, transport::Http};",
            ),
            ("transport/tls.rs", "use crate::protocol::token;"),
            ("protocol/token.rs", "use crate::error::AuthError;"),
            ("protocol/mod.rs", "use super::types::Config;"),
            ("types.rs", "use crate::session::Session;"),
            ("clock.rs", "use crate::protocol::jws;"),
            ("sealer.rs", "use crate::file_store::FileStore;"),
            ("auth.rs", "use crate::conformance::checks;"),
            ("files.rs", "use crate::conformance::run;"),
        ] {
            assert_eq!(check(file, text).len(), 1, "{file}: {text}");
        }
    }

    #[test]
    fn protocol_has_no_clock_network_files_randomness_or_macros() {
        for text in [
            "use std::time::{Duration, SystemTime};",
            "use std::time::*;",
            "use std::time;",
            "use std::{fmt, net::IpAddr};",
            "fn f() { let _ = std::fs::read(\"x\"); }",
            "use ring::{digest, rand};",
            "fn f() { ::tokio::spawn(g()); }",
            "#[uniffi::export]\nfn f() {}",
            "#[derive(Clone, uniffi::Record)]\nstruct S;",
            "fn f() -> reqwest::Error;",
        ] {
            assert!(!check("protocol/token.rs", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn only_transport_speaks_http() {
        let wrong = check("session.rs", "use std::fmt;\n\nuse reqwest::Client;\n");
        assert_eq!(
            wrong,
            ["core/src/session.rs:3: only `transport` may use `reqwest::Client`"]
        );
    }

    #[test]
    fn tests_comments_and_texts_are_not_looked_at() {
        let text = "\
// use crate::auth::Auth;
/// See [`crate::auth::Auth`].
const HELP: &str = \"use crate::auth::Auth\";
const RAW: &str = r#\"reqwest::Client \"quoted\" \"#;
const QUOTE: char = '\"';
fn f<'a>(x: &'a str) -> &'a str { x }
#[cfg(test)]
mod tests {
    use crate::auth::Auth;
    fn g() { if true { reqwest::get(\"x\"); } }
}
";
        assert_eq!(check("storage.rs", text), Vec::<String>::new());
        let after = format!("{text}use crate::auth::Auth;\n");
        assert_eq!(check("storage.rs", &after).len(), 1);
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_not_looked_at() {
        let sources = [
            ("protocol/jws.rs", "#[cfg(test)]\nmod tests;\n"),
            ("protocol/jws/tests.rs", "use std::fs;"),
            ("protocol/token.rs", "mod tests;"),
            ("protocol/token/tests.rs", "use std::fs;"),
        ];
        let wrong = check_sources(&sources.map(|(file, text)| (file.into(), text.to_owned())));
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("core/src/protocol/token/tests.rs:1: "));
    }

    #[test]
    fn a_module_without_a_place_and_a_path_around_the_modules_are_refused() {
        assert!(check("extra.rs", "")[0].contains("has no place"));
        assert!(check("storage.rs", "use crate::AuthError;")[0].contains("name the module"));
    }

    #[test]
    fn the_test_server_and_the_core_stay_apart() {
        let metadata = |core: serde_json::Value, server: serde_json::Value| {
            json!({"packages": [
                {"name": "latchkey", "dependencies": core},
                {"name": "latchkey-devserver", "dependencies": server},
            ]})
        };
        let on = |name: &str, kind: Option<&str>| json!([{"name": name, "kind": kind}]);
        let fine = metadata(on("latchkey-devserver", Some("dev")), json!([]));
        assert_eq!(check_dependencies(&fine).unwrap().len(), 0);
        let core_on_server = metadata(on("latchkey-devserver", None), json!([]));
        assert_eq!(check_dependencies(&core_on_server).unwrap().len(), 1);
        let server_on_core = metadata(json!([]), on("latchkey", Some("dev")));
        assert_eq!(check_dependencies(&server_on_core).unwrap().len(), 1);
    }
}

//! The servers, and the steps that most of the tests take.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use latchkey_tests::forms::Person;
use latchkey_tests::process::{Latchkey, Running};
use serde_json::Value;

pub(crate) const CALLBACK: &str = "http://127.0.0.1/callback";
pub(crate) const ALICE: (&str, &str) = ("alice", "alice-password");
pub(crate) const BOB: (&str, &str) = ("bob", "bob-password");
const SCOPE: &str = "openid profile offline_access read:messages";

/// `oidc-provider` and the API, until the test ends.
pub(crate) struct Servers {
    _running: Running,
    pub(crate) ready: Value,
}

impl Servers {
    pub(crate) fn start() -> Servers {
        let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
        let folder = env::var_os("LATCHKEY_INTEROP_DIR").map_or_else(here, PathBuf::from);
        assert!(
            folder.join("node_modules").is_dir(),
            "run `npm ci` in {} first",
            folder.display()
        );
        let mut running =
            Running::start(Command::new("node").arg("server.mjs").current_dir(folder));
        let ready = running.json_line();
        Servers {
            _running: running,
            ready,
        }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().expect("a text in the ready line")
    }

    /// A client of the API's own tokens.
    pub(crate) fn latchkey(&self) -> Latchkey {
        self.client(&[("resource", self.text("resource"))])
    }

    /// A client that names no resource, so that it gets what `oidc-provider` gives without.
    pub(crate) fn latchkey_without_resource(&self) -> Latchkey {
        self.client(&[])
    }

    /// One whose `options` come on top, and win.
    pub(crate) fn client(&self, options: &[(&str, &str)]) -> Latchkey {
        let defaults = [
            ("issuer", self.text("issuer")),
            ("api", self.text("api")),
            ("client-id", self.text("client_id")),
            ("scope", SCOPE),
        ];
        let defaults = defaults
            .iter()
            .filter(|(name, _)| options.iter().all(|(other, _)| other != name));
        Latchkey::new(&defaults.chain(options).copied().collect::<Vec<_>>())
    }
}

/// `login --begin`, with the consent that refresh tokens need at this provider (OpenID Connect Core §11).
pub(crate) fn begin(latchkey: &Latchkey) -> String {
    let begun = latchkey
        .run(&["login", "--begin", "--prompt", "consent"])
        .done();
    begun["url"].as_str().expect("a URL").to_owned()
}

/// The whole login, in two processes.
pub(crate) fn log_in(
    latchkey: &Latchkey,
    person: &Person,
    (name, password): (&str, &str),
) -> Value {
    let callback = person.log_in(&begin(latchkey), CALLBACK, name, password, "Allow");
    latchkey.run(&["login", "--finish", &callback]).done()["session"].take()
}

pub(crate) fn ping(latchkey: &Latchkey, what: &str) -> Value {
    latchkey.run(&["ping", what]).done()["message"].take()
}

pub(crate) fn refresh(latchkey: &Latchkey) -> String {
    let token = latchkey.run(&["token", "--refresh"]).done();
    token["access_token"].as_str().expect("a token").to_owned()
}

pub(crate) fn state(latchkey: &Latchkey) -> Value {
    latchkey.run(&["status"]).done()["session"].take()
}

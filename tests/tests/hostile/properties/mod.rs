//! Whatever is handed in: a typed error or a good result, never a panic, and nothing goes where it must not.

mod addresses;
mod callback;
mod login;
mod requests;

use std::cell::Cell;
use std::sync::Arc;

use latchkey::{Auth, AuthError};
use latchkey_tests::glass::GlassStore;
use latchkey_tests::seed::{bytes, seed};
use latchkey_tests::world::World;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::Runtime;
use url::Url;

/// What the seed is read from.
const SEED: &str = "LATCHKEY_PROPERTY_SEED";

/// Other cases every time, and none written to disk: a failure names the seed that repeats it. Each says whether what
/// was handed in was taken; so must one in ten, or a property holds for nothing.
#[expect(
    clippy::print_stdout,
    reason = "a run that fails is repeated by its seed"
)]
fn check<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<bool, TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let taken = Cell::new(0);
    let seed = seed(SEED);
    println!("{SEED}={seed}");
    let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes(seed));
    TestRunner::new_with_rng(config, chance)
        .run(strategy, |value| {
            taken.set(taken.get() + u32::from(test(value)?));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{SEED}={seed}: {error}"));
    let taken = taken.get();
    assert!(taken > cases / 10, "{SEED}={seed}: {taken} of {cases}");
}

/// Any text, and texts that are put together from these pieces.
fn text(pieces: Vec<String>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => select(pieces),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z0-9]{1,8}",
    ];
    prop_oneof![
        1 => any::<String>(),
        4 => vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
    ]
}

/// Now and then any text, else one of these.
fn mostly(good: &[&str]) -> impl Strategy<Value = String> + use<> {
    let good: Vec<String> = good.iter().map(|&good| good.to_owned()).collect();
    let own: Vec<&str> = good.iter().map(String::as_str).collect();
    prop_oneof![9 => select(good.clone()), 1 => text(pieces(&own))]
}

fn pieces(own: &[&str]) -> Vec<String> {
    let common = [
        "/",
        "//",
        "\\",
        "?",
        "#",
        "&",
        "=",
        ":",
        ";",
        "@",
        "%",
        "%00",
        "%2e",
        "%2E",
        "%2f",
        "%5C",
        "%0d%0a",
        ".",
        "..",
        "...",
        " ",
        "\t",
        "\r\n",
        "\0",
        "\u{7f}",
        "\u{202e}",
        "\u{ff0e}",
        "\u{3002}",
        "\u{ff0f}",
        "é",
        "A",
        "http:",
        "https:",
        "file:",
        "javascript:",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "provider.invalid",
        ":443",
    ];
    own.iter()
        .chain(&common)
        .map(|&piece| piece.to_owned())
        .collect()
}

/// A login that is open, and what the browser would come back with.
struct OpenLogin {
    runtime: Runtime,
    world: World,
    store: Arc<GlassStore>,
    auth: Arc<Auth>,
    callback: String,
    state: String,
    logins: Vec<u8>,
}

impl OpenLogin {
    fn new() -> OpenLogin {
        let runtime = Runtime::new().expect("a runtime");
        let store = GlassStore::new();
        let mut world = runtime.block_on(World::new());
        world.store = store.clone();
        let auth = world.app();
        let callback = runtime.block_on(world.callback(&auth, "alice"));
        let parameters = Url::parse(&callback).expect("a URL");
        let mut parameters = parameters.query_pairs();
        let state = parameters.find(|(name, _)| name == "state");
        let state = state.expect("a state").1.into_owned();
        let logins = store.logins();
        OpenLogin {
            runtime,
            world,
            store,
            auth,
            callback,
            state,
            logins,
        }
    }

    fn assert_ignored(&self, callback: String) -> Result<bool, TestCaseError> {
        let finish = self.auth.finish_login(callback, None);
        let result = self.runtime.block_on(finish);
        prop_assert!(
            matches!(result, Err(AuthError::CallbackIgnored { .. })),
            "{result:?}"
        );
        prop_assert_eq!(self.world.server.requests("token"), 0);
        prop_assert!(
            self.store.logins() == self.logins,
            "the open login was touched"
        );
        Ok(true)
    }

    fn assert_still_open(self) {
        let finish = self.auth.finish_login(self.callback.clone(), None);
        self.runtime
            .block_on(finish)
            .expect("the login is still open");
        assert_eq!(self.world.server.requests("token"), 1);
    }
}

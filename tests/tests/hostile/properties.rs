//! Whatever is handed in: a typed error or a good result, never a panic, and nothing goes where it must not.

use std::cell::Cell;
use std::sync::Arc;

use latchkey::{
    ApiClient, ApiRequest, Auth, AuthConfig, AuthError, Header, LoginOptions, Rotation,
    memory_store,
};
use latchkey_tests::glass::GlassStore;
use latchkey_tests::hostile_server::{Answer, HostileServer};
use latchkey_tests::world::{REDIRECT_URI, World};
use proptest::collection::{hash_map, vec};
use proptest::option;
use proptest::prelude::{
    Just, Strategy, any, prop_assert, prop_assert_eq, prop_assume, prop_oneof,
};
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::Runtime;
use url::Url;

/// The same cases every time, and none written to disk. Each says whether what was handed in was taken; so must one
/// in ten, or a property holds for nothing.
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
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, seed)
        .run(strategy, |value| {
            taken.set(taken.get() + u32::from(test(value)?));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(taken.get() > cases / 10, "{} of {cases}", taken.get());
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

#[test]
fn no_text_but_the_answer_finishes_a_login_or_spoils_it() {
    let login = OpenLogin::new();
    let own = pieces(&[
        REDIRECT_URI,
        "dev.latchkey.sample",
        "DEV.LATCHKEY.SAMPLE:/callback",
        "https://latchkey.test/callback",
        "callback",
        "code=abc",
        "error=access_denied",
        "state",
        "state=",
        "state=x",
        "iss=",
        "access_token=x",
        "dev.latchkey.sample:/callback?code=abc&state=",
        "dev.latchkey.sample:/callback?code=abc&state=x",
        &login.state,
        &login.state[1..],
    ]);
    let state = login.state.clone();
    check(2_000, &text(own), |text| {
        // It would be an answer, if one that fails.
        prop_assume!(
            !(text.contains(&state) && text.to_lowercase().starts_with("dev.latchkey.sample:"))
        );
        login.assert_ignored(text)
    });
    login.assert_still_open();
}

#[test]
fn the_right_state_at_another_address_is_ignored() {
    let login = OpenLogin::new();
    let state = login.state.clone();
    let bases = select(pieces(&[
        "https://latchkey.test/callback",
        "dev.latchkey.sample:/callback/",
        "dev.latchkey.sample:/Callback",
        "dev.latchkey.sample:/a/../callback",
        "dev.latchkey.sample:/call%62ack",
        "dev.latchkey.sample:callback",
        "dev.latchkey.sample://callback",
        "dev.latchkey.sample://evil/callback",
        "dev.latchkey.sample:/callback;x",
        "dev.latchkey.sample:/callback%2f",
        "dev.latchkey.sample.evil:/callback",
        "http://127.0.0.1/callback",
        "http://[::1]:80/callback",
        "dev.latchkey.sample://u@/callback",
        "dev.latchkey.sample:/callback\\",
    ]));
    let tail = text(pieces(&[
        "&code=abc",
        "&error=x",
        "&state=",
        "&state=x",
        "&iss=x",
    ]));
    check(1_000, &(bases, tail), |(base, tail)| {
        login.assert_ignored(format!("{base}?code=abc&state={state}{tail}"))
    });
    login.assert_still_open();
}

#[test]
fn an_answer_with_one_wrong_character_in_its_address_or_state_is_ignored() {
    let login = OpenLogin::new();
    let end_of_address = login.callback.find('?').expect("a query");
    let state = login.callback.find(&login.state).expect("a state");
    let places: Vec<usize> = (0..end_of_address)
        .chain(state..state + login.state.len())
        .collect();
    let callback = login.callback.clone();
    check(
        2_000,
        &(select(places), any::<char>()),
        |(place, character)| {
            let old = &callback[place..=place];
            prop_assume!(!old.eq_ignore_ascii_case(&character.to_string()) || place >= state);
            prop_assume!(old != character.to_string());
            let mut changed = callback.clone();
            changed.replace_range(place..=place, &character.to_string());
            login.assert_ignored(changed)
        },
    );
    login.assert_still_open();
}

/// An API that answers everything, a server that is not it, and somebody who is logged in.
struct Apis {
    runtime: Runtime,
    own: HostileServer,
    other: HostileServer,
    client: Arc<ApiClient>,
    token: String,
}

impl Apis {
    fn new() -> Apis {
        let runtime = Runtime::new().expect("a runtime");
        let (own, other, auth) = runtime.block_on(async {
            let world = World::new().await;
            let auth = world.app();
            world.log_in(&auth, "alice").await;
            (
                HostileServer::start(None).await,
                HostileServer::start(None).await,
                auth,
            )
        });
        let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
        for server in [&own, &other] {
            server.answer("*", Answer::HangUp(answer.into()));
        }
        let token =
            runtime.block_on(auth.access_token(latchkey::AccessTokenOptions::default(), None));
        let token = token.expect("a token").value;
        let client = ApiClient::new(auth, format!("{}/base/v1", own.origin())).expect("valid");
        Apis {
            runtime,
            own,
            other,
            client,
            token,
        }
    }

    /// Sends it. What the API then hears is one request, to itself, below its base, with the token in one place; or
    /// it hears nothing, and the caller is told of a mistake.
    fn assert_kept_in(&self, request: ApiRequest) -> Result<bool, TestCaseError> {
        self.own.forget();
        let result = self.runtime.block_on(self.client.send(request, None));
        let heard = self.own.heard();
        prop_assert_eq!(self.other.connections(), 0, "another server was contacted");
        match result {
            Err(AuthError::Configuration { .. }) => {
                prop_assert_eq!(self.own.connections(), 0);
                return Ok(false);
            }
            result => prop_assert!(result.is_ok(), "{:?}", result),
        }
        prop_assert_eq!(heard.len(), 1);
        let Some(heard) = heard.first() else {
            return Ok(false);
        };
        let target = heard.target();
        prop_assert!(target.starts_with("/base/v1/"), "{target}");
        prop_assert!(!target.contains(&self.token), "{target}");
        prop_assert!(stays_below("/base/v1/", heard.path()), "{target}");
        let host = self.own.origin().replace("http://", "");
        prop_assert_eq!(heard.headers("host"), [host.as_str()]);
        let bearer = format!("Bearer {}", self.token);
        prop_assert_eq!(heard.headers("authorization"), [bearer.as_str()]);
        prop_assert_eq!(heard.head.matches(self.token.as_str()).count(), 1);
        prop_assert!(heard.headers("x-injected").is_empty());
        Ok(true)
    }
}

/// Whether a path stays below the base for a server that decodes it, takes a backslash for a slash, cuts parameters
/// off segments and resolves dots.
fn stays_below(base: &str, path: &str) -> bool {
    let Some(rest) = path.strip_prefix(base) else {
        return false;
    };
    let mut decoded = Vec::new();
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let hex: Option<String> =
            (byte == b'%').then(|| bytes.clone().take(2).map(char::from).collect());
        match hex.and_then(|hex| u8::from_str_radix(&hex, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                bytes.nth(1);
            }
            None => decoded.push(byte),
        }
    }
    let mut depth = 0;
    for segment in decoded.split(|byte| b"/\\".contains(byte)) {
        match segment.split(|&byte| byte == b';').next() {
            Some(b"..") => depth -= 1,
            Some(b"." | b"") => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return false;
        }
    }
    true
}

#[test]
fn no_path_leads_away_from_the_api() {
    let apis = Apis::new();
    let other = apis.other.origin();
    let own = pieces(&[
        &other,
        &other[5..],
        &other[7..],
        "base",
        "v1",
        "%252e",
        "..;",
        "..%2f",
        "?x=",
        "private",
        "\u{2025}",
    ]);
    check(1_500, &text(own), |path| {
        apis.assert_kept_in(ApiRequest::get(path))
    });
}

#[test]
fn no_method_or_header_smuggles_anything() {
    let apis = Apis::new();
    let name = prop_oneof![
        2 => select(vec![
            "Authorization", "authorization ", "Host", "Cookie", "Transfer-Encoding", "Content-Length", "Connection",
            "Proxy-Authorization", "Upgrade", "Expect", "TE", "Accept", "X-Mine", "x\r\nx-injected", "x: y\r\nx-injected",
            "", ":", "x-injected\0",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let value = text(pieces(&[
        "\r\nx-injected: 1",
        "\nx-injected: 1",
        "\rx-injected: 1",
        "Bearer x",
        "chunked",
        "a, b",
    ]));
    let method = prop_oneof![
        3 => select(vec!["GET", "POST", "get", "DELETE", "PATCH", "QUERY"]).prop_map(str::to_owned),
        1 => text(pieces(&["GET", "GET / HTTP/1.1\r\nx-injected: 1\r\n\r\n", "CONNECT"])),
    ];
    let header = (name, value).prop_map(|(name, value)| Header { name, value });
    let body = option::of(vec(any::<u8>(), 0..100));
    check(
        1_500,
        &(method, vec(header, 0..4), body),
        |(method, headers, body)| {
            let mut request = ApiRequest::get("/x");
            (request.method, request.headers, request.body) = (method, headers, body);
            apis.assert_kept_in(request)
        },
    );
}

fn address() -> impl Strategy<Value = String> {
    let good = Just("https://login.example.com/".to_owned());
    let own = [
        "https://login.example.com",
        "http://127.0.0.1:1",
        "http://[::1]",
        "http://login.example.com",
        "/tenant",
        ":0",
        ":65536",
    ];
    prop_oneof![3 => text(pieces(&own)), 1 => good, 1 => select(pieces(&own))]
}

#[test]
fn a_configuration_is_good_or_its_mistakes_are_named() {
    let scope = || mostly(&["openid", "read:messages"]);
    let redirect = mostly(&["com.example.app:/callback", "https://app.example.com/cb"]);
    let resource = mostly(&["https://api.example.com/"]);
    let rotation = select(vec![
        Rotation::Unknown,
        Rotation::None,
        Rotation::Grace { seconds: u32::MAX },
        Rotation::Parent,
        Rotation::Strict,
    ]);
    let seconds = prop_oneof![4 => 1..=120_u32, 1 => any::<u32>()];
    let pem = text(pieces(&[
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
        "MIIB",
    ]));
    let fields = (
        (address(), mostly(&["app"]), redirect, vec(scope(), 0..3)),
        (option::of(scope()), vec(resource, 0..2)),
        (
            option::of(rotation),
            option::of(seconds),
            option::weighted(0.1, pem),
        ),
    );
    check(4_000, &fields, |(first, second, third)| {
        let (issuer, client, redirect, scopes) = first;
        let mut config = AuthConfig::new(&issuer, client, redirect);
        config.scopes = scopes;
        (config.audience, config.resources) = second;
        (
            config.rotation,
            config.request_timeout_seconds,
            config.trust_anchors_pem,
        ) = third;
        match Auth::new(config, memory_store()).map(drop) {
            Ok(()) => {
                prop_assert!(may_get_secrets(&issuer), "{issuer:?}");
                Ok(true)
            }
            Err(AuthError::Configuration { problems }) => {
                prop_assert!(!problems.is_empty());
                Ok(false)
            }
            Err(error) => Err(TestCaseError::fail(format!("{error:?}"))),
        }
    });
}

#[test]
fn a_host_beyond_ascii_is_refused_in_capital_letters_too() {
    let login = OpenLogin::new();
    for host in [
        "b\u{fc}cher.example",
        "B\u{fc}cher.example",
        "A\u{a1}",
        "XN--\u{df}",
    ] {
        for address in [format!("https://{host}"), format!("https:{host}/x")] {
            let refused = |result: Result<(), AuthError>| {
                let is_refusal = matches!(result, Err(AuthError::Configuration { .. }));
                assert!(is_refusal, "{address}: {result:?}");
            };
            let mut config = AuthConfig::new(&address, "app", REDIRECT_URI);
            refused(Auth::new(config.clone(), memory_store()).map(drop));
            config.issuer = "https://login.example.com".to_owned();
            config.redirect_uri.clone_from(&address);
            refused(Auth::new(config, memory_store()).map(drop));
            refused(ApiClient::new(Arc::clone(&login.auth), address.clone()).map(drop));
            let callback = format!("{address}?state={}&code=abc", login.state);
            login.assert_ignored(callback).expect("ignored");
        }
    }
    login.assert_still_open();
}

#[test]
fn the_address_of_an_api_is_https_or_on_this_machine() {
    let auth = Auth::new(
        AuthConfig::new("https://login.example.com", "app", REDIRECT_URI),
        memory_store(),
    )
    .expect("valid");
    check(4_000, &address(), |url| {
        match ApiClient::new(Arc::clone(&auth), url.clone()).map(drop) {
            Ok(()) => {
                prop_assert!(may_get_secrets(&url), "{url:?}");
                Ok(true)
            }
            Err(AuthError::Configuration { .. }) => Ok(false),
            Err(error) => Err(TestCaseError::fail(format!("{error:?}"))),
        }
    });
}

fn may_get_secrets(url: &str) -> bool {
    let url = Url::parse(url).expect("what was taken is a URL");
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

#[test]
fn whatever_a_login_is_asked_for_its_own_parameters_are_there_once() {
    let login = OpenLogin::new();
    let words = || {
        mostly(&[
            "login",
            "a b",
            "&state=x",
            "x&nonce=x#",
            "https://api.example.com/",
        ])
    };
    let scopes = vec(mostly(&["openid", "read:messages"]), 0..3);
    let resources = vec(mostly(&["https://api.example.com/?a=b&state=x"]), 0..2);
    let name = mostly(&[
        "x",
        "y",
        "claims",
        "state",
        "Nonce",
        "scope",
        "code_challenge",
    ]);
    let texts = (
        option::of(words()),
        option::of(words()),
        option::of(words()),
        option::of(words()),
        option::of(words()),
    );
    let fields = (
        texts,
        (option::of(any::<u64>()), scopes, resources),
        option::weighted(0.1, words()),
        option::of(hash_map(name, words(), 0..2)),
    );
    check(
        1_500,
        &fields,
        |(texts, (max_age, scopes, resources), redirect, extra)| {
            let (prompt, hint, acr, locales, audience) = texts;
            let options = LoginOptions {
                prompt,
                login_hint: hint,
                max_age_seconds: max_age,
                acr_values: acr,
                ui_locales: locales,
                scopes,
                audience,
                resources,
                redirect_uri: redirect,
                extra_parameters: extra,
            };
            let request = match login
                .runtime
                .block_on(login.auth.begin_login(options, None))
            {
                Ok(request) => request,
                Err(AuthError::Configuration { problems }) => {
                    prop_assert!(!problems.is_empty());
                    return Ok(false);
                }
                Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
            };
            let url = Url::parse(&request.url).expect("a URL");
            let endpoint = format!("{}/authorize?", login.world.server.issuer());
            prop_assert!(request.url.starts_with(&endpoint), "{url}");
            prop_assert_eq!(url.fragment(), None);
            let all = |name: &str| -> Vec<String> {
                let pairs = url.query_pairs().filter(|(known, _)| known == name);
                pairs.map(|(_, value)| value.into_owned()).collect()
            };
            for (name, value) in [
                ("response_type", "code"),
                ("client_id", login.world.server.client_id()),
                ("redirect_uri", REDIRECT_URI),
                ("code_challenge_method", "S256"),
            ] {
                prop_assert_eq!(all(name), [value]);
            }
            for name in ["state", "nonce", "code_challenge"] {
                let values = all(name);
                prop_assert_eq!(values.len(), 1, "{}", name);
                prop_assert!(values[0].len() >= 22, "{name}");
            }
            for name in [
                "scope",
                "prompt",
                "max_age",
                "login_hint",
                "audience",
                "claims",
            ] {
                prop_assert!(all(name).len() <= 1, "{name}");
            }
            Ok(true)
        },
    );
}

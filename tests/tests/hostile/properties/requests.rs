//! What may be asked of an API: the path, the method, the headers and the body.

use std::sync::Arc;

use latchkey::{ApiClient, ApiRequest, AuthError, Header};
use latchkey_tests::hostile_server::{Answer, HostileServer};
use latchkey_tests::world::World;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use tokio::runtime::Runtime;

use super::{check, pieces, text};

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
        3 => select(vec!["GET", "POST", "get", "DELETE", "PATCH", "QUERY", "CONNECT"]).prop_map(str::to_owned),
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

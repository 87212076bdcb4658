//! What may be wrong with an answer beyond HTTP: its body, its cookies, its challenges, its tokens.

use std::time::Duration;

use latchkey::AuthError;
use latchkey_tests::hostile_server::Answer::{self, Changed, HangUp};
use latchkey_tests::world::state;
use serde_json::{Value, json};

use crate::device::{Call, Device, FORCE, work};

pub(crate) fn answer(status: u16, headers: &str, body: &[u8]) -> Answer {
    let mut bytes = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    HangUp(bytes)
}

/// The head and the body of an answer.
pub(crate) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    bytes.split_at(end.expect("a head") + 4)
}

/// What a body of a mebibyte may cost in processor time, in a build without optimisations, with all that a device does
/// before and after it. The worst costs half a second; one whose cost grew with the square of its length, minutes.
const WORK: Duration = Duration::from_secs(5);

/// What is no JSON object that this call could use.
fn no_objects(call: Call) -> Vec<(&'static str, Answer)> {
    let ok = |body: &[u8]| answer(200, "", body);
    let deep = |open: &str, close: &str| {
        let body = open.repeat(100_000) + "1" + &close.repeat(100_000);
        answer(200, "", body.as_bytes())
    };
    let member = |name: &str| {
        format!(
            "\"{name}\":{}1{},",
            "[".repeat(100_000),
            "]".repeat(100_000)
        )
    };
    let known = format!("{{{}\"b\":1}}", member("message") + &member("keys"));
    let twice = br#"{"issuer":"a","issuer":"b","keys":1,"keys":2,"sub":"a","sub":"b","message":1,"message":2}"#;
    // What a revocation endpoint says in a 200 does not count (RFC 7009 §2.2), but its error does.
    if call == Call::Revoke {
        return vec![(
            "an error",
            answer(400, "", br#"{"error":"unsupported_token_type"}"#),
        )];
    }
    vec![
            ("nothing", ok(b"")),
            ("bytes that are no UTF-8", ok(b"{\"message\":\"\xFF\xFE\xC0\x80\"}")),
            ("half of a character", ok(b"{\"message\":\"\xE2\x82")),
            ("UTF-16", ok(b"\xFF\xFE{\0}\0")),
            ("half of a surrogate", ok(br#"{"message":"\ud800"}"#)),
            ("a million numbers", ok(format!("[{}1]", "1,".repeat(500_000)).as_bytes())),
            ("a number of a million digits", ok(format!("{{\"a\":{}}}", "9".repeat(1_000_000)).as_bytes())),
            ("100,000 members", ok(format!("{{{}\"a\":1}}", (0..80_000).map(|n| format!("\"{n}\":1,")).collect::<String>()).as_bytes())),
            ("100,000 arrays", deep("[", "]")),
            ("100,000 objects", deep("{\"a\":", "}")),
            ("100,000 arrays in a member", ok(known.as_bytes())),
            ("arrays that are never closed", ok("[".repeat(500_000).as_bytes())),
            ("a member twice", ok(twice)),
            ("a page", HangUp(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Log in to the Wi-Fi".to_vec())),
            ("a string", ok(b"\"message\"")),
            ("null", ok(b"null")),
            ("an object of nothing", ok(b"{}")),
            ("members of the wrong kind", ok(br#"{"issuer":[],"keys":{},"access_token":{},"token_type":1,"sub":null,"message":{}}"#)),
        ]
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_refused() {
    for call in Call::ALL {
        let device = Device::new(30).await;
        for (what, answer) in no_objects(call) {
            let (_, cost) = work(device.suffer(call, what, answer)).await;
            assert!(cost < WORK, "{what}, at {call:?}: {cost:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_are_not_kept() {
    fn with_cookies(bytes: Vec<u8>) -> Vec<u8> {
        let (head, body) = split(&bytes);
        let mut bytes = head[..head.len() - 2].to_vec();
        bytes.extend(
            b"set-cookie: a=1; Path=/\r\nset-cookie: b=2; Path=/; HttpOnly; SameSite=None\r\n\
              set-cookie2: c=3\r\nset-cookie: d=4; Domain=127.0.0.1; Max-Age=99999999\r\n\r\n",
        );
        bytes.extend(body);
        bytes
    }
    let device = Device::new(30).await;
    device.hostile.answer("/*", Changed(with_cookies));
    device.hostile.forget();
    for _ in 0..2 {
        for call in Call::ALL {
            device.run(call).await.expect("a cookie does no harm");
            if call == Call::Revoke {
                device.log_in(&device.auth).await.expect("logs in");
            }
        }
    }
    let heard = device.hostile.heard();
    assert!(heard.len() > 20, "the second round is there too");
    for request in heard {
        assert_eq!(request.headers("cookie"), Vec::<&str>::new());
        assert_eq!(request.headers("cookie2"), Vec::<&str>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_fit_no_header_are_refused_and_never_sent() {
    let device = Device::new(30).await;
    let long = "a".repeat(20_000);
    for bad in [
        "MARK\r\nx-injected: 1",
        "MARK\nx",
        "MARK\0",
        "MARK\t",
        "MARK \u{7f}",
        "MARK\u{85}",
        "MARK\u{2028}é",
        "MARK\u{feff}",
        &format!("MARK{long}"),
    ] {
        for name in ["access_token", "refresh_token"] {
            let mut members = json!({
                "access_token": "MARK.a",
                "refresh_token": "MARK.r",
                "token_type": "Bearer",
                "expires_in": 300,
            });
            members[name] = Value::from(bad);
            for call in [Call::Exchange, Call::Refresh] {
                let body = members.to_string();
                let error = device
                    .suffer(call, bad, answer(200, "", body.as_bytes()))
                    .await;
                assert!(!format!("{error:?} {error}").contains("MARK"), "{error:?}");
                for heard in device.hostile.heard() {
                    let sent = heard.head + &String::from_utf8_lossy(&heard.body);
                    assert!(!sent.contains("MARK"), "{sent}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_token_answer_that_are_absurd_do_no_harm() {
    let device = Device::new(30).await;
    for members in [
        json!({ "token_type": "mac" }),
        json!({ "token_type": "Bearer\r\nx: y" }),
        json!({ "token_type": null }),
        json!({ "access_token": "" }),
        json!({ "error": "a\r\nb\u{1b}[31m".repeat(1_000) }),
        json!({ "error": { "message": "x" } }),
        json!({ "error": "server_error", "error_description": "\u{1b}".repeat(100_000) }),
    ] {
        let mut body = json!({ "access_token": "a.b", "token_type": "Bearer" });
        for (name, value) in members.as_object().expect("an object") {
            body[name] = value.clone();
        }
        for call in [Call::Exchange, Call::Refresh] {
            let bytes = body.to_string();
            let error = device
                .suffer(call, "absurd", answer(200, "", bytes.as_bytes()))
                .await;
            let text = error.to_string();
            assert!(
                text.len() < 1_024 && !text.contains(char::is_control),
                "{text}"
            );
        }
    }
    // These are taken: the session has no end that is known, or one far away, and is as good.
    for expires_in in [
        json!(-1),
        json!(0),
        json!(1e300),
        json!("99999999999999999999"),
        json!([]),
    ] {
        let mut body = json!({ "access_token": "a.b", "token_type": "Bearer" });
        body["expires_in"] = expires_in.clone();
        device
            .hostile
            .answer("/token", answer(200, "", body.to_string().as_bytes()));
        // A token that has ended when it comes may be an error to the caller.
        drop(device.auth.access_token(FORCE, None).await);
        device.hostile.be_honest().await;
        assert_eq!(state(&device.auth.session()), "signed_in", "{expires_in}");
        device
            .auth
            .access_token(FORCE, None)
            .await
            .expect("renewed");
        device.assert_usable(&expires_in.to_string()).await;
    }
}

#[tokio::test]
async fn a_key_set_of_ten_thousand_is_no_work() {
    let device = Device::new(30).await;
    let own = published_keys(&device).await;
    let signer = own
        .iter()
        .find(|key| key["kty"] == "EC")
        .expect("the one that signs");
    // As many as fit into an answer, all of the kid that the token names: small and wrong, or well-formed and wrong.
    let tiny = |kty: &str| json!({ "kid": signer["kid"], "kty": kty, "crv": "P-256", "x": "AQ" });
    let mut other = signer.clone();
    // Of RFC 7515 A.3: a good key, and not the one that signs.
    other["x"] = json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    other["y"] = json!("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    for (what, key, count) in [
        ("10,000 points", tiny("EC"), 10_000),
        ("10,000 secrets", tiny("oct"), 10_000),
        ("4,000 good keys", other, 4_000),
    ] {
        let mut keys = vec![key; count];
        keys.extend(own.clone());
        let body = json!({ "keys": keys }).to_string();
        assert!(body.len() < 1 << 20, "{what}: {}", body.len());
        let answer = answer(200, "", body.as_bytes());
        let (_, cost) = work(device.suffer(Call::Keys, what, answer)).await;
        assert!(cost < WORK, "{what}: {cost:?}");
    }
    let body = format!("{{\"keys\":[{}1]}}", "{},".repeat(340_000));
    device
        .suffer(
            Call::Keys,
            "340,000 nothings",
            answer(200, "", body.as_bytes()),
        )
        .await;
}

async fn published_keys(device: &Device) -> Vec<Value> {
    let address = latchkey_tests::elsewhere::address(&device.server);
    let get = move || {
        let mut answer = ureq::get(format!("http://{address}/jwks"))
            .call()
            .expect("answers");
        answer.body_mut().read_json::<Value>().expect("JSON")
    };
    let set = tokio::task::spawn_blocking(get).await.expect("no panic");
    set["keys"].as_array().expect("keys").clone()
}

#[tokio::test]
async fn challenges_of_any_size_cost_one_refresh_and_one_repeat() {
    let device = Device::new(30).await;
    let line = |value: &str| format!("www-authenticate: {value}\r\n");
    let bombs = [
        ("none", String::new()),
        ("an empty one", line("")),
        (
            "100 KiB of error",
            line(&format!("Bearer error=\"{}\"", "a".repeat(100_000))),
        ),
        (
            "100 KiB of description",
            line(&format!(
                "Bearer error_description=\"{}\"",
                "\\\"".repeat(50_000)
            )),
        ),
        (
            "a quote that is never closed",
            line(&format!("Bearer error=\"{}", "\\".repeat(100_001))),
        ),
        ("20,000 schemes", line(&"Bearer, ".repeat(20_000))),
        ("commas", line(&",".repeat(200_000))),
        (
            "20,000 parameters",
            line(&format!(
                "Bearer {}",
                (0..15_000).map(|n| format!("a{n}=1,")).collect::<String>()
            )),
        ),
        (
            "90 lines",
            line(&format!("Bearer realm=\"{}\"", "r".repeat(2_000))).repeat(90),
        ),
        (
            "equals signs",
            line(&format!("Bearer {}", "=".repeat(100_000))),
        ),
        (
            "bytes that are no text",
            line("Bearer error=\"\u{e9}\u{fffd}\", \u{1F480}"),
        ),
        (
            "escapes",
            line("Bearer error=\"invalid_token\", error_description=\"\\\x1b[31m\""),
        ),
    ];
    for (what, headers) in &bombs {
        for (call, path) in [(Call::Api, "/api/private"), (Call::UserInfo, "/userinfo")] {
            device.hostile.forget();
            device.hostile.answer(path, answer(401, headers, b"{}"));
            let (result, cost) = work(device.run(call)).await;
            let error = result.expect_err("401 for ever");
            // A tenth: there is no body.
            assert!(cost < WORK / 10, "{what}: {cost:?}");
            let text = format!("{error} {error:?}");
            assert!(text.len() < 4_096, "{what}: {}", text.len());
            assert!(!text.contains(char::is_control), "{what}: {text}");
            let asked = (
                device.hostile.requests(path),
                device.hostile.requests("/token"),
            );
            // A head that is too large for any answer is none; userinfo is then asked once more.
            if matches!(error, AuthError::Network { .. }) {
                let times = if call == Call::UserInfo { 2 } else { 1 };
                assert_eq!(asked, (times, 0), "{what} at {call:?}");
            } else {
                assert!(
                    asked == (2, 1) || asked == (1, 0),
                    "{what} at {call:?}: {asked:?}"
                );
            }
            device.hostile.be_honest().await;
            device.assert_usable(what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_up_that_asks_for_too_much_stays_small() {
    let device = Device::new(30).await;
    let scopes = "s ".repeat(50_000);
    for headers in [
        format!("www-authenticate: Bearer error=\"insufficient_scope\", scope=\"{scopes}\"\r\n"),
        format!("www-authenticate: Bearer error=\"insufficient_scope\", scope=\"{}\"\r\n", &scopes[..7_000]),
        "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"a\\\"&prompt=none b\u{e9}\"\r\n".to_owned(),
        "www-authenticate: Bearer error=\"insufficient_user_authentication\", max_age=99999999999999999999999\r\n".to_owned(),
        "www-authenticate: Bearer error=\"insufficient_user_authentication\", acr_values=\"\x1b[31m&state=x\"\r\n".to_owned(),
    ] {
        for status in [401, 403] {
            device.hostile.answer("/api/private", answer(status, &headers, b"{}"));
            let error = device.run(Call::Api).await.expect_err("refused");
            let text = format!("{error} {error:?}");
            assert!(text.len() < 64 * 1024, "{}", text.len());
            assert!(!text.contains(char::is_control), "{text}");
            device.hostile.be_honest().await;
            if let AuthError::StepUpRequired { options, .. } = error {
                let begun = device.auth.begin_login(options, None).await;
                let url = begun.expect("the options are good as they are").url;
                assert_eq!(url.matches("state=").count(), 1, "{url}");
            }
            device.assert_usable("after a step-up").await;
        }
    }
}

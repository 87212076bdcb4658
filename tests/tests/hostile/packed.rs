//! Servers that pack their answers (RFC 9110 §8.4): none is asked to, and nothing that is packed is read.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use latchkey::{
    AccessTokenOptions, ApiClient, ApiRequest, ApiResponse, Auth, AuthError, Header, LogLevel,
    LogoutOptions, NetworkReason, Revocation, SignedOutReason,
};
use latchkey_devserver::Rotation;
use latchkey_tests::hostile_server::Answer::{Changed, ChangedFor};
use latchkey_tests::hostile_server::Heard;
use latchkey_tests::world::{Lines, state};

use crate::bodies::{answer, split};
use crate::device::{Call, Device, FORCE};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body).expect("in memory");
    gzip.finish().expect("in memory")
}

/// The same answer with its body packed.
fn packed(bytes: Vec<u8>) -> Vec<u8> {
    let (head, body) = split(&bytes);
    with_body(head, "gzip", &gzip(body))
}

fn with_body(head: &[u8], coding: &str, body: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let lines = head.lines().filter(|line| {
        !line.is_empty() && !line.to_ascii_lowercase().starts_with("content-length:")
    });
    let mut head = lines.collect::<Vec<_>>().join("\r\n");
    let length = body.len();
    head.push_str(&format!(
        "\r\ncontent-encoding: {coding}\r\ncontent-length: {length}\r\n\r\n"
    ));
    [head.as_bytes(), body].concat()
}

/// Packs wherever it may (RFC 9110 §12.5.3): where nothing else was said, too.
fn packed_unless_told(heard: &Heard, bytes: Vec<u8>) -> Vec<u8> {
    match heard.headers("accept-encoding")[..] {
        ["identity"] => bytes,
        _ => packed(bytes),
    }
}

fn named(status: u32) -> AuthError {
    AuthError::Provider {
        status: Some(status),
        code: Some("packed_answer".to_owned()),
        persistent: false,
    }
}

async fn get(device: &Device, headers: Vec<Header>) -> Result<ApiResponse, AuthError> {
    let api = ApiClient::new(Arc::clone(&device.auth), device.api()).expect("valid");
    let request = ApiRequest {
        headers,
        ..ApiRequest::get("/private")
    };
    api.send(request, None).await
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn events(auth: &Auth) -> Vec<String> {
    auth.timeline()
        .into_iter()
        .map(|event| match event.detail {
            Some(detail) => format!("{} ({detail})", event.event),
            None => event.event,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_says_that_it_takes_nothing_packed_so_a_server_that_packs_where_it_may_does_no_harm()
 {
    let device = Device::new(30).await;
    device.hostile.answer("/*", ChangedFor(packed_unless_told));
    device.hostile.forget();
    for call in Call::ALL {
        device.run(call).await.expect("nothing is packed");
        if call == Call::Api {
            // The app's own headers do not take its place.
            let own = vec![header("Accept", "text/plain"), header("X-Own", "1")];
            get(&device, own).await.expect("nothing is packed");
        }
    }
    device.auth.check_up().await;
    let heard = device.hostile.heard();
    assert!(heard.len() > 10, "{}", heard.len());
    for heard in heard {
        assert_eq!(
            heard.headers("accept-encoding"),
            ["identity"],
            "{}",
            heard.path()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_packed_all_the_same_is_named_as_that() {
    let device = Device::new(30).await;
    for call in Call::ALL {
        if call == Call::Revoke {
            continue;
        }
        let error = device.suffer(call, "gzip", Changed(packed)).await;
        if call == Call::Api {
            let AuthError::Api { status: 200, .. } = error else {
                panic!("{error:?}");
            };
        } else {
            assert_eq!(error, named(200), "{call:?}");
        }
        let text = error.to_string();
        assert!(
            text.contains("packed its answer") && text.contains("asked not to"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packed_answer_to_a_revocation_counts_by_its_status_and_the_log_names_it() {
    let device = Device::new(30).await;
    let lines = Arc::<Lines>::default();
    device
        .auth
        .set_log_sink(LogLevel::Warn, Some(lines.clone()));
    device.hostile.answer("/revoke", Changed(packed));
    let outcome = device.auth.logout(LogoutOptions::default()).await;
    assert_eq!(outcome.expect("out").revocation, Revocation::Done);
    let log = lines.text();
    assert!(log.contains("packed its answer (gzip)"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packed_answer_to_a_refresh_may_hold_the_new_token_so_the_send_stays_open() {
    let device = Device::at(Rotation::Strict, 30).await;
    device.hostile.answer("/token", Changed(packed));
    let refused = device.auth.access_token(FORCE, None).await;
    assert_eq!(refused, Err(named(200)));
    let told = events(&device.auth);
    assert!(
        told.contains(&"refresh_failed (provider packed_answer)".to_owned()),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|event| event.starts_with("refresh_unresolved")),
        "{told:?}"
    );

    // While the old access token is left the spent refresh token is not sent again.
    device.hostile.be_honest().await;
    device.hostile.forget();
    device.wait(60);
    let plain = AccessTokenOptions::default;
    let served = device.auth.access_token(plain(), None).await;
    served.expect("the old one serves");
    device
        .auth
        .access_token(FORCE, None)
        .await
        .expect_err("it would cost the session");
    assert_eq!(device.hostile.requests("/token"), 0);
    // Then it is, and what a strict provider makes of that has its true name.
    device.wait(400);
    let ended = device.auth.access_token(plain(), None).await;
    let reason = SignedOutReason::RotationInterrupted;
    assert_eq!(ended, Err(AuthError::LoginRequired { reason }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packed_refusal_of_a_refresh_is_a_refusal_that_ends_no_session() {
    let device = Device::at(Rotation::Strict, 30).await;
    let body = gzip(br#"{"error":"invalid_grant"}"#);
    let refusal = answer(400, "content-encoding: gzip\r\n", &body);
    device.hostile.answer("/token", refusal);
    let refused = device.auth.access_token(FORCE, None).await;
    assert_eq!(refused, Err(named(400)));
    assert_eq!(state(&device.auth.session()), "signed_in");
    let told = events(&device.auth);
    assert!(
        !told
            .iter()
            .any(|event| event.starts_with("refresh_unresolved")),
        "{told:?}"
    );
    for (status, reason) in [
        (429, NetworkReason::RateLimited),
        (503, NetworkReason::Unavailable),
    ] {
        device.wait(400);
        let trouble = answer(
            status,
            "content-encoding: gzip\r\nretry-after: 7\r\n",
            &body,
        );
        device.hostile.answer("/token", trouble);
        let waits = device.auth.access_token(FORCE, None).await;
        let expected = AuthError::Network {
            reason,
            retry_after_seconds: Some(7),
        };
        assert_eq!(waits, Err(expected), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packed_refusal_of_the_api_is_judged_by_its_status_and_its_challenge() {
    let device = Device::new(30).await;
    let body = gzip(br#"{"message":"packed words"}"#);
    let refused = |status, headers: &str| {
        let headers = format!("content-encoding: gzip\r\n{headers}");
        device
            .hostile
            .answer("/api/private", answer(status, &headers, &body));
        device.hostile.forget();
        get(&device, Vec::new())
    };
    let error = refused(503, "retry-after: 9\r\n").await;
    let unavailable = AuthError::Network {
        reason: NetworkReason::Unavailable,
        retry_after_seconds: Some(9),
    };
    assert_eq!(error, Err(unavailable));
    let challenge =
        "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"read:more\"\r\n";
    let error = refused(403, challenge).await.expect_err("a 403");
    assert_eq!(error.kind(), "step_up_required");
    let error = refused(404, "").await.expect_err("a 404").to_string();
    assert!(
        error.contains("does not know this address") && error.contains("packed its answer (gzip)"),
        "{error}"
    );
    let error = refused(401, "").await.expect_err("a 401");
    assert_eq!(error.kind(), "api");
    assert_eq!(device.hostile.requests("/api/private"), 2, "{error:?}");
    assert_eq!(device.hostile.requests("/token"), 1, "one refresh");
    // The place that a redirect names is in its head.
    let redirect = refused(302, "location: /there\r\n").await;
    assert_eq!(redirect.expect("handed over").status, 302);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_asks_its_api_to_pack_gets_the_bytes_as_they_came() {
    let device = Device::new(30).await;
    device
        .hostile
        .answer("/api/private", ChangedFor(packed_unless_told));
    device.hostile.forget();
    let own = || vec![header("Accept-Encoding", "gzip")];
    let response = get(&device, own()).await.expect("what it asked for");
    assert_eq!(response.body.get(..2), Some([0x1F, 0x8B].as_slice()));
    let coding = response
        .headers
        .iter()
        .find(|header| header.name == "content-encoding");
    assert_eq!(coding.expect("handed over").value, "gzip");
    let heard = device.hostile.heard();
    assert_eq!(heard[0].headers("accept-encoding"), ["gzip"]);
    assert_eq!(heard[0].headers("accept"), ["application/json"]);

    let body = gzip(b"{}");
    device.hostile.answer(
        "/api/private",
        answer(404, "content-encoding: gzip\r\n", &body),
    );
    let error = get(&device, own()).await.expect_err("a 404").to_string();
    assert!(
        error.contains("packed (gzip)") && !error.contains("asked not to"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_content_encoding_that_packs_nothing_is_no_reason_to_refuse() {
    fn called_so(bytes: Vec<u8>) -> Vec<u8> {
        let (head, body) = split(&bytes);
        with_body(head, "utf-8, Identity", body)
    }
    fn no_body(bytes: Vec<u8>) -> Vec<u8> {
        let (head, _) = split(&bytes);
        with_body(head, "gzip", b"")
    }
    let device = Device::new(30).await;
    device.hostile.answer("/*", Changed(called_so));
    for call in Call::ALL {
        device.run(call).await.expect("it can be read");
    }
    device.log_in(&device.auth).await.expect("logs in");
    // As a server may answer a HEAD: there is nothing that could be packed.
    device.hostile.be_honest().await;
    device.hostile.answer("/api/private", Changed(no_body));
    let response = get(&device, Vec::new()).await.expect("nothing is packed");
    assert_eq!(response.body, b"");
}

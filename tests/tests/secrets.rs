//! No secret in a log, an error, a Debug text or a URL.

use std::sync::Arc;

use base64::Engine as _;
use latchkey::{
    AccessTokenOptions, Auth, AuthError, LogLevel, LoginOptions, LogoutOptions, SecureStore,
    StoreError, StoredItem, memory_store,
};
use latchkey_tests::world::{Lines, World};

/// Sees every byte that is stored: the session's secrets are among them.
struct Spy {
    inner: Arc<dyn SecureStore>,
    seen: std::sync::Mutex<Vec<u8>>,
}

impl SecureStore for Spy {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        self.inner.load(key)
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        if let Some(item) = &next {
            self.seen.lock().expect("no panic").extend(&item.bytes);
        }
        self.inner.swap(key, expected, next)
    }
}

/// The values of these members in everything that was stored.
fn stored(spy: &Spy, names: &[&str]) -> Vec<String> {
    let text = String::from_utf8(spy.seen.lock().expect("no panic").clone()).expect("JSON");
    let mut values = Vec::new();
    for name in names {
        let start = format!("\"{name}\":\"");
        for part in text.split(&start).skip(1) {
            values.push(part.split('"').next().expect("a value").to_owned());
        }
    }
    values.sort();
    values.dedup();
    values
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_error_or_a_debug_text() {
    let mut world = World::new().await;
    let spy = Arc::new(Spy {
        inner: memory_store(),
        seen: std::sync::Mutex::default(),
    });
    world.store = spy.clone();
    let lines = Arc::new(Lines::default());
    let auth = world.app();
    auth.set_log_sink(LogLevel::Debug, Some(lines.clone()));
    let mut texts = String::new();

    let request = auth
        .begin_login(LoginOptions::default(), None)
        .await
        .expect("begins");
    texts += &format!("{request:?} {request}");
    let callback = world.submit(&request.url, "alice").await;
    let code = callback
        .split("code=")
        .nth(1)
        .and_then(|rest| rest.split('&').next())
        .expect("a code")
        .to_owned();
    // A failed exchange, a wrong callback, then a good login and all that can be done with it.
    for url in [
        format!("{callback}&x=1"),
        callback.replace("state=", "state=x"),
    ] {
        texts += &format!("{:?}", auth.finish_login(url, None).await);
    }
    world.log_in(&auth, "alice").await;
    let force = AccessTokenOptions {
        force_refresh: true,
        ..AccessTokenOptions::default()
    };
    let token = auth
        .access_token(force.clone(), None)
        .await
        .expect("a token");
    texts += &format!("{token:?} {token} {:?}", auth.session());
    world.ping(&auth).ping_private(None).await.expect("answers");
    for fault in [
        "token:status=400",
        "token:drop_after_commit",
        "token:bad_signature",
        "token:status=400,error=invalid_grant",
    ] {
        world.server.set_faults(fault).expect("a fault");
        texts += &format!("{:?}", auth.access_token(force.clone(), None).await);
    }
    texts += &format!("{:?}", auth.logout(LogoutOptions::default()).await);
    texts += &format!("{:?}", auth.timeline());
    texts += &lines.text();

    let mut secrets = stored(
        &spy,
        &[
            "refresh_token",
            "access_token",
            "code_verifier",
            "state",
            "nonce",
        ],
    );
    secrets.retain(|secret| secret.len() >= 16);
    assert!(secrets.len() >= 6, "the spy has seen the session");
    secrets.push(code);
    for secret in &secrets {
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
        let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
        for form in [secret, &encoded, &percent] {
            assert!(!texts.contains(form.as_str()), "a secret is in:\n{texts}");
        }
    }
    assert!(lines.text().contains("token request"), "the log was on");
    assert!(!texts.contains("dev|alice"), "nor is the person's id");
}

#[tokio::test]
async fn a_canary_in_a_servers_answer_reaches_no_error_text() {
    let canary = "CANARY-7f3a";
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(format!("<html>{canary}\u{1b}[31m</html>"));
    for (endpoint, call) in [
        ("token", "refresh"),
        ("discovery", "begin"),
        ("userinfo", "info"),
    ] {
        let world = World::new().await;
        let auth: Arc<Auth> = world.app();
        let lines = Arc::new(Lines::default());
        auth.set_log_sink(LogLevel::Debug, Some(lines.clone()));
        if call != "begin" {
            world.log_in(&auth, "alice").await;
        }
        world
            .server
            .set_faults(&format!("{endpoint}:body={body},content_type=text/html"))
            .expect("a fault");
        let error: AuthError = match call {
            "refresh" => auth
                .access_token(
                    AccessTokenOptions {
                        force_refresh: true,
                        ..AccessTokenOptions::default()
                    },
                    None,
                )
                .await
                .expect_err("no answer"),
            "begin" => auth
                .begin_login(LoginOptions::default(), None)
                .await
                .expect_err("no metadata"),
            _ => auth.user_info(None).await.expect_err("no claims"),
        };
        let text = format!("{error} {error:?} {}", lines.text());
        assert!(!text.contains(canary), "{text}");
    }
}

#[tokio::test]
async fn an_apis_text_is_shown_without_control_characters_and_not_too_long() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let text = format!("{{\"message\":\"no \\u001b[31m{}\"}}", "x".repeat(5_000));
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    world
        .server
        .set_faults(&format!("api:status=418,body={body}"))
        .expect("a fault");
    let error = world.ping(&auth).ping_private(None).await.expect_err("418");
    let AuthError::Api { status: 418, text } = error else {
        panic!("{error:?}");
    };
    assert!(text.starts_with("no "));
    assert!(text.chars().count() <= 512 && !text.chars().any(char::is_control));
}

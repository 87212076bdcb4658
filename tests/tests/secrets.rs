//! No secret in a log, an error, a Debug text or a URL.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use latchkey::{
    AccessToken, AccessTokenOptions, Auth, AuthError, LogLevel, LoginOptions, LogoutOptions,
    Session,
};
use latchkey_tests::glass::GlassStore;
use latchkey_tests::world::{Lines, World};

/// One app at a provider of its own, all that it prints, and all the secrets that it keeps meanwhile.
struct Watched {
    world: World,
    store: Arc<GlassStore>,
    auth: Arc<Auth>,
    lines: Arc<Lines>,
    printed: String,
    secrets: BTreeSet<String>,
}

impl Watched {
    async fn new() -> Self {
        let mut world = World::new().await;
        let store = GlassStore::new();
        world.store = store.clone();
        let auth = world.app();
        let lines = Arc::new(Lines::default());
        auth.set_log_sink(LogLevel::Debug, Some(lines.clone()));
        Self {
            world,
            store,
            auth,
            lines,
            printed: String::new(),
            secrets: BTreeSet::new(),
        }
    }

    /// Remembers how something prints, and the secrets that are stored now.
    fn saw(&mut self, printed: impl std::fmt::Debug) {
        self.printed += &format!("{printed:?}\n");
        for (record, names) in [
            (
                self.store.logins(),
                &["code_verifier", "state", "nonce"][..],
            ),
            (self.store.session(), &["refresh_token", "access_token"]),
        ] {
            let text = String::from_utf8(record).expect("JSON");
            for name in names {
                let start = format!("\"{name}\":\"");
                let values = text
                    .split(&start)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next());
                let values = values.filter(|value| value.len() >= 16).map(str::to_owned);
                self.secrets.extend(values);
            }
        }
    }

    /// Begins a login, submits the page, and gives the callback.
    async fn callback(&mut self) -> String {
        let request = self.auth.begin_login(LoginOptions::default(), None).await;
        let request = request.expect("begins");
        self.saw((&request, request.to_string()));
        let callback = self.world.submit(&request.url, "alice").await;
        let code = callback.split("code=").nth(1).expect("a code");
        let code = code.split('&').next().expect("a code").to_owned();
        self.secrets.insert(code);
        callback
    }

    async fn finish(&mut self, callback: String) -> Result<Session, AuthError> {
        let finished = self.auth.finish_login(callback, None).await;
        self.saw(&finished);
        finished
    }

    async fn log_in(&mut self) {
        let callback = self.callback().await;
        self.finish(callback).await.expect("a session");
    }

    async fn refresh(&mut self) -> Result<AccessToken, AuthError> {
        let force = AccessTokenOptions {
            force_refresh: true,
            ..AccessTokenOptions::default()
        };
        let token = self.auth.access_token(force, None).await;
        self.saw(&token);
        if let Ok(token) = &token {
            self.printed += &token.to_string();
            self.secrets.insert(token.value.clone());
        }
        token
    }

    fn fault(&self, fault: &str) {
        self.world.server.set_faults(fault).expect("a fault");
    }

    /// Nothing that was printed has one of the secrets in it, of which there are as many as this.
    fn assert_nothing_leaked(mut self, at_least: usize) {
        let auth = Arc::clone(&self.auth);
        self.saw((auth.session(), auth.timeline()));
        let log = self.lines.text();
        assert!(log.contains("token request"), "the log was on");
        let printed = self.printed + &log;
        let count = self.secrets.len();
        assert!(count >= at_least, "only {count} secrets were seen");
        for secret in &self.secrets {
            let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
            let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
            for form in [secret, &encoded, &percent] {
                assert!(
                    !printed.contains(form.as_str()),
                    "a secret is in:\n{printed}"
                );
            }
        }
        assert!(!printed.contains("dev|alice"), "nor is the person's id");
    }
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_error_or_a_debug_text() {
    let mut app = Watched::new().await;
    let callback = app.callback().await;
    let wrong = app.finish(callback.replace("state=", "state=x")).await;
    assert_eq!(wrong.expect_err("another state").kind(), "callback_ignored");
    app.finish(callback).await.expect("a session");
    app.refresh().await.expect("a token");
    let ping = app.world.ping(&app.auth).ping_private(None).await;
    app.saw(ping.expect("answers"));
    let out = app.auth.logout(LogoutOptions::default()).await;
    app.saw(out.expect("out"));
    // State, nonce, verifier and code; two tokens, twice.
    app.assert_nothing_leaked(8);
}

#[tokio::test]
async fn no_secret_is_in_what_a_failed_exchange_says() {
    for (fault, kind) in [
        ("token:status=400,error=invalid_grant", "provider"),
        ("token:status=400", "provider"),
        ("token:drop_after_commit", "network"),
        ("token:bad_signature", "untrusted"),
    ] {
        let mut app = Watched::new().await;
        let callback = app.callback().await;
        app.fault(fault);
        let error = app.finish(callback).await.expect_err(fault);
        assert_eq!(error.kind(), kind, "{fault}");
        app.assert_nothing_leaked(4);
    }
}

#[tokio::test]
async fn no_secret_is_in_what_a_failed_refresh_says() {
    for (fault, kind) in [
        (
            "token:status=400,error=invalid_grant",
            Some("login_required"),
        ),
        ("token:status=400", Some("provider")),
        ("token:drop_after_commit", Some("network")),
        // Such an ID token is left out, and the session lives on.
        ("token:bad_signature", None),
    ] {
        let mut app = Watched::new().await;
        app.log_in().await;
        app.fault(fault);
        let error = app.refresh().await.err();
        assert_eq!(
            error.as_ref().map(AuthError::kind).as_deref(),
            kind,
            "{fault}"
        );
        let out = app.auth.logout(LogoutOptions::default()).await;
        app.saw(out);
        app.assert_nothing_leaked(6);
    }
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

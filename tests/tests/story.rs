//! The product's story, through the public API alone.

use std::sync::Arc;

use latchkey::{
    AccessTokenOptions, ApiClient, ApiRequest, AuthError, CallbackIgnoredReason, LoginOptions,
    LogoutOptions, Redirect, Session, SignedOutReason,
};
use latchkey_devserver::{DevServer, IdTokenAlg, Options, Rotation};
use latchkey_tests::calls::{forced, token, who};
use latchkey_tests::world::{World, state};

const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};

#[tokio::test]
async fn a_login_finished_by_another_process_pings_both_endpoints_refreshes_and_logs_out() {
    let world = World::new().await;
    let callback = world.callback(&world.app(), "alice").await;
    // The system has killed the app while the browser was in front.
    let auth = world.app();
    let session = auth.finish_login(callback, None).await.expect("logs in");
    assert_eq!(session.claim("name".to_owned()).as_deref(), Some("Alice"));

    let ping = world.ping(&auth);
    let private = ping.ping_private(None).await.expect("answers").message;
    assert!(private.starts_with("Hello from a private endpoint!"));
    let scoped = ping.ping_private_scoped(None).await.expect("answers");
    assert!(scoped.message.contains("read:messages"));

    let before = auth
        .access_token(AccessTokenOptions::default(), None)
        .await
        .expect("a token");
    let after = auth.access_token(FORCE, None).await.expect("another");
    assert_ne!(before.value, after.value);
    ping.ping_private(None)
        .await
        .expect("the new token is good");

    let outcome = auth
        .logout(LogoutOptions {
            post_logout_redirect_uri: Some("dev.latchkey.sample:/callback".to_owned()),
            ..LogoutOptions::default()
        })
        .await
        .expect("logs out");
    let end = outcome.end_session_url.expect("the provider has one");
    assert!(end.starts_with(world.server.issuer()) && !end.contains(&after.value));
    // The token is dead at the API too, and the next process knows that nobody is logged in.
    assert_eq!(
        world.ping(&world.app()).ping_private(None).await,
        Err(AuthError::LoginRequired {
            reason: SignedOutReason::LoggedOut
        })
    );
}

#[tokio::test]
async fn the_user_without_the_scope_is_told_which_and_the_login_that_asks_for_it_is_ready() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "bob").await;
    let error = world
        .ping(&auth)
        .ping_private_scoped(None)
        .await
        .expect_err("bob has no role");
    let AuthError::StepUpRequired { options, scope, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(scope.as_deref(), Some("read:messages"));
    assert!(error.to_string().contains("read:messages"));
    let request = auth
        .begin_login(options.clone(), None)
        .await
        .expect("the options are good as they are");
    assert!(request.url.contains("read%3Amessages"));
    assert_eq!(state(&auth.session()), "signed_in", "the session is kept");
}

#[tokio::test]
async fn a_failed_login_leaves_the_earlier_session_as_it_was() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let before = auth.access_token(AccessTokenOptions::default(), None).await;
    let callback = world.callback(&auth, "bob").await;
    world
        .server
        .set_faults("token:bad_signature")
        .expect("a fault");
    auth.finish_login(callback, None)
        .await
        .expect_err("the signature is spoilt");
    world.server.clear_faults();
    for app in [auth, world.app()] {
        let Session::SignedIn { subject, .. } = app.session() else {
            panic!("signed out");
        };
        assert_eq!(subject.as_deref(), Some("dev|alice"));
        let after = app.access_token(AccessTokenOptions::default(), None).await;
        assert_eq!(
            after.map(|token| token.value),
            before.clone().map(|token| token.value)
        );
    }
}

#[tokio::test]
async fn a_new_login_takes_the_place_of_the_old_one() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.log_in(&auth, "bob").await;
    let Session::SignedIn { subject, .. } = world.app().session() else {
        panic!("signed out");
    };
    assert_eq!(subject.as_deref(), Some("dev|bob"));
}

#[tokio::test]
async fn without_offline_access_the_session_ends_with_its_access_token() {
    let world = World::new().await;
    let mut config = world.config();
    config.scopes = vec!["openid".to_owned()];
    let auth = world.app_with(config);
    let session = world.log_in(&auth, "alice").await;
    assert!(matches!(
        session,
        Session::SignedIn {
            refreshable: false,
            ..
        }
    ));
    world.expire().await;
    assert_eq!(state(&auth.session()), "signed_out:expired");
    assert_eq!(
        world.ping(&auth).ping_private(None).await,
        Err(AuthError::LoginRequired {
            reason: SignedOutReason::Expired
        })
    );
}

#[tokio::test]
async fn a_login_without_openid_is_no_identity_and_still_calls_the_api() {
    let world = World::new().await;
    let mut config = world.config();
    config.scopes = vec!["offline_access".to_owned(), "read:messages".to_owned()];
    let auth = world.app_with(config);
    let session = world.log_in(&auth, "alice").await;
    assert!(matches!(session, Session::SignedIn { subject: None, .. }));
    world
        .ping(&auth)
        .ping_private_scoped(None)
        .await
        .expect("the scope is there");
    assert!(matches!(
        auth.user_info(None).await,
        Err(AuthError::Configuration { .. })
    ));
}

#[tokio::test]
async fn userinfo_that_refuses_the_apis_token_gets_one_of_its_own_and_the_session_keeps_its_token()
{
    let world = World::new().await;
    let mut config = world.config();
    config.audience = None;
    config.resources = vec![world.server.audience().to_owned()];
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    let plain = AccessTokenOptions::default();
    let before = auth
        .access_token(plain.clone(), None)
        .await
        .expect("a token");
    world.server.reset_counts();
    world
        .server
        .set_faults("userinfo:status=401@1")
        .expect("a fault");
    for _ in 0..3 {
        let claims = auth.user_info(None).await.expect("the claims");
        assert!(claims.contains("dev|alice"));
    }
    assert_eq!(world.server.requests("token"), 1, "one token for all three");
    let after = auth.access_token(plain, None).await.expect("a token");
    assert_eq!(before.value, after.value);
    auth.access_token(FORCE, None)
        .await
        .expect("the rotated refresh token was stored");
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn a_forced_refresh_without_a_refresh_token_says_what_to_ask_for() {
    let world = World::new().await;
    let mut config = world.config();
    config.scopes = vec!["openid".to_owned()];
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    let error = auth
        .access_token(FORCE, None)
        .await
        .expect_err("nothing to renew with");
    assert!(error.to_string().contains("offline_access"), "{error}");
    auth.access_token(AccessTokenOptions::default(), None)
        .await
        .expect("the token is good all the same");
}

#[tokio::test]
async fn an_issuer_with_a_path_and_elliptic_keys_is_as_good() {
    for issuer_path in ["/tenant", "/tenant/"] {
        let world = World::with(Options {
            issuer_path: issuer_path.to_owned(),
            id_token_alg: IdTokenAlg::Es256,
            rotation: Rotation::Parent,
            ..Options::default()
        })
        .await;
        let auth = world.app();
        let session = world.log_in(&auth, "alice").await;
        let Session::SignedIn { issuer, .. } = &session else {
            panic!("signed out");
        };
        assert_eq!(issuer, world.server.issuer());
        assert!(issuer.ends_with(issuer_path), "{issuer}");
        assert_eq!(who(&session), "dev|alice");
        let before = token(&auth).await.expect("a token");
        let renewed = forced(&auth).await.expect("renewed");
        assert_ne!(renewed.value, before.value);
        let dropped = |event: &latchkey::TimelineEvent| event.event == "id_token_dropped";
        assert!(!auth.timeline().iter().any(dropped), "it was verified");
        let answer = world.ping(&auth).ping_private(None).await;
        let message = answer.expect("answers").message;
        assert!(message.starts_with("Hello from a private endpoint!"));
    }
}

#[tokio::test]
async fn metadata_at_the_oauth_address_alone_is_found() {
    let world = World::new().await;
    world
        .server
        .set_faults("discovery:status=404@1")
        .expect("a fault");
    let session = world.log_in(&world.app(), "alice").await;
    assert_eq!(who(&session), "dev|alice");
    let addresses = world.server.requests("discovery");
    assert_eq!(addresses, 2, "one after the other, once each");
}

#[tokio::test]
async fn an_app_calls_its_own_endpoints_with_its_own_headers() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let api = ApiClient::new(Arc::clone(&auth), world.server.api().to_owned()).expect("valid");
    let mut request = ApiRequest::get("/echo?a=1");
    request.method = "POST".to_owned();
    request.body = Some(b"text".to_vec());
    request.headers = vec![latchkey::Header {
        name: "x-mine".to_owned(),
        value: "1".to_owned(),
    }];
    let response = api.send(request, None).await.expect("echoes");
    let echo: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["headers"]["x-mine"], "1");
    assert_eq!(echo["body"], "text");

    let mut request = ApiRequest::get("/echo");
    request.headers = vec![latchkey::Header {
        name: "Authorization".to_owned(),
        value: "Basic x".to_owned(),
    }];
    assert!(matches!(
        api.send(request, None).await,
        Err(AuthError::Configuration { .. })
    ));
}

#[tokio::test]
async fn the_token_goes_to_the_configured_api_and_to_no_other_server() {
    let world = World::new().await;
    let other = DevServer::start(Options::default()).await.expect("starts");
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world
        .server
        .set_faults(&format!("api:redirect={}/private", other.api()))
        .expect("a fault");
    let api = ApiClient::new(Arc::clone(&auth), world.server.api().to_owned()).expect("valid");
    let response = api
        .send(ApiRequest::get("/private"), None)
        .await
        .expect("302");
    assert_eq!(response.status, 302);
    assert_eq!(other.requests("api"), 0);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_check_up_names_what_to_set_for_an_opaque_token() {
    let world = World::new().await;
    let mut config = world.config();
    config.audience = None;
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    let checks = auth.check_up().await;
    let of = |name: &str| {
        checks
            .iter()
            .find(|check| check.name == name)
            .unwrap_or_else(|| panic!("no check {name}"))
    };
    assert_eq!(of("audience").result.word(), "warning");
    assert!(of("audience").detail.contains("audience"));
    for name in ["provider", "keys", "clock", "session"] {
        assert_eq!(of(name).result.word(), "ok", "{name}: {}", of(name).detail);
    }
    let error = world
        .ping(&auth)
        .ping_private(None)
        .await
        .expect_err("opaque");
    assert!(error.to_string().contains("audience"), "{error}");
}

#[tokio::test]
async fn the_timeline_tells_login_refresh_and_end() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    auth.access_token(FORCE, None).await.expect("renewed");
    let events = |auth: &latchkey::Auth| -> Vec<String> {
        auth.timeline()
            .into_iter()
            .map(|event| event.event)
            .collect()
    };
    let so_far = ["login", "stored", "refresh_sent", "refreshed", "stored"];
    assert_eq!(events(&auth), [&so_far[..], &["summary"]].concat());
    assert_eq!(auth.session().error(), None);
    auth.logout(LogoutOptions::default()).await.expect("out");
    let refused = auth.access_token(FORCE, None).await;
    assert_eq!(
        auth.session().error(),
        refused.err(),
        "what a call ends with"
    );
    // Another process reads the same history, and why it is over.
    let app = world.app();
    let end = ["ended", "revocation", "summary"];
    assert_eq!(events(&app), [&so_far[..], &end].concat());
    let details: Vec<Option<String>> = app.timeline().into_iter().map(|e| e.detail).collect();
    let details: Vec<Option<&str>> = details.iter().map(Option::as_deref).collect();
    assert_eq!(
        details[3..],
        [
            Some("rotated"),
            None,
            Some("logged_out"),
            Some("done"),
            Some("Logged out because the app, or the person, asked for it on this device."),
        ]
    );
}

#[tokio::test]
async fn two_logins_that_are_open_at_once_can_both_be_finished() {
    let world = World::new().await;
    let auth = world.app();
    let first = world.callback(&auth, "alice").await;
    let second = auth
        .begin_login(LoginOptions::default(), None)
        .await
        .expect("begins");
    let first = auth.finish_login(first, None).await.expect("the first");
    assert_eq!(who(&first), "dev|alice");
    let second = world.submit(&second.url, "bob").await;
    let second = auth.finish_login(second, None).await.expect("the second");
    assert_eq!(who(&second), "dev|bob");
    assert_eq!(who(&world.app().session()), "dev|bob", "in the store");
    assert_eq!(world.server.requests("token"), 2);
}

#[tokio::test]
async fn of_many_deliveries_of_one_answer_one_exchanges_the_code() {
    let world = World::new().await;
    let auth = world.app();
    let callback = world.callback(&auth, "alice").await;
    let deliveries: Vec<_> = (0..8)
        .map(|n| {
            // Half of them arrive in another process.
            let auth = if n % 2 == 0 {
                Arc::clone(&auth)
            } else {
                world.app()
            };
            let callback = callback.clone();
            tokio::spawn(async move { auth.finish_login(callback, None).await })
        })
        .collect();
    let mut done = 0;
    for delivery in deliveries {
        match delivery.await.expect("no panic") {
            Ok(_) => done += 1,
            Err(AuthError::CallbackIgnored { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((done, world.server.requests("token")), (1, 1));
}

#[tokio::test]
async fn a_login_that_was_given_up_has_no_late_answer_and_the_one_beside_it_goes_on() {
    let world = World::new().await;
    let app = world.app();
    let begin = || app.begin_login(LoginOptions::default(), None);
    let (given_up, kept) = (begin().await.expect("begins"), begin().await.expect("too"));
    let late = world.submit(&given_up.url, "bob").await;
    let answer = world.submit(&kept.url, "alice").await;
    assert!(!given_up.url.contains(&given_up.id), "the id is no state");

    app.cancel_login(given_up.id.clone()).await.expect("stored");
    app.cancel_login(given_up.id).await.expect("nothing to do");

    // Whichever process the late answer comes to.
    let mismatch = AuthError::CallbackIgnored {
        reason: CallbackIgnoredReason::StateMismatch,
    };
    let next = world.app();
    assert_eq!(next.finish_login(late.clone(), None).await, Err(mismatch));
    let session = next.finish_login(answer, None).await.expect("logs in");
    assert_eq!(session.claim("name".to_owned()).as_deref(), Some("Alice"));
    let nobody = AuthError::CallbackIgnored {
        reason: CallbackIgnoredReason::NoPendingLogin,
    };
    assert_eq!(next.finish_login(late, None).await, Err(nobody));
}

#[tokio::test]
async fn a_browser_is_told_the_way_that_the_answer_takes() {
    let world = World::new().await;
    let ways = [
        (
            "com.example.app:/callback",
            Redirect::Scheme {
                scheme: "com.example.app".to_owned(),
            },
        ),
        (
            "https://app.example.com/in?a=b",
            Redirect::Https {
                host: "app.example.com".to_owned(),
                path: "/in".to_owned(),
            },
        ),
        ("http://127.0.0.1:8000/callback", Redirect::Loopback),
    ];
    for (uri, way) in ways {
        let mut config = world.config();
        config.redirect_uri = uri.to_owned();
        let app = world.app_with(config);
        let login = app.begin_login(LoginOptions::default(), None).await;
        let login = login.expect("begins");
        assert_eq!((login.redirect, login.redirect_uri.as_str()), (way, uri));
    }
}

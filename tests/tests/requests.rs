//! How many requests and connections a login costs, and that every call ends.

use latchkey::{AccessTokenOptions, ApiClient, ApiRequest, AuthError, LoginOptions};
use latchkey_tests::world::{World, state};

#[tokio::test]
async fn after_the_callback_the_first_message_is_two_round_trips_away() {
    let world = World::new().await;
    let auth = world.app();
    let request = auth
        .begin_login(LoginOptions::default(), None)
        .await
        .expect("begins");
    // The keys are fetched while the person is in the browser.
    world
        .server
        .set_faults("login:gate=person")
        .expect("a fault");
    let person = world.submit(&request.url, "alice");
    let keys = async {
        world.server.gate_reached("person").await;
        while world.server.requests("jwks") == 0 {
            tokio::task::yield_now().await;
        }
        world.server.open_gate("person");
    };
    let (callback, ()) = tokio::join!(person, keys);
    world.server.reset_counts();

    auth.finish_login(callback, None).await.expect("logs in");
    world.ping(&auth).ping_private(None).await.expect("answers");

    assert_eq!(world.server.requests("token"), 1);
    assert_eq!(world.server.requests("api"), 1);
    for endpoint in ["discovery", "jwks", "authorize", "userinfo"] {
        assert_eq!(world.server.requests(endpoint), 0, "{endpoint}");
    }
    assert_eq!(world.server.connections(), 0, "the open connection serves");
}

#[tokio::test]
async fn a_login_fetches_metadata_and_keys_once() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.log_in(&auth, "alice").await;
    assert_eq!(world.server.requests("discovery"), 1);
    assert_eq!(world.server.requests("jwks"), 1);
    assert_eq!(world.server.requests("token"), 2);
}

#[tokio::test]
async fn unknown_keys_are_looked_for_once_in_a_minute() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    // Each login is signed with a key that no published set has.
    world
        .server
        .set_faults("token:bad_signature")
        .expect("a fault");
    for _ in 0..3 {
        let callback = world.callback(&auth, "alice").await;
        auth.finish_login(callback, None).await.expect_err("spoilt");
    }
    assert_eq!(
        world.server.requests("jwks"),
        2,
        "the first fetch and one more"
    );
    world.clock.advance(61);
    let callback = world.callback(&auth, "alice").await;
    auth.finish_login(callback, None).await.expect_err("spoilt");
    assert_eq!(world.server.requests("jwks"), 3);
}

#[tokio::test]
async fn what_was_once_fetched_serves_while_the_provider_is_away() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.clock.advance(3_600);
    world
        .server
        .set_faults("discovery:status=503;jwks:status=503")
        .expect("faults");
    world.server.reset_counts();
    auth.access_token(AccessTokenOptions::default(), None)
        .await
        .expect("renewed");
    for endpoint in ["discovery", "jwks"] {
        assert_ne!(world.server.requests(endpoint), 0, "{endpoint} is stale");
    }
    assert_eq!(world.server.requests("token"), 1);
    let events: Vec<String> = auth.timeline().into_iter().map(|e| e.event).collect();
    assert!(
        !events.contains(&"id_token_dropped".to_owned()),
        "the old keys have verified it: {events:?}"
    );
    let request = auth.begin_login(LoginOptions::default(), None).await;
    let url = request.expect("begins").url;
    assert!(url.starts_with(world.server.issuer()), "{url}");

    // It is back: what it says now counts.
    world.server.clear_faults();
    world.server.reset_counts();
    for _ in 0..2 {
        let request = auth.begin_login(LoginOptions::default(), None).await;
        request.expect("begins");
    }
    assert_eq!(world.server.requests("discovery"), 1);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let world = World::new().await;
    let mut config = world.config();
    config.request_timeout_seconds = Some(1);
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    world
        .server
        .set_faults("api:gate=never;userinfo:gate=never;token:gate=never;revoke:gate=never")
        .expect("faults");
    let ping = world.ping(&auth);
    let force = AccessTokenOptions {
        force_refresh: true,
        ..AccessTokenOptions::default()
    };
    let (api, userinfo) = tokio::join!(ping.ping_private(None), auth.user_info(None));
    let refresh = auth.access_token(force, None).await.map(drop);
    for result in [api.map(drop), userinfo.map(drop), refresh] {
        let error = result.expect_err("no answer");
        assert!(
            matches!(
                error,
                AuthError::Network {
                    reason: latchkey::NetworkReason::Timeout,
                    ..
                }
            ),
            "{error:?}"
        );
    }
    assert_eq!(state(&auth.session()), "signed_in");
    let outcome = auth.logout(latchkey::LogoutOptions::default()).await;
    assert_eq!(outcome.expect("out").revocation.word(), "pending");
}

#[tokio::test]
async fn nothing_goes_by_trace_or_connect_and_no_token_is_looked_for() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    // Whoever looks for a token now makes a refresh.
    world.expire().await;
    world.server.reset_counts();
    let api = ApiClient::new(auth, world.server.api().to_owned()).expect("valid");
    for method in ["TRACE", "trace", "tRaCe", "CONNECT", "connect", "Connect"] {
        let mut request = ApiRequest::get("/echo");
        request.method = method.to_owned();
        let Err(AuthError::Configuration { problems }) = api.send(request, None).await else {
            panic!("{method} was taken");
        };
        assert_eq!((problems.len(), &*problems[0].field), (1, "method"));
        let named = method.to_ascii_uppercase();
        assert!(problems[0].reason.contains(&named), "{problems:?}");
    }
    for endpoint in ["api", "token"] {
        assert_eq!(world.server.requests(endpoint), 0, "{endpoint}");
    }
    assert_eq!(world.server.connections(), 0);
}

#[tokio::test]
async fn nobody_listening_is_offline() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let config = world.config();
    world.server.stop().await;
    let app = latchkey::Auth::new(config, latchkey::memory_store()).expect("valid");
    let error = app.begin_login(LoginOptions::default(), None).await;
    assert!(matches!(
        error,
        Err(AuthError::Network {
            reason: latchkey::NetworkReason::Offline,
            ..
        })
    ));
}

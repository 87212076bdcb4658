//! A provider or an API in trouble: what that costs in requests, and that it costs no session and no secret.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey::{AuthError, LoginOptions, NetworkReason, SignedOutReason};
use latchkey_devserver::Options;
use latchkey_tests::calls::{alice, end, forced, token};
use latchkey_tests::world::{World, in_time, state};

fn seconds_to_wait(error: &AuthError) -> Option<u64> {
    match error {
        AuthError::Network {
            retry_after_seconds,
            ..
        } => *retry_after_seconds,
        _ => None,
    }
}

fn base64url(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn as_long_as_the_provider_asks_for_a_pause_no_call_sends_anything() {
    for status in [429, 503] {
        let (world, auth) = alice().await;
        world.expire().await;
        world
            .server
            .set_faults(&format!("token:status={status},retry_after=120"))
            .expect("a fault");
        let first = token(&auth).await.expect_err("refused");
        assert_eq!(seconds_to_wait(&first), Some(120));
        world.clock.advance(60);
        for _ in 0..50 {
            let error = token(&auth).await.expect_err("too early");
            assert!(seconds_to_wait(&error).is_some_and(|left| (30..=90).contains(&left)));
        }
        assert_eq!(world.server.requests("token"), 1, "{status}");
        // A quarter more at the most, so that not all clients come back at once.
        world.clock.advance(91);
        world.server.clear_faults();
        token(&auth).await.expect("renewed");
    }
}

#[tokio::test]
async fn a_person_who_comes_back_waits_for_what_the_provider_asked_for_and_for_nothing_else() {
    for (fault, tries_again) in [("status=503", true), ("status=503,retry_after=120", false)] {
        let (world, auth) = alice().await;
        world.expire().await;
        world
            .server
            .set_faults(&format!("token:{fault}"))
            .expect("a fault");
        token(&auth).await.expect_err("refused");
        world.server.clear_faults();
        // Two sends of one token stay two seconds apart in any case.
        in_time(auth.resumed()).await;
        world.clock.hurry();
        assert_eq!(token(&auth).await.is_ok(), tries_again, "{fault}");
        assert_eq!(world.server.requests("token"), 1 + u64::from(tries_again));
    }
}

#[tokio::test]
async fn a_lost_answer_is_not_repeated_at_once_by_everybody_who_calls() {
    let (world, auth) = alice().await;
    world.expire().await;
    world
        .server
        .set_faults("token:drop_before_commit")
        .expect("a fault");
    // No token is left, so the same one is sent twice more inside the call, two seconds apart; after that each pause is
    // twice as long.
    for (sent, pause) in [(3, 4), (4, 8), (5, 16)] {
        for _ in 0..50 {
            token(&auth).await.expect_err("lost");
        }
        assert_eq!(world.server.requests("token"), sent);
        world.clock.advance(pause);
    }
}

#[tokio::test]
async fn at_a_provider_that_nothing_is_known_of_a_good_token_is_not_risked_for_another() {
    // It ends the session when a spent refresh token comes, as many do.
    let (world, auth) = alice().await;
    world
        .server
        .set_faults("token:drop_after_commit@1")
        .expect("a fault");
    forced(&auth).await.expect_err("the answer was lost");
    // After the pause too: the token is good for minutes.
    world.clock.advance(10);
    let error = forced(&auth).await.expect_err("not yet");
    assert!(seconds_to_wait(&error).is_some_and(|left| left > 200));
    token(&auth).await.expect("the one that is left");
    assert_eq!(world.server.requests("token"), 1);
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn a_forced_refresh_that_failed_is_tried_again_when_the_token_is_refused_again() {
    let world = World::new().await;
    let auth = world.app();
    // A token of unknown lifetime: only a 401 tells that it has ended.
    let merge = base64url(r#"{"expires_in":null}"#);
    world
        .server
        .set_faults(&format!("token:merge={merge}"))
        .expect("a fault");
    world.log_in(&auth, "alice").await;
    world.server.reset_counts();
    let ping = world.ping(&auth);
    world
        .server
        .set_faults("api:status=401@1;token:status=503@1")
        .expect("faults");
    let error = in_time(ping.ping_private(None)).await.expect_err("refused");
    assert_eq!(error.kind(), "network");
    world.clock.advance(60);
    world
        .server
        .set_faults("api:status=401@1")
        .expect("a fault");
    in_time(ping.ping_private(None))
        .await
        .expect("with a new token");
    assert_eq!(world.server.requests("token"), 2);
}

#[tokio::test]
async fn callers_of_a_silent_provider_wait_together_and_not_one_after_the_other() {
    let world = World::new().await;
    world
        .server
        .set_faults("discovery:gate=never")
        .expect("a fault");
    let mut config = world.config();
    config.request_timeout_seconds = Some(1);
    let auth = world.app_with(config);
    let login = || async { auth.begin_login(LoginOptions::default(), None).await };
    let (a, b, c, d) = in_time(async { tokio::join!(login(), login(), login(), login()) }).await;
    for result in [a, b, c, d] {
        assert!(
            matches!(
                result,
                Err(AuthError::Network {
                    reason: NetworkReason::Timeout,
                    ..
                })
            ),
            "{result:?}"
        );
    }
    assert_eq!(world.server.requests("discovery"), 1);
}

#[tokio::test]
async fn userinfo_that_refuses_every_token_gets_one_refresh_however_often_it_is_asked() {
    let world = World::new().await;
    let mut config = world.config();
    config.audience = None;
    config.resources = vec![world.server.audience().to_owned()];
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    world.server.reset_counts();
    world
        .server
        .set_faults("userinfo:status=401")
        .expect("a fault");
    for _ in 0..20 {
        in_time(auth.user_info(None)).await.expect_err("refused");
    }
    assert_eq!(world.server.requests("token"), 1);
    assert_eq!(state(&auth.session()), "signed_in");
}

#[tokio::test]
async fn a_forced_refresh_beside_userinfos_brings_a_new_token_all_the_same() {
    let world = World::new().await;
    let mut config = world.config();
    config.audience = None;
    config.resources = vec![world.server.audience().to_owned()];
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    let before = token(&auth).await.expect("logged in");
    world
        .server
        .set_faults("userinfo:status=401@1;token:gate=aside@1")
        .expect("faults");
    let info = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.user_info(None).await }
    });
    in_time(world.server.gate_reached("aside")).await;
    // The gate opens when the other refresh has found the first one under way.
    let (after, ()) = tokio::join!(forced(&auth), async { world.server.open_gate("aside") });
    assert_ne!(after.expect("renewed").value, before.value);
    end(info).await.expect("the claims");
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_calls_that_are_refused_at_once_make_one_refresh_and_all_are_answered() {
    let world = World::with(Options {
        access_token_seconds: 100_000,
        ..Options::default()
    })
    .await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let ping = world.ping(&auth);
    for round in 0..5 {
        // The API forgets the key that the token was signed with.
        world.server.rotate_keys();
        world.server.rotate_keys();
        world.clock.advance(10);
        world.server.reset_counts();
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let ping = Arc::clone(&ping);
                tokio::spawn(async move { ping.ping_private(None).await })
            })
            .collect();
        for call in calls {
            let answer = end(call).await;
            answer.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        }
        assert_eq!(world.server.requests("token"), 1, "round {round}");
    }
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn an_id_token_about_somebody_else_ends_the_session_however_it_is_signed() {
    let bob = base64url(r#"{"sub":"dev|bob"}"#);
    for signature in ["alg=none", "bad_signature", "alg=RS256"] {
        let (world, auth) = alice().await;
        world
            .server
            .set_faults(&format!("token:{signature},claims={bob}"))
            .expect("a fault");
        assert_eq!(
            forced(&auth).await,
            Err(AuthError::LoginRequired {
                reason: SignedOutReason::SubjectChanged
            }),
            "{signature}"
        );
        for app in [auth, world.app()] {
            assert_eq!(state(&app.session()), "signed_out:subject_changed");
        }
    }
}

#[tokio::test]
async fn an_api_that_repeats_the_token_does_not_get_it_into_the_error() {
    let (world, auth) = alice().await;
    let secret = token(&auth).await.expect("logged in").value;
    // Cut off, as such a text is: not the whole token, and enough of it.
    let body = base64url(&format!(
        r#"{{"message":"cannot read {}"}}"#,
        &secret[..400]
    ));
    world
        .server
        .set_faults(&format!("api:status=400,body={body}"))
        .expect("a fault");
    let error = in_time(world.ping(&auth).ping_private(None))
        .await
        .expect_err("400");
    let text = format!("{error} {error:?}");
    assert!(text.contains("400"), "{text}");
    for start in (0..360).step_by(8) {
        assert!(!text.contains(&secret[start..start + 40]), "{text}");
    }
}

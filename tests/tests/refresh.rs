//! One refresh for all, that nobody's leaving can lose.

use std::sync::Arc;

use latchkey::{Auth, AuthError, LogoutOptions, MemoryStore, SignedOutReason, StoreError};
use latchkey_devserver::{Options, Rotation};
use latchkey_tests::calls::{
    LOGGED_OUT, Late, PLAIN, alice, alice_on_strings, asking, forced, token, who,
};
use latchkey_tests::world::{World, state};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_callers_with_an_expired_token_make_one_token_request() {
    let (world, auth) = alice().await;
    world.expire().await;
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let auth = Arc::clone(&auth);
            tokio::spawn(async move { token(&auth).await.map(|token| token.value) })
        })
        .collect();
    let mut values = Vec::new();
    for caller in callers {
        values.push(caller.await.expect("no panic").expect("a token"));
    }
    values.dedup();
    assert_eq!((values.len(), world.server.requests("token")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_with_an_expired_token_make_one_token_request() {
    // At a strict provider a second use of the refresh token would end the session.
    let world = World::with(Options {
        rotation: Rotation::Strict,
        ..Options::default()
    })
    .await;
    world.log_in(&world.app(), "alice").await;
    let processes: Vec<_> = (0..2).map(|_| world.app()).collect();
    for round in 0..20 {
        world.expire().await;
        world.server.reset_counts();
        let callers: Vec<_> = (0..100)
            .map(|n| {
                let app = Arc::clone(&processes[n % 2]);
                tokio::spawn(async move {
                    // Some come when others have landed already.
                    for _ in 0..n {
                        tokio::task::yield_now().await;
                    }
                    token(&app).await.map(|token| token.value)
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("no panic").expect("a token");
        }
        assert_eq!(world.server.requests("token"), 1, "round {round}");
    }
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_loses_no_token() {
    let (world, auth) = alice().await;
    world.expire().await;
    world
        .server
        .set_faults("token:gate=middle")
        .expect("a fault");
    let caller = asking(&auth, PLAIN);
    world.server.gate_reached("middle").await;
    caller.abort();
    assert!(caller.await.expect_err("aborted").is_cancelled());
    world.server.open_gate("middle");
    token(&auth).await.expect("joins the refresh that goes on");
    assert_eq!(world.server.requests("token"), 1);
    assert_eq!(state(&world.app().session()), "signed_in");
}

#[tokio::test]
async fn a_logout_during_a_refresh_wins_over_its_answer() {
    let (world, auth) = alice().await;
    world.expire().await;
    let refresh = Late::refresh(&world, &auth, PLAIN, "token:gate=late").await;
    auth.logout(LogoutOptions::default()).await.expect("out");
    assert_eq!(refresh.arrives(&world).await, Err(LOGGED_OUT));
    assert_eq!(state(&auth.session()), "signed_out:logged_out");
    assert_eq!(state(&world.app().session()), "signed_out:logged_out");
}

#[tokio::test]
async fn a_new_login_during_a_refresh_wins_over_its_answer() {
    let (world, auth) = alice().await;
    let callback = world.callback(&auth, "bob").await;
    world.expire().await;
    let refresh = Late::refresh(&world, &auth, PLAIN, "token:gate=late@1").await;
    let session = auth.finish_login(callback, None).await.expect("bob is in");
    drop(refresh.arrives(&world).await);
    assert_eq!(auth.session(), session_without_time(&session, &auth));
    assert_eq!(who(&world.app().session()), "dev|bob");
}

/// The same session as it is now, but for the seconds.
fn session_without_time(session: &latchkey::Session, auth: &Auth) -> latchkey::Session {
    let latchkey::Session::SignedIn {
        expires_in_seconds: now,
        ..
    } = auth.session()
    else {
        panic!("signed out");
    };
    let mut expected = session.clone();
    if let latchkey::Session::SignedIn {
        expires_in_seconds, ..
    } = &mut expected
    {
        *expires_in_seconds = now;
    }
    expected
}

#[tokio::test]
async fn a_cached_token_costs_no_request_and_no_look_at_the_store() {
    let (world, store, auth) = alice_on_strings().await;
    world.server.reset_counts();
    let before = store.calls();
    for _ in 0..100 {
        token(&auth).await.expect("from memory");
        auth.session();
    }
    assert_eq!(store.calls(), before);
    assert_eq!(world.server.requests("token"), 0);
}

#[tokio::test]
async fn a_lost_answer_is_repeated_where_that_is_right_and_the_session_lives() {
    for rotation in [Rotation::Parent, Rotation::Grace(60), Rotation::None] {
        let world = World::with(Options {
            rotation,
            ..Options::default()
        })
        .await;
        let auth = world.app();
        world.log_in(&auth, "alice").await;
        world.expire().await;
        world
            .server
            .set_faults("token:drop_after_commit@1")
            .expect("a fault");
        let tokens = world.server.requests("token");
        token(&auth)
            .await
            .expect("the same token once more, in the same call");
        assert_eq!(world.server.requests("token"), tokens + 2);
        assert_eq!(state(&auth.session()), "signed_in");
    }
}

#[tokio::test]
async fn a_lost_answer_at_a_strict_provider_ends_with_the_honest_reason() {
    let world = World::with(Options {
        rotation: Rotation::Strict,
        ..Options::default()
    })
    .await;
    let mut config = world.config();
    config.rotation = Some(latchkey::Rotation::Strict);
    let auth = world.app_with(config.clone());
    world.log_in(&auth, "alice").await;
    world
        .server
        .set_faults("token:drop_after_commit@1")
        .expect("a fault");
    forced(&auth).await.expect_err("the answer was lost");
    world.server.reset_counts();
    // A token is left: it is served to its end, and nothing is sent.
    token(&auth).await.expect("the old token is good");
    assert!(forced(&auth).await.is_err());
    assert_eq!(world.server.requests("token"), 0);
    // Nothing is left: one repeat, which the provider refuses, in the next process too.
    world.expire().await;
    let next = world.app_with(config);
    assert_eq!(
        token(&next).await,
        Err(AuthError::LoginRequired {
            reason: SignedOutReason::RotationInterrupted
        })
    );
    assert_eq!(world.server.requests("token"), 1);
}

#[tokio::test]
async fn a_token_that_may_be_renewed_later_is_served_while_it_is_good() {
    let (world, auth) = alice().await;
    // Inside every margin (at most 40 s before the end of 300), and the provider is down.
    world.clock.advance(295);
    world
        .server
        .set_faults("token:status=503")
        .expect("a fault");
    let served = token(&auth).await.expect("five seconds are left");
    assert!(served.expires_in_seconds.is_some_and(|left| left <= 5));
    world.clock.advance(10);
    assert_eq!(token(&auth).await.expect_err("over").kind(), "network");
}

#[tokio::test]
async fn a_store_that_cannot_be_written_sends_nothing() {
    let mut world = World::new().await;
    let store = Arc::new(MemoryStore::default());
    world.store = store.clone();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.expire().await;
    world.server.reset_counts();
    store.set_fault(Some(StoreError::Locked));
    assert_eq!(token(&auth).await.expect_err("locked").kind(), "storage");
    assert_eq!(world.server.requests("token"), 0);
    assert_eq!(state(&auth.session()), "signed_in", "nobody is logged out");
    assert_eq!(state(&world.app().session()), "locked");
    store.set_fault(None);
    token(&auth).await.expect("as before");
}

#[tokio::test]
async fn an_api_that_refuses_every_token_gets_one_refresh_and_one_replay_a_call() {
    let (world, auth) = alice().await;
    world.server.set_faults("api:status=401").expect("a fault");
    let ping = world.ping(&auth);
    for _ in 0..5 {
        let error = ping.ping_private(None).await.expect_err("refused");
        assert_eq!(error.kind(), "api");
    }
    // One forced refresh in five seconds, however often it is asked.
    assert_eq!(world.server.requests("token"), 1);
    assert_eq!(world.server.requests("api"), 6);
    assert_eq!(state(&auth.session()), "signed_in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_dies_with_its_process_is_taken_over_when_its_term_is_over() {
    let world = World::with(Options {
        rotation: Rotation::Parent,
        ..Options::default()
    })
    .await;
    world.log_in(&world.app(), "alice").await;
    world.expire().await;
    world
        .server
        .set_faults("token:gate=dying@1")
        .expect("a fault");
    // A process of its own, as far as tasks go: it dies with its runtime.
    let process = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let app = world.app();
    process.spawn(async move { drop(token(&app).await) });
    world.server.gate_reached("dying").await;
    process.shutdown_background();
    world.server.open_gate("dying");

    let next = world.app();
    let last_but_one = next.timeline().into_iter().rev().nth(1);
    assert_eq!(
        last_but_one.map(|event| event.event).as_deref(),
        Some("refresh_unresolved")
    );
    world.clock.advance(16);
    token(&next)
        .await
        .expect("the parent of an unused token is good");
    let told: Vec<String> = next.timeline().into_iter().map(|e| e.event).collect();
    assert!(told.contains(&"taken_over".to_owned()), "{told:?}");
    assert_eq!(
        world.server.requests("token"),
        3,
        "login, the dead one, the repeat"
    );
    assert_eq!(state(&next.session()), "signed_in");
}

#[tokio::test]
async fn a_refusal_that_goes_on_for_minutes_is_answered_with_a_login_and_nothing_is_erased() {
    let (world, auth) = alice().await;
    world.expire().await;
    world
        .server
        .set_faults("token:status=401,error=invalid_client")
        .expect("a fault");
    let mut recoveries = Vec::new();
    for _ in 0..3 {
        // Twice in one minute counts once, and each answer comes in another process.
        for _ in 0..2 {
            let error = token(&world.app()).await.expect_err("refused");
            recoveries.push(error.recovery().word());
        }
        world.clock.advance(61);
    }
    assert_eq!(
        recoveries,
        ["report", "report", "report", "report", "log_in", "log_in"]
    );
    world.server.clear_faults();
    token(&auth).await.expect("the refresh token was kept");
}

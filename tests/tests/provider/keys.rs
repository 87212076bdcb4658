//! Metadata and keys that cannot be had at once: before the browser, beside the exchange of the code, after it, and at
//! a refresh.

use latchkey::{AuthError, LoginOptions, NetworkReason, TimelineEvent};
use latchkey_tests::calls::{end, forced};
use latchkey_tests::world::{World, in_time};

use crate::{BROKEN, requested};

fn is_unavailable<T>(result: &Result<T, AuthError>) -> bool {
    let unavailable = NetworkReason::Unavailable;
    matches!(result, Err(AuthError::Network { reason, .. }) if *reason == unavailable)
}

#[tokio::test]
async fn metadata_and_keys_are_asked_for_once_more_when_a_login_begins() {
    for fault in BROKEN {
        let world = World::new().await;
        let auth = world.app();
        let faults = format!("discovery:{fault}@1;jwks:{fault}@1");
        world.server.set_faults(&faults).expect("faults");
        let callback = world.callback(&auth, "alice").await;
        assert_eq!(world.server.requests("discovery"), 2, "{fault}");
        requested(&world, "jwks", 2).await;
        auth.finish_login(callback, None).await.expect("logs in");
        assert_eq!(world.server.requests("jwks"), 2, "{fault}");
    }
}

#[tokio::test]
async fn metadata_and_keys_are_asked_for_once_more_beside_the_exchange() {
    for fault in BROKEN {
        let world = World::new().await;
        let callback = world.callback(&world.app(), "alice").await;
        requested(&world, "jwks", 1).await;
        world.server.reset_counts();
        let faults = format!("discovery:{fault}@1;jwks:{fault}@1");
        world.server.set_faults(&faults).expect("faults");
        let login = world.app().finish_login(callback, None).await;
        login.unwrap_or_else(|error| panic!("{fault}: {error:?}"));
        for (endpoint, requests) in [("discovery", 2), ("jwks", 2), ("token", 1)] {
            assert_eq!(
                world.server.requests(endpoint),
                requests,
                "{fault}: {endpoint}"
            );
        }
    }
}

#[tokio::test]
async fn keys_are_asked_for_once_more_at_a_refresh() {
    for fault in BROKEN {
        let world = World::new().await;
        world.log_in(&world.app(), "alice").await;
        world.server.reset_counts();
        let faults = format!("discovery:{fault}@1;jwks:{fault}@1");
        world.server.set_faults(&faults).expect("faults");
        let auth = world.app();
        forced(&auth).await.expect("renewed");
        for (endpoint, requests) in [("discovery", 2), ("jwks", 2), ("token", 1)] {
            assert_eq!(
                world.server.requests(endpoint),
                requests,
                "{fault}: {endpoint}"
            );
        }
        let dropped = |event: &TimelineEvent| event.event == "id_token_dropped";
        assert!(!auth.timeline().iter().any(dropped), "{fault}");
    }
}

#[tokio::test]
async fn a_provider_that_says_when_to_come_back_is_not_asked_again_at_once() {
    let world = World::new().await;
    world
        .server
        .set_faults("discovery:status=503,retry_after=30")
        .expect("a fault");
    let begun = world.app().begin_login(LoginOptions::default(), None).await;
    assert!(is_unavailable(&begun), "{begun:?}");
    assert_eq!(world.server.requests("discovery"), 1);
}

#[tokio::test]
async fn the_first_login_after_the_keys_have_changed_survives_one_failed_fetch_of_them() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.server.rotate_keys();
    world.server.reset_counts();
    world
        .server
        .set_faults("jwks:status=503@1")
        .expect("a fault");
    world.log_in(&auth, "alice").await;
    assert_eq!(world.server.requests("jwks"), 2);
}

#[tokio::test]
async fn after_a_spent_code_the_keys_are_asked_for_until_the_deadline() {
    let failing: String = (1..=7).map(|n| format!("jwks:status=503@{n};")).collect();
    for in_another_process in [false, true] {
        let world = World::new().await;
        let auth = world.app();
        world.log_in(&auth, "alice").await;
        world.server.rotate_keys();
        let callback = world.callback(&auth, "bob").await;
        requested(&world, "jwks", 1).await;
        world.server.reset_counts();
        world.server.set_faults(&failing).expect("faults");
        world.clock.hurry();
        let auth = if in_another_process {
            world.app()
        } else {
            auth
        };
        in_time(auth.finish_login(callback, None))
            .await
            .expect("logs in");
        assert_eq!(world.server.requests("jwks"), 8);
        assert_eq!(world.server.requests("token"), 1, "the code is sent once");
        assert_eq!(world.server.requests("revoke"), 0);
    }
}

#[tokio::test]
async fn a_login_that_is_given_up_for_want_of_keys_is_revoked_and_the_next_one_is_not_refused() {
    let world = World::new().await;
    world.log_in(&world.app(), "bob").await;
    let auth = world.app();
    auth.finish_login(world.callback(&auth, "bob").await, None)
        .await
        .expect("logs in");
    world.server.rotate_keys();
    world.server.reset_counts();
    world.server.set_faults("jwks:status=503").expect("a fault");
    world.clock.hurry();
    let callback = world.callback(&auth, "alice").await;
    let login = in_time(auth.finish_login(callback, None)).await;
    assert!(is_unavailable(&login), "{login:?}");
    assert_eq!(world.server.requests("jwks"), 8, "an end is made of it");
    assert_eq!(world.server.requests("token"), 1);
    assert_eq!(world.server.requests("revoke"), 1);

    world.server.clear_faults();
    world.clock.advance(2);
    world.log_in(&auth, "alice").await;
}

#[tokio::test]
async fn a_login_does_not_ask_again_beyond_its_deadline() {
    let world = World::new().await;
    let mut config = world.config();
    config.request_timeout_seconds = Some(1);
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    world.server.rotate_keys();
    let callback = world.callback(&auth, "alice").await;
    world.server.reset_counts();
    world.server.set_faults("jwks:status=503").expect("a fault");
    world.clock.hurry();
    let login = in_time(auth.finish_login(callback, None)).await;
    assert!(is_unavailable(&login), "{login:?}");
    assert_eq!(world.server.requests("jwks"), 2);
}

#[tokio::test]
async fn right_after_a_failed_fetch_of_new_keys_a_login_fails_for_the_same_reason() {
    let world = World::new().await;
    let mut config = world.config();
    config.request_timeout_seconds = Some(1);
    let auth = world.app_with(config);
    world.log_in(&auth, "alice").await;
    world.server.rotate_keys();
    let first = world.callback(&auth, "alice").await;
    let second = world.callback(&auth, "alice").await;
    world.server.set_faults("jwks:status=503").expect("a fault");
    for callback in [first, second] {
        let login = in_time(auth.finish_login(callback, None)).await;
        assert!(is_unavailable(&login), "{login:?}");
    }
}

#[tokio::test]
async fn of_two_logins_that_miss_a_key_the_second_takes_what_the_first_has_fetched() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.server.rotate_keys();
    let first = world.callback(&auth, "alice").await;
    let second = world.callback(&auth, "alice").await;
    world.server.reset_counts();
    // The second one has the old keys at hand when the first one fetches the new ones.
    world
        .server
        .set_faults("token:gate=exchange@1")
        .expect("a fault");
    let late = tokio::spawn({
        let auth = auth.clone();
        async move { auth.finish_login(second, None).await }
    });
    in_time(world.server.gate_reached("exchange")).await;
    auth.finish_login(first, None).await.expect("logs in");
    world.server.open_gate("exchange");
    end(late).await.expect("logs in");
    assert_eq!(world.server.requests("jwks"), 1);
}

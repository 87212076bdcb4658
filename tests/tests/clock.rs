//! A device whose clock is wrong, is set, or stands still: the session goes on, and nobody is asked too often.

use latchkey::{Auth, AuthError, NetworkReason, Session};
use latchkey_tests::calls::{alice, forced, token, who};
use latchkey_tests::world::{World, state};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const TEN_YEARS: i64 = 3_652 * DAY;
/// From the year of these tests, or any later one, to about 1970.
const TO_1970: i64 = -(1_790_000_000);

/// The calls of a busy app. At most one of them may need a refresh.
async fn calls(world: &World, auth: &Auth, what: &str) {
    world.server.reset_counts();
    let mut values = Vec::new();
    for _ in 0..20 {
        let token = token(auth).await;
        values.push(
            token
                .unwrap_or_else(|error| panic!("{what}: {error:?}"))
                .value,
        );
    }
    values.dedup();
    assert_eq!(values.len(), 1, "{what}: one token for all");
    let refreshes = world.server.requests("token");
    assert!(refreshes <= 1, "{what}: {refreshes} refreshes");
    assert_eq!(who(&auth.session()), "dev|alice", "{what}");
}

#[tokio::test]
async fn a_clock_that_is_set_by_an_hour_a_day_ten_years_or_to_1970_and_back_ends_nothing() {
    for by in [HOUR, -HOUR, -DAY, TEN_YEARS, -TEN_YEARS, TO_1970] {
        let (world, auth) = alice().await;
        world.clock.set(by);
        calls(&world, &auth, &format!("set by {by} s")).await;
        calls(
            &world,
            &world.app(),
            &format!("set by {by} s, started anew"),
        )
        .await;
        forced(&auth).await.expect("renewed under the wrong clock");
        world.clock.set(-by);
        calls(&world, &auth, &format!("set by {by} s and back")).await;
        calls(
            &world,
            &world.app(),
            &format!("{by} s and back, started anew"),
        )
        .await;
        assert_eq!(world.server.refresh_token_reuse(), 0);
    }
}

#[tokio::test]
async fn a_device_that_is_started_anew_with_a_wrong_clock_ends_nothing() {
    for by in [HOUR, -DAY, TEN_YEARS, TO_1970] {
        let (world, _) = alice().await;
        world.clock.start_anew();
        world.clock.set(by);
        let what = format!("started anew, {by} s off");
        calls(&world, &world.app(), &what).await;
        // No clock can tell how old the stored token is: it is not used.
        assert_eq!(world.server.requests("token"), 1, "{what}");
        assert_eq!(world.server.refresh_token_reuse(), 0, "{what}");
    }
}

#[tokio::test]
async fn a_token_has_ended_as_soon_as_either_clock_says_so() {
    // The device slept and its boot clock did not count it; and the reverse, a wall clock that stood still.
    for (wall, boot) in [(310, 0), (0, 310)] {
        let (world, auth) = alice().await;
        world.clock.advance(boot);
        world.clock.set(wall - i64::try_from(boot).expect("small"));
        let Session::SignedIn {
            expires_in_seconds, ..
        } = auth.session()
        else {
            panic!("signed out");
        };
        assert_eq!(expires_in_seconds, Some(0), "wall {wall}, boot {boot}");
        token(&auth).await.expect("renewed");
        assert_eq!(world.server.requests("token"), 1);
    }
}

#[tokio::test]
async fn the_age_of_a_stored_token_is_measured_by_the_boot_clock_after_a_restart_of_the_app() {
    let (world, _) = alice().await;
    world.clock.advance(200);
    // By the wall clock alone the token would look as if it had just come, or as if it had ended.
    for by in [-200, 150] {
        world.clock.set(by);
        let Session::SignedIn {
            expires_in_seconds: Some(left),
            ..
        } = world.app().session()
        else {
            panic!("signed out");
        };
        assert!(
            left <= 100,
            "{left} s are left after the clock was set by {by} s"
        );
    }
}

#[tokio::test]
async fn a_refreshed_id_token_is_checked_by_the_providers_time_and_the_wrong_clock_is_named() {
    let (world, auth) = alice().await;
    world.clock.set(2 * HOUR);
    forced(&auth).await.expect("renewed");
    let told: Vec<_> = auth.timeline();
    assert!(!told.iter().any(|event| event.event == "id_token_dropped"));
    let clock = told.iter().find(|event| event.event == "clock_off");
    let detail = clock.and_then(|event| event.detail.clone()).expect("told");
    let seconds: i64 = detail.trim_end_matches(" s").parse().expect("a number");
    assert!((7_190..=7_210).contains(&seconds), "{detail}");
}

#[tokio::test]
async fn a_login_under_a_wrong_clock_names_by_how_much() {
    let world = World::new().await;
    let auth = world.app();
    let callback = world.callback(&auth, "alice").await;
    world.clock.set(2 * HOUR);
    let error = auth
        .finish_login(callback, None)
        .await
        .expect_err("no login");
    let AuthError::Clock { skew_seconds } = error else {
        panic!("{error:?}");
    };
    assert!((7_190..=7_210).contains(&skew_seconds), "{skew_seconds}");
}

#[tokio::test]
async fn a_clock_that_is_corrected_while_the_person_is_in_the_browser_ends_no_login() {
    for by in [2 * HOUR, -DAY] {
        let world = World::new().await;
        let auth = world.app();
        // Wrong at first, and right when the answer comes.
        world.clock.set(-by);
        let callback = world.callback(&auth, "alice").await;
        world.clock.set(by);
        let session = auth.finish_login(callback, None).await.expect("logged in");
        assert_eq!(state(&session), "signed_in", "corrected by {by} s");
    }
}

/// Seconds to wait, of an error that says that the provider asked for fewer requests.
fn rate_limited(error: &AuthError) -> Option<u64> {
    match error {
        AuthError::Network {
            reason: NetworkReason::RateLimited,
            retry_after_seconds,
        } => *retry_after_seconds,
        _ => None,
    }
}

#[tokio::test]
async fn what_the_provider_asked_for_is_kept_to_over_a_crash_loop() {
    let (world, auth) = alice().await;
    world.expire().await;
    world
        .server
        .set_faults("token:status=429,retry_after=100")
        .expect("a fault");
    token(&auth).await.expect_err("refused");
    for _ in 0..10 {
        world.clock.advance(5);
        let error = token(&world.app()).await.expect_err("too early");
        assert!(rate_limited(&error).is_some_and(|s| s <= 125), "{error:?}");
    }
    assert_eq!(world.server.requests("token"), 1);
    world.server.clear_faults();
    world.clock.advance(76);
    token(&world.app()).await.expect("after that");
    assert_eq!(state(&world.app().session()), "signed_in");
}

#[tokio::test]
async fn a_clock_that_is_set_neither_shortens_nor_prolongs_what_the_provider_asked_for() {
    for by in [TEN_YEARS, -TEN_YEARS] {
        let (world, auth) = alice().await;
        world.expire().await;
        world
            .server
            .set_faults("token:status=429,retry_after=100@1")
            .expect("a fault");
        token(&auth).await.expect_err("refused");
        world.clock.set(by);
        let error = token(&world.app()).await.expect_err("too early");
        assert!(rate_limited(&error).is_some_and(|s| (90..=125).contains(&s)));
        world.clock.advance(126);
        token(&world.app()).await.expect("after that");
    }
}

#[tokio::test]
async fn a_hold_from_the_future_of_a_corrected_clock_ends_after_its_length() {
    let (world, auth) = alice().await;
    world.expire().await;
    world.clock.set(TEN_YEARS);
    world
        .server
        .set_faults("token:status=429,retry_after=100@1")
        .expect("a fault");
    token(&auth).await.expect_err("refused");
    world.clock.start_anew();
    world.clock.set(-TEN_YEARS);
    token(&world.app()).await.expect_err("it begins anew, once");
    world.clock.advance(126);
    token(&world.app()).await.expect("after that");
    assert_eq!(world.server.requests("token"), 2);
}

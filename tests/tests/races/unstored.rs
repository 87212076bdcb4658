//! What the store did not take or cannot hold. In memory it is the truth all the same, and it is stored as soon as that
//! works.

use std::sync::Arc;

use latchkey::{
    Auth, AuthError, LogError, LogLevel, LogSink, LoginOptions, LogoutOptions, StorageReason,
};
use latchkey_tests::calls::{
    FORCE, LOGGED_OUT, Late, alice_on_strings, forced, is_persisted, token, who,
};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::{World, in_time};
use tokio::task::yield_now;

use crate::assert_both;

/// Waits until the healed store has taken one more write, and memory knows of it. Nobody calls meanwhile.
async fn stored_unasked(store: &PuppetStore, auth: &Auth) {
    let taken = store.count(Call::Swap);
    store.heal();
    store.until(Call::Swap, taken + 1).await;
    in_time(async {
        while !is_persisted(auth) {
            yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_refreshed_token_that_the_store_did_not_take_is_stored_later_without_a_call() {
    let (world, store, auth) = alice_on_strings().await;
    // The claim is taken and the word that it is sent, the new tokens are not.
    store.fail_from(Call::Swap, 3);
    let renewed = forced(&auth).await.expect("new");
    assert!(!is_persisted(&auth), "the app can tell");
    stored_unasked(&store, &auth).await;
    let next = token(&world.app()).await.expect("from the store");
    assert_eq!(next.value, renewed.value);
}

#[tokio::test]
async fn a_refreshed_token_that_the_store_did_not_take_stands_against_a_claim_on_the_old_one() {
    let world = World::new().await;
    let shared = Arc::clone(&world.store);
    let store = PuppetStore::over(Arc::clone(&shared));
    let first = world.app_over(store.clone());
    world.log_in(&first, "alice").await;
    let second = world.app_over(shared);
    assert_eq!(who(&second.session()), "dev|alice");
    world.expire().await;
    store.fail_from(Call::Swap, 3);
    token(&first).await.expect("renewed");
    // The term of the claim that is still in the store passes; another process takes it over and loses its network.
    world.clock.advance(20);
    world
        .server
        .set_faults("token:drop_before_commit")
        .expect("a fault");
    token(&second).await.expect_err("no answer");
    world.server.clear_faults();
    stored_unasked(&store, &first).await;
    // Both go on with the new refresh token: the spent one would end the session.
    world.expire().await;
    for process in [&first, &second] {
        token(process).await.expect("the session lives");
    }
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn a_login_whose_store_fails_after_the_exchange_is_kept_and_stored_later() {
    let (world, store) = World::new().await.on_strings();
    let auth = world.app();
    let callback = world.callback(&auth, "alice").await;
    // The code is spent by now: to fail would be to throw the tokens away.
    store.fail_from(Call::Load, 1);
    store.fail_from(Call::Swap, 1);
    let session = in_time(auth.finish_login(callback, None)).await;
    assert_eq!(who(&session.expect("logged in")), "dev|alice");
    assert!(!is_persisted(&auth));
    stored_unasked(&store, &auth).await;
    assert_both(&world, &auth, "dev|alice");
}

#[tokio::test]
async fn a_logout_that_the_store_did_not_take_is_not_undone_by_a_look_at_it() {
    let (world, store, auth) = alice_on_strings().await;
    store.fail_from(Call::Swap, 1);
    // The provider was told, so the session is over wherever it is stored.
    in_time(auth.logout(LogoutOptions::default()))
        .await
        .expect("out");
    let taken = store.count(Call::Swap);
    store.heal();
    in_time(auth.check_up()).await;
    assert_eq!(who(&auth.session()), "signed_out:logged_out");
    assert_eq!(token(&auth).await, Err(LOGGED_OUT));
    store.until(Call::Swap, taken + 1).await;
    assert_both(&world, &auth, "signed_out:logged_out");
}

#[tokio::test]
async fn a_logout_that_the_store_did_not_take_wins_over_a_late_answer() {
    let (world, store, auth) = alice_on_strings().await;
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit").await;
    store.fail_from(Call::Swap, 1);
    in_time(auth.logout(LogoutOptions::default()))
        .await
        .expect("out");
    let taken = store.count(Call::Swap);
    store.heal();
    assert_eq!(refresh.arrives(&world).await, Err(LOGGED_OUT));
    store.until(Call::Swap, taken + 1).await;
    assert_both(&world, &auth, "signed_out:logged_out");
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_not_overwritten_by_a_late_answer_or_a_login() {
    let (world, store, auth) = alice_on_strings().await;
    let refresh = Late::refresh(&world, &auth, FORCE, "token:gate=late,after_commit@1").await;
    // A newer app beside this one, or an update that was taken back.
    let newer = store.record().replacen("\"schema\":2", "\"schema\":3", 1);
    assert_ne!(newer, store.record());
    store.write(&newer);
    drop(refresh.arrives(&world).await);
    assert_eq!(store.record(), newer, "after the late answer");

    let app = world.app();
    let incompatible = AuthError::Storage {
        reason: StorageReason::Incompatible,
    };
    assert_eq!(who(&app.session()), "unavailable:incompatible");
    assert_eq!(token(&app).await, Err(incompatible.clone()));
    let callback = world.callback(&app, "bob").await;
    let login = in_time(app.finish_login(callback, None)).await;
    assert_eq!(login, Err(incompatible));
    assert_eq!(store.record(), newer, "after the login");
}

#[tokio::test]
async fn more_scopes_than_one_record_holds_four_logins_of_are_no_hindrance() {
    let world = World::new().await;
    let mut config = world.config();
    config.scopes = (0..110)
        .map(|n| format!("https://graph.example.com/Some.Scope.{n:03}"))
        .chain(["openid".to_owned()])
        .collect();
    let auth = world.app_with(config);
    // Somebody who taps "Log in" again and again.
    let mut urls = Vec::new();
    for _ in 0..5 {
        let request = auth.begin_login(LoginOptions::default(), None).await;
        urls.push(request.expect("the oldest makes room").url);
    }
    let latest = world.submit(&urls[4], "alice").await;
    let session = auth.finish_login(latest, None).await.expect("the latest");
    assert_eq!(who(&session), "dev|alice");
    assert_eq!(who(&world.app().session()), "dev|alice", "in the store");
    let oldest = world.submit(&urls[0], "bob").await;
    let ignored = auth.finish_login(oldest, None).await;
    assert_eq!(
        ignored.map_err(|error| error.kind()),
        Err("callback_ignored".to_owned())
    );
    assert_eq!(who(&auth.session()), "dev|alice");
}

/// Panics where a line stands between an answer and its store.
struct Panics;

impl LogSink for Panics {
    fn log(&self, _: LogLevel, line: String) -> Result<(), LogError> {
        assert!(!line.starts_with("token request"), "a bug of the app's");
        Ok(())
    }
}

#[tokio::test]
async fn a_log_sink_that_panics_loses_no_token() {
    let (world, _, auth) = alice_on_strings().await;
    auth.set_log_sink(LogLevel::Debug, Some(Arc::new(Panics)));
    forced(&auth).await.expect("renewed");
    auth.set_log_sink(LogLevel::Debug, None);
    world.expire().await;
    token(&auth).await.expect("with the rotated refresh token");
    assert_eq!(world.server.refresh_token_reuse(), 0);
}

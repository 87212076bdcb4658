//! The person wins over any late answer, new tokens over a verdict on the old ones, whoever was quicker at the store.

use std::sync::Arc;

use latchkey::{Auth, AuthError, SignedOutReason};
use latchkey_tests::calls::{
    FORCE, LOGGED_OUT, Late, PLAIN, alice_on_strings, asking, end, forced, token, who,
};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::{World, in_time};
use tokio::task::yield_now;

use crate::{assert_both, chance, log_out, logging_out};

/// The write of a refresh after the claim and the word that it may be sent. Held, the store has the new tokens, and the
/// refresh does not know it yet.
const NEW_TOKENS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_wins_over_a_refresh_that_was_stored_the_moment_before() {
    let (world, store, auth) = alice_on_strings().await;
    let mut stored = store.hold(Call::Swap, NEW_TOKENS);
    let refresh = asking(&auth, FORCE);
    stored.reached().await;
    let looks = store.count(Call::Load);
    let logout = logging_out(&auth);
    store.until(Call::Load, looks + 1).await;
    chance(&logout).await;
    stored.release();
    end(logout).await.expect("out");
    assert_eq!(end(refresh).await, Err(LOGGED_OUT));
    assert_both(&world, &auth, "signed_out:logged_out");
    assert_eq!(token(&auth).await, Err(LOGGED_OUT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_login_wins_over_a_refresh_that_was_stored_the_moment_before() {
    let (world, store, auth) = alice_on_strings().await;
    let callback = world.callback(&auth, "bob").await;
    let mut stored = store.hold(Call::Swap, NEW_TOKENS);
    let refresh = asking(&auth, FORCE);
    stored.reached().await;
    let looks = store.count(Call::Load);
    let login = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.finish_login(callback, None).await }
    });
    store.until(Call::Load, looks + 1).await;
    chance(&login).await;
    stored.release();
    end(login).await.expect("bob is in");
    // Whoever has asked gets a token: Alice's, which is good, or Bob's, who is there now.
    end(refresh).await.expect("a token");
    assert_both(&world, &auth, "dev|bob");
    let (ours, stored) = (token(&auth).await, token(&world.app()).await);
    assert_eq!(ours.expect("bob's").value, stored.expect("bob's").value);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_look_that_takes_longer_than_a_login_does_not_undo_it() {
    let (world, store) = World::new().await.on_strings();
    let auth = world.app();
    let callback = world.callback(&auth, "alice").await;
    let mut looked = store.hold(Call::Load, 1);
    let look = std::thread::spawn({
        let auth = Arc::clone(&auth);
        move || auth.session()
    });
    looked.reached().await;
    in_time(auth.finish_login(callback, None))
        .await
        .expect("alice is in");
    looked.release();
    look.join().expect("no panic");
    assert_both(&world, &auth, "dev|alice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_wins_over_a_look_at_the_store_that_began_before_it() {
    let (world, store, auth) = alice_on_strings().await;
    let mut looked = store.hold(Call::Load, 1);
    // What it looks for is no matter: a 401 looks the same way.
    let check_up = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.check_up().await }
    });
    looked.reached().await;
    let looks = store.count(Call::Load);
    let logout = logging_out(&auth);
    store.until(Call::Load, looks + 1).await;
    chance(&logout).await;
    looked.release();
    end(logout).await.expect("out");
    end(check_up).await;
    assert_both(&world, &auth, "signed_out:logged_out");
    assert_eq!(token(&auth).await, Err(LOGGED_OUT));
}

/// Two processes at a strict provider. The token of both has ended; the first one's refresh is done at the provider,
/// and the answer waits at the gate `late`.
struct Two {
    world: World,
    first: Arc<Auth>,
    late: Late,
    second: Arc<Auth>,
    /// The second one's view of the store.
    store: Arc<PuppetStore>,
}

impl Two {
    async fn new(more_faults: &str) -> Two {
        let world = World::new().await;
        let first = world.app();
        world.log_in(&first, "alice").await;
        let store = PuppetStore::over(Arc::clone(&world.store));
        let second = world.app_over(store.clone());
        assert_eq!(who(&second.session()), "dev|alice");
        world.expire().await;
        let faults = format!("token:gate=late,after_commit@1;{more_faults}");
        let late = Late::refresh(&world, &first, PLAIN, &faults).await;
        Two {
            world,
            first,
            late,
            second,
            store,
        }
    }

    /// The late answer arrives, and its tokens are everybody's.
    async fn assert_late_answer_counts(self) {
        let late = self.late.arrives(&self.world).await;
        let renewed = late.expect("the answer had new tokens");
        self.world.server.clear_faults();
        for process in [self.first, self.world.app(), self.second] {
            let shared = token(&process).await.expect("the session lives");
            assert_eq!(shared.value, renewed.value);
        }
        assert_eq!(self.world.server.refresh_token_reuse(), 0);
        forced(&self.world.app())
            .await
            .expect("the new refresh token was kept, and nobody has revoked it");
    }
}

#[tokio::test]
async fn new_tokens_count_although_another_process_took_the_claim_over() {
    let two = Two::new(
        "token:drop_before_commit@2;token:drop_before_commit@3;token:drop_before_commit@4",
    )
    .await;
    // The machine slept, and the other process woke first. Its requests do not reach the provider.
    two.world.clock.advance(16);
    let lost = token(&two.second).await.expect_err("no answer");
    assert_eq!(lost.kind(), "network");
    two.assert_late_answer_counts().await;
}

#[tokio::test]
async fn new_tokens_count_although_another_process_was_told_that_the_old_ones_are_spent() {
    let two = Two::new("token:status=400,error=invalid_grant@2").await;
    two.world.clock.advance(16);
    assert_eq!(
        token(&two.second).await,
        Err(AuthError::LoginRequired {
            reason: SignedOutReason::RotationInterrupted
        })
    );
    two.assert_late_answer_counts().await;
}

#[tokio::test]
async fn a_clock_that_is_set_does_not_break_the_claim_of_a_living_process() {
    for by in [-3, 20] {
        let two = Two::new("").await;
        two.world.clock.set(by);
        let looks = two.store.count(Call::Load);
        let waiting = asking(&two.second, PLAIN);
        // It looks again and again, and sends nothing.
        two.store.until(Call::Load, looks + 3).await;
        let sent = two.world.server.requests("token");
        assert_eq!(sent, 2, "login, one refresh; the clock was set by {by} s");
        two.assert_late_answer_counts().await;
        end(waiting).await.expect("the other one's token");
    }
}

#[tokio::test]
async fn a_process_that_saw_nobody_logged_in_sees_anothers_login_at_its_next_call() {
    let world = World::new().await;
    let (first, second) = (world.app(), world.app());
    assert_eq!(who(&second.session()), "signed_out:never");
    world.log_in(&first, "alice").await;
    let (ours, theirs) = (token(&first).await, token(&second).await);
    assert_eq!(theirs.expect("seen").value, ours.expect("logged in").value);
    assert_eq!(who(&second.session()), "dev|alice");
}

#[tokio::test]
async fn anothers_logout_is_seen_half_a_minute_later_by_a_look_that_no_call_waits_for() {
    let world = World::new().await;
    let first = world.app();
    world.log_in(&first, "alice").await;
    let store = PuppetStore::over(Arc::clone(&world.store));
    let second = world.app_over(store.clone());
    token(&second).await.expect("shared");
    log_out(&first).await.expect("out");
    let mut looked = store.hold(Call::Load, 1);
    let looks = store.count(Call::Load);
    world.clock.advance(20);
    token(&second).await.expect("from memory");
    world.clock.advance(11);
    for _ in 0..20 {
        token(&second).await.expect("from memory, beside the look");
    }
    looked.reached().await;
    token(&second).await.expect("from memory, beside the look");
    assert_eq!(store.count(Call::Load), looks + 1, "one for all calls");
    looked.release();
    let seen = in_time(async {
        loop {
            match token(&second).await {
                Err(error) => break error,
                Ok(_) => yield_now().await,
            }
        }
    });
    assert_eq!(seen.await, LOGGED_OUT);
}

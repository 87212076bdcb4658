//! Many callers in one process: one request for all, which nobody's leaving ends, and a token that
//! nobody gets before it is stored, or is known not to be.

use std::sync::Arc;

use latchkey::{AccessTokenOptions, Auth, AuthError, Cancellation, SecureStore};
use latchkey_tests::calls::{Answer, FORCE, PLAIN, end, is_persisted, token};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::{World, in_time};
use tokio::task::{JoinHandle, yield_now};

/// The writes of one refresh: the claim, the word that it is sent, what came of it.
const COMMIT: u64 = 3;

/// Alice is logged in, and the strings of the store are in our hands. Below it is what other processes see.
struct Crowd {
    world: World,
    store: Arc<PuppetStore>,
    shared: Arc<dyn SecureStore>,
    auth: Arc<Auth>,
    /// The token of the login.
    first: String,
}

impl Crowd {
    async fn new() -> Crowd {
        let world = World::new().await;
        let shared = Arc::clone(&world.store);
        let (world, store) = world.on_strings();
        let auth = world.app();
        world.log_in(&auth, "alice").await;
        let first = token(&auth).await.expect("fresh").value;
        world.server.reset_counts();
        Crowd {
            world,
            store,
            shared,
            auth,
            first,
        }
    }

    /// So many callers, each of whom has come as far as to wait.
    async fn callers(&self, count: usize, options: AccessTokenOptions) -> Vec<Caller> {
        let callers = (0..count).map(|_| Caller::new(&self.auth, options.clone()));
        let callers: Vec<Caller> = callers.collect();
        // Tasks of one thread run in turns.
        for _ in 0..3 {
            yield_now().await;
        }
        callers
    }

    /// What the next process gets, without a request.
    async fn stored(&self) -> String {
        let next = self.world.app_over(Arc::clone(&self.shared));
        token(&next).await.expect("a token").value
    }

    fn events(&self) -> Vec<String> {
        let events = self.auth.timeline().into_iter();
        events.map(|event| event.event).collect()
    }

    /// One refresh token was sent, and it was good.
    fn assert_one_request(&self) {
        assert_eq!(self.world.server.requests("token"), 1);
        assert_eq!(self.world.server.refresh_token_reuse(), 0);
    }
}

struct Caller {
    cancellation: Arc<Cancellation>,
    call: JoinHandle<Answer>,
}

impl Caller {
    fn new(auth: &Arc<Auth>, options: AccessTokenOptions) -> Caller {
        let (auth, cancellation) = (Arc::clone(auth), Cancellation::new());
        let handle = Arc::clone(&cancellation);
        let call = tokio::spawn(async move { auth.access_token(options, Some(handle)).await });
        Caller { cancellation, call }
    }

    async fn answer(self) -> Answer {
        end(self.call).await
    }

    async fn token(self) -> String {
        self.answer().await.expect("a token").value
    }

    async fn leaves(self) {
        self.cancellation.cancel();
        assert_eq!(self.answer().await, Err(AuthError::Cancelled));
    }
}

#[tokio::test]
async fn the_first_of_two_hundred_callers_leaves_and_the_others_get_the_token_of_its_request() {
    let crowd = Crowd::new().await;
    crowd.world.expire().await;
    let faults = "token:gate=middle";
    crowd.world.server.set_faults(faults).expect("a fault");
    let first = crowd.callers(1, PLAIN).await.remove(0);
    in_time(crowd.world.server.gate_reached("middle")).await;
    let others = crowd.callers(199, PLAIN).await;
    first.leaves().await;
    assert!(others.iter().all(|other| !other.call.is_finished()));
    crowd.world.server.open_gate("middle");
    let mut tokens = Vec::new();
    for other in others {
        tokens.push(other.token().await);
    }
    tokens.dedup();
    assert_eq!(tokens, [crowd.stored().await]);
    assert_ne!(tokens.first(), Some(&crowd.first));
    crowd.assert_one_request();
}

#[tokio::test]
async fn all_two_hundred_callers_leave_and_the_refresh_goes_on_and_is_stored() {
    let crowd = Crowd::new().await;
    crowd.world.expire().await;
    let faults = "token:gate=middle";
    crowd.world.server.set_faults(faults).expect("a fault");
    let writes = crowd.store.count(Call::Swap);
    let callers = crowd.callers(200, PLAIN).await;
    in_time(crowd.world.server.gate_reached("middle")).await;
    for caller in callers {
        caller.leaves().await;
    }
    crowd.world.server.open_gate("middle");
    // Nobody asks meanwhile.
    crowd.store.until(Call::Swap, writes + COMMIT).await;
    let stored = crowd.stored().await;
    let later = crowd.callers(1, PLAIN).await.remove(0).token().await;
    assert_eq!(later, stored);
    assert_ne!(later, crowd.first);
    crowd.assert_one_request();
}

#[tokio::test]
async fn while_the_store_is_stuck_at_the_new_tokens_a_good_token_is_served_at_once() {
    let crowd = Crowd::new().await;
    let mut commit = crowd.store.hold_before(Call::Swap, COMMIT);
    let forced = crowd.callers(1, FORCE).await.remove(0);
    commit.reached().await;
    // Longer than a look at the store is put off, too: it waits beside the callers.
    for seconds in [0, 21, 10] {
        crowd.world.clock.advance(seconds);
        for caller in crowd.callers(50, PLAIN).await {
            assert_eq!(caller.token().await, crowd.first);
        }
        assert_eq!(crowd.stored().await, crowd.first);
    }
    assert!(!forced.call.is_finished(), "it is not stored");
    commit.release();
    let renewed = forced.token().await;
    assert_ne!(renewed, crowd.first);
    assert_eq!(crowd.stored().await, renewed);
    for caller in crowd.callers(50, PLAIN).await {
        assert_eq!(caller.token().await, renewed);
    }
    crowd.assert_one_request();
}

#[tokio::test]
async fn nobody_gets_a_new_token_that_a_stuck_store_has_not_taken() {
    let crowd = Crowd::new().await;
    crowd.world.expire().await;
    let mut commit = crowd.store.hold_before(Call::Swap, COMMIT);
    let stays = crowd.callers(100, PLAIN).await;
    commit.reached().await;
    let claimed = crowd.store.record();
    // They come and go.
    for _ in 0..3 {
        for caller in crowd.callers(30, PLAIN).await {
            caller.leaves().await;
        }
        crowd.world.clock.advance(7);
        assert!(stays.iter().all(|caller| !caller.call.is_finished()));
        assert_eq!(crowd.store.record(), claimed);
    }
    let late = crowd.callers(10, FORCE).await;
    commit.release();
    let mut tokens = Vec::new();
    for caller in stays.into_iter().chain(late) {
        tokens.push(caller.token().await);
    }
    tokens.dedup();
    assert_eq!(tokens, [crowd.stored().await]);
    assert!(is_persisted(&crowd.auth));
    crowd.assert_one_request();
}

#[tokio::test]
async fn a_store_that_fails_at_the_new_tokens_costs_no_caller_anything_and_takes_them_later() {
    let crowd = Crowd::new().await;
    crowd.world.expire().await;
    crowd.store.fail_from(Call::Swap, COMMIT);
    let mut tokens = Vec::new();
    for caller in crowd.callers(200, PLAIN).await {
        tokens.push(caller.token().await);
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_ne!(tokens.first(), Some(&crowd.first));
    assert!(!is_persisted(&crowd.auth), "the app can tell");
    let told = |event: &str| crowd.events().iter().any(|told| told == event);
    assert!(told("persist_pending"));
    let last = crowd.auth.timeline().pop().expect("the summary").detail;
    assert!(last.expect("a sentence").contains("may be lost"));

    crowd.store.heal();
    in_time(crowd.auth.resumed()).await;
    assert!(is_persisted(&crowd.auth));
    let events = crowd.events();
    let at = |event: &str| events.iter().rposition(|told| told == event);
    assert!(at("stored") > at("persist_pending"), "{events:?}");
    assert_eq!(tokens, [crowd.stored().await]);
    crowd.assert_one_request();
}

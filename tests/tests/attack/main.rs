//! Attacks on the session that must not succeed. Each test is a way that was found to lose, undo or misjudge one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use latchkey::{
    AccessTokenOptions, Auth, AuthError, LogoutOptions, SecureStore, Session, StoreError,
    StoredItem, file_store, key_file_sealer,
};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::world::{World, in_time, state};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const PLAIN: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: false,
};
const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};

fn who(session: &Session) -> String {
    match session {
        Session::SignedIn { subject, .. } => subject.clone().unwrap_or_default(),
        other => state(other),
    }
}

async fn alice() -> (World, Arc<PuppetStore>, Arc<Auth>) {
    let mut world = World::new().await;
    let store = PuppetStore::new();
    world.store = store.clone();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    (world, store, auth)
}

/// The record with this state, so many generations on.
fn later(record: &str, generations: u64, change: impl FnOnce(&mut Value)) -> String {
    let mut record: Value = serde_json::from_str(record).expect("JSON");
    let generation = record["generation"].as_u64().expect("a number") + generations;
    record["generation"] = generation.into();
    change(&mut record["state"]);
    record.to_string()
}

fn ended(reason: &str) -> impl FnOnce(&mut Value) {
    let ended = json!({ "ended": { "reason": reason, "at": 1_800_000_000, "logged_in_at": null } });
    move |state| *state = ended
}

/// A store with weaknesses.
struct Weak {
    inner: Arc<dyn SecureStore>,
    /// The journal cannot be written.
    journal: AtomicBool,
    /// The disk is full: nothing of the session can be written, only removed.
    full: AtomicBool,
}

impl Weak {
    fn over(inner: &Arc<dyn SecureStore>) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            journal: AtomicBool::new(false),
            full: AtomicBool::new(false),
        })
    }
}

impl SecureStore for Weak {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        self.inner.load(key)
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        let journal = key.starts_with("journal.") && self.journal.load(Ordering::SeqCst);
        let full =
            key.starts_with("session.") && next.is_some() && self.full.load(Ordering::SeqCst);
        if journal || full {
            return Err(StoreError::Unavailable);
        }
        self.inner.swap(key, expected, next)
    }
}

/// The journal's late word of a login that another one has replaced.
#[tokio::test]
async fn a_login_whose_journal_was_written_late_does_not_end_the_login_after_it() {
    let world = World::new().await;
    let weak = Weak::over(&world.store);
    let first = world.app_over(weak.clone());
    weak.journal.store(true, Ordering::SeqCst);
    world.log_in(&first, "alice").await;
    let second = world.app();
    world.log_in(&second, "bob").await;
    // The first process's journal can be written again.
    weak.journal.store(false, Ordering::SeqCst);
    in_time(first.resumed()).await;
    assert_eq!(who(&second.session()), "dev|bob", "who logged in");
    assert_eq!(who(&world.app().session()), "dev|bob", "started anew");
}

/// A verdict on an old token that could not be stored, against the newer session of another process.
#[tokio::test]
async fn a_verdict_on_an_old_token_that_was_stored_late_does_not_end_the_newer_session() {
    let (world, store, auth) = alice().await;
    let record = store.record();
    // The provider refuses the token of this generation, and the store does not take the verdict now.
    world
        .server
        .set_faults("token:status=400,error=invalid_grant")
        .expect("a fault");
    store.fail_from(Call::Swap, 3);
    let refused = in_time(auth.access_token(FORCE, None)).await;
    assert!(
        matches!(refused, Err(AuthError::LoginRequired { .. })),
        "{refused:?}"
    );
    world.server.clear_faults();
    // Meanwhile another process has stored the next generation.
    let newer = later(&record, 1, |state| {
        state["live"]["refresh_token"] = "newer".into();
    });
    let taken = store.count(Call::Swap);
    store.write(&newer);
    store.heal();
    in_time(auth.resumed()).await;
    assert_eq!(who(&world.app().session()), "dev|alice", "in the store");
    assert_eq!(store.count(Call::Swap), taken, "nothing was to be written");
}

/// An answer with new tokens, and another process's verdict on the old one that this process has seen meanwhile.
#[tokio::test]
async fn new_tokens_count_although_this_process_has_looked_at_a_verdict_on_the_old_ones() {
    let (world, store, auth) = alice().await;
    let record = store.record();
    world
        .server
        .set_faults("token:gate=late,after_commit@1")
        .expect("a fault");
    let refresh = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.access_token(FORCE, None).await }
    });
    in_time(world.server.gate_reached("late")).await;
    store.write(&later(&record, 1, ended("revoked")));
    // Any look: a 401, 30 seconds, the app that comes to the foreground.
    in_time(auth.resumed()).await;
    world.server.open_gate("late");
    let renewed = in_time(refresh).await.expect("no panic");
    assert!(renewed.is_ok(), "{renewed:?}");
    assert_eq!(who(&world.app().session()), "dev|alice");
}

/// A live record in the place of a verdict of the same generation, as `commit_renewed` writes it.
#[tokio::test]
async fn the_life_of_a_token_that_took_the_place_of_a_verdict_is_measured() {
    let (world, store, auth) = alice().await;
    let record = store.record();
    store.write(&later(&record, 1, ended("revoked")));
    in_time(auth.resumed()).await;
    assert_eq!(who(&auth.session()), "signed_out:revoked");
    store.write(&later(&record, 1, |_| {}));
    in_time(auth.resumed()).await;
    assert_eq!(who(&auth.session()), "dev|alice");
    world.expire().await;
    let Session::SignedIn {
        expires_in_seconds, ..
    } = auth.session()
    else {
        panic!("signed out");
    };
    assert_eq!(expires_in_seconds, Some(0), "it has ended");
}

/// An account switch while the disk is full, after the clock was set right.
#[tokio::test]
async fn a_login_that_could_not_be_stored_is_not_undone_because_the_clock_was_set_right() {
    let world = World::new().await;
    let weak = Weak::over(&world.store);
    let auth = world.app_over(weak.clone());
    // A clock that is ahead by less than an ID token lives is not noticed at a login.
    world.clock.set(120);
    world.log_in(&auth, "alice").await;
    world.clock.set(-120);
    weak.full.store(true, Ordering::SeqCst);
    world.log_in(&auth, "bob").await;
    assert_eq!(who(&auth.session()), "dev|bob");
    in_time(auth.resumed()).await;
    assert_eq!(who(&auth.session()), "dev|bob", "after a look at the store");
    weak.full.store(false, Ordering::SeqCst);
    in_time(auth.resumed()).await;
    assert_eq!(who(&world.app().session()), "dev|bob", "in the store");
}

/// Two `Auth` of one process, in a role in which the system does run one process at a time.
#[tokio::test]
async fn two_auths_of_one_process_with_its_role_do_not_send_one_token_twice() {
    let world = World::new().await;
    let mut config = world.config();
    config.single_instance_role = Some("app".to_owned());
    let first = world.app_with(config.clone());
    world.log_in(&first, "alice").await;
    let store = PuppetStore::over(Arc::clone(&world.store));
    let clock = world.clock.clone();
    let second = Auth::with_clock(config, store.clone(), clock).expect("valid");
    assert_eq!(who(&second.session()), "dev|alice");
    world.expire().await;
    // A provider that takes its time: some seconds are enough.
    world
        .server
        .set_faults("token:gate=late,after_commit@1")
        .expect("a fault");
    let slow = tokio::spawn({
        let first = Arc::clone(&first);
        async move { first.access_token(PLAIN, None).await }
    });
    in_time(world.server.gate_reached("late")).await;
    let other = tokio::spawn({
        let second = Arc::clone(&second);
        async move { second.access_token(PLAIN, None).await }
    });
    // It looks again and again, for longer than a send of its own would have to wait.
    let looks = store.count(Call::Load);
    store.until(Call::Load, looks + 3).await;
    world.clock.advance(4);
    store.until(Call::Load, looks + 6).await;
    world.server.open_gate("late");
    drop(in_time(slow).await);
    drop(in_time(other).await);
    assert_eq!(world.server.refresh_token_reuse(), 0, "sent twice");
    assert_eq!(who(&world.app().session()), "dev|alice");
}

/// An answer that comes before the request's body (a gateway's limit), and the body that is sent after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_leaves_after_an_early_answer_is_written_down() {
    let (world, store, _) = alice().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let endpoint = format!(
        "http://{}/token",
        listener.local_addr().expect("an address")
    );
    store.write(&later(&store.record(), 0, |state| {
        state["live"]["token_endpoint"] = endpoint.into();
    }));
    let auth = world.app();
    assert_eq!(who(&auth.session()), "dev|alice");
    // Without metadata the endpoint of the login is used.
    world
        .server
        .set_faults("discovery:status=503")
        .expect("a fault");
    let body = Arc::<Mutex<Vec<u8>>>::default();
    let (early, answer) = tokio::sync::oneshot::channel();
    let server = tokio::spawn({
        let body = Arc::clone(&body);
        async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            let _ = answer.await;
            let refusal = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(refusal).await.expect("taken");
            let mut rest = [0; 4096];
            while let Ok(read) = stream.read(&mut rest).await {
                if read == 0 {
                    return;
                }
                body.lock()
                    .expect("no panic")
                    .extend_from_slice(&rest[..read]);
            }
        }
    });
    let mut said = store.hold(Call::Swap, 2);
    let refresh = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.access_token(FORCE, None).await }
    });
    said.reached().await;
    early.send(()).expect("the server waits");
    let failed = in_time(refresh).await.expect("no panic");
    assert!(failed.is_err());
    said.release();
    // The connection is over, with or without the token.
    in_time(server).await.expect("no panic");
    let body = String::from_utf8(body.lock().expect("no panic").clone()).expect("text");
    let record: Value = serde_json::from_str(&store.record()).expect("JSON");
    let open = !record["state"]["live"]["claim"]["sent"].is_null();
    assert!(
        open || !body.contains("refresh_token="),
        "it was sent, and the record says that nothing is open"
    );
}

/// A logout that could only remove the record, and a late answer that cannot look at the store.
#[tokio::test]
async fn a_logout_that_removed_the_record_is_not_undone_by_an_answer_that_cannot_look() {
    let world = World::new().await;
    let store = PuppetStore::over(Arc::clone(&world.store));
    let first = world.app_over(store.clone());
    world.log_in(&first, "alice").await;
    let full = Weak::over(&world.store);
    let second = world.app_over(full.clone());
    assert_eq!(who(&second.session()), "dev|alice");
    world
        .server
        .set_faults("token:gate=late,after_commit@1")
        .expect("a fault");
    let refresh = tokio::spawn({
        let first = Arc::clone(&first);
        async move { first.access_token(FORCE, None).await }
    });
    in_time(world.server.gate_reached("late")).await;
    full.full.store(true, Ordering::SeqCst);
    let local = LogoutOptions {
        local: true,
        ..LogoutOptions::default()
    };
    in_time(second.logout(local)).await.expect("out");
    store.fail_from(Call::Load, 1);
    world.server.open_gate("late");
    drop(in_time(refresh).await);
    store.heal();
    assert_ne!(who(&world.app().session()), "dev|alice", "is back");
}

/// New tokens in memory alone, and an item in the store that was damaged meanwhile.
#[tokio::test]
async fn tokens_that_are_in_memory_alone_are_stored_over_a_damaged_item() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text").to_owned();
    let sealer = key_file_sealer(folder.path()).expect("a key file");
    let files = file_store(path.clone(), sealer).expect("a store");
    let weak = Weak::over(&files);
    let auth = world.app_over(weak.clone());
    world.log_in(&auth, "alice").await;
    let record = std::fs::read_dir(&path)
        .expect("a folder")
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().contains("session."))
        .expect("a record")
        .path();
    world
        .server
        .set_faults("token:gate=late,after_commit@1")
        .expect("a fault");
    let refresh = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.access_token(FORCE, None).await }
    });
    in_time(world.server.gate_reached("late")).await;
    weak.full.store(true, Ordering::SeqCst);
    world.server.open_gate("late");
    in_time(refresh).await.expect("no panic").expect("renewed");
    std::fs::write(&record, b"rubbish").expect("damaged");
    weak.full.store(false, Ordering::SeqCst);
    in_time(auth.resumed()).await;
    let stored = matches!(
        auth.session(),
        Session::SignedIn {
            persisted: true,
            ..
        }
    );
    assert!(stored, "never stored again");
}

/// A record with an absurd generation.
#[tokio::test]
async fn an_absurd_generation_panics_nowhere() {
    let (world, store, _) = alice().await;
    store.write(&later(&store.record(), u64::MAX, |_| {}));
    let auth = world.app();
    assert_eq!(who(&auth.session()), "dev|alice");
    in_time(auth.logout(LogoutOptions::default()))
        .await
        .expect("out");
    assert_eq!(who(&world.app().session()), "signed_out:logged_out");
}

/// A logout that could not look at the store is told as what it was, also where others had gone on.
#[tokio::test]
async fn a_logout_that_was_stored_late_is_still_a_logout() {
    let world = World::new().await;
    let store = PuppetStore::over(Arc::clone(&world.store));
    let first = world.app_over(store.clone());
    world.log_in(&first, "alice").await;
    let second = world.app();
    for _ in 0..2 {
        in_time(second.access_token(FORCE, None))
            .await
            .expect("renewed");
        world.clock.advance(10);
    }
    store.fail_from(Call::Load, 1);
    store.fail_from(Call::Swap, 1);
    drop(in_time(first.logout(LogoutOptions::default())).await);
    store.heal();
    in_time(first.resumed()).await;
    assert_eq!(who(&world.app().session()), "signed_out:logged_out");
}

/// A provider that wants to see the person is not asked again by each call.
#[tokio::test]
async fn a_provider_that_wants_to_see_the_person_is_not_asked_by_each_call() {
    let (world, _, auth) = alice().await;
    world.expire().await;
    world.server.reset_counts();
    world
        .server
        .set_faults("token:status=400,error=interaction_required")
        .expect("a fault");
    for _ in 0..30 {
        let error = in_time(auth.access_token(PLAIN, None)).await;
        assert!(
            matches!(error, Err(AuthError::InteractionRequired { .. })),
            "{error:?}"
        );
    }
    let asked = world.server.requests("token");
    assert!(asked <= 5, "{asked} requests");
}

/// A provider that is down, as a load balancer without servers is (connection refused): no claim a call.
#[tokio::test]
async fn calls_while_nobody_listens_do_not_write_to_the_store_each_time() {
    let (world, store, auth) = alice().await;
    world.expire().await;
    let World { server, clock, .. } = world;
    drop(server);
    let before = store.count(Call::Swap);
    for _ in 0..30 {
        drop(in_time(auth.access_token(PLAIN, None)).await);
    }
    drop(clock);
    let written = store.count(Call::Swap) - before;
    assert!(written <= 10, "{written} writes");
}

/// A provider that repeats the token in its error.
#[tokio::test]
async fn a_refresh_token_in_an_error_code_is_not_in_the_timeline() {
    let (world, store, auth) = alice().await;
    let record: Value = serde_json::from_str(&store.record()).expect("JSON");
    let token = record["state"]["live"]["refresh_token"]
        .as_str()
        .expect("a token");
    world
        .server
        .set_faults(&format!("token:status=400,error={token}"))
        .expect("a fault");
    drop(in_time(auth.access_token(FORCE, None)).await);
    let told = format!("{:?}", auth.timeline());
    assert!(!told.contains(token), "{told}");
}

/// A verdict that cannot be stored, and a newer session that memory has from a look meanwhile.
#[tokio::test]
async fn a_verdict_that_cannot_be_stored_does_not_hide_the_newer_session_in_memory() {
    let (world, store, auth) = alice().await;
    let record = store.record();
    world
        .server
        .set_faults("token:gate=late,status=400,error=invalid_grant")
        .expect("a fault");
    let refresh = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.access_token(FORCE, None).await }
    });
    in_time(world.server.gate_reached("late")).await;
    store.write(&later(&record, 1, |state| {
        state["live"]["access_token"] = "newer".into();
    }));
    in_time(auth.resumed()).await;
    store.fail_from(Call::Swap, 1);
    world.server.open_gate("late");
    drop(in_time(refresh).await);
    assert_eq!(who(&auth.session()), "dev|alice");
}

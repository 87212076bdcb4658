//! What the provider did: it answered early, refused, repeated the token, or was not there.

use std::sync::{Arc, Mutex};

use latchkey::AuthError;
use latchkey_tests::calls::{
    FORCE, Late, PLAIN, alice_on_strings, asking, end, forced, token, who,
};
use latchkey_tests::puppet_store::Call;
use latchkey_tests::world::World;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::later;

/// An answer that comes before the request's body (a gateway's limit), and the body that is sent after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_leaves_after_an_early_answer_is_written_down() {
    let (world, store, _) = alice_on_strings().await;
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
    let refresh = asking(&auth, FORCE);
    said.reached().await;
    early.send(()).expect("the server waits");
    let failed = end(refresh).await;
    assert!(failed.is_err());
    said.release();
    // The connection is over, with or without the token.
    end(server).await;
    let body = String::from_utf8(body.lock().expect("no panic").clone()).expect("text");
    let record: Value = serde_json::from_str(&store.record()).expect("JSON");
    let open = !record["state"]["live"]["claim"]["sent"].is_null();
    assert!(
        open || !body.contains("refresh_token="),
        "it was sent, and the record says that nothing is open"
    );
}

/// A provider that wants to see the person is not asked again by each call.
#[tokio::test]
async fn a_provider_that_wants_to_see_the_person_is_not_asked_by_each_call() {
    let (world, _, auth) = alice_on_strings().await;
    world.expire().await;
    world.server.reset_counts();
    world
        .server
        .set_faults("token:status=400,error=interaction_required")
        .expect("a fault");
    for _ in 0..30 {
        let error = token(&auth).await;
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
    let (world, store, auth) = alice_on_strings().await;
    world.expire().await;
    let World { server, clock, .. } = world;
    drop(server);
    let before = store.count(Call::Swap);
    for _ in 0..30 {
        drop(token(&auth).await);
    }
    drop(clock);
    let written = store.count(Call::Swap) - before;
    assert!(written <= 10, "{written} writes");
}

/// A provider that repeats the token in its error.
#[tokio::test]
async fn a_refresh_token_in_an_error_code_is_not_in_the_timeline() {
    let (world, store, auth) = alice_on_strings().await;
    let record: Value = serde_json::from_str(&store.record()).expect("JSON");
    let token = record["state"]["live"]["refresh_token"]
        .as_str()
        .expect("a token");
    world
        .server
        .set_faults(&format!("token:status=400,error={token}"))
        .expect("a fault");
    drop(forced(&auth).await);
    let told = format!("{:?}", auth.timeline());
    assert!(!told.contains(token), "{told}");
}

/// The refusal of a refresh meets a record that somebody else has written meanwhile, with the same token that has ended.
#[tokio::test]
async fn a_token_that_has_ended_is_not_served_after_a_refresh_that_brought_none() {
    let (world, store, auth) = alice_on_strings().await;
    world.expire().await;
    let refused = "token:gate=late,status=400,error=invalid_grant";
    let refresh = Late::refresh(&world, &auth, PLAIN, refused).await;
    store.write(&store.record());
    let error = refresh.arrives(&world).await.expect_err("it has ended");
    assert_eq!(error.kind(), "network");
}

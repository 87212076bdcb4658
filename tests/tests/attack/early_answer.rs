//! An answer to the head of a refresh alone, as a gateway gives it: the token was not sent, so nothing is known of it.

use std::sync::Arc;

use latchkey::{Auth, AuthError, NetworkReason};
use latchkey_tests::calls::{Answer, PLAIN, alice_on_strings, asking, end, token, who};
use latchkey_tests::puppet_store::{Call, Held, PuppetStore};
use latchkey_tests::world::World;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use crate::later;

const INVALID_GRANT: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
    content-length: 25\r\n\r\n{\"error\":\"invalid_grant\"}";
const TOKENS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 68\r\n\r\n\
    {\"access_token\":\"of nobody\",\"token_type\":\"Bearer\",\"expires_in\":3600  }";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
const BUSY: &str =
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";

/// A gateway in front of a token endpoint.
struct Gateway {
    endpoint: String,
    /// Makes it answer.
    answer: tokio::sync::oneshot::Sender<()>,
    /// What came after the head, when the connection is over.
    rest: JoinHandle<String>,
}

impl Gateway {
    async fn start(answer: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = listener.await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (told, tell) = tokio::sync::oneshot::channel();
        let rest = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            let _ = tell.await;
            stream.write_all(answer.as_bytes()).await.expect("taken");
            let mut rest = Vec::new();
            // The client may break the connection off.
            drop(stream.read_to_end(&mut rest).await);
            String::from_utf8(rest).expect("text")
        });
        Self {
            endpoint: format!("http://{address}/token"),
            answer: told,
            rest,
        }
    }
}

/// Alice's access token has ended, and her refresh token goes to this gateway. Returns what came of a call that the gateway
/// answered while "it may have been sent" was being written, and what reached it of the token.
async fn refused_early(answer: &'static str, hold: fn(&PuppetStore) -> Held) -> Refused {
    let (world, store, _) = alice_on_strings().await;
    let gateway = Gateway::start(answer).await;
    let honest: Value = serde_json::from_str(&store.record()).expect("JSON");
    let honest = honest["state"]["live"]["token_endpoint"].clone();
    store.write(&later(&store.record(), 0, |state| {
        state["live"]["token_endpoint"] = gateway.endpoint.clone().into();
    }));
    world.expire().await;
    // Without metadata the endpoint of the login is used.
    let down = world.server.set_faults("discovery:status=503");
    down.expect("a fault");
    let auth = world.app();
    let mut writing = hold(&store);
    let call = asking(&auth, PLAIN);
    writing.reached().await;
    gateway.answer.send(()).expect("the gateway waits");
    let result = end(call).await;
    writing.release();
    let rest = end(gateway.rest).await;
    store.write(&later(&store.record(), 0, |state| {
        state["live"]["token_endpoint"] = honest;
    }));
    world.server.clear_faults();
    Refused {
        world,
        store,
        auth,
        result,
        rest,
    }
}

struct Refused {
    world: World,
    store: Arc<PuppetStore>,
    auth: Arc<Auth>,
    result: Answer,
    rest: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_came_before_the_token_was_sent_is_no_answer() {
    for answer in [INVALID_GRANT, TOKENS, NOT_FOUND, BUSY] {
        for hold in [
            (|store| store.hold(Call::Swap, 2)) as fn(&PuppetStore) -> Held,
            |store| store.hold_before(Call::Swap, 2),
        ] {
            let refused = refused_early(answer, hold).await;
            assert_eq!(refused.rest, "", "nothing was sent: {answer}");
            let seconds = (answer == BUSY).then_some(7);
            assert_eq!(
                refused.result,
                Err(AuthError::Network {
                    reason: NetworkReason::Unavailable,
                    retry_after_seconds: seconds
                }),
                "{answer}"
            );
            let record: Value = serde_json::from_str(&refused.store.record()).expect("JSON");
            let claim = &record["state"]["live"]["claim"];
            assert!(claim.is_null(), "nothing is open: {claim} {answer}");
            assert_eq!(who(&refused.auth.session()), "dev|alice", "{answer}");
            refused.world.clock.advance(60);
            token(&refused.auth).await.expect("renewed");
            assert_eq!(refused.world.server.refresh_token_reuse(), 0);
        }
    }
}

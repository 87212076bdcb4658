//! The three deadlines, against a server that falls silent. The time of tokio is paused: nobody waits.

#![expect(
    clippy::disallowed_methods,
    reason = "a server that ends with its test, and tokio's own clock"
)]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;

/// Longer than any deadline of ours.
const LONG: Duration = Duration::from_secs(120);

/// Answers a connection's first request, and each later one with this much. Then it says nothing more.
async fn silent(said: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".as_slice();
                let mut heard = [0; 4_096];
                while stream.read(&mut heard).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                    answer = said;
                }
            });
        }
    });
    address.to_string()
}

fn get(address: &str) -> Request {
    Request::get(&Url::parse(address).expect("a URL"))
}

fn transport(deadline: Duration) -> Transport {
    Transport::new(Trust::Systems, deadline).expect("no anchors of ours")
}

/// What a request comes to, and after how long.
async fn send(transport: &Transport, request: Request) -> (Option<TransportError>, Duration) {
    tokio::time::pause();
    let begun = Instant::now();
    let answer = transport.send(request).await;
    let after = begun.elapsed();
    tokio::time::resume();
    (answer.err(), after)
}

/// A server that says this much, and a connection to it that is made already.
async fn connected(said: &'static [u8], deadline: Duration) -> (Transport, Request) {
    let url = format!("http://{}/", silent(said).await);
    let transport = transport(deadline);
    let first = transport.send(get(&url)).await.map(|answer| answer.status);
    assert_eq!(first, Ok(200));
    (transport, get(&url))
}

/// To the second: a timer of tokio's is late by a millisecond.
fn assert_given_up((error, after): (Option<TransportError>, Duration), seconds: u64) {
    assert_eq!(error, Some(TransportError::Timeout));
    let late = after.checked_sub(Duration::from_secs(seconds));
    let in_time = late.is_some_and(|late| late < Duration::from_millis(100));
    assert!(in_time, "after {after:?}, not {seconds} s");
}

#[tokio::test]
async fn a_connection_that_is_not_made_is_given_up_after_ten_seconds() {
    // Nobody answers the first bytes of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let request = get(&format!("https://{address}/"));
    assert_given_up(send(&transport(LONG), request).await, 10);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_after_fifteen_seconds() {
    for said in [
        b"".as_slice(),
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
    ] {
        let (transport, request) = connected(said, LONG).await;
        assert_given_up(send(&transport, request).await, 15);
    }
}

#[tokio::test]
async fn of_a_requests_own_deadline_and_the_configured_one_the_shorter_counts() {
    for (configured, own, seconds) in [
        (5, Some(10), 5),
        (10, Some(5), 5),
        (5, Some(5), 5),
        (5, None, 5),
    ] {
        let (transport, mut request) = connected(b"", Duration::from_secs(configured)).await;
        request.at_most = own.map(Duration::from_secs);
        assert_given_up(send(&transport, request).await, seconds);
    }
}

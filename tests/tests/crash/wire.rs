//! The network between the processes and a provider: it knows whose refresh passes, and can be cut at any byte of the
//! answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fate::{Fate, Kill, Point};

/// A listener on loopback in front of a provider. It stops when it is dropped.
pub(crate) struct Wire {
    origin: String,
    seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// Who has said last that it sends.
    sender: Mutex<Option<Arc<Fate>>>,
    /// Refreshes that the provider has answered with tokens.
    rotations: AtomicU64,
}

impl Wire {
    /// In front of `target`, which is `HOST:PORT`.
    pub(crate) async fn start(target: String) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::<Seen>::default();
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (client, _) = accepted.expect("a connection");
                        connections.spawn(carry(client, target.clone(), Arc::clone(&shared)));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Wire {
            origin: format!("http://127.0.0.1:{port}"),
            seen,
            _tasks: tasks,
        }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The next refresh is this process's: it has written down that it sends.
    pub(crate) fn expect(&self, fate: &Arc<Fate>) {
        *self.seen.sender.lock().expect("no panic") = Some(Arc::clone(fate));
    }

    /// How many refreshes the provider has answered with tokens.
    pub(crate) fn rotations(&self) -> u64 {
        self.seen.rotations.load(Ordering::SeqCst)
    }
}

/// Passes request after request on.
async fn carry(mut client: TcpStream, target: String, seen: Arc<Seen>) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    while let Some(request) = message(&mut client).await {
        let refresh = find(&request, b"grant_type=refresh_token").is_some();
        let sender = || seen.sender.lock().expect("no panic").take();
        let fate = if refresh { sender() } else { None };
        if fate.as_ref().is_some_and(|fate| fate.reach(Point::Sent)) {
            return silence(client).await;
        }
        if server.write_all(&request).await.is_err() {
            return;
        }
        let Some(answer) = message(&mut server).await else {
            return;
        };
        if refresh && answer.starts_with(b"HTTP/1.1 200 ") {
            seen.rotations.fetch_add(1, Ordering::SeqCst);
        }
        if fate.as_ref().is_some_and(|fate| fate.loses_answer()) {
            return;
        }
        let delivered = match &fate {
            Some(fate) => deliver(&mut client, &answer, fate).await,
            None => client.write_all(&answer).await.is_ok(),
        };
        if !delivered {
            return silence(client).await;
        }
    }
}

/// Delivers the answer to a refresh. False if its process has died meanwhile.
async fn deliver(client: &mut TcpStream, answer: &[u8], fate: &Fate) -> bool {
    if let Kill::InAnswer(cut) = fate.kill {
        let _ = client.write_all(&answer[..cut(answer.len())]).await;
        fate.die();
        return false;
    }
    if fate.reach(Point::Answered) {
        return false;
    }
    let (first, second) = answer.split_at(answer.len() / 2);
    for (half, point) in [(first, Point::Half), (second, Point::Arrived)] {
        let _ = client.write_all(half).await;
        if fate.reach(point) {
            return false;
        }
    }
    true
}

/// Says nothing more, and waits until the other end is gone.
async fn silence(mut client: TcpStream) {
    let mut bytes = [0; 1024];
    while client.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}

/// One whole request or answer; `None` where the connection ends first.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(length) = length(&bytes)
            && bytes.len() >= length
        {
            assert_eq!(bytes.len(), length, "nobody sends ahead");
            return Some(bytes);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// How long the message is that begins like this; `None` while its head is not whole.
fn length(bytes: &[u8]) -> Option<usize> {
    let end = find(bytes, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    assert!(!head.contains("transfer-encoding"), "a length is declared");
    let declared = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |value| value.trim().parse().expect("a number"));
    Some(end + declared)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

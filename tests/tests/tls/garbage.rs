//! A server that speaks something else than TLS.

use std::sync::Arc;
use std::time::Duration;

use latchkey::{Auth, AuthError, LoginOptions, NetworkReason, memory_store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Heard, Secure, contains};

#[tokio::test]
async fn whatever_is_spoken_instead_of_tls_is_a_network_error_and_gets_no_secret() {
    let world = Secure::new().await;
    for (what, bytes) in [
        ("nothing, and hangs up", Some(b"".as_slice())),
        (
            "HTTP",
            Some(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ),
        ("SSH", Some(b"SSH-2.0-OpenSSH_9.2\r\n")),
        ("zeros", Some(&[0; 4096])),
        (
            "an endless record",
            Some(&[0x16, 3, 3, 0xFF, 0xFF, 2, 0, 0, 0]),
        ),
        ("an alert", Some(&[0x15, 3, 3, 0, 2, 2, 40])),
        ("nothing, and waits", None),
    ] {
        let garbage = Garbage::start(bytes).await;
        let mut config = world.config(Some(world.authority.pem()));
        config.issuer = format!("https://localhost:{}", garbage.port);
        config.request_timeout_seconds = Some(1);
        let auth = Auth::new(config, memory_store()).expect("valid");
        let login = auth.begin_login(LoginOptions::default(), None);
        let result = timeout(Duration::from_secs(12), login)
            .await
            .expect("within its deadline");
        assert!(
            matches!(result, Err(AuthError::Network { .. })),
            "{what}: {result:?}"
        );
        if bytes.is_none() {
            assert!(
                matches!(
                    result,
                    Err(AuthError::Network {
                        reason: NetworkReason::Timeout,
                        ..
                    })
                ),
                "{what}: {result:?}"
            );
        }
        let heard = garbage.heard();
        assert_eq!(heard.first(), Some(&0x16), "{what}: no TLS handshake");
        assert!(!contains(&heard, b"HTTP/1.1"), "{what}");
    }
}

/// A server that answers the first bytes with these, whatever they are.
struct Garbage {
    port: u16,
    heard: Heard,
    _tasks: JoinSet<()>,
}

impl Garbage {
    /// `None`: it never answers. After an empty answer it hangs up.
    async fn start(bytes: Option<&[u8]>) -> Garbage {
        let bytes = bytes.map(<[u8]>::to_vec);
        let listener = TcpListener::bind("localhost:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Heard::default();
        let book = Arc::clone(&heard);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // One after the other: there is one client.
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4096];
                let mut first = true;
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    book.lock().expect("no panic").push(buffer[..read].to_vec());
                    if let Some(bytes) = bytes.as_ref().filter(|_| std::mem::take(&mut first))
                        && (bytes.is_empty() || stream.write_all(bytes).await.is_err())
                    {
                        break;
                    }
                }
            }
        });
        Garbage {
            port,
            heard,
            _tasks: tasks,
        }
    }

    fn heard(&self) -> Vec<u8> {
        self.heard.lock().expect("no panic").concat()
    }
}

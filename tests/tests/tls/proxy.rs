//! A proxy, and what it hears.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Heard;

/// A proxy that writes down what it is told, and connects to one port of this machine, whatever it is asked for.
pub(crate) struct Proxy {
    pub(crate) url: String,
    heard: Heard,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(target: Option<u16>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Heard::default();
        let book = Arc::clone(&heard);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut book = book.lock().expect("no panic");
                    book.push(Vec::new());
                    book.len() - 1
                };
                serving.spawn(proxy(stream, target, Arc::clone(&book), index));
            }
        });
        Proxy {
            url,
            heard,
            _tasks: tasks,
        }
    }

    pub(crate) fn connections(&self) -> Vec<Vec<u8>> {
        self.heard.lock().expect("no panic").clone()
    }
}

async fn proxy(mut client: TcpStream, target: Option<u16>, book: Heard, index: usize) {
    let mut head = Vec::new();
    while end_of_head(&head).is_none() {
        let mut byte = [0];
        match client.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    book.lock().expect("no panic")[index].extend(head);
    let Some(port) = target else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
        return;
    };
    let Ok(mut server) = TcpStream::connect(("localhost", port)).await else {
        return;
    };
    if client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.is_err() {
        return;
    }
    let mut client = Overheard {
        stream: client,
        book,
        index,
    };
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// Writes down what is read from it.
struct Overheard {
    stream: TcpStream,
    book: Heard,
    index: usize,
}

impl tokio::io::AsyncRead for Overheard {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let poll = std::pin::Pin::new(&mut self.stream).poll_read(context, buffer);
        let mut book = self.book.lock().expect("no panic");
        book[self.index].extend(&buffer.filled()[before..]);
        poll
    }
}

impl tokio::io::AsyncWrite for Overheard {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

pub(crate) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

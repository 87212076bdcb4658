//! The accept loop: counts connections, and can close one without an answer.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt as _;

use crate::stats::Stats;

/// In a response's extensions: send nothing and close the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloseConnection;

/// hyper closes the connection, and writes nothing, when the service fails; so this error is the
/// way to drop a request that axum alone, whose services cannot fail, does not have.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed by a fault")]
struct Closed;

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Running(JoinHandle<()>);

impl Running {
    pub(crate) fn start(listener: TcpListener, router: Router, stats: Arc<Stats>) -> Running {
        Running(tokio::spawn(accept(listener, router, stats)))
    }

    /// Closes the port and all connections.
    pub(crate) async fn stop(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept(listener: TcpListener, router: Router, stats: Arc<Stats>) {
    // Dropping the set ends the connections in it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // What fails here (a client that left already, no file descriptor) may pass.
                let Ok((stream, _)) = accepted else {
                    tokio::task::yield_now().await;
                    continue;
                };
                stats.connection();
                let _ = stream.set_nodelay(true);
                let router = router.clone();
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    answer(router.clone(), request.map(Body::new))
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(router: Router, request: Request) -> Result<Response, Closed> {
    let Ok(response) = router.oneshot(request).await;
    match response.extensions().get::<CloseConnection>() {
        Some(_) => Err(Closed),
        None => Ok(response),
    }
}

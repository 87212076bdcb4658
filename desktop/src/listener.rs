//! Waits on loopback for the browser to come back (RFC 8252 §7.3).
//!
//! Anything on this machine can reach the port, so what comes in is no more than a rumour: each address on the
//! redirect path is handed to the core, which knows the answer to its own question, and the waiting goes on until it
//! says that this was it.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use latchkey::{AuthError, Recovery};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use url::{Host, Url};

use crate::config::problem;
use crate::pages::{self, Page};

/// More connections wait at the system's door.
const MAX_CONNECTIONS: usize = 16;
/// The core takes an address of 16 KiB; more than this is answered 431.
const MAX_HEAD: usize = 24 * 1024;
/// Browsers open connections that they then do not use.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long the browser is waited for to fetch the closing page.
const CLOSING_PATIENCE: Duration = Duration::from_secs(3);

/// A loopback port that belongs to one login.
pub(crate) struct Loopback {
    listeners: Vec<TcpListener>,
    redirect: Url,
}

impl Loopback {
    /// Listens where this redirect URI points to: at its port, or at any free one where it names none.
    pub(crate) async fn bind(redirect_uri: &str) -> Result<Self, AuthError> {
        let not_here = || {
            problem(
                "redirect_uri",
                "can be waited for only at http://127.0.0.1, http://[::1] or http://localhost; \
                 for another, use login --begin and login --finish.",
            )
        };
        let mut redirect = Url::parse(redirect_uri).map_err(|_| not_here())?;
        let port = redirect.port();
        let addresses: &[SocketAddr] = &match redirect.host() {
            _ if redirect.scheme() != "http" => return Err(not_here()),
            Some(Host::Ipv4(ip)) if ip.is_loopback() => vec![(ip, port.unwrap_or(0)).into()],
            Some(Host::Ipv6(ip)) if ip.is_loopback() => vec![(ip, port.unwrap_or(0)).into()],
            Some(Host::Domain("localhost")) => {
                vec![
                    (Ipv4Addr::LOCALHOST, port.unwrap_or(0)).into(),
                    (Ipv6Addr::LOCALHOST, port.unwrap_or(0)).into(),
                ]
            }
            _ => return Err(not_here()),
        };
        let listeners = listen(addresses).await.map_err(|error| {
            problem(
                "redirect_uri",
                format!("cannot be waited for at {}: {error}.", addresses[0]),
            )
        })?;
        let port = listeners[0]
            .local_addr()
            .map(|address| address.port())
            .unwrap_or_default();
        redirect.set_port(Some(port)).map_err(|()| not_here())?;
        Ok(Self {
            listeners,
            redirect,
        })
    }

    /// The redirect URI with the port that is listened on.
    pub(crate) fn redirect_uri(&self) -> &str {
        self.redirect.as_str()
    }

    /// Hands each callback to `finish`, shows the browser how it ended, and gives back the first result that is not
    /// "keep waiting". Waits as long as it takes.
    pub(crate) async fn wait<T, Work>(
        self,
        finish: impl Fn(String) -> Work + Send + Sync + 'static,
    ) -> Result<T, AuthError>
    where
        T: Send + 'static,
        Work: Future<Output = Result<T, AuthError>> + Send + 'static,
    {
        let (ended, mut end) = mpsc::channel(1);
        let site = Arc::new(Site::new(self.redirect, finish, ended));
        // Dropping the set ends the connections in it.
        let mut connections = JoinSet::new();
        let mut outcome = None;
        let mut closing = Instant::now();
        loop {
            tokio::select! {
                biased;
                Some(result) = end.recv(), if outcome.is_none() => {
                    outcome = Some(result);
                    closing = Instant::now() + CLOSING_PATIENCE;
                }
                Some(shown) = connections.join_next() => {
                    if let (Ok(true), Some(outcome)) = (shown, &mut outcome) {
                        break std::mem::replace(outcome, Err(AuthError::Cancelled));
                    }
                }
                () = sleep_until(closing), if outcome.is_some() => {
                    break outcome.take().unwrap_or(Err(AuthError::Cancelled));
                }
                stream = accept(&self.listeners), if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(serve(Arc::clone(&site), stream));
                }
            }
        }
    }
}

/// What the port answers.
struct Site<Finish, T> {
    /// The redirect URI without its query, which the request brings along.
    callback: String,
    path: String,
    closing_path: &'static str,
    closing_page: Mutex<Option<Page>>,
    finish: Finish,
    ended: mpsc::Sender<Result<T, AuthError>>,
}

impl<T, Work, Finish> Site<Finish, T>
where
    T: Send + 'static,
    Work: Future<Output = Result<T, AuthError>> + Send + 'static,
    Finish: Fn(String) -> Work + Send + Sync + 'static,
{
    fn new(mut redirect: Url, finish: Finish, ended: mpsc::Sender<Result<T, AuthError>>) -> Self {
        redirect.set_query(None);
        let path = redirect.path().to_owned();
        let closing_path = if path == "/done" { "/closed" } else { "/done" };
        Self {
            callback: redirect.into(),
            path,
            closing_path,
            closing_page: Mutex::default(),
            finish,
            ended,
        }
    }

    /// The answer, and whether it is the closing page.
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> (Response<String>, bool) {
        if request.method() != Method::GET {
            return (Page::not_found().response(), false);
        }
        if request.uri().path() == self.closing_path
            && let Some(page) = self.closing_page().clone()
        {
            return (page.response(), true);
        }
        if request.uri().path() != self.path {
            return (Page::not_found().response(), false);
        }
        let callback = match request.uri().query() {
            Some(query) => format!("{}?{query}", self.callback),
            None => self.callback.clone(),
        };
        // A task of its own: a browser that closes the connection now must not take the result with it.
        let page = tokio::spawn(async move { self.take(callback).await });
        (
            page.await.unwrap_or_else(|_| Page::not_found().response()),
            false,
        )
    }

    async fn take(&self, callback: String) -> Response<String> {
        let result = (self.finish)(callback).await;
        let page = match &result {
            Ok(_) => Page::logged_in(),
            Err(error) if error.recovery() == Recovery::KeepWaiting => {
                return Page::ignored(error).response();
            }
            Err(error) => Page::failed(error),
        };
        // The first result is the login's; the core gives no second one.
        if self.ended.try_send(result).is_ok() {
            *self.closing_page() = Some(page);
        }
        pages::see_other(self.closing_path)
    }

    fn closing_page(&self) -> std::sync::MutexGuard<'_, Option<Page>> {
        self.closing_page
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection, one request. Gives back whether the closing page went out on it.
async fn serve<T, Work, Finish>(site: Arc<Site<Finish, T>>, stream: TcpStream) -> bool
where
    T: Send + 'static,
    Work: Future<Output = Result<T, AuthError>> + Send + 'static,
    Finish: Fn(String) -> Work + Send + Sync + 'static,
{
    let shown = AtomicBool::new(false);
    let service = service_fn(|request| {
        let answer = Arc::clone(&site).answer(request);
        let shown = &shown;
        async move {
            let (response, closing) = answer.await;
            shown.fetch_or(closing, Ordering::SeqCst);
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // A browser that breaks off is a browser that has seen enough.
    let _ = connection.await;
    shown.load(Ordering::SeqCst)
}

/// The next connection at any of the sockets.
async fn accept(listeners: &[TcpListener]) -> TcpStream {
    loop {
        let accepted = match listeners {
            [one, two] => {
                tokio::select! { accepted = one.accept() => accepted, accepted = two.accept() => accepted }
            }
            [one, ..] => one.accept().await,
            [] => std::future::pending().await,
        };
        match accepted {
            Ok((stream, _)) => return stream,
            // What fails here (a client that left, no file descriptor) may pass.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Listens at all these addresses, with one port.
///
/// `localhost` is two addresses, and a browser may take either. Were only one of them ours, another program could
/// listen at the same port of the other and get the code.
async fn listen(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let mut taken = None;
    // Where the second address's port is taken, another free port is tried.
    for _ in 0..16 {
        let first = TcpListener::bind(addresses[0]).await?;
        let port = first.local_addr()?.port();
        let Some(&second) = addresses.get(1) else {
            return Ok(vec![first]);
        };
        match TcpListener::bind((second.ip(), port)).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken = Some(error),
            // This machine has no such address, so nobody else has it.
            Err(_) => return Ok(vec![first]),
        }
    }
    Err(taken.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

#[cfg(test)]
mod tests;

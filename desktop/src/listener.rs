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
mod tests {
    use latchkey::CallbackIgnoredReason;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn request(uri: &Url, head: &str) -> String {
        let port = uri.port().unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        stream
            .write_all(format!("{head} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Takes `?code=good` at the redirect path, fails at `?code=bad`, and ignores all the rest.
    async fn waiting(
        redirect_uri: &str,
    ) -> (Url, tokio::task::JoinHandle<Result<String, AuthError>>) {
        let loopback = Loopback::bind(redirect_uri).await.unwrap();
        let uri = Url::parse(loopback.redirect_uri()).unwrap();
        let finish = |callback: String| async move {
            match callback.rsplit_once("code=") {
                Some((_, "good")) => Ok(callback),
                Some((_, "bad")) => Err(AuthError::Denied {
                    code: "access_denied".to_owned(),
                }),
                _ => Err(AuthError::CallbackIgnored {
                    reason: CallbackIgnoredReason::StateMismatch,
                }),
            }
        };
        (uri, tokio::spawn(loopback.wait(finish)))
    }

    #[tokio::test]
    async fn the_right_callback_ends_the_waiting_and_its_address_leaves_the_browser() {
        let (uri, login) = waiting("http://127.0.0.1/callback").await;
        let answer = request(&uri, "GET /callback?state=1&code=good").await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        assert!(answer.contains("location: /done\r\n"), "{answer}");
        let page = request(&uri, "GET /done").await;
        assert!(page.contains("You are logged in"), "{page}");
        let callback = login.await.unwrap().unwrap();
        assert_eq!(callback, format!("{uri}?state=1&code=good"));
    }

    #[tokio::test]
    async fn what_is_not_the_callback_is_not_found_and_the_waiting_goes_on() {
        let (uri, login) = waiting("http://127.0.0.1/callback").await;
        for head in [
            "GET /favicon.ico",
            "GET /",
            "GET /done",
            "POST /callback?code=good",
            "HEAD /callback?code=good",
        ] {
            let answer = request(&uri, head).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{head}: {answer}");
        }
        let answer = request(&uri, "GET /callback?code=other").await;
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("Nothing was changed"),
            "{answer}"
        );
        assert!(!login.is_finished());
        request(&uri, "GET /callback?code=good").await;
        request(&uri, "GET /done").await;
        assert!(login.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_login_that_failed_says_so_in_the_browser_too() {
        let (uri, login) = waiting("http://127.0.0.1/callback").await;
        request(&uri, "GET /callback?code=bad").await;
        let page = request(&uri, "GET /done").await;
        assert!(
            page.contains("access_denied") && page.contains("not logged in"),
            "{page}"
        );
        assert_eq!(login.await.unwrap().unwrap_err().kind(), "denied");
    }

    #[tokio::test]
    async fn a_browser_that_leaves_during_the_exchange_does_not_take_the_result_with_it() {
        let loopback = Loopback::bind("http://127.0.0.1/callback").await.unwrap();
        let port = Url::parse(loopback.redirect_uri()).unwrap().port().unwrap();
        let (reached, mut exchange) = mpsc::channel(1);
        let go_on = Arc::new(tokio::sync::Notify::new());
        let login = tokio::spawn(loopback.wait({
            let go_on = Arc::clone(&go_on);
            move |callback| {
                let (reached, go_on) = (reached.clone(), Arc::clone(&go_on));
                async move {
                    reached.send(()).await.unwrap();
                    go_on.notified().await;
                    Ok(callback)
                }
            }
        }));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        stream
            .write_all(b"GET /callback?code=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        exchange.recv().await.unwrap();
        drop(stream);
        // Nobody will fetch the closing page: that wait is over at once.
        tokio::time::pause();
        go_on.notify_one();
        assert!(login.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn the_port_is_the_one_that_is_named_or_any_free_one() {
        let any = Loopback::bind("http://127.0.0.1/callback?x=1")
            .await
            .unwrap();
        let uri = Url::parse(any.redirect_uri()).unwrap();
        assert_eq!((uri.path(), uri.query()), ("/callback", Some("x=1")));
        let named = format!("http://127.0.0.1:{}/callback", uri.port().unwrap());
        let taken = Loopback::bind(&named).await.err().unwrap();
        assert_eq!(taken.kind(), "configuration");
        drop(any);
        assert_eq!(Loopback::bind(&named).await.unwrap().redirect_uri(), named);
    }

    #[tokio::test]
    async fn a_redirect_uri_that_is_not_loopback_is_not_listened_on() {
        for uri in [
            "https://127.0.0.1/",
            "http://192.0.2.1/cb",
            "http://example.test/cb",
            "app.test:/cb",
            "x",
        ] {
            let error = Loopback::bind(uri).await.err().unwrap();
            assert!(error.to_string().contains("--begin"), "{uri}: {error}");
        }
    }

    #[tokio::test]
    async fn localhost_is_listened_on_at_both_of_its_addresses_where_there_are_two() {
        let loopback = Loopback::bind("http://localhost/callback").await.unwrap();
        let ports: Vec<u16> = loopback
            .listeners
            .iter()
            .map(|l| l.local_addr().unwrap().port())
            .collect();
        assert!(ports.iter().all(|port| *port == ports[0]), "{ports:?}");
        let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok();
        assert_eq!(ports.len(), if has_ipv6 { 2 } else { 1 });
    }
}

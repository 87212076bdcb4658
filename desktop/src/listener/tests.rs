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
async fn waiting(redirect_uri: &str) -> (Url, tokio::task::JoinHandle<Result<String, AuthError>>) {
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

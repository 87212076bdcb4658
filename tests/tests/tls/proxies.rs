//! A proxy in the environment: nothing on this machine goes through it, and it sees no secret of what does.

use std::env;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey::{ApiClient, Auth, AuthConfig, AuthError, LoginOptions, PingClient, memory_store};
use latchkey_devserver::{DevServer, Options};
use latchkey_tests::elsewhere::{self, speaks_as};
use latchkey_tests::tls_front::{Authority, Certificate, TlsFront};
use latchkey_tests::world::REDIRECT_URI;
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::proxy::{Proxy, end_of_head};
use crate::{FORCE, contains, submit};

#[tokio::test]
async fn loopback_is_not_sent_through_a_proxy() {
    let server = DevServer::start(Options::default()).await.expect("starts");
    let proxy = Proxy::start(None).await;
    let home = format!("http://{}", elsewhere::address(&server));
    let by_name = home.replace("127.0.0.1", "localhost");
    for origin in [&home, &by_name] {
        server
            .set_faults(&speaks_as(&server, origin))
            .expect("faults");
        in_child(&proxy, "story", origin, &server, None).await;
    }
    assert_eq!(server.requests("token"), 4, "the child has told its story");
    assert_eq!(proxy.connections(), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn what_lies_outside_goes_through_the_proxy_which_sees_no_secret() {
    let server = DevServer::start(Options::default()).await.expect("starts");
    let authority = Authority::new();
    let certificate = Certificate {
        hosts: &["provider.invalid"],
        ..Certificate::default()
    };
    let config = authority.server(&certificate, &[&TLS13]);
    let front = TlsFront::start(config, elsewhere::address(&server)).await;
    let proxy = Proxy::start(Some(front.port())).await;
    let origin = "https://provider.invalid";
    server
        .set_faults(&speaks_as(&server, origin))
        .expect("faults");
    in_child(&proxy, "story", origin, &server, Some(authority.pem())).await;
    assert_eq!(server.requests("token"), 2, "the child has told its story");
    let seen = proxy.connections();
    assert!(!seen.is_empty());
    for bytes in seen {
        let end = end_of_head(&bytes).expect("a whole request");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("CONNECT provider.invalid:443 HTTP/1.1"));
        for line in lines.filter(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            assert!(
                ["host", "user-agent", "proxy-connection"].contains(&&*name.to_lowercase()),
                "the proxy is told more than it needs: {line}"
            );
        }
        assert_eq!(bytes.get(end), Some(&0x16), "a TLS handshake follows");
        for secret in ["Bearer", "refresh_token", "code_verifier", "HTTP/1.1"] {
            assert!(!contains(&bytes[end..], secret.as_bytes()), "{secret}");
        }
    }
}

#[tokio::test]
async fn plain_http_beyond_loopback_is_never_contacted() {
    let server = DevServer::start(Options::default()).await.expect("starts");
    let proxy = Proxy::start(None).await;
    let home = format!("http://{}", elsewhere::address(&server));
    in_child(&proxy, "plain", &home, &server, None).await;
    assert!(server.requests("discovery") > 0, "the child was there");
    assert_eq!(proxy.connections(), Vec::<Vec<u8>>::new());
}

/// Runs [`child_of_the_proxy_tests`] in a process whose environment names the proxy.
async fn in_child(proxy: &Proxy, part: &str, origin: &str, server: &DevServer, pem: Option<&str>) {
    let mut command = Command::new(env::current_exe().expect("a test has a binary"));
    command
        .args(["--ignored", "--exact", "proxies::child_of_the_proxy_tests"])
        .env("LATCHKEY_TEST_PART", part)
        .env("LATCHKEY_TEST_ORIGIN", origin)
        .env("LATCHKEY_TEST_AUDIENCE", server.audience())
        .env("LATCHKEY_TEST_HOME", elsewhere::address(server))
        .env("LATCHKEY_TEST_PEM", pem.unwrap_or_default());
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        command.env_remove(name);
    }
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, &proxy.url);
        command.env(name.to_lowercase(), &proxy.url);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(60), command.output())
        .await
        .expect("the child ends")
        .expect("the child runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
#[ignore = "the tests about proxies run it, in a process of its own"]
async fn child_of_the_proxy_tests() {
    let Ok(part) = env::var("LATCHKEY_TEST_PART") else {
        return;
    };
    let of = |name: &str| env::var(format!("LATCHKEY_TEST_{name}")).expect("it is set");
    let origin = of("ORIGIN");
    let home = format!("http://{}", of("HOME"));
    let mut config = AuthConfig::new(&origin, "latchkey-dev", REDIRECT_URI);
    config.audience = Some(of("AUDIENCE"));
    config.request_timeout_seconds = Some(10);
    config.trust_anchors_pem = Some(of("PEM")).filter(|pem| !pem.is_empty());
    match part.as_str() {
        "story" => {
            let auth = Auth::new(config, memory_store()).expect("valid");
            let request = auth
                .begin_login(LoginOptions::default(), None)
                .await
                .expect("begins");
            let callback = submit(&request.url.replacen(&origin, &home, 1)).await;
            auth.finish_login(callback, None).await.expect("logs in");
            auth.access_token(FORCE, None).await.expect("renewed");
            let ping = PingClient::new(auth, format!("{origin}/api")).expect("valid");
            ping.ping_private(None).await.expect("answers");
        }
        _ => refuse_plain_http(config, &home).await,
    }
}

async fn refuse_plain_http(config: AuthConfig, home: &str) {
    for outside in [
        "http://provider.invalid",
        "http://192.0.2.1",
        "http://localhost.provider.invalid",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0",
    ] {
        let mut plain = config.clone();
        plain.issuer = outside.to_owned();
        assert!(matches!(
            Auth::new(plain, memory_store()),
            Err(AuthError::Configuration { .. })
        ));
        let auth = Auth::new(config.clone(), memory_store()).expect("valid");
        assert!(matches!(
            ApiClient::new(auth, outside.to_owned()),
            Err(AuthError::Configuration { .. })
        ));
        // A provider on this machine that names an endpoint elsewhere.
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            let member = format!("{{\"{name}\":\"{outside}/x\"}}");
            let fault = format!("discovery:merge={}", BASE64_URL_SAFE_NO_PAD.encode(member));
            set_faults(home, &fault).await;
            let auth = Auth::new(config.clone(), memory_store()).expect("valid");
            let result = auth.begin_login(LoginOptions::default(), None).await;
            assert_eq!(
                result.map(drop),
                Err(AuthError::Untrusted {
                    check: "endpoint".to_owned()
                }),
                "{name} {outside}"
            );
        }
    }
}

/// `POST /faults`, as another process has to.
async fn set_faults(home: &str, text: &str) {
    let address = home.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("the server is up");
    let request = format!(
        "POST /faults HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    assert!(
        answer.starts_with(b"HTTP/1.1 2"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

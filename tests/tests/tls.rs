//! Over TLS: the story, what is not trusted, connections that stay open, and proxies.

use std::env;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey::{
    AccessTokenOptions, ApiClient, Auth, AuthConfig, AuthError, LoginOptions, LogoutOptions,
    NetworkReason, PingClient, Revocation, memory_store,
};
use latchkey_devserver::{DevServer, Options, Rotation, submit_login};
use latchkey_tests::elsewhere::{self, at_home, speaks_as};
use latchkey_tests::glass::GlassStore;
use latchkey_tests::tls_front::{Authority, Certificate, TlsFront};
use latchkey_tests::world::{REDIRECT_URI, state};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};

/// A development server behind TLS, and a device.
struct Secure {
    server: DevServer,
    front: TlsFront,
    authority: Authority,
    store: Arc<GlassStore>,
}

impl Secure {
    async fn new() -> Secure {
        let options = Options {
            rotation: Rotation::Parent,
            ..Options::default()
        };
        let server = DevServer::start(options).await.expect("starts");
        let authority = Authority::new();
        let config = authority.server(&Certificate::default(), &[&TLS12, &TLS13]);
        let front = TlsFront::start(config, elsewhere::address(&server)).await;
        server
            .set_faults(&speaks_as(&server, &front.origin()))
            .expect("faults");
        Secure {
            server,
            front,
            authority,
            store: GlassStore::new(),
        }
    }

    fn config(&self, trust_anchors_pem: Option<&str>) -> AuthConfig {
        let mut config = elsewhere::config(&self.server, &self.front.origin());
        config.trust_anchors_pem = trust_anchors_pem.map(str::to_owned);
        config.request_timeout_seconds = Some(10);
        config
    }

    /// The app, started: a new process as far as memory and connections go.
    fn app_with(&self, config: AuthConfig) -> Arc<Auth> {
        Auth::new(config, self.store.clone()).expect("a valid configuration")
    }

    fn app(&self) -> Arc<Auth> {
        self.app_with(self.config(Some(self.authority.pem())))
    }

    fn ping(&self, auth: &Arc<Auth>) -> Arc<PingClient> {
        let api = format!("{}/api", self.front.origin());
        PingClient::new(Arc::clone(auth), api).expect("a valid address")
    }

    async fn begin(&self, auth: &Auth) -> Result<String, AuthError> {
        let request = auth.begin_login(LoginOptions::default(), None).await?;
        assert!(request.url.starts_with(&self.front.origin()));
        Ok(at_home(&self.server, &self.front.origin(), &request.url))
    }

    async fn log_in(&self, auth: &Auth) {
        let page = self.begin(auth).await.expect("begins");
        let callback = submit(&page).await;
        auth.finish_login(callback, None).await.expect("logs in");
    }

    fn requests(&self) -> u64 {
        ["discovery", "jwks", "token", "userinfo", "revoke", "api"]
            .iter()
            .map(|endpoint| self.server.requests(endpoint))
            .sum()
    }

    /// Whatever is asked for, by a process that trusts what `config` says, ends as `tls`; the server gets nothing,
    /// and the session is as it was.
    async fn assert_nothing_is_sent(&self, config: &AuthConfig, what: &str) {
        let before = self.store.session();
        self.server.reset_counts();
        let auth = self.app_with(config.clone());
        let ping = self.ping(&auth);
        let results = [
            auth.begin_login(LoginOptions::default(), None)
                .await
                .map(drop),
            auth.user_info(None).await.map(drop),
            ping.ping_private(None).await.map(drop),
        ];
        assert_eq!(self.store.session(), before, "{what}");
        let refresh = auth.access_token(FORCE, None).await.map(drop);
        for result in results.into_iter().chain([refresh]) {
            assert_eq!(result, Err(NO_TRUST), "{what}");
        }
        assert_eq!(self.requests(), 0, "{what}");
        assert_eq!(self.server.connections(), 0, "{what}");
        assert_eq!(state(&auth.session()), "signed_in", "{what}");
    }

    /// The session of `auth`, which was started before, is as good as it was.
    async fn assert_usable(&self, auth: &Arc<Auth>) {
        self.ping(auth).ping_private(None).await.expect("answers");
        auth.access_token(FORCE, None).await.expect("renewed");
        self.ping(auth).ping_private(None).await.expect("answers");
    }
}

const NO_TRUST: AuthError = AuthError::Network {
    reason: NetworkReason::Tls,
    retry_after_seconds: None,
};

async fn submit(page: &str) -> String {
    submit_login(page, "alice", "alice-password")
        .await
        .expect("the page takes the password")
}

#[tokio::test]
async fn the_whole_story_is_told_over_tls_to_who_trusts_the_authority() {
    let world = Secure::new().await;
    let auth = world.app();
    world.log_in(&auth).await;
    let ping = world.ping(&auth);
    let message = ping.ping_private(None).await.expect("answers").message;
    assert!(message.starts_with("Hello from a private endpoint!"));
    ping.ping_private_scoped(None).await.expect("answers");
    let claims = auth.user_info(None).await.expect("claims");
    assert!(claims.contains("dev|alice"));
    auth.access_token(FORCE, None).await.expect("renewed");
    ping.ping_private(None).await.expect("answers");
    let outcome = auth
        .logout(LogoutOptions::default())
        .await
        .expect("logs out");
    assert_eq!(outcome.revocation, Revocation::Done);
    assert_eq!(world.front.connections(), world.front.handshakes());
}

#[tokio::test]
async fn after_the_callback_no_tls_connection_is_opened() {
    let world = Secure::new().await;
    let auth = world.app();
    let page = world.begin(&auth).await.expect("begins");
    // The keys are fetched while the person is in the browser.
    let faults = speaks_as(&world.server, &world.front.origin()) + "login:gate=person";
    world.server.set_faults(&faults).expect("faults");
    let keys = async {
        world.server.gate_reached("person").await;
        while world.server.requests("jwks") == 0 {
            tokio::task::yield_now().await;
        }
        world.server.open_gate("person");
    };
    let (callback, ()) = tokio::join!(submit(&page), keys);
    let (handshakes, connections) = (world.front.handshakes(), world.front.connections());

    auth.finish_login(callback, None).await.expect("logs in");
    world.ping(&auth).ping_private(None).await.expect("answers");

    assert_eq!(world.front.handshakes(), handshakes);
    assert_eq!(world.front.connections(), connections);
    assert_eq!(connections, 1, "one is enough for a login");
}

#[tokio::test]
async fn without_the_authority_nothing_is_sent() {
    let world = Secure::new().await;
    let auth = world.app();
    world.log_in(&auth).await;
    world
        .assert_nothing_is_sent(&world.config(None), "no anchors")
        .await;
    let other = Authority::new();
    world
        .assert_nothing_is_sent(&world.config(Some(other.pem())), "another authority")
        .await;
    world.assert_usable(&auth).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_right_is_not_trusted_and_nothing_is_sent() {
    let world = Secure::new().await;
    let auth = world.app();
    world.log_in(&auth).await;
    let good = world
        .authority
        .server(&Certificate::default(), &[&TLS12, &TLS13]);
    let right = world.config(Some(world.authority.pem()));
    for (what, certificate) in [
        (
            "of another host",
            Certificate {
                hosts: &["provider.invalid", "localhost.provider.invalid"],
                ..Certificate::default()
            },
        ),
        (
            "of an address, where the name was asked for",
            Certificate {
                hosts: &["127.0.0.1"],
                ..Certificate::default()
            },
        ),
        (
            "expired",
            Certificate {
                until_year: 2021,
                ..Certificate::default()
            },
        ),
    ] {
        for version in [&TLS12, &TLS13] {
            let bad = world.authority.server(&certificate, &[version]);
            world.front.present(bad);
            world.assert_nothing_is_sent(&right, what).await;
        }
    }
    world.front.present(good);
    world.assert_usable(&world.app()).await;
}

#[tokio::test]
async fn a_login_whose_exchange_meets_a_bad_certificate_sends_no_code_and_keeps_the_old_session() {
    let world = Secure::new().await;
    world.log_in(&world.app()).await;
    let page = world.begin(&world.app()).await.expect("begins");
    let callback = submit(&page).await;
    let before = world.store.session();
    world
        .front
        .present(Authority::new().server(&Certificate::default(), &[&TLS13]));
    world.server.reset_counts();
    // The browser was in front for so long that the system has ended the app.
    let result = world.app().finish_login(callback, None).await;
    assert_eq!(result, Err(NO_TRUST));
    assert_eq!(world.requests(), 0);
    assert_eq!(world.store.session(), before);
}

#[tokio::test]
async fn a_server_that_speaks_tls_1_2_alone_is_as_good() {
    let world = Secure::new().await;
    let old = world.authority.server(&Certificate::default(), &[&TLS12]);
    world.front.present(old);
    let auth = world.app();
    world.log_in(&auth).await;
    world.assert_usable(&auth).await;
}

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

#[tokio::test]
async fn trust_anchors_that_cannot_be_read_are_a_mistake_in_the_configuration() {
    let good = Authority::new();
    let cut = good.pem().replacen("MI", "", 1);
    let mixed = format!("{}{cut}", good.pem());
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for pem in [
        "",
        "garbage",
        key,
        &cut,
        &mixed,
        "-----BEGIN CERTIFICATE-----\n",
    ] {
        let mut config = AuthConfig::new("https://provider.invalid", "app", REDIRECT_URI);
        config.trust_anchors_pem = Some(pem.to_owned());
        let Err(error) = Auth::new(config, memory_store()) else {
            panic!("{pem:?} was taken");
        };
        let AuthError::Configuration { problems } = &error else {
            panic!("{pem:?}: {error:?}");
        };
        assert_eq!(problems[0].field, "trust_anchors_pem");
    }
}

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
        .args(["--ignored", "--exact", "child_of_the_proxy_tests"])
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

/// What came over each connection, from the client.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// A proxy that writes down what it is told, and connects to one port of this machine, whatever it is asked for.
struct Proxy {
    url: String,
    heard: Heard,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn start(target: Option<u16>) -> Proxy {
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

    fn connections(&self) -> Vec<Vec<u8>> {
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

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

//! HTTP: one place that knows reqwest and rustls.
//!
//! Built once, with one policy: TLS 1.2 and later by ring, the platform's own trust, no redirects, no cookies, no
//! retries (but those of `repeat`), no decompression, three deadlines (connecting, silence, all in all) and a cap on
//! bodies. Plain `http` goes to loopback hosts only (the callers' URLs are checked for it), and never through a proxy.

mod late_body;
mod repeat;
mod trust;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, redirect, retry};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use url::{Host, Url};

pub(crate) use self::late_body::LateBody;
use self::trust::PlatformVerifier;
pub use self::trust::{TrustError, TrustEvaluator};

/// No answer may be larger. A JWKS with x5c chains of a big provider is some 50 KiB.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(15);
/// How long an unused connection is kept: a person needs a while to log in.
const IDLE: Duration = Duration::from_secs(120);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransportError {
    /// No such host, or nobody listens: nothing was sent.
    #[error("no connection")]
    Offline,
    /// No trusted TLS connection: nothing was sent.
    #[error("no trusted connection")]
    Tls,
    /// A deadline passed.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after the request may have been sent.
    #[error("the answer broke off")]
    Interrupted,
    /// The answer is larger than [`MAX_BODY`].
    #[error("the answer is too large")]
    TooLarge {
        /// Its status.
        status: u16,
    },
}

/// A request: everything in it is ready to be sent as it is.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    /// The access token for the `Authorization` header, its one place (RFC 6750 §2.1).
    pub(crate) bearer: Option<String>,
    pub(crate) body: Option<Body>,
    /// A shorter deadline than the configured one.
    pub(crate) at_most: Option<Duration>,
}

/// What is sent after a request's head.
pub(crate) enum Body {
    Ready(Vec<u8>),
    Late(LateBody),
}

impl Request {
    pub(crate) fn get(url: &Url) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.clone(),
            headers: vec![
                ("accept".to_owned(), "application/json".to_owned()),
                // Said aloud: without it a server may pack its answer (RFC 9110 §12.5.3), and nobody here unpacks it.
                ("accept-encoding".to_owned(), "identity".to_owned()),
            ],
            bearer: None,
            body: None,
            at_most: None,
        }
    }

    pub(crate) fn post_form(url: &Url, body: String) -> Self {
        Self::form(url, Body::Ready(body.into_bytes()))
    }

    /// A form that is made when the connection is ready for it.
    pub(crate) fn post_late_form(url: &Url, body: LateBody) -> Self {
        Self::form(url, Body::Late(body))
    }

    fn form(url: &Url, body: Body) -> Self {
        let mut request = Self::get(url);
        request.method = "POST".to_owned();
        request.headers.push((
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        ));
        request.body = Some(body);
        request
    }
}

/// An answer, whole.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first header of this name (in lower case).
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every header line of this name (in lower case).
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// Sends requests. Cheap to share; keeps connections open between them.
pub(crate) struct Transport {
    clients: Clients,
    /// Each of their requests opens a connection (`repeat`).
    without_pool: Clients,
    deadline: Duration,
}

struct Clients {
    /// By the system's proxy settings.
    outside: Client,
    /// For loopback hosts: a proxy would see plain text.
    loopback: Client,
}

impl Clients {
    fn build(builder: impl Fn() -> ClientBuilder) -> Result<Self, BadTrustAnchors> {
        Ok(Self {
            outside: build(builder())?,
            loopback: build(builder().no_proxy())?,
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

/// Whose certificates are trusted.
pub(crate) enum Trust<'a> {
    Systems,
    /// And those of these authorities (PEM).
    SystemsAnd(&'a str),
    /// Those that the platform's own code trusts.
    By(Arc<dyn TrustEvaluator>),
}

/// What is wrong with the trust anchors that were handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadTrustAnchors;

impl Transport {
    /// `deadline` bounds each request as a whole.
    pub(crate) fn new(trust: Trust<'_>, deadline: Duration) -> Result<Self, BadTrustAnchors> {
        let tls = match trust {
            Trust::Systems => shared_tls()?,
            Trust::SystemsAnd(pem) => tls_config(anchors(pem)?)?,
            Trust::By(evaluator) => evaluated(evaluator)?,
        };
        let builder = || {
            new_client()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT)
                .read_timeout(SILENCE)
                .timeout(deadline)
                .pool_idle_timeout(IDLE)
        };
        Ok(Self {
            clients: Clients::build(builder)?,
            without_pool: Clients::build(|| builder().pool_max_idle_per_host(0))?,
            deadline,
        })
    }

    /// Sends one request, once.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.send_by(&self.clients, request).await
    }

    async fn send_by(
        &self,
        clients: &Clients,
        request: Request,
    ) -> Result<Response, TransportError> {
        let client = if on_loopback(&request.url) {
            &clients.loopback
        } else {
            &clients.outside
        };
        let Ok(method) = Method::from_bytes(request.method.as_bytes()) else {
            return Err(TransportError::Offline);
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                headers.append(name, value);
            }
        }
        let mut outgoing = client.request(method, request.url).headers(headers);
        if let Some(at_most) = request.at_most {
            outgoing = outgoing.timeout(at_most.min(self.deadline));
        }
        if let Some(token) = request.bearer {
            outgoing = outgoing.bearer_auth(token);
        }
        match request.body {
            Some(Body::Ready(bytes)) => outgoing = outgoing.body(bytes),
            Some(Body::Late(body)) => outgoing = outgoing.body(reqwest::Body::wrap(body)),
            None => {}
        }
        receive(outgoing.send().await.map_err(failure)?).await
    }
}

/// Reads an answer up to the cap.
async fn receive(mut answer: reqwest::Response) -> Result<Response, TransportError> {
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(TransportError::TooLarge { status });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// What a failure of reqwest's means. Its text may hold the URL, so it goes nowhere.
fn failure(error: reqwest::Error) -> TransportError {
    if is_tls(&error) {
        TransportError::Tls
    } else if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Offline
    } else {
        TransportError::Interrupted
    }
}

fn is_tls(error: &reqwest::Error) -> bool {
    if !error.is_connect() {
        return false;
    }
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if cause.is::<rustls::Error>() {
            return true;
        }
        // An `io::Error` gives the source of what it wraps, not what it wraps; and they are wrapped in each other.
        next = match cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    false
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes HTTP clients"
)]
fn new_client() -> ClientBuilder {
    Client::builder()
}

fn build(builder: ClientBuilder) -> Result<Client, BadTrustAnchors> {
    builder.build().map_err(|_| BadTrustAnchors)
}

pub(crate) fn on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The process-wide configuration: the platform's trust, read once.
fn shared_tls() -> Result<ClientConfig, BadTrustAnchors> {
    static SHARED: OnceCell<ClientConfig> = OnceCell::new();
    SHARED.get_or_try_init(|| tls_config(Vec::new())).cloned()
}

fn anchors(pem: &str) -> Result<Vec<CertificateDer<'static>>, BadTrustAnchors> {
    let anchors: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| BadTrustAnchors)?;
    if anchors.is_empty() {
        return Err(BadTrustAnchors);
    }
    Ok(anchors)
}

fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    // There are no client certificates, so nothing that signs with one need be shipped.
    provider.key_provider = &NoClientKeys;
    Arc::new(provider)
}

fn builder(
    provider: &Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, BadTrustAnchors> {
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| BadTrustAnchors)
}

fn evaluated(evaluator: Arc<dyn TrustEvaluator>) -> Result<ClientConfig, BadTrustAnchors> {
    let provider = provider();
    let builder = builder(&provider)?;
    let verifier = PlatformVerifier {
        evaluator,
        provider,
    };
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session shows no certificate: the platform would not be asked again.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn tls_config(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, BadTrustAnchors> {
    let provider = provider();
    let builder = builder(&provider)?;
    #[cfg(not(target_os = "android"))]
    match rustls_platform_verifier::Verifier::new_with_extra_roots(extra.clone(), provider) {
        Ok(verifier) => {
            return Ok(builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth());
        }
        Err(_) if !extra.is_empty() => return Err(BadTrustAnchors),
        // A machine without certificates: every https connection ends as `Tls`, and loopback still works.
        Err(_) => {}
    }
    // Android's verifier panics without a JNI set-up. Without a `TrustEvaluator` nothing but the app's own anchors is
    // trusted there.
    let mut roots = rustls::RootCertStore::empty();
    for certificate in extra {
        roots.add(certificate).map_err(|_| BadTrustAnchors)?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Loads no private key.
#[derive(Debug)]
struct NoClientKeys;

impl KeyProvider for NoClientKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General(
            "there are no client certificates".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests;

//! TLS in front of a plain server: a certificate authority made for one test, and a listener on loopback that
//! forwards what it decrypts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A certificate authority that nobody knows.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a certificate says.
pub struct Certificate<'a> {
    /// The hosts that it is for.
    pub hosts: &'a [&'a str],
    /// The last year in which it is valid.
    pub until_year: i32,
}

impl Default for Certificate<'_> {
    fn default() -> Self {
        Certificate {
            hosts: &["localhost"],
            until_year: 2200,
        }
    }
}

impl Authority {
    /// A new one.
    pub fn new() -> Authority {
        let mut params = params(&[], 2200);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "An authority for one test");
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What a server with such a certificate of this authority is configured with.
    pub fn server(
        &self,
        certificate: &Certificate<'_>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        serving(self.chain(certificate, &key), &key, versions)
    }

    /// What a man in the middle has who copied such a server's certificate, and not its key: he signs with his own.
    pub fn impostor(
        &self,
        certificate: &Certificate<'_>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let [copied, own] = [(); 2].map(|()| KeyPair::generate().expect("a key"));
        serving(self.chain(certificate, &copied), &own, versions)
    }

    fn chain(&self, certificate: &Certificate<'_>, key: &KeyPair) -> Vec<CertificateDer<'static>> {
        let signed = params(certificate.hosts, certificate.until_year)
            .signed_by(key, &self.issuer)
            .expect("a certificate");
        vec![signed.der().clone()]
    }
}

/// Presents this chain and signs with this key, whether or not they belong together.
fn serving(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let key = provider.key_provider.load_private_key(key).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions that ring has")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
            chain, key,
        ))));
    Arc::new(config)
}

impl Default for Authority {
    fn default() -> Self {
        Authority::new()
    }
}

fn params(hosts: &[&str], until_year: i32) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("host names");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until_year, 12, 31);
    params
}

/// The listener. It stops when it is dropped.
pub struct TlsFront {
    port: u16,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    handshakes: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl TlsFront {
    /// Listens on loopback and forwards to `target`, which is `HOST:PORT`.
    pub async fn start(config: Arc<ServerConfig>, target: String) -> TlsFront {
        let listener = TcpListener::bind("localhost:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (handshakes, connections) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (done, seen) = (Arc::clone(&handshakes), Arc::clone(&connections));
        let config = Arc::new(Mutex::new(config));
        let presented = Arc::clone(&config);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut forwarding = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                seen.fetch_add(1, Ordering::SeqCst);
                let config = Arc::clone(&presented.lock().expect("no panic"));
                let (target, done) = (target.clone(), Arc::clone(&done));
                forwarding.spawn(async move {
                    let acceptor = TlsAcceptor::from(config);
                    let Ok(mut outside) = acceptor.accept(stream).await else {
                        return;
                    };
                    done.fetch_add(1, Ordering::SeqCst);
                    if let Ok(mut inside) = TcpStream::connect(target).await {
                        // Either side may leave whenever it likes.
                        let _ = copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        TlsFront {
            port,
            config,
            handshakes,
            connections,
            _tasks: tasks,
        }
    }

    /// Connections that are opened from now on see another certificate.
    pub fn present(&self, config: Arc<ServerConfig>) {
        *self.config.lock().expect("no panic") = config;
    }

    /// `https://localhost:PORT`.
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Where it listens: for a proxy that is told another name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many TLS connections were opened to the end of their handshakes.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::SeqCst)
    }

    /// How many TCP connections were accepted.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

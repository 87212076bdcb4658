//! Certificates judged by the app's platform: its word counts for the chain, and for nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use latchkey::{
    Auth, AuthConfig, AuthError, CheckResult, LoginOptions, NetworkReason, TrustError,
    TrustEvaluator, memory_store,
};
use latchkey_devserver::{DevServer, Options};
use latchkey_tests::elsewhere::{self, speaks_as};
use latchkey_tests::hostile_server::HostileServer;
use latchkey_tests::tls_front::{Authority, Certificate, TlsFront};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, SupportedProtocolVersion};

const NO_TRUST: AuthError = AuthError::Network {
    reason: NetworkReason::Tls,
    retry_after_seconds: None,
};

/// A platform that knows one authority, and notes what it was asked.
struct Platform {
    verifier: Arc<WebPkiServerVerifier>,
    asked: Mutex<Vec<(usize, String)>>,
}

impl Platform {
    fn knowing(authority: &Authority) -> Arc<Platform> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(authority.pem().as_bytes());
        roots.add(certificate.expect("PEM")).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
        Arc::new(Platform {
            verifier: verifier.build().expect("one authority"),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<(usize, String)> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl TrustEvaluator for Platform {
    fn evaluate(&self, certificates: Vec<Vec<u8>>, host: String) -> Result<(), TrustError> {
        let asked = (certificates.len(), host.clone());
        self.asked.lock().expect("no panic").push(asked);
        let chain: Vec<CertificateDer<'_>> = certificates.into_iter().map(Into::into).collect();
        let (first, rest) = chain.split_first().ok_or(TrustError::Untrusted)?;
        let name = ServerName::try_from(host).map_err(|_| TrustError::Untrusted)?;
        self.verifier
            .verify_server_cert(first, rest, &name, &[], UnixTime::now())
            .map(drop)
            .map_err(|_| TrustError::Untrusted)
    }
}

/// A platform of which nothing good can be expected.
struct Careless {
    panics: bool,
}

impl TrustEvaluator for Careless {
    fn evaluate(&self, _: Vec<Vec<u8>>, _: String) -> Result<(), TrustError> {
        assert!(!self.panics, "a bug of the app's");
        Ok(())
    }
}

/// A provider behind TLS whose certificate says this.
async fn provider(
    authority: &Authority,
    certificate: &Certificate<'_>,
) -> (DevServer, TlsFront, AuthConfig) {
    let server = DevServer::start(Options::default()).await.expect("starts");
    let tls = authority.server(certificate, &[&TLS12, &TLS13]);
    let front = TlsFront::start(tls, elsewhere::address(&server)).await;
    server
        .set_faults(&speaks_as(&server, &front.origin()))
        .expect("faults");
    let config = elsewhere::config(&server, &front.origin());
    (server, front, config)
}

async fn begin(config: &AuthConfig, trust: Arc<dyn TrustEvaluator>) -> Result<(), AuthError> {
    let auth = Auth::with_trust(config.clone(), memory_store(), trust).expect("valid");
    let request = auth.begin_login(LoginOptions::default(), None).await;
    request.map(drop)
}

#[tokio::test]
async fn a_chain_that_the_platform_trusts_is_trusted_and_it_gets_to_see_the_chain_and_the_host() {
    let authority = Authority::new();
    let (_server, _front, config) = provider(&authority, &Certificate::default()).await;
    let platform = Platform::knowing(&authority);
    assert_eq!(begin(&config, platform.clone()).await, Ok(()));
    assert!(platform.asked().contains(&(1, "localhost".to_owned())));
}

#[tokio::test]
async fn an_authority_that_the_platform_does_not_know_and_a_certificate_that_has_expired_end_as_tls()
 {
    let authority = Authority::new();
    let expired = Certificate {
        until_year: 2020,
        ..Certificate::default()
    };
    for (certificate, known) in [
        (Certificate::default(), &Authority::new()),
        (expired, &authority),
    ] {
        let (server, _front, config) = provider(&authority, &certificate).await;
        let platform = Platform::knowing(known);
        assert_eq!(begin(&config, platform.clone()).await, Err(NO_TRUST));
        assert!(!platform.asked().is_empty(), "it was the platform's word");
        assert_eq!(server.requests("discovery"), 0);
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_whatever_the_platform_says() {
    let authority = Authority::new();
    let elsewhere = Certificate {
        hosts: &["elsewhere.example"],
        ..Certificate::default()
    };
    let (server, _front, config) = provider(&authority, &elsewhere).await;
    let careless = Arc::new(Careless { panics: false });
    assert_eq!(begin(&config, careless).await, Err(NO_TRUST));
    assert_eq!(server.requests("discovery"), 0);
}

#[tokio::test]
async fn a_platform_that_panics_has_trusted_nobody() {
    let authority = Authority::new();
    let (server, _front, config) = provider(&authority, &Certificate::default()).await;
    let careless = Arc::new(Careless { panics: true });
    assert_eq!(begin(&config, careless).await, Err(NO_TRUST));
    assert_eq!(server.requests("discovery"), 0);
}

/// A man in the middle with a copy of the provider's certificate gets nothing, though the platform trusts it.
async fn a_copied_certificate_is_refused(version: &'static SupportedProtocolVersion) {
    let authority = Authority::new();
    let (server, front, config) = provider(&authority, &Certificate::default()).await;
    front.present(authority.impostor(&Certificate::default(), &[version]));
    let platform = Platform::knowing(&authority);
    assert_eq!(begin(&config, platform.clone()).await, Err(NO_TRUST));
    assert!(!platform.asked().is_empty(), "the handshake came as far");
    assert_eq!(front.handshakes(), 0, "no handshake ends well");
    assert_eq!(server.connections(), 0, "nothing is forwarded");
    assert_eq!(server.requests("discovery"), 0);
}

#[tokio::test]
async fn by_tls_1_2_a_server_without_the_key_of_its_certificate_is_refused_whatever_the_platform_says()
 {
    a_copied_certificate_is_refused(&TLS12).await;
}

#[tokio::test]
async fn by_tls_1_3_a_server_without_the_key_of_its_certificate_is_refused_whatever_the_platform_says()
 {
    a_copied_certificate_is_refused(&TLS13).await;
}

/// A platform that takes its word back after the first connection: a pin was changed, an authority removed.
#[derive(Default)]
struct Fickle(AtomicUsize);

impl TrustEvaluator for Fickle {
    fn evaluate(&self, _: Vec<Vec<u8>>, _: String) -> Result<(), TrustError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(TrustError::Untrusted),
        }
    }
}

#[tokio::test]
async fn each_connection_is_judged_anew_so_trust_that_was_withdrawn_counts_at_the_next_one() {
    for version in [&TLS12, &TLS13] {
        let server = DevServer::start(Options::default()).await.expect("starts");
        // It closes each connection after one answer, and the TLS before it would resume its sessions.
        let closing = HostileServer::start(Some(elsewhere::address(&server))).await;
        let tls = Authority::new().server(&Certificate::default(), &[version]);
        let address = closing.origin().replacen("http://", "", 1);
        let front = TlsFront::start(tls, address).await;
        server
            .set_faults(&speaks_as(&server, &front.origin()))
            .expect("faults");
        let config = elsewhere::config(&server, &front.origin());

        let fickle = Arc::<Fickle>::default();
        let auth = Auth::with_trust(config, memory_store(), fickle.clone()).expect("valid");
        let request = auth.begin_login(LoginOptions::default(), None).await;
        request.expect("the first connection is trusted");
        // Asks for the keys, and for the metadata once more.
        let checks = auth.check_up().await;
        let keys = checks.iter().find(|check| check.name == "keys");
        assert_eq!(keys.map(|keys| keys.result), Some(CheckResult::Failed));
        assert_eq!(closing.heard().len(), 1, "requests that arrived");
        assert_eq!(closing.connections(), 1);
        assert_eq!(front.handshakes(), 1);
        assert!(fickle.0.load(Ordering::SeqCst) > 1, "asked at each");
    }
}

#[tokio::test]
async fn authorities_of_ones_own_and_a_platform_exclude_each_other() {
    let authority = Authority::new();
    let mut config = AuthConfig::new("https://provider.example", "app", "com.example.app:/cb");
    config.trust_anchors_pem = Some(authority.pem().to_owned());
    let made = Auth::with_trust(config, memory_store(), Platform::knowing(&authority));
    let Err(AuthError::Configuration { problems }) = made else {
        panic!("it was taken");
    };
    assert_eq!(problems[0].field, "trust_anchors_pem");
}

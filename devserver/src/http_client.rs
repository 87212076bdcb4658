//! The HTTP client of this crate: no proxy, no redirects, TLS without process-wide state.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde_json::Value;
use url::{Host, Url};

/// More than any metadata or key set needs.
const LIMIT: usize = 1 << 20;

/// Why a document could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{0} is neither https nor http on loopback")]
    Insecure(String),
    #[error("{0} cannot be reached: {1}")]
    Network(String, reqwest::Error),
    #[error("{0} answered {1}")]
    Status(String, u16),
    #[error("{0} did not answer with JSON of at most 1 MiB")]
    NotJson(String),
}

pub(crate) fn new() -> Result<reqwest::Client, reqwest::Error> {
    let builder = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
    };
    // Without the system's certificates, on a bare machine, http on loopback still works.
    let with_system = builder().and_then(|b| b.with_platform_verifier());
    let tls = with_system.map(|b| b.with_no_client_auth()).or_else(|_| {
        builder().map(|b| {
            b.with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        })
    });
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30));
    match tls {
        Ok(tls) => client.tls_backend_preconfigured(tls).build(),
        Err(_) => client.build(),
    }
}

/// A JSON document, over https or over http on loopback.
pub(crate) async fn json(client: &reqwest::Client, address: &str) -> Result<Value, FetchError> {
    if !Url::parse(address).is_ok_and(|url| is_secure(&url)) {
        return Err(FetchError::Insecure(address.to_owned()));
    }
    let network = |error| FetchError::Network(address.to_owned(), error);
    let mut response = client.get(address).send().await.map_err(network)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(FetchError::Status(
            address.to_owned(),
            response.status().as_u16(),
        ));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LIMIT {
            return Err(FetchError::NotJson(address.to_owned()));
        }
    }
    serde_json::from_slice(&bytes).map_err(|_| FetchError::NotJson(address.to_owned()))
}

fn is_secure(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        let secure = |text: &str| is_secure(&Url::parse(text).unwrap());
        assert!(secure("https://as.test/") && secure("http://127.0.0.1:1/"));
        assert!(secure("http://[::1]:1/") && secure("http://localhost/"));
        assert!(!secure("http://as.test/") && !secure("http://localhost.as.test/"));
    }
}

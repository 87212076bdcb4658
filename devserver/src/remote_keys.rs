//! Another issuer's keys, for an API that trusts it.

use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::StartError;
use crate::http_client::{self, FetchError};

/// A token that names an unknown key makes the API read the set again, but not more often than
/// this.
const PAUSE: Duration = Duration::from_secs(2);

/// The JWK set of an issuer, read again when a token names a key that is not in it.
pub(crate) struct RemoteKeys {
    client: reqwest::Client,
    jwks_uri: String,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: Vec<Jwk>,
    reread_at: Option<Instant>,
}

impl RemoteKeys {
    /// Reads the issuer's metadata (OpenID Connect Discovery, else RFC 8414) and its keys.
    pub(crate) async fn of(issuer: &str) -> Result<RemoteKeys, StartError> {
        let wrong = |text: String| StartError::Issuer(text);
        let client = http_client::new().map_err(|error| wrong(error.to_string()))?;
        let metadata = metadata(&client, issuer)
            .await
            .map_err(|error| wrong(error.to_string()))?;
        if metadata["issuer"] != issuer {
            let text = format!("its metadata says {}, not {issuer:?}", metadata["issuer"]);
            return Err(wrong(text));
        }
        let uri = metadata["jwks_uri"]
            .as_str()
            .ok_or_else(|| wrong("it names no jwks_uri".into()))?;
        let keys = RemoteKeys {
            client,
            jwks_uri: uri.to_owned(),
            cache: Mutex::default(),
        };
        keys.read(&mut *keys.cache.lock().await)
            .await
            .map_err(|error| wrong(error.to_string()))?;
        Ok(keys)
    }

    async fn read(&self, cache: &mut Cache) -> Result<(), FetchError> {
        let set = http_client::json(&self.client, &self.jwks_uri).await?;
        // Key by key: a set may hold types that this library does not know.
        let keys = set["keys"].as_array().cloned().unwrap_or_default();
        cache.keys = keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect();
        Ok(())
    }

    /// The key that should have signed a token with this header.
    pub(crate) async fn find(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
    ) -> Option<DecodingKey> {
        let mut cache = self.cache.lock().await;
        if let Some(key) = pick(&cache.keys, algorithm, kid) {
            return Some(key);
        }
        if cache.reread_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        cache.reread_at = Some(Instant::now());
        self.read(&mut cache).await.ok()?;
        pick(&cache.keys, algorithm, kid)
    }
}

fn pick(keys: &[Jwk], algorithm: Algorithm, kid: Option<&str>) -> Option<DecodingKey> {
    let fits = |key: &&Jwk| {
        let named = kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid));
        let signs = key
            .common
            .public_key_use
            .as_ref()
            .is_none_or(|u| *u == PublicKeyUse::Signature);
        let key_algorithm = key
            .common
            .key_algorithm
            .map(|algorithm| algorithm.to_string());
        named && signs && key_algorithm.is_none_or(|name| name == format!("{algorithm:?}"))
    };
    let mut fitting = keys
        .iter()
        .filter(fits)
        .filter_map(|key| DecodingKey::from_jwk(key).ok());
    fitting.find(|key| key.family() == algorithm.family())
}

async fn metadata(client: &reqwest::Client, issuer: &str) -> Result<Value, FetchError> {
    let appended = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    match http_client::json(client, &appended).await {
        Ok(metadata) => Ok(metadata),
        Err(first) => match inserted(issuer) {
            Some(address) => http_client::json(client, &address).await.map_err(|_| first),
            None => Err(first),
        },
    }
}

/// The address of RFC 8414 §3.1: the well-known part between host and path.
fn inserted(issuer: &str) -> Option<String> {
    let (scheme, rest) = issuer.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    Some(format!(
        "{scheme}://{host}/.well-known/oauth-authorization-server{slash}{path}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_stands_between_host_and_path() {
        let base = "https://as.test/.well-known/oauth-authorization-server";
        assert_eq!(inserted("https://as.test").unwrap(), base);
        assert_eq!(inserted("https://as.test/").unwrap(), base);
        assert_eq!(
            inserted("https://as.test/a/b/").unwrap(),
            format!("{base}/a/b")
        );
    }
}

//! The provider's metadata and keys: fetched once, kept for as long as they say, and used beyond that while the
//! provider cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use url::Url;

use crate::clock::Clock;
use crate::error::AuthError;
use crate::log::{Log, LogLevel};
use crate::protocol::ProtocolError;
use crate::protocol::discovery::{
    ProviderMetadata, cache_seconds, parse_metadata, well_known_urls,
};
use crate::protocol::jwk::{KeySet, parse_jwks};
use crate::transport::{Request, Response, Transport};

/// an unknown key makes one fetch, then none for so long.
const REFETCH_COOLDOWN: Duration = Duration::from_secs(60);
/// How long what was once good may serve while the provider is away (fleet.md, rule 7).
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

struct Cached<T> {
    value: T,
    fetched: Duration,
    fresh_for: Duration,
}

/// Fetches and keeps. Whoever asks while a fetch is under way waits for it.
pub(crate) struct Provider {
    issuer: String,
    issuer_url: Url,
    transport: Arc<Transport>,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
    metadata: Mutex<Option<Cached<Arc<ProviderMetadata>>>>,
    keys: Mutex<Option<Cached<Arc<KeySet>>>>,
    refetched: Mutex<Option<Duration>>,
}

impl Provider {
    pub(crate) fn new(
        issuer: String,
        issuer_url: Url,
        transport: Arc<Transport>,
        clock: Arc<dyn Clock>,
        log: Arc<Log>,
    ) -> Self {
        Self {
            issuer,
            issuer_url,
            transport,
            clock,
            log,
            metadata: Mutex::new(None),
            keys: Mutex::new(None),
            refetched: Mutex::new(None),
        }
    }

    pub(crate) async fn metadata(&self) -> Result<Arc<ProviderMetadata>, AuthError> {
        let mut cached = self.metadata.lock().await;
        if let Some(known) = self.fresh(&cached) {
            return Ok(known);
        }
        match self.fetch_metadata().await {
            Ok(fetched) => Ok(self.keep(&mut cached, fetched)),
            Err(error) => self.stale(&cached, error),
        }
    }

    /// What is known of the provider without asking it.
    pub(crate) fn known_metadata(&self) -> Option<Arc<ProviderMetadata>> {
        let cached = self.metadata.try_lock().ok()?;
        cached.as_ref().map(|known| Arc::clone(&known.value))
    }

    pub(crate) async fn keys(&self) -> Result<Arc<KeySet>, AuthError> {
        let mut cached = self.keys.lock().await;
        if let Some(known) = self.fresh(&cached) {
            return Ok(known);
        }
        match self.fetch_keys().await {
            Ok(fetched) => Ok(self.keep(&mut cached, fetched)),
            Err(error) => self.stale(&cached, error),
        }
    }

    /// Fetches the keys again because none of the known ones fits: providers change them. `None` where that was
    /// done a moment ago.
    pub(crate) async fn keys_again(&self) -> Result<Option<Arc<KeySet>>, AuthError> {
        let mut refetched = self.refetched.lock().await;
        let now = self.clock.boot();
        if refetched.is_some_and(|last| now.saturating_sub(last) < REFETCH_COOLDOWN) {
            return Ok(None);
        }
        *refetched = Some(now);
        let fetched = self.fetch_keys().await?;
        let mut cached = self.keys.lock().await;
        Ok(Some(self.keep(&mut cached, fetched)))
    }

    /// OpenID Connect's address first, then RFC 8414's, where the first has nothing.
    async fn fetch_metadata(&self) -> Result<(Arc<ProviderMetadata>, Duration), AuthError> {
        let [openid, oauth] = well_known_urls(&self.issuer_url);
        let mut answer = self.get(&openid).await?;
        if matches!(answer.status, 400..=499) && answer.status != 429 {
            answer = self.get(&oauth).await?;
        }
        let metadata = parse_metadata(&self.issuer, whole(&answer)?)?;
        Ok((Arc::new(metadata), lifetime(&answer)))
    }

    async fn fetch_keys(&self) -> Result<(Arc<KeySet>, Duration), AuthError> {
        let metadata = self.metadata().await?;
        let Some(url) = &metadata.jwks_uri else {
            return Err(ProtocolError::Untrusted("key").into());
        };
        let answer = self.get(url).await?;
        Ok((Arc::new(parse_jwks(whole(&answer)?)?), lifetime(&answer)))
    }

    async fn get(&self, url: &Url) -> Result<Response, AuthError> {
        let answer = self.transport.send(Request::get(url)).await;
        match &answer {
            Ok(answer) => self.log.line(
                LogLevel::Debug,
                format_args!(
                    "GET {} at {}: status {}",
                    url.path(),
                    host(url),
                    answer.status
                ),
            ),
            Err(error) => self.log.line(
                LogLevel::Warn,
                format_args!("GET {} at {}: {error}", url.path(), host(url)),
            ),
        }
        Ok(answer?)
    }

    fn fresh<T: Clone>(&self, cached: &Option<Cached<T>>) -> Option<T> {
        let known = cached.as_ref()?;
        let age = self.clock.boot().saturating_sub(known.fetched);
        (age < known.fresh_for).then(|| known.value.clone())
    }

    fn keep<T: Clone>(&self, cached: &mut Option<Cached<T>>, fetched: (T, Duration)) -> T {
        let (value, fresh_for) = fetched;
        *cached = Some(Cached {
            value: value.clone(),
            fetched: self.clock.boot(),
            fresh_for,
        });
        value
    }

    /// Only an outage is bridged: an answer that fails a check is an answer.
    fn stale<T: Clone>(
        &self,
        cached: &Option<Cached<T>>,
        error: AuthError,
    ) -> Result<T, AuthError> {
        match cached {
            Some(known)
                if matches!(error, AuthError::Network { .. })
                    && self.clock.boot().saturating_sub(known.fetched) < STALE =>
            {
                Ok(known.value.clone())
            }
            _ => Err(error),
        }
    }
}

/// The body of a 200; no other status has one that may be used (a redirect is no answer, R-026).
fn whole(answer: &Response) -> Result<&[u8], ProtocolError> {
    if answer.status == 200 {
        Ok(&answer.body)
    } else {
        Err(ProtocolError::Answer {
            status: answer.status,
            code: None,
        })
    }
}

fn lifetime(answer: &Response) -> Duration {
    Duration::from_secs(cache_seconds(answer.header("cache-control")))
}

/// The host and port of a URL: what a log may say of it.
pub(crate) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}

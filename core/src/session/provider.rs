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
use crate::protocol::packing::{packed, packing};
use crate::transport::{Request, Response, Transport, TransportError};

/// an unknown key makes one fetch, then none for so long.
const REFETCH_COOLDOWN: Duration = Duration::from_secs(60);
/// The same after a fetch that failed: it has shown nothing, so it only keeps many logins from asking at once.
const FAILED_COOLDOWN: Duration = Duration::from_secs(1);
/// How long what was once good may serve while the provider is away (fleet.md, rule 7).
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// What was fetched, and how the last fetch failed.
struct Cache<T> {
    known: Option<Cached<T>>,
    failed: Option<(Duration, AuthError)>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            known: None,
            failed: None,
        }
    }
}

struct Cached<T> {
    value: T,
    fetched: Duration,
    fresh_for: Duration,
}

/// The last time that the keys were fetched because none of the known ones fitted.
struct Refetch {
    ended: Duration,
    failure: Option<AuthError>,
}

impl Refetch {
    fn is_recent(&self, now: Duration) -> bool {
        let cooldown = match self.failure {
            None => REFETCH_COOLDOWN,
            Some(_) => FAILED_COOLDOWN,
        };
        now.saturating_sub(self.ended) < cooldown
    }
}

/// Fetches and keeps. Whoever asks while a fetch is under way waits for it.
pub(crate) struct Provider {
    issuer: String,
    issuer_url: Url,
    transport: Arc<Transport>,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
    metadata: Mutex<Cache<Arc<ProviderMetadata>>>,
    keys: Mutex<Cache<Arc<KeySet>>>,
    refetched: Mutex<Option<Refetch>>,
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
            metadata: Mutex::default(),
            keys: Mutex::default(),
            refetched: Mutex::new(None),
        }
    }

    pub(crate) async fn metadata(&self) -> Result<Arc<ProviderMetadata>, AuthError> {
        let asked = self.clock.boot();
        let mut cache = self.metadata.lock().await;
        if let Some(known) = self.answered(&cache, asked) {
            return known;
        }
        match self.fetch_metadata().await {
            Ok(fetched) => Ok(self.keep(&mut cache, fetched)),
            Err(error) => self.stale(&mut cache, error),
        }
    }

    /// What is known of the provider without asking it.
    pub(crate) fn known_metadata(&self) -> Option<Arc<ProviderMetadata>> {
        let cache = self.metadata.try_lock().ok()?;
        cache.known.as_ref().map(|known| Arc::clone(&known.value))
    }

    /// Whether [`keys`](Self::keys) answers without a fetch.
    pub(crate) fn has_keys(&self) -> bool {
        let cache = self.keys.try_lock();
        cache.is_ok_and(|cache| self.fresh(&cache).is_some())
    }

    pub(crate) async fn keys(&self) -> Result<Arc<KeySet>, AuthError> {
        let asked = self.clock.boot();
        let mut cache = self.keys.lock().await;
        if let Some(known) = self.answered(&cache, asked) {
            return known;
        }
        match self.fetch_keys().await {
            Ok(fetched) => Ok(self.keep(&mut cache, fetched)),
            Err(error) => self.stale(&mut cache, error),
        }
    }

    /// The keys for a token that none of the known ones fits: providers change them. They are fetched again, unless that
    /// was done a moment ago: then they are what came of it, and a fetch that failed is no verdict on the token.
    pub(crate) async fn keys_again(&self) -> Result<Arc<KeySet>, AuthError> {
        let mut last = self.refetched.lock().await;
        if let Some(last) = last
            .as_ref()
            .filter(|last| last.is_recent(self.clock.boot()))
        {
            return match &last.failure {
                Some(error) => Err(error.clone()),
                None => self.keys().await,
            };
        }
        let fetched = self.fetch_keys().await;
        *last = Some(Refetch {
            ended: self.clock.boot(),
            failure: fetched.as_ref().err().cloned(),
        });
        let fetched = fetched?;
        let mut cache = self.keys.lock().await;
        Ok(self.keep(&mut cache, fetched))
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
        let tell = |answer: &Result<Response, TransportError>| match answer {
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
        };
        Ok(self.transport.fetch(&|| Request::get(url), &tell).await?)
    }

    /// What answers without a fetch: what is fresh, or a failure that came while the caller was waiting for it.
    fn answered<T: Clone>(
        &self,
        cache: &Cache<T>,
        asked: Duration,
    ) -> Option<Result<T, AuthError>> {
        if let Some(known) = self.fresh(cache) {
            return Some(Ok(known.clone()));
        }
        match &cache.failed {
            Some((at, error)) if *at >= asked => Some(self.bridged(cache, error.clone())),
            _ => None,
        }
    }

    fn fresh<'a, T>(&self, cache: &'a Cache<T>) -> Option<&'a T> {
        let known = cache.known.as_ref()?;
        let age = self.clock.boot().saturating_sub(known.fetched);
        (age < known.fresh_for).then_some(&known.value)
    }

    fn keep<T: Clone>(&self, cache: &mut Cache<T>, fetched: (T, Duration)) -> T {
        let (value, fresh_for) = fetched;
        cache.known = Some(Cached {
            value: value.clone(),
            fetched: self.clock.boot(),
            fresh_for,
        });
        cache.failed = None;
        value
    }

    fn stale<T: Clone>(&self, cache: &mut Cache<T>, error: AuthError) -> Result<T, AuthError> {
        cache.failed = Some((self.clock.boot(), error.clone()));
        self.bridged(cache, error)
    }

    /// Only an outage is bridged: an answer that fails a check is an answer.
    fn bridged<T: Clone>(&self, cache: &Cache<T>, error: AuthError) -> Result<T, AuthError> {
        match &cache.known {
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
    match answer.status {
        200 if packing(&answer.all("content-encoding")).is_some() => Err(packed(200)),
        200 => Ok(&answer.body),
        status => Err(ProtocolError::Answer { status, code: None }),
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

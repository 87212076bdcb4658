//! The session: who is logged in, until when, and how it is renewed and ended.
//!
//! One [`SessionManager`] for each [`crate::Auth`]. Its parts: `settings` (the checked configuration), `provider`
//! (metadata and keys), `pending`, `login`, `finish` and `insist` (the two halves of a login), `record` and `vault` (what is
//! stored and how), `memory`, `keeper`, `commit`, `rank` and `put_back` (what this process knows, in step with the
//! store), `moment`, `claim`, `hold` and `pace` (what may be done when: pure), `access`, `flight`, `refresh`, `send`,
//! `answer` and `settle` (a good token, by one renewal at a time), `journal` and `timeline` (what happened),
//! `unauthorized` (the rule for a 401), `logout`, `revocation`, `unsettled` (what must not be cut off), `provider_time`,
//! `user_info`, `check_up`.
//!
//! Two rules hold it together. Work that must finish once it has begun (an exchange, a refresh, a logout) runs in a
//! task of its own, so a caller who leaves changes nothing. And every write names the tag of what it replaces, so
//! that a logout or a new login wins over any late answer.

mod access;
mod answer;
mod check_up;
mod claim;
mod commit;
mod finish;
#[cfg(test)]
mod fleet;
mod flight;
mod hold;
mod insist;
mod journal;
mod keeper;
mod login;
mod logout;
mod memory;
#[cfg(test)]
mod model;
mod moment;
mod pace;
mod pending;
mod provider;
mod provider_time;
mod put_back;
mod rank;
mod record;
mod refresh;
mod revocation;
mod send;
mod settings;
mod settle;
#[cfg(test)]
mod tests;
mod timeline;
mod unauthorized;
mod unsettled;
mod user_info;
mod vault;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use self::flight::Flight;
use self::journal::Unwritten;
use self::memory::Memory;
use self::moment::Moment;
use self::pace::Pace;
use self::provider::Provider;
use self::provider_time::ProviderTime;
use self::settings::Settings;
use self::unauthorized::ForcedRefreshes;
use self::unsettled::Unsettled;
use self::user_info::TokenAside;
use self::vault::Vault;
use crate::background::BackgroundTime;
use crate::clock::{Clock, random};
use crate::error::AuthError;
use crate::files::runs::Run;
use crate::log::{Log, LogLevel, LogSink};
use crate::protocol::encoding::b64url;
use crate::storage::SecureStore;
use crate::transport::{Transport, Trust, TrustEvaluator};
use crate::types::{AuthConfig, NetworkReason, Session, StorageReason};

pub(crate) use self::provider::host;

/// Everything behind [`crate::Auth`].
pub(crate) struct SessionManager {
    settings: Settings,
    /// This run of the core, by whose name a claim is taken.
    run: Arc<Run>,
    session_name: String,
    logins_name: String,
    journal_name: String,
    vault: Vault,
    transport: Arc<Transport>,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
    provider: Arc<Provider>,
    memory: Mutex<Memory>,
    /// When the store was last looked at, by the boot clock.
    looked: Mutex<Duration>,
    /// Held over a store operation together with the memory that tells of it.
    turn: tokio::sync::Mutex<()>,
    flight: Flight,
    /// The refresh that gets a token for the userinfo endpoint.
    flight_aside: Flight,
    /// One refresh token is sent by one refresh at a time.
    sending: tokio::sync::Mutex<()>,
    pace: Pace,
    forced: ForcedRefreshes,
    forced_aside: ForcedRefreshes,
    /// Whether a task is at work that stores what is in memory alone.
    persisting: AtomicBool,
    unsettled: Arc<Unsettled>,
    this: Weak<Self>,
    /// An access token for the userinfo endpoint alone.
    aside: Mutex<Option<TokenAside>>,
    background: Mutex<Option<Arc<dyn BackgroundTime>>>,
    provider_time: Mutex<ProviderTime>,
    unwritten: Mutex<Unwritten>,
    writing_journal: tokio::sync::Mutex<()>,
}

impl SessionManager {
    pub(crate) fn new(
        config: AuthConfig,
        store: Arc<dyn SecureStore>,
        clock: Arc<dyn Clock>,
        trust: Option<Arc<dyn TrustEvaluator>>,
    ) -> Result<Arc<Self>, AuthError> {
        let settings = Settings::parse(&config)?;
        let trust = match (trust, config.trust_anchors_pem.as_deref()) {
            (None, None) => Trust::Systems,
            (None, Some(pem)) => Trust::SystemsAnd(pem),
            (Some(evaluator), None) => Trust::By(evaluator),
            (Some(_), Some(_)) => {
                return Err(AuthError::configuration(
                    "trust_anchors_pem",
                    "is of no use beside a trust evaluator, which alone decides; leave one of them out.",
                ));
            }
        };
        let transport = Transport::new(trust, settings.request_timeout).map_err(|_| {
            AuthError::configuration(
                "trust_anchors_pem",
                "holds no certificate that can be read; it must be PEM text.",
            )
        })?;
        let transport = Arc::new(transport);
        let log = Arc::new(Log::default());
        let run = Arc::new(Run::new(random_name()?));
        Ok(Arc::new_cyclic(|this| Self {
            run,
            session_name: settings.record_name("session"),
            logins_name: settings.record_name("logins"),
            journal_name: settings.record_name("journal"),
            vault: Vault::new(store),
            provider: Arc::new(Provider::new(
                settings.issuer.clone(),
                settings.issuer_url.clone(),
                Arc::clone(&transport),
                Arc::clone(&clock),
                Arc::clone(&log),
            )),
            settings,
            transport,
            clock,
            log,
            memory: Mutex::new(Memory::Unread),
            looked: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            flight: Flight::default(),
            flight_aside: Flight::default(),
            sending: tokio::sync::Mutex::default(),
            pace: Pace::default(),
            forced: ForcedRefreshes::default(),
            forced_aside: ForcedRefreshes::default(),
            persisting: AtomicBool::new(false),
            unsettled: Arc::default(),
            this: this.clone(),
            aside: Mutex::default(),
            background: Mutex::default(),
            provider_time: Mutex::default(),
            unwritten: Mutex::default(),
            writing_journal: tokio::sync::Mutex::default(),
        }))
    }

    pub(crate) fn set_log_sink(&self, level: LogLevel, sink: Option<Arc<dyn LogSink>>) {
        self.log.set(sink.map(|sink| (level, sink)));
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) fn set_background_time(&self, source: Option<Arc<dyn BackgroundTime>>) {
        *self
            .background
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = source;
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.wall()
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment::now(&*self.clock)
    }

    /// [`crate::Auth::session`].
    pub(crate) fn snapshot(&self) -> Session {
        if self.known().is_err() {
            self.read_here();
        }
        match &*self.memory() {
            Memory::Known(known) => known.snapshot(&self.settings.issuer, &*self.clock),
            Memory::Failed {
                reason: StorageReason::Locked,
                ..
            } => Session::Locked,
            Memory::Failed { reason, .. } => Session::Unavailable { reason: *reason },
            Memory::Unread => Session::Unavailable {
                reason: StorageReason::Unavailable,
            },
        }
    }

    /// Reads the store in the caller's thread. Memory is settled before anything is told: a log sink may ask for the session.
    fn read_here(&self) {
        let read = self.vault.load_here(&self.session_name);
        self.looked_now();
        let (read, journal) = self.look_behind(read);
        let next = self.interpret(read);
        {
            let mut memory = self.memory();
            // What came in the meantime is newer than this read.
            if matches!(&*memory, Memory::Known(_)) {
                return;
            }
            *memory = next;
        }
        if journal.is_some() {
            self.tell_put_back();
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 128 random bits as text.
fn random_name() -> Result<String, AuthError> {
    Ok(b64url(&secret::<16>()?))
}

/// Random bytes, or the error of a system that has none to give.
fn secret<const N: usize>() -> Result<[u8; N], AuthError> {
    random().map_err(|_| AuthError::network(NetworkReason::Unavailable))
}

/// Chance, for what must not happen to a fleet in one moment.
fn share() -> u16 {
    random::<2>().map_or(u16::MAX / 2, u16::from_be_bytes)
}

//! The session: who is logged in, until when, and how it is renewed and ended.
//!
//! One [`SessionManager`] for each [`crate::Auth`]. Its parts: `settings` (the checked configuration), `provider`
//! (metadata and keys), `pending`, `login` and `finish` (the two halves of a login), `record` and `vault` (what is
//! stored and how), `memory` and `keeper` (what this process knows, in step with the store), `access`, `flight`, `pace`,
//! `refresh` and `answer` (a good token, by one renewal at a time), `unauthorized` (the rule for a 401), `logout`,
//! `user_info`, `check_up`.
//!
//! Two rules hold it together. Work that must finish once it has begun (an exchange, a refresh, a logout) runs in a
//! task of its own, so a caller who leaves changes nothing. And every write names the tag of what it replaces, so
//! that a logout or a new login wins over any late answer.

mod access;
mod answer;
mod check_up;
mod finish;
mod flight;
mod keeper;
mod login;
mod logout;
mod memory;
mod pace;
mod pending;
mod provider;
mod record;
mod refresh;
mod settings;
mod unauthorized;
mod user_info;
mod vault;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use self::flight::Flight;
use self::memory::{Known, Memory};
use self::pace::Pace;
use self::provider::Provider;
use self::record::State;
use self::settings::Settings;
use self::unauthorized::ForcedRefreshes;
use self::user_info::TokenAside;
use self::vault::Vault;
use crate::clock::{Clock, random};
use crate::error::AuthError;
use crate::log::{Log, LogLevel, LogSink};
use crate::protocol::encoding::b64url;
use crate::storage::SecureStore;
use crate::transport::Transport;
use crate::types::{AuthConfig, NetworkReason, Session, StorageReason, TimelineEvent};

pub(crate) use self::provider::host;

/// Everything behind [`crate::Auth`].
pub(crate) struct SessionManager {
    settings: Settings,
    /// Names this run of the process in a claim.
    run_id: String,
    session_name: String,
    logins_name: String,
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
    this: Weak<Self>,
    /// An access token for the userinfo endpoint alone.
    aside: Mutex<Option<TokenAside>>,
}

impl SessionManager {
    pub(crate) fn new(
        config: AuthConfig,
        store: Arc<dyn SecureStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, AuthError> {
        let settings = Settings::parse(&config)?;
        let transport = Transport::new(
            config.trust_anchors_pem.as_deref(),
            settings.request_timeout,
        )
        .map_err(|_| {
            AuthError::configuration(
                "trust_anchors_pem",
                "holds no certificate that can be read; it must be PEM text.",
            )
        })?;
        let transport = Arc::new(transport);
        let log = Arc::new(Log::default());
        let run_id = random_name()?;
        Ok(Arc::new_cyclic(|this| Self {
            run_id,
            session_name: settings.record_name("session"),
            logins_name: settings.record_name("logins"),
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
            this: this.clone(),
            aside: Mutex::default(),
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

    pub(crate) fn now(&self) -> i64 {
        self.clock.wall()
    }

    /// [`crate::Auth::session`].
    pub(crate) fn snapshot(&self) -> Session {
        if self.known().is_err() {
            let read = self.vault.load_here(&self.session_name);
            self.looked_now();
            let next = self.interpret(read);
            let mut memory = self.memory();
            // What came in the meantime is newer than this read.
            if !matches!(&*memory, Memory::Known(_)) {
                *memory = next;
            }
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

    /// [`crate::Auth::timeline`]: what the record tells of its own history.
    pub(crate) fn timeline(&self) -> Vec<TimelineEvent> {
        self.snapshot();
        let memory = self.memory();
        let Memory::Known(Known {
            record: Some(record),
            ..
        }) = &*memory
        else {
            return Vec::new();
        };
        let event = |at: i64, event: &str, detail: Option<String>| TimelineEvent {
            at_unix_seconds: at,
            event: event.to_owned(),
            detail,
        };
        let mut events = Vec::new();
        match &record.state {
            State::Live(live) => {
                events.push(event(live.logged_in_at, "login", None));
                if let Some(at) = live.refreshed_at {
                    events.push(event(at, "refreshed", None));
                }
                if let Some(claim) = &live.claim {
                    events.push(event(claim.first_sent, "refresh_unresolved", None));
                }
            }
            State::Ended(ending) => {
                if let Some(at) = ending.logged_in_at {
                    events.push(event(at, "login", None));
                }
                events.push(event(ending.at, "ended", Some(ending.reason().word())));
            }
        }
        events
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

//! The session: who is logged in, until when, and how it is renewed and ended.
//!
//! One [`SessionManager`] for each [`crate::Auth`]. Its parts: `settings` (the checked configuration), `provider`
//! (metadata and keys), `pending`, `login` and `finish` (the two halves of a login), `record` and `vault` (what is
//! stored and how), `memory` (what this process knows), `access`, `flight`, `refresh` and `answer` (a good token, by
//! one renewal at a time), `unauthorized` (the rule for a 401), `logout`, `user_info`, `check_up`.
//!
//! Two rules hold it together. Work that must finish once it has begun (an exchange, a refresh, a logout) runs in a
//! task of its own, so a caller who leaves changes nothing. And every write names the tag of what it replaces, so
//! that a logout or a new login wins over any late answer.

mod access;
mod answer;
mod check_up;
mod finish;
mod flight;
mod login;
mod logout;
mod memory;
mod pending;
mod provider;
mod record;
mod refresh;
mod settings;
mod unauthorized;
mod user_info;
mod vault;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::flight::Flight;
use self::memory::{Known, Memory};
use self::provider::Provider;
use self::record::{SessionRecord, State, Unreadable};
use self::settings::Settings;
use self::unauthorized::ForcedRefreshes;
use self::user_info::TokenAside;
use self::vault::{Tag, Vault};
use crate::clock::{Clock, random};
use crate::error::AuthError;
use crate::log::{Log, LogLevel, LogSink};
use crate::protocol::encoding::b64url;
use crate::storage::{SecureStore, StoreError, StoredItem};
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
    flight: Flight,
    forced: ForcedRefreshes,
    /// When a session that is in memory alone was last tried to be stored.
    persist_tried: Mutex<Option<Duration>>,
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
        Ok(Arc::new(Self {
            run_id: random_name()?,
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
            flight: Flight::default(),
            forced: ForcedRefreshes::default(),
            persist_tried: Mutex::default(),
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
        if !matches!(&*self.memory(), Memory::Known(_)) {
            let read = self.vault.load_here(&self.session_name);
            self.adopt(read);
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

    /// Reads the store and takes over what it holds.
    async fn reload(&self) -> Result<Known, AuthError> {
        let read = self.vault.load(&self.session_name).await;
        self.adopt(read);
        self.known()
    }

    /// What is known, read from the store if it was not yet.
    async fn loaded(&self) -> Result<Known, AuthError> {
        match self.known() {
            Ok(known) => Ok(known),
            Err(_) => self.reload().await,
        }
    }

    fn known(&self) -> Result<Known, AuthError> {
        match &*self.memory() {
            Memory::Known(known) => Ok(known.clone()),
            Memory::Failed { reason, .. } => Err(AuthError::Storage { reason: *reason }),
            Memory::Unread => Err(AuthError::Storage {
                reason: StorageReason::Unavailable,
            }),
        }
    }

    /// Takes over what the store said. A session that is in memory and not yet stored stays, unless the store has
    /// something newer: it is the only copy.
    fn adopt(&self, read: Result<Option<StoredItem>, StoreError>) {
        let next = match read {
            Ok(None) => Memory::Known(Known::new(None, None, &*self.clock)),
            Ok(Some(item)) => match SessionRecord::decode(
                &item.bytes,
                &self.settings.issuer,
                &self.settings.client_id,
            ) {
                Ok(record) => Memory::Known(Known::new(Some(record), Some(item.tag), &*self.clock)),
                Err(Unreadable::Newer) => Memory::Failed {
                    reason: StorageReason::Incompatible,
                },
                Err(Unreadable::Corrupt) => Memory::Failed {
                    reason: StorageReason::Corrupt,
                },
            },
            Err(StoreError::KeyLost { tag }) => {
                let mut known = Known::new(None, Some(tag), &*self.clock);
                known.lost = true;
                Memory::Known(known)
            }
            Err(StoreError::Corrupt { .. }) => Memory::Failed {
                reason: StorageReason::Corrupt,
            },
            Err(error) => {
                let AuthError::Storage { reason } = AuthError::from(error) else {
                    return;
                };
                Memory::Failed { reason }
            }
        };
        let mut memory = self.memory();
        match (&mut *memory, next) {
            // What is in memory outlives a store that fails.
            (Memory::Known(_), Memory::Failed { .. }) => {}
            (Memory::Known(old), Memory::Known(new)) => {
                if !old.persisted && old.tag == new.tag {
                    return;
                }
                let same = match (&old.record, &new.record) {
                    (Some(a), Some(b)) => a.is_same(b),
                    _ => false,
                };
                if same && old.tag == new.tag {
                    return;
                }
                // Of the same tokens the lifetime is already measured, and an access token that was too large to
                // store is kept.
                let (lifetime, token) = (
                    old.lifetime,
                    old.live().and_then(|l| l.access_token.clone()),
                );
                *old = new;
                if same {
                    old.lifetime = lifetime;
                    old.complete(token);
                }
            }
            (memory, next) => *memory = next,
        }
    }

    /// Stores the next record in the place of the one with the tag `expected` and takes it over. Where the store
    /// fails, the record is the truth in memory all the same and is stored later; a conflict is the caller's.
    async fn commit(&self, record: SessionRecord, expected: Option<Tag>) -> Result<(), StoreError> {
        let stored = match record.encode() {
            Ok(bytes) => {
                self.vault
                    .swap(&self.session_name, expected.clone(), bytes)
                    .await
            }
            Err(_) => Err(StoreError::Unavailable),
        };
        let (tag, persisted) = match stored {
            Ok(tag) => (Some(tag), true),
            Err(StoreError::Conflict) => return Err(StoreError::Conflict),
            Err(error) => {
                self.log.line(
                    LogLevel::Error,
                    format_args!("the session could not be stored: {error}"),
                );
                (expected, false)
            }
        };
        let mut known = Known::new(Some(record), tag, &*self.clock);
        known.persisted = persisted;
        *self.memory() = Memory::Known(known);
        Ok(())
    }

    /// Tries again to store a session that is in memory alone.
    async fn persist_pending(&self) {
        let Ok(known) = self.known() else { return };
        if let (false, Some(record)) = (known.persisted, &known.record)
            && let Err(StoreError::Conflict) =
                self.commit((**record).clone(), known.tag.clone()).await
        {
            // Another process's logout or login is in the store by now: it wins.
            let read = self.vault.load(&self.session_name).await;
            *self.memory() = Memory::Unread;
            self.adopt(read);
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

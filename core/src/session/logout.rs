//! Logging out: here first, and also offline; then at the provider (refresh.md §4.4).

use std::sync::Arc;

use super::flight::finish;
use super::memory::{Known, Memory};
use super::record::{Ending, SessionRecord, State};
use super::{SessionManager, random_name};
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::logout::end_session_url;
use crate::protocol::revocation::{RevocationVerdict, revocation_request, revocation_verdict};
use crate::storage::StoreError;
use crate::transport::Request;
use crate::types::{LogoutOptions, LogoutOutcome, Revocation, SignedOutReason, StorageReason};

const RACES: u32 = 16;

impl SessionManager {
    /// [`crate::Auth::logout`].
    pub(crate) async fn logout(
        self: &Arc<Self>,
        options: LogoutOptions,
    ) -> Result<LogoutOutcome, AuthError> {
        let manager = Arc::clone(self);
        finish(async move { manager.logout_inner(options).await }).await
    }

    async fn logout_inner(&self, options: LogoutOptions) -> Result<LogoutOutcome, AuthError> {
        let (stored, revocable) = self.write_tombstone().await;
        self.log.line(LogLevel::Info, format_args!("logged out"));
        let revocation = if options.local {
            Revocation::NotNeeded
        } else {
            self.revoke(revocable).await
        };
        if !stored && revocation != Revocation::Done {
            return Err(AuthError::Storage {
                reason: StorageReason::Unavailable,
            });
        }
        Ok(LogoutOutcome {
            revocation,
            end_session_url: self.end_session(&options).await,
        })
    }

    /// Ends the session in memory and in the store, whatever is there. Returns whether the store has it, and the
    /// token to revoke.
    async fn write_tombstone(&self) -> (bool, Option<Revocable>) {
        let mut revocable = None;
        let mut latest = self.known().ok().and_then(|known| known.record);
        let mut expected = None;
        for _ in 0..RACES {
            match self.vault.load(&self.session_name).await {
                Ok(item) => {
                    expected = item.as_ref().map(|item| item.tag.clone());
                    let record = item.and_then(|item| {
                        SessionRecord::decode(
                            &item.bytes,
                            &self.settings.issuer,
                            &self.settings.client_id,
                        )
                        .ok()
                    });
                    // What is in memory may be newer than a store that failed: its refresh token is the one to
                    // revoke.
                    if let Some(record) = record
                        && latest
                            .as_ref()
                            .is_none_or(|known| !known.is_newer_than(&record))
                    {
                        latest = Some(Arc::new(record));
                    }
                }
                Err(StoreError::Corrupt { tag } | StoreError::KeyLost { tag }) => {
                    expected = Some(tag);
                }
                // It cannot be read; it may still take the tombstone where memory knows the tag.
                Err(_) => expected = self.known().ok().and_then(|known| known.tag),
            }
            revocable =
                latest
                    .as_ref()
                    .and_then(|record| record.live())
                    .map_or(revocable, |live| {
                        Some(match (&live.refresh_token, &live.access_token) {
                            (Some(token), _) => Revocable::refresh(token.secret()),
                            (None, Some(token)) => Revocable::access(token.secret()),
                            (None, None) => return None,
                        })
                    });
            let Some(tombstone) = self.tombstone(latest.as_deref()) else {
                break;
            };
            match self.commit(tombstone, expected.clone()).await {
                Ok(()) if self.known().is_ok_and(|known| known.persisted) => {
                    return (true, revocable);
                }
                Err(StoreError::Conflict) => {}
                Ok(()) | Err(_) => break,
            }
        }
        let deleted = match expected {
            Some(tag) => self.vault.delete(&self.session_name, tag).await.is_ok(),
            None => false,
        };
        if let Some(tombstone) = self.tombstone(latest.as_deref()) {
            let mut known = Known::new(Some(tombstone), None, &*self.clock);
            known.persisted = deleted;
            *self.memory() = Memory::Known(known);
        }
        (deleted, revocable)
    }

    fn tombstone(&self, latest: Option<&SessionRecord>) -> Option<SessionRecord> {
        let ended = State::Ended(Ending {
            reason: SignedOutReason::LoggedOut.word(),
            at: self.now(),
            logged_in_at: latest
                .and_then(SessionRecord::live)
                .map(|live| live.logged_in_at),
        });
        match latest {
            Some(record) => Some(record.next(ended)),
            None => Some(SessionRecord::new(
                &self.settings.issuer,
                &self.settings.client_id,
                random_name().ok()?,
                ended,
            )),
        }
    }

    /// Asks the provider to revoke (RFC 7009): the refresh token, since that ends the access tokens as well.
    async fn revoke(&self, revocable: Option<Revocable>) -> Revocation {
        let Some(Revocable { token, hint }) = revocable else {
            return Revocation::NotNeeded;
        };
        let Ok(metadata) = self.provider.metadata().await else {
            return Revocation::Pending;
        };
        let Some(url) = &metadata.revocation_endpoint else {
            return Revocation::NotNeeded;
        };
        let body = revocation_request(&self.settings.client_id, &token, hint);
        match self.transport.send(Request::post_form(url, body)).await {
            Ok(answer) => match revocation_verdict(answer.status, &answer.body) {
                RevocationVerdict::Done => Revocation::Done,
                RevocationVerdict::Failed => Revocation::Failed,
                RevocationVerdict::Retriable => Revocation::Pending,
            },
            Err(_) => Revocation::Pending,
        }
    }

    /// The provider's own logout page. A local logout asks the provider nothing, so it names the page only where the
    /// metadata is there already.
    async fn end_session(&self, options: &LogoutOptions) -> Option<String> {
        let metadata = if options.local {
            self.provider.known_metadata()?
        } else {
            self.provider.metadata().await.ok()?
        };
        let endpoint = metadata.end_session_endpoint.as_ref()?;
        let url = end_session_url(
            endpoint,
            &self.settings.client_id,
            options.post_logout_redirect_uri.as_deref(),
            None,
        );
        Some(url.to_string())
    }
}

/// A token to revoke, and its hint.
struct Revocable {
    token: String,
    hint: &'static str,
}

impl Revocable {
    fn refresh(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            hint: "refresh_token",
        }
    }

    fn access(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            hint: "access_token",
        }
    }
}

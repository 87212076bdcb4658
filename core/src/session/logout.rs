//! Logging out: here first, and also offline; then at the provider (refresh.md §4.4).

use std::sync::Arc;

use super::commit::{RACES, Writer};
use super::flight::finish;
use super::memory::Memory;
use super::record::{Ending, SessionRecord, State};
use super::revocation::Revocable;
use super::timeline::What;
use super::{SessionManager, random_name};
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::discovery::ProviderMetadata;
use crate::protocol::logout::end_session_url;
use crate::storage::StoreError;
use crate::types::{LogoutOptions, LogoutOutcome, Revocation, SignedOutReason, StorageReason};

impl SessionManager {
    /// [`crate::Auth::logout`].
    pub(crate) async fn logout(
        self: &Arc<Self>,
        options: LogoutOptions,
    ) -> Result<LogoutOutcome, AuthError> {
        let manager = Arc::clone(self);
        finish(Box::pin(async move {
            let outcome = manager.logout_inner(options).await;
            if let Ok(outcome) = &outcome {
                manager.note(&What::Revocation(outcome.revocation.word()));
            }
            manager.write_journal().await;
            outcome
        }))
        .await
    }

    async fn logout_inner(&self, options: LogoutOptions) -> Result<LogoutOutcome, AuthError> {
        let era = self.unsettled.era();
        let under_way = self.unsettled.begin();
        let (stored, revocable) = self.write_tombstone().await;
        drop(under_way);
        self.pace.reset();
        self.keep_aside(None);
        self.note(&What::Ended(SignedOutReason::LoggedOut));
        self.log.line(LogLevel::Info, format_args!("logged out"));
        // A local logout asks the provider nothing: it names its pages only where the metadata is there already. Nor is a
        // provider waited for that does not answer when the process has to end.
        let metadata = if options.local {
            self.provider.known_metadata()
        } else {
            let asked = self.provider.metadata();
            let asked = self.unsettled.while_it_lasts(era, asked).await;
            asked.and_then(Result::ok)
        };
        let revocation = match revocable {
            Some(token) if !options.local => {
                let revoked = self.revoke(&token, metadata.as_deref());
                let revoked = self.unsettled.while_it_lasts(era, revoked).await;
                revoked.unwrap_or(Revocation::Pending)
            }
            _ => Revocation::NotNeeded,
        };
        if !stored && revocation != Revocation::Done {
            return Err(AuthError::Storage {
                reason: StorageReason::Unavailable,
            });
        }
        Ok(LogoutOutcome {
            revocation,
            end_session_url: metadata.and_then(|metadata| self.end_session(&metadata, &options)),
        })
    }

    /// Ends the session in memory and in the store, whatever is there. Returns whether the store has it, and the
    /// token to revoke.
    async fn write_tombstone(&self) -> (bool, Option<Revocable>) {
        let mut latest = self.known().ok().and_then(|known| known.record);
        // Before memory is logged out: that may be stored while the store is looked at.
        let mut revocable = latest.as_deref().and_then(revocable_of);
        let mut expected = None;
        self.end_in_memory();
        for _ in 0..RACES {
            match self.vault.load(&self.session_name).await {
                Ok(item) => {
                    expected = item.as_ref().map(|item| item.tag.clone());
                    let record = item.and_then(|item| self.decode(&item).ok());
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
            revocable = latest.as_deref().and_then(revocable_of).or(revocable);
            let Some(tombstone) = self.tombstone(latest.as_deref()) else {
                break;
            };
            match self
                .commit(tombstone, expected.clone(), Writer::Person)
                .await
            {
                Ok(()) if self.known().is_ok_and(|known| known.persisted) => {
                    return (true, revocable);
                }
                Err(StoreError::Conflict) => {}
                Ok(()) | Err(_) => break,
            }
        }
        let _turn = self.turn.lock().await;
        let deleted = match expected.clone() {
            Some(tag) => self.vault.delete(&self.session_name, tag).await.is_ok(),
            None => false,
        };
        if let Some(tombstone) = self.tombstone(latest.as_deref()) {
            // Where neither worked the tombstone is tried again, and stands against what the store holds until then.
            self.take_over(tombstone, if deleted { None } else { expected }, deleted);
        }
        (deleted, revocable)
    }

    /// Before the store is asked: one that hangs, or fails, keeps nobody logged in.
    fn end_in_memory(&self) {
        let mut memory = self.memory();
        let Memory::Known(known) = &mut *memory else {
            return;
        };
        if known.live().is_some()
            && let Some(tombstone) = self.tombstone(known.record.as_deref())
        {
            known.record = Some(Arc::new(tombstone));
            known.persisted = false;
        }
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

    /// The provider's own logout page.
    fn end_session(&self, metadata: &ProviderMetadata, options: &LogoutOptions) -> Option<String> {
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

/// What to revoke of a live session.
fn revocable_of(record: &SessionRecord) -> Option<Revocable> {
    let live = record.live()?;
    let (refresh_token, access_token) = (&live.refresh_token, &live.access_token);
    Revocable::new(
        refresh_token.as_ref(),
        access_token.as_ref(),
        &live.token_endpoint,
    )
}

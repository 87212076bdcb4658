//! Renewing the access token (RFC 6749 §6), so that neither a crash nor a second process loses the session.
//!
//! The order is the point: everything that is slow first; then look at the store; then write a *claim*, which says
//! that the refresh token may have been sent; then send; then one write replaces the claim by the new tokens
//! (`answer`). A claim without an answer is the trace of a refresh that was cut off, and decides what may be done
//! next: at a provider that ends the session when a refresh token comes twice, a repeat is the last resort.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::SessionManager;
use super::access::Wish;
use super::answer::{Attempt, VerificationKeys};
use super::flight::Landing;
use super::keeper::RACES;
use super::memory::Known;
use super::record::{Claim, Live, SessionRecord};
use super::vault::Tag;
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::ProtocolError;
use crate::protocol::discovery::ProviderMetadata;
use crate::protocol::token::{Grant, token_request};
use crate::storage::StoreError;
use crate::transport::Request;
use crate::types::{NetworkReason, Rotation, SignedOutReason};

/// A refresh is given less time than other requests: a claim keeps others waiting.
const DEADLINE: Duration = Duration::from_secs(10);
/// For how many seconds a claim keeps others waiting: one request, and a little for the writes around it.
const TERM: u64 = 15;
/// How often others look whether a claim is resolved.
const POLL: Duration = Duration::from_millis(100);

/// What the look at a claim says.
enum Next {
    Send {
        first_sent: i64,
    },
    /// Another process is at it.
    Wait,
    /// A repeat may end the session, and there is a token left to work with.
    Rest,
}

impl SessionManager {
    /// Starts a refresh, or joins the one that is under way. While it is too early for another try, the result is the
    /// last one's.
    ///
    /// `seen` is what the caller saw before it asked: a token that came since then is news, whoever has brought it. So a
    /// caller who asks for what another flight has just landed with makes no second request.
    pub(crate) fn refresh(
        self: &Arc<Self>,
        wish: Wish,
        seen: Option<Arc<SessionRecord>>,
    ) -> Landing {
        let flight = if wish.for_user_info {
            &self.flight_aside
        } else {
            &self.flight
        };
        let manager = Arc::clone(self);
        flight.board(|| async move {
            let _alone = manager.sending.lock().await;
            let result = match manager.pace.too_early(manager.clock.boot()) {
                Some(error) => manager.pause(wish, seen.as_deref(), error).await,
                None => manager.refresh_once(wish, seen.as_deref()).await,
            };
            if let Err(error) = &result {
                manager.log.line(
                    LogLevel::Warn,
                    format_args!("the access token was not renewed: {}", error.kind()),
                );
            }
            result
        })
    }

    /// In place of a refresh that it is too early for: a look at the store, for another process may have been luckier,
    /// or have logged out.
    async fn pause(
        &self,
        wish: Wish,
        seen: Option<&SessionRecord>,
        error: AuthError,
    ) -> Result<(), AuthError> {
        let known = self.reload().await?;
        match known.signed_out(&*self.clock) {
            Some(reason) => Err(AuthError::LoginRequired { reason }),
            None if self.is_good_news(seen, &known, wish) => Ok(()),
            None => Err(error),
        }
    }

    /// Whether a token has come since the caller looked that meets the wish: it is as good as ours would be.
    fn is_good_news(&self, seen: Option<&SessionRecord>, known: &Known, wish: Wish) -> bool {
        let token = |record: &SessionRecord| {
            let token = record.live()?.access_token.as_ref()?;
            Some(token.secret().clone())
        };
        let Some(new) = known.record.as_deref().and_then(token) else {
            return false;
        };
        seen.and_then(token) != Some(new)
            && !wish.for_user_info
            && known.lifetime.is_fresh(wish.min_validity, &*self.clock)
    }

    /// One refresh, from the look at the store to the write of the new tokens.
    async fn refresh_once(
        &self,
        wish: Wish,
        before: Option<&SessionRecord>,
    ) -> Result<(), AuthError> {
        self.persist_pending().await;
        let (metadata, keys) = tokio::join!(self.provider.metadata(), self.provider.keys());
        let keys = match (&metadata, keys) {
            (Ok(metadata), Ok(keys)) => Some(VerificationKeys {
                keys,
                algorithms: metadata.algorithms.clone(),
            }),
            _ => None,
        };
        let patience = self.clock.boot() + 2 * Duration::from_secs(TERM);
        let mut seen: Option<(Option<Tag>, Duration)> = None;
        let mut races = 0;
        while races < RACES {
            let known = self.reload().await?;
            if let Some(reason) = known.signed_out(&*self.clock) {
                return Err(AuthError::LoginRequired { reason });
            }
            let (Some(record), Some(live)) = (known.record.clone(), known.live()) else {
                return Err(AuthError::LoginRequired {
                    reason: SignedOutReason::Never,
                });
            };
            if self.is_good_news(before, &known, wish) {
                return Ok(());
            }
            let Some(refresh_token) = live.refresh_token.clone() else {
                // Nothing to renew it with: it is used to its end.
                return Ok(());
            };
            // For how long, by our own clock, the store has held what it holds.
            let unchanged = match &seen {
                Some((tag, since)) if *tag == known.tag => self.clock.boot().saturating_sub(*since),
                _ => {
                    seen = Some((known.tag.clone(), self.clock.boot()));
                    Duration::ZERO
                }
            };
            let first_sent = match self.next_step(live, &known, wish, unchanged) {
                Next::Send { first_sent } => first_sent,
                Next::Wait if self.clock.boot() < patience => {
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                Next::Wait | Next::Rest => {
                    return Err(AuthError::Network {
                        reason: NetworkReason::Unavailable,
                        // Then the token that is left is used up, and a repeat is right.
                        retry_after_seconds: known.lifetime.left(&*self.clock),
                    });
                }
            };
            let endpoint = token_endpoint(&metadata, live)?;
            let unresolved = live.claim.is_some();
            let claimed = record.with(Live {
                claim: Some(Claim {
                    run_id: self.run_id.clone(),
                    at: self.now(),
                    boot_at: self.clock.boot().as_secs(),
                    first_sent,
                }),
                ..live.clone()
            });
            let tag = match self.write_claim(&claimed, known.tag.clone()).await {
                Ok(tag) => tag,
                Err(StoreError::Conflict) => {
                    races += 1;
                    continue;
                }
                // A store that cannot be written now could not take the new token either: nothing is sent.
                Err(error) => return Err(error.into()),
            };
            let attempt = Attempt {
                record: claimed,
                tag,
                unresolved,
                sent_at: self.now(),
                for_user_info: wish.for_user_info,
            };
            let resources: &[String] = if wish.for_user_info {
                &[]
            } else {
                &live.resources
            };
            let body = token_request(
                &self.settings.client_id,
                &Grant::RefreshToken {
                    refresh_token: refresh_token.secret(),
                    scopes: &[],
                },
                resources,
            );
            let mut request = Request::post_form(&endpoint, body);
            request.at_most = Some(DEADLINE);
            let answer = self.request_token(request).await;
            return self.conclude(attempt, answer, keys.as_ref()).await;
        }
        Err(AuthError::network(NetworkReason::Unavailable))
    }

    /// Whether to send, by what the record says of earlier sends.
    fn next_step(&self, live: &Live, known: &Known, wish: Wish, unchanged: Duration) -> Next {
        let now = self.now();
        let Some(claim) = &live.claim else {
            return Next::Send { first_sent: now };
        };
        let usable = !wish.force
            && known
                .lifetime
                .is_fresh(Some(wish.min_validity.unwrap_or(0)), &*self.clock);
        if claim.run_id != self.run_id && !self.is_over(claim, unchanged) {
            return if usable { Next::Rest } else { Next::Wait };
        }
        let left = !wish.refused
            && known
                .lifetime
                .left(&*self.clock)
                .is_none_or(|left| left > 0);
        // A clock that was set back cannot tell: no grace is counted on.
        let elapsed = u64::try_from(now - claim.first_sent).unwrap_or(u64::MAX);
        if may_repeat(
            self.settings.rotation,
            live.refresh_token_kept,
            elapsed,
            left,
        ) {
            Next::Send {
                first_sent: claim.first_sent,
            }
        } else {
            Next::Rest
        }
    }

    /// Whether the term of another process's claim is over. Where the clocks disagree about its age, one was set or
    /// the device was started anew: then only having seen it unchanged for a whole term tells.
    fn is_over(&self, claim: &Claim, unchanged: Duration) -> bool {
        const AGREE: u64 = 5;
        let boot = self.clock.boot().as_secs();
        let by_boot = boot.checked_sub(claim.boot_at);
        let by_wall = u64::try_from(self.now() - claim.at).ok();
        match (by_boot, by_wall) {
            (Some(by_boot), Some(by_wall)) if by_boot.abs_diff(by_wall) <= AGREE => by_boot >= TERM,
            _ => unchanged.as_secs() >= TERM,
        }
    }

    async fn write_claim(
        &self,
        claimed: &SessionRecord,
        expected: Option<Tag>,
    ) -> Result<Tag, StoreError> {
        let bytes = claimed.encode().map_err(|_| StoreError::Unavailable)?;
        self.vault.swap(&self.session_name, expected, bytes).await
    }
}

/// Where refresh tokens go. While the metadata cannot be had, the endpoint of the login is the best that is known.
fn token_endpoint(
    metadata: &Result<Arc<ProviderMetadata>, AuthError>,
    live: &Live,
) -> Result<Url, AuthError> {
    match metadata {
        Ok(metadata) => Ok(metadata.token_endpoint.clone()),
        Err(AuthError::Network { .. }) => Url::parse(&live.token_endpoint)
            .map_err(|_| ProtocolError::Untrusted("endpoint").into()),
        Err(error) => Err(error.clone()),
    }
}

/// Whether the same refresh token may be sent again after an answer was lost (refresh.md §4.3). `elapsed` is since
/// it was first sent; five seconds of a grace period are kept for the way.
fn may_repeat(rotation: Rotation, learned_none: bool, elapsed: u64, token_left: bool) -> bool {
    const WAY: u64 = 5;
    match rotation {
        Rotation::None | Rotation::Parent => true,
        Rotation::Grace { seconds } => {
            elapsed.saturating_add(WAY) < u64::from(seconds) || !token_left
        }
        Rotation::Unknown => learned_none || !token_left,
        Rotation::Strict => !token_left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_providers_token_is_repeated_only_when_nothing_is_left() {
        assert!(!may_repeat(Rotation::Strict, false, 1, true));
        assert!(may_repeat(Rotation::Strict, false, 1, false));
    }

    #[test]
    fn a_grace_period_allows_a_repeat_inside_it() {
        let grace = Rotation::Grace { seconds: 60 };
        assert!(may_repeat(grace, false, 54, true));
        assert!(!may_repeat(grace, false, 55, true));
    }

    #[test]
    fn an_unknown_provider_that_kept_its_token_is_one_without_rotation() {
        assert!(!may_repeat(Rotation::Unknown, false, 1, true));
        assert!(may_repeat(Rotation::Unknown, true, 1, true));
    }
}

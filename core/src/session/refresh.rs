//! Renewing the access token (RFC 6749 §6), so that neither a crash nor a second process loses the session.
//!
//! The order is the point (refresh.md §4.3): everything that is slow first; then look at the store; then write a
//! *claim*, which says that the refresh token may have been sent; then send; then one write replaces the claim by the
//! new tokens. A claim without an answer is the trace of a refresh that was cut off, and decides what may be done
//! next: at a provider that ends the session when a refresh token comes twice, a repeat is the last resort.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::SessionManager;
use super::flight::spawn;
use super::login::expires_at;
use super::memory::Known;
use super::provider::host;
use super::record::{Claim, Ending, Live, SessionRecord, State};
use super::vault::Tag;
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::ProtocolError;
use crate::protocol::id_token::{RefreshExpected, RefreshedIdTokenProblem, check_refreshed};
use crate::protocol::jwk::{Algorithm, KeySet};
use crate::protocol::jws;
use crate::protocol::retry_after::retry_after_seconds;
use crate::protocol::token::{
    Grant, TokenProblem, TokenResponse, Verdict, parse_token_answer, token_request, verdict,
};
use crate::storage::StoreError;
use crate::transport::{Request, TransportError};
use crate::types::{AccessToken, AccessTokenOptions, NetworkReason, Rotation, SignedOutReason};

/// How often others look whether a claim is resolved.
const POLL: Duration = Duration::from_millis(100);
/// How often the store is read anew after somebody else wrote first.
const RACES: u32 = 16;

/// What a caller wants of a refresh.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    /// A token that is still good does not do: an API refused it, or the app asked for another.
    pub(crate) force: bool,
    pub(crate) min_validity: Option<u64>,
}

/// What the look at a claim says.
enum Next {
    Send {
        first_sent: i64,
        attempts: u32,
    },
    Wait,
    /// A repeat may end the session, and there is a token left to work with.
    Rest,
}

impl SessionManager {
    /// [`crate::Auth::access_token`].
    pub(crate) async fn access_token(
        self: &Arc<Self>,
        options: AccessTokenOptions,
    ) -> Result<AccessToken, AuthError> {
        let wish = Wish {
            force: options.force_refresh,
            min_validity: options.min_validity_seconds,
        };
        if let Some(token) = self.cached(wish) {
            return Ok(token);
        }
        let known = self.loaded().await?;
        if let Some(reason) = known.signed_out(&*self.clock) {
            return Err(AuthError::LoginRequired { reason });
        }
        if let Some(token) = self.cached(wish) {
            return Ok(token);
        }
        let refreshed = self.refresh(wish).await;
        // A refresh that may be done later does not take away a token that is good now.
        let now_wish = Wish {
            force: false,
            min_validity: Some(options.min_validity_seconds.unwrap_or(0)),
        };
        match (refreshed, self.cached(now_wish)) {
            (Ok(()), Some(token)) => Ok(token),
            (Ok(()), None) => self.whatever_is_left(),
            (Err(error), Some(token)) if !options.force_refresh && may_pass(&error) => {
                drop(error);
                Ok(token)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Starts a refresh, or joins the one that is under way.
    pub(crate) async fn refresh(self: &Arc<Self>, wish: Wish) -> Result<(), AuthError> {
        let manager = Arc::clone(self);
        self.flight
            .join(|| async move {
                let result = manager.refresh_once(wish).await;
                if let Err(error) = &result {
                    manager.log.line(
                        LogLevel::Warn,
                        format_args!("the access token was not renewed: {}", error.kind()),
                    );
                }
                result
            })
            .await
    }

    /// The token in memory, if it meets the wish. No I/O.
    pub(crate) fn cached(&self, wish: Wish) -> Option<AccessToken> {
        if wish.force {
            return None;
        }
        let known = self.known().ok()?;
        if !known.lifetime.is_fresh(wish.min_validity, &*self.clock) {
            return None;
        }
        token_of(&known, &*self.clock)
    }

    /// After a refresh: a token that lives shorter than was wished for is better than none.
    fn whatever_is_left(&self) -> Result<AccessToken, AuthError> {
        let known = self.known()?;
        match known.signed_out(&*self.clock) {
            Some(reason) => Err(AuthError::LoginRequired { reason }),
            None => token_of(&known, &*self.clock)
                .ok_or_else(|| AuthError::network(NetworkReason::Unavailable)),
        }
    }

    /// One refresh, from the look at the store to the write of the new tokens.
    async fn refresh_once(&self, wish: Wish) -> Result<(), AuthError> {
        self.persist_pending().await;
        let before = self.known().ok().and_then(|known| known.record);
        let (metadata, keys) = tokio::join!(self.provider.metadata(), self.provider.keys());
        let keys = match (&metadata, keys) {
            (Ok(metadata), Ok(keys)) => Some(VerificationKeys {
                keys,
                algorithms: metadata.algorithms.clone(),
            }),
            _ => None,
        };
        for _ in 0..RACES {
            let known = self.reload().await?;
            if let Some(reason) = known.signed_out(&*self.clock) {
                return Err(AuthError::LoginRequired { reason });
            }
            let (Some(record), Some(live)) = (known.record.clone(), known.live()) else {
                return Err(AuthError::LoginRequired {
                    reason: SignedOutReason::Never,
                });
            };
            // Another process was quicker: its token is as good as ours would be.
            let is_news = before
                .as_ref()
                .is_none_or(|before| !before.is_same(&record));
            if is_news && known.lifetime.is_fresh(wish.min_validity, &*self.clock) {
                return Ok(());
            }
            let Some(refresh_token) = live.refresh_token.clone() else {
                // Nothing to renew it with: it is used to its end.
                return Ok(());
            };
            let (first_sent, attempts) = match self.next_step(live, &known, wish) {
                Next::Send {
                    first_sent,
                    attempts,
                } => (first_sent, attempts),
                Next::Wait => {
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                Next::Rest => return Err(AuthError::network(NetworkReason::Unavailable)),
            };
            let endpoint = match &metadata {
                Ok(metadata) => metadata.token_endpoint.clone(),
                // While the metadata cannot be had, the endpoint of the login is the best that is known.
                Err(AuthError::Network { .. }) => Url::parse(&live.token_endpoint)
                    .map_err(|_| ProtocolError::Untrusted("endpoint"))?,
                Err(error) => return Err(error.clone()),
            };
            let unresolved = live.claim.is_some();
            let claimed = record.with(Live {
                claim: Some(Claim {
                    run_id: self.run_id.clone(),
                    until: self.now() + self.term(),
                    first_sent,
                    attempts: attempts + 1,
                }),
                ..live.clone()
            });
            let tag = match self.write_claim(&claimed, known.tag.clone()).await {
                Ok(tag) => tag,
                Err(StoreError::Conflict) => continue,
                // A store that cannot be written now could not take the new token either: nothing is sent.
                Err(error) => return Err(error.into()),
            };
            let attempt = Attempt {
                record: claimed,
                tag,
                unresolved,
                sent_at: self.now(),
            };
            let body = token_request(
                &self.settings.client_id,
                &Grant::RefreshToken {
                    refresh_token: refresh_token.secret(),
                    scopes: &[],
                },
                &live.resources,
            );
            let answer = self.request_token(&endpoint, body).await;
            return self.conclude(attempt, answer, keys.as_ref()).await;
        }
        Err(AuthError::network(NetworkReason::Unavailable))
    }

    /// Whether to send, by what the record says of earlier sends.
    fn next_step(&self, live: &Live, known: &Known, wish: Wish) -> Next {
        let now = self.now();
        let Some(claim) = &live.claim else {
            return Next::Send {
                first_sent: now,
                attempts: 0,
            };
        };
        let usable = !wish.force
            && known
                .lifetime
                .is_fresh(Some(wish.min_validity.unwrap_or(0)), &*self.clock);
        // A term that lies further ahead than one can be is of a clock that was set back since.
        let others =
            claim.run_id != self.run_id && now < claim.until && claim.until - now <= self.term();
        if others {
            return if usable { Next::Rest } else { Next::Wait };
        }
        let left = known
            .lifetime
            .left(&*self.clock)
            .is_none_or(|left| left > 0);
        let elapsed = u64::try_from(now - claim.first_sent).unwrap_or(0);
        if may_repeat(
            self.settings.rotation,
            live.refresh_token_kept,
            elapsed,
            left,
        ) {
            Next::Send {
                first_sent: claim.first_sent,
                attempts: claim.attempts,
            }
        } else {
            Next::Rest
        }
    }

    /// For how long a claim keeps others waiting: one request, and a little for the writes around it.
    fn term(&self) -> i64 {
        i64::try_from(self.settings.request_timeout.as_secs()).unwrap_or(30) + 5
    }

    async fn write_claim(
        &self,
        claimed: &SessionRecord,
        expected: Option<Tag>,
    ) -> Result<Tag, StoreError> {
        let bytes = claimed.encode().map_err(|_| StoreError::Unavailable)?;
        self.vault.swap(&self.session_name, expected, bytes).await
    }

    /// Sends a token request, once.
    pub(crate) async fn request_token(
        &self,
        endpoint: &Url,
        body: String,
    ) -> Result<Answer, TransportError> {
        let answer = self
            .transport
            .send(Request::post_form(endpoint, body))
            .await
            .inspect_err(|error| {
                self.log.line(
                    LogLevel::Warn,
                    format_args!("token request at {}: {error}", host(endpoint)),
                );
            })?;
        self.log.line(
            LogLevel::Debug,
            format_args!(
                "token request at {}: status {}",
                host(endpoint),
                answer.status
            ),
        );
        Ok(Answer {
            tokens: parse_token_answer(answer.status, answer.header("content-type"), &answer.body),
            retry_after_seconds: retry_after_seconds(
                answer.header("retry-after"),
                answer.header("date"),
                self.now(),
            ),
            date: answer.header("date").map(str::to_owned),
        })
    }

    /// Draws the conclusion of an answer, or of none (refresh.md §4.7).
    async fn conclude(
        &self,
        attempt: Attempt,
        answer: Result<Answer, TransportError>,
        keys: Option<&VerificationKeys>,
    ) -> Result<(), AuthError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if error.certainly_not_sent() {
                    self.release(attempt).await;
                }
                return Err(error.into());
            }
        };
        let retry_after_seconds = answer.retry_after_seconds;
        let problem = match answer.tokens {
            Ok(tokens) => return self.renewed(attempt, tokens, keys).await,
            Err(problem) => problem,
        };
        // An answer that may have come after the provider committed (a gateway's, a broken one) leaves the claim.
        let (error, resolved) = match verdict(&problem) {
            Verdict::Ended => return self.refused(attempt).await,
            Verdict::InteractionRequired { code } => {
                (AuthError::InteractionRequired { code }, true)
            }
            Verdict::RateLimited => (
                AuthError::Network {
                    reason: NetworkReason::RateLimited,
                    retry_after_seconds,
                },
                true,
            ),
            Verdict::Unavailable { maybe_processed } => (
                AuthError::Network {
                    reason: NetworkReason::Unavailable,
                    retry_after_seconds,
                },
                !maybe_processed,
            ),
            Verdict::Provider {
                status,
                code,
                maybe_processed,
            } => (
                AuthError::Provider {
                    status: Some(u32::from(status)),
                    code,
                },
                !maybe_processed,
            ),
        };
        if resolved {
            self.release(attempt).await;
        }
        Err(error)
    }

    /// The provider has answered with new tokens: one write makes them ours.
    async fn renewed(
        &self,
        attempt: Attempt,
        tokens: TokenResponse,
        keys: Option<&VerificationKeys>,
    ) -> Result<(), AuthError> {
        let Some(live) = attempt.record.live() else {
            return Err(AuthError::network(NetworkReason::Unavailable));
        };
        let mut claims = live.claims.clone();
        match self.refreshed_claims(live, &tokens, keys) {
            Ok(Some(new)) => claims = new,
            Ok(None) => {}
            Err(SomebodyElse) => {
                self.revoke_later(tokens.refresh_token.as_ref().map(|t| t.secret().clone()));
                return self.end(&attempt, SignedOutReason::SubjectChanged).await;
            }
        }
        let kept = match (&tokens.refresh_token, &live.refresh_token) {
            (Some(new), Some(old)) => new.secret() == old.secret(),
            _ => true,
        };
        let orphan = tokens.refresh_token.as_ref().map(|t| t.secret().clone());
        let next = attempt.record.next(State::Live(Box::new(Live {
            claims,
            scopes: tokens.scopes.unwrap_or_else(|| live.scopes.clone()),
            refresh_token: tokens.refresh_token.or_else(|| live.refresh_token.clone()),
            access_token: Some(tokens.access_token),
            obtained_at: attempt.sent_at,
            expires_at: expires_at(attempt.sent_at, tokens.expires_in_seconds),
            refreshed_at: Some(self.now()),
            refresh_token_kept: kept,
            claim: None,
            ..live.clone()
        })));
        match self.commit(next, Some(attempt.tag)).await {
            Ok(()) => {
                self.log
                    .line(LogLevel::Info, format_args!("the access token was renewed"));
                Ok(())
            }
            Err(_) => self.lost_to(live.subject.clone(), orphan).await,
        }
    }

    /// Somebody else wrote first: a logout or a new login wins over this answer. The new refresh token is revoked
    /// only where that cannot hurt the winner (some providers revoke all that the person granted).
    async fn lost_to(
        &self,
        subject: Option<String>,
        orphan: Option<String>,
    ) -> Result<(), AuthError> {
        let winner = self.reload().await?;
        if winner.live().is_none_or(|live| live.subject != subject) {
            self.revoke_later(orphan);
        }
        match winner.signed_out(&*self.clock) {
            Some(reason) => Err(AuthError::LoginRequired { reason }),
            None => Ok(()),
        }
    }

    /// The claims of the ID token that came with a refresh. One that names another person is an error; one that
    /// cannot be verified is dropped, since a provider's bad key roll-out must not log anybody out.
    fn refreshed_claims(
        &self,
        live: &Live,
        tokens: &TokenResponse,
        keys: Option<&VerificationKeys>,
    ) -> Result<Option<serde_json::Map<String, serde_json::Value>>, SomebodyElse> {
        let (Some(id_token), Some(subject)) = (&tokens.id_token, &live.subject) else {
            return Ok(None);
        };
        let dropped = |why: &str| {
            self.log.line(
                LogLevel::Warn,
                format_args!("the refreshed ID token was dropped: {why}"),
            );
            Ok(None)
        };
        let Ok(jws) = jws::parse(id_token) else {
            return dropped("it cannot be read");
        };
        let Ok(claims) = jws.unverified_claims() else {
            return dropped("it cannot be read");
        };
        let checked = check_refreshed(
            claims,
            jws.header().algorithm,
            &RefreshExpected {
                issuer: &self.settings.issuer,
                client_id: &self.settings.client_id,
                subject,
                auth_time: live
                    .claims
                    .get("auth_time")
                    .and_then(serde_json::Value::as_i64),
                nonce: live.nonce.as_deref(),
                access_token: tokens.access_token.secret(),
                now: self.now(),
            },
        );
        match checked {
            Err(RefreshedIdTokenProblem::SubjectChanged(_)) => Err(SomebodyElse),
            Err(RefreshedIdTokenProblem::Unverifiable(check)) => dropped(check),
            Ok(identity) => match keys.map(|keys| jws.verify(&keys.keys, &keys.algorithms)) {
                Some(Ok(_)) => Ok(Some(identity.claims)),
                _ => dropped("its signature cannot be verified"),
            },
        }
    }

    /// `invalid_grant`: the session is over, unless somebody else has renewed it meanwhile.
    async fn refused(&self, attempt: Attempt) -> Result<(), AuthError> {
        let reason = if attempt.unresolved {
            SignedOutReason::RotationInterrupted
        } else {
            SignedOutReason::Revoked
        };
        self.end(&attempt, reason).await
    }

    async fn end(&self, attempt: &Attempt, reason: SignedOutReason) -> Result<(), AuthError> {
        let ended = attempt.record.next(State::Ended(Ending {
            reason: reason.word(),
            at: self.now(),
            logged_in_at: attempt.record.live().map(|live| live.logged_in_at),
        }));
        match self.commit(ended, Some(attempt.tag.clone())).await {
            Ok(()) => {
                self.log.line(
                    LogLevel::Warn,
                    format_args!("the session has ended: {}", reason.word()),
                );
                Err(AuthError::LoginRequired { reason })
            }
            Err(_) => {
                let winner = self.reload().await?;
                match winner.signed_out(&*self.clock) {
                    Some(reason) => Err(AuthError::LoginRequired { reason }),
                    None => Ok(()),
                }
            }
        }
    }

    /// Takes the claim back: the refresh token was not used.
    async fn release(&self, attempt: Attempt) {
        let Some(live) = attempt.record.live() else {
            return;
        };
        // What an earlier send left open stays open.
        if attempt.unresolved {
            return;
        }
        let released = attempt.record.with(Live {
            claim: None,
            ..live.clone()
        });
        if let Err(error) = self.commit(released, Some(attempt.tag)).await {
            self.log.line(
                LogLevel::Debug,
                format_args!("a claim was not taken back: {error}"),
            );
        }
    }

    /// Revokes a refresh token that nobody will use, without anybody waiting.
    fn revoke_later(&self, token: Option<String>) {
        if let (Some(token), Some(metadata)) = (token, self.provider.known_metadata())
            && let Some(url) = metadata.revocation_endpoint.clone()
        {
            let body = crate::protocol::revocation::revocation_request(
                &self.settings.client_id,
                &token,
                "refresh_token",
            );
            let transport = Arc::clone(&self.transport);
            drop(spawn(async move {
                transport
                    .send(Request::post_form(&url, body))
                    .await
                    .map(drop)
            }));
        }
    }
}

/// A refresh whose claim is written.
struct Attempt {
    record: SessionRecord,
    tag: Tag,
    /// Whether an earlier send of the same token is without an answer.
    unresolved: bool,
    sent_at: i64,
}

/// The token endpoint's answer.
pub(crate) struct Answer {
    tokens: Result<TokenResponse, TokenProblem>,
    retry_after_seconds: Option<u64>,
    pub(crate) date: Option<String>,
}

impl Answer {
    /// What came of a code exchange, which is never repeated: without tokens the login has failed.
    pub(crate) fn tokens_of_login(&self) -> Result<TokenResponse, AuthError> {
        let problem = match &self.tokens {
            Ok(tokens) => return Ok(tokens.clone()),
            Err(problem) => problem,
        };
        Err(
            match AuthError::from(ProtocolError::from(problem.clone())) {
                AuthError::Network { reason, .. } => AuthError::Network {
                    reason,
                    retry_after_seconds: self.retry_after_seconds,
                },
                other => other,
            },
        )
    }
}

/// What a refreshed ID token is verified with.
struct VerificationKeys {
    keys: Arc<KeySet>,
    algorithms: Vec<Algorithm>,
}

/// A refresh was answered with another person's ID token.
struct SomebodyElse;

/// Whether the same refresh token may be sent again after an answer was lost (refresh.md §4.3). `elapsed` is since
/// it was first sent; five seconds of a grace period are kept for the way.
fn may_repeat(rotation: Rotation, learned_none: bool, elapsed: u64, token_left: bool) -> bool {
    const WAY: u64 = 5;
    match rotation {
        Rotation::None | Rotation::Parent => true,
        Rotation::Grace { seconds } => elapsed + WAY < u64::from(seconds) || !token_left,
        Rotation::Unknown => learned_none || elapsed + WAY < 30 || !token_left,
        Rotation::Strict => !token_left,
    }
}

fn may_pass(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::Network { .. } | AuthError::Provider { .. } | AuthError::Storage { .. }
    )
}

fn token_of(known: &Known, clock: &dyn crate::clock::Clock) -> Option<AccessToken> {
    let live = known.live()?;
    Some(AccessToken {
        value: live.access_token.as_ref()?.secret().clone(),
        token_type: "Bearer".to_owned(),
        expires_in_seconds: known.lifetime.left(clock),
        scopes: live.scopes.clone(),
    })
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
        assert!(!may_repeat(Rotation::Unknown, false, 1_000, true));
        assert!(may_repeat(Rotation::Unknown, true, 1_000, true));
    }
}

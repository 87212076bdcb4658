//! The token endpoint's answer, and what follows from it (refresh.md §4.7).
//!
//! Whatever it says is written by one swap that names what it replaces: a logout or a new login that came first wins.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::SessionManager;
use super::commit::Writer;
use super::finish::expires_at;
use super::provider::host;
use super::record::{Ending, Live, Refusals, State, scopes_of};
use super::revocation::Revocable;
use super::send::Attempt;
use super::timeline::What;
use super::user_info::TokenAside;
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::ProtocolError;
use crate::protocol::id_token::{RefreshExpected, RefreshedIdTokenProblem, check_refreshed};
use crate::protocol::jwk::{Algorithm, KeySet};
use crate::protocol::jws;
use crate::protocol::origin::is_gone;
use crate::protocol::retry_after::retry_after_seconds;
use crate::protocol::token::{TokenProblem, TokenResponse, Verdict, parse_token_answer, verdict};
use crate::transport::{Request, TransportError};
use crate::types::{NetworkReason, SignedOutReason};

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
pub(crate) struct VerificationKeys {
    pub(crate) keys: Arc<KeySet>,
    pub(crate) algorithms: Vec<Algorithm>,
}

/// What a refresh has come to.
pub(crate) enum Conclusion {
    Done(Result<(), AuthError>),
    /// The token may have been used, and no answer is here.
    AnswerLost(Attempt, AuthError),
}

/// A refresh was answered with another person's ID token.
struct SomebodyElse;

/// What to revoke where nobody will use what a refresh brought.
fn refresh_token_of(tokens: &TokenResponse, live: &Live) -> Option<Revocable> {
    Revocable::new(tokens.refresh_token.as_ref(), None, &live.token_endpoint)
}

impl SessionManager {
    /// Sends a token request, once; `afresh`, on a connection that it opens.
    pub(crate) async fn request_token(
        &self,
        request: Request,
        afresh: bool,
    ) -> Result<Answer, TransportError> {
        let endpoint = host(&request.url);
        let answer = if afresh {
            self.transport.send_afresh(request).await
        } else {
            self.transport.send(request).await
        };
        let answer = answer.inspect_err(|error| {
            self.log.line(
                LogLevel::Warn,
                format_args!("token request at {endpoint}: {error}"),
            );
        })?;
        self.log.line(
            LogLevel::Debug,
            format_args!("token request at {endpoint}: status {}", answer.status),
        );
        self.learn_time(answer.header("date"));
        Ok(Answer {
            tokens: parse_token_answer(
                answer.status,
                answer.header("content-type"),
                &answer.all("content-encoding"),
                &answer.body,
            ),
            retry_after_seconds: retry_after_seconds(
                answer.header("retry-after"),
                answer.header("date"),
                self.now(),
            ),
            date: answer.header("date").map(str::to_owned),
        })
    }

    /// Draws the conclusion of an answer, or of none (refresh.md §4.7).
    pub(crate) async fn conclude(
        &self,
        mut attempt: Attempt,
        answer: Result<Answer, TransportError>,
        keys: Option<&VerificationKeys>,
    ) -> Conclusion {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error @ (TransportError::Interrupted | TransportError::Timeout))
                if attempt.sent =>
            {
                return Conclusion::AnswerLost(attempt, error.into());
            }
            Err(error) => {
                let resolved = !attempt.sent;
                return Conclusion::Done(self.fail(attempt, error.into(), resolved).await);
            }
        };
        let retry_after_seconds = answer.retry_after_seconds;
        // An answer to the head alone, a gateway's: whatever it says, it says nothing about a token that was not sent.
        if !attempt.sent {
            let error = AuthError::Network {
                reason: NetworkReason::Unavailable,
                retry_after_seconds,
            };
            return Conclusion::Done(self.fail(attempt, error, true).await);
        }
        let problem = match answer.tokens {
            Ok(tokens) => return Conclusion::Done(self.renewed(attempt, tokens, keys).await),
            Err(problem) => problem,
        };
        // An answer that may have come after the provider committed (a gateway's, a broken one) leaves the claim.
        let (error, resolved) = match verdict(&problem) {
            Verdict::Ended => return Conclusion::Done(self.refused(attempt).await),
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
            } => {
                let refused = !maybe_processed && (400..500).contains(&status);
                (
                    AuthError::Provider {
                        status: Some(u32::from(status)),
                        code,
                        persistent: refused && attempt.refuse(self.now()).go_on()
                            || attempt.moved && is_gone(status),
                    },
                    !maybe_processed,
                )
            }
        };
        Conclusion::Done(self.fail(attempt, error, resolved).await)
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
                self.revoke_later(refresh_token_of(&tokens, live));
                return self.end(&attempt, SignedOutReason::SubjectChanged).await;
            }
        }
        let kept = match (&tokens.refresh_token, &live.refresh_token) {
            (Some(new), Some(old)) => new.secret() == old.secret(),
            _ => true,
        };
        let orphan = refresh_token_of(&tokens, live);
        self.note(&What::Refreshed { rotated: !kept });
        let expires_at = expires_at(attempt.asked.wall, tokens.expires_in_seconds);
        let mut next = Live {
            claims,
            refresh_token: tokens.refresh_token.or_else(|| live.refresh_token.clone()),
            refreshed_at: Some(self.now()),
            refresh_token_kept: kept,
            claim: None,
            hold: None,
            refusals: Refusals::default(),
            ..live.clone()
        };
        let mut aside = None;
        if attempt.for_user_info {
            aside = Some(TokenAside {
                session_id: attempt.record.session_id.clone(),
                access_token: tokens.access_token,
                expires_at,
            });
        } else {
            next.scopes = scopes_of(tokens.scopes, live.scopes.clone());
            next.access_token = Some(tokens.access_token);
            next.obtained = attempt.asked;
            next.expires_at = expires_at;
        }
        let next = attempt.record.next(State::Live(Box::new(next)));
        match self.commit_renewed(next, Some(attempt.tag)).await {
            Ok(()) => {
                self.note_stored();
                match aside {
                    Some(token) => self.keep_aside(Some(token)),
                    None => self.pace.renewed(self.clock.boot()),
                }
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
        orphan: Option<Revocable>,
    ) -> Result<(), AuthError> {
        let winner = self.reload().await?;
        let hurts_nobody = match winner.live() {
            Some(live) => live.subject != subject,
            None => winner.signed_out(&*self.clock) == Some(SignedOutReason::LoggedOut),
        };
        if hurts_nobody {
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
    ) -> Result<Option<Map<String, Value>>, SomebodyElse> {
        let (Some(id_token), Some(subject)) = (&tokens.id_token, &live.subject) else {
            return Ok(None);
        };
        let dropped = |why: &'static str| {
            self.note(&What::IdTokenDropped(why));
            self.log.line(
                LogLevel::Warn,
                format_args!("the refreshed ID token was dropped: {why}"),
            );
            Ok(None)
        };
        // Who it is about comes first, whatever its header says: a token about somebody else is not dropped, it ends
        // the session.
        let Some(claims) = jws::stated_claims(id_token) else {
            return dropped("it cannot be read");
        };
        let jws = jws::parse(id_token);
        let checked = check_refreshed(
            claims,
            jws.as_ref()
                .map_or(Algorithm::Rs256, |jws| jws.header().algorithm),
            &RefreshExpected {
                issuer: &self.settings.issuer,
                client_id: &self.settings.client_id,
                subject,
                auth_time: live.claims.get("auth_time").and_then(Value::as_i64),
                nonce: live.nonce.as_deref(),
                access_token: tokens.access_token.secret(),
                now: self.provider_time(),
            },
        );
        match checked {
            Err(RefreshedIdTokenProblem::SubjectChanged(_)) => Err(SomebodyElse),
            Err(RefreshedIdTokenProblem::Unverifiable(check)) => dropped(check),
            Ok(identity) => match (jws, keys) {
                (Ok(jws), Some(keys)) if jws.verify(&keys.keys, &keys.algorithms).is_ok() => {
                    Ok(Some(identity.claims))
                }
                _ => dropped("its signature cannot be verified"),
            },
        }
    }

    /// `invalid_grant`: the session is over, unless somebody else has renewed it meanwhile.
    async fn refused(&self, attempt: Attempt) -> Result<(), AuthError> {
        let reason = if attempt.earlier.is_some() {
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
        match self
            .commit(ended, Some(attempt.tag.clone()), Writer::Refresh)
            .await
        {
            Ok(()) => {
                self.note(&What::Ended(reason));
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
}

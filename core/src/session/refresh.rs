//! Renewing the access token (RFC 6749 §6), so that neither a crash nor a second process loses the session.
//!
//! The order is the point (refresh.md §4.3): everything that is slow first; then look at the store; then write a
//! *claim*, which keeps others from sending; then send (`send`: what may have left is written down before it leaves);
//! then one write replaces the claim by the new tokens (`answer`). A claim without an answer is the trace of a refresh
//! that was cut off, and decides what may be done next (`claim`).

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::access::Wish;
use super::answer::{Conclusion, VerificationKeys};
use super::claim::{Claim, Next, Situation, TERM};
use super::commit::{RACES, Writer};
use super::flight::{Landing, off_thread};
use super::hold::{Hold, Left};
use super::memory::Known;
use super::moment::Moment;
use super::provider::host;
use super::record::{Live, SessionRecord};
use super::send::{Attempt, Outcome};
use super::timeline::What;
use super::vault::Tag;
use super::{SessionManager, share};
use crate::error::AuthError;
use crate::files::runs::{has_ended, is_here};
use crate::log::LogLevel;
use crate::protocol::ProtocolError;
use crate::protocol::discovery::ProviderMetadata;
use crate::protocol::origin::{RefreshEndpoint, refresh_endpoint};
use crate::storage::StoreError;
use crate::types::{NetworkReason, SignedOutReason};

/// How often others look whether a claim is resolved.
const POLL: Duration = Duration::from_millis(100);
/// A caller waits no longer than this for another send of the same token.
pub(crate) const SHORT: u64 = 2;

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
        let (manager, era) = (Arc::clone(self), self.unsettled.era());
        flight.board(|| async move {
            let _alone = manager.sending.lock().await;
            manager.adopt_hold().await;
            let result = match manager.pace.too_early(manager.clock.boot()) {
                Some(error) => manager.pause(wish, seen.as_deref(), error).await,
                None => Box::pin(manager.refresh_once(wish, seen.as_deref(), era)).await,
            };
            if let Err(error) = &result {
                manager.log.line(
                    LogLevel::Warn,
                    format_args!("the access token was not renewed: {}", error.kind()),
                );
            }
            manager.write_journal().await;
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

    /// One refresh, from the look at the store to the write of the new tokens. It begins again at that look whenever
    /// somebody else wrote first, and where an answer was lost and the same token may be sent once more.
    async fn refresh_once(
        &self,
        wish: Wish,
        before: Option<&SessionRecord>,
        era: u64,
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
        let mut watch = Watch::default();
        let mut races = 0;
        while races < RACES {
            let known = self.reload().await?;
            if let Some(reason) = known.signed_out(&*self.clock) {
                return Err(AuthError::LoginRequired { reason });
            }
            let Some(live) = known.live() else {
                return Err(AuthError::LoginRequired {
                    reason: SignedOutReason::Never,
                });
            };
            if self.is_good_news(before, &known, wish) {
                return Ok(());
            }
            if live.refresh_token.is_none() {
                // Nothing to renew it with: it is used to its end.
                return Ok(());
            }
            self.adopt_hold().await;
            if let Some(error) = self.not_now(era) {
                return Err(error);
            }
            let gone = self.holder_is_gone(live.claim.as_ref()).await;
            // It may have stored its answer before it went: then this record is not the last word.
            if gone && self.reload().await?.tag != known.tag {
                races += 1;
                continue;
            }
            let (now, unchanged) = (self.moment(), watch.unchanged(&known, self.clock.boot()));
            let situation = self.situation(live, &known, wish, &now, gone, unchanged);
            match situation.next() {
                Next::Send => {}
                Next::Wait if self.clock.boot() < patience => {
                    self.clock.wait(POLL).await;
                    continue;
                }
                Next::Later(seconds) if seconds <= SHORT => {
                    self.clock.wait(Duration::from_secs(seconds)).await;
                    continue;
                }
                Next::Later(seconds) => return Err(unavailable(Some(seconds))),
                Next::Wait => return Err(unavailable(None)),
                // After that the token that is left is used up, and a repeat is right.
                Next::Rest => return Err(unavailable(known.lifetime.left(&*self.clock))),
            }
            let send_within = situation.send_within();
            let endpoint = match self.token_endpoint(&metadata, live) {
                Ok(endpoint) => endpoint,
                Err(error) => return Err(self.failed_before_the_send(error)),
            };
            // Before the claim: who is about to be suspended takes none.
            let _background = self.background_time().await?;
            let attempt = match self.take_claim(&known, wish, &now, send_within, era).await {
                Ok(attempt) => Attempt {
                    moved: endpoint.moved,
                    ..attempt
                },
                Err(StoreError::Conflict) => {
                    races += 1;
                    continue;
                }
                // A store that cannot be written now could not take the new token either: nothing is sent.
                Err(error) => return Err(error.into()),
            };
            let (attempt, answer) = match self.send(attempt, &endpoint.url).await {
                (attempt, Outcome::Ended(answer)) => (attempt, answer),
                (attempt, Outcome::Withdrawn(error)) => {
                    self.give_up(attempt).await;
                    match error {
                        StoreError::Conflict => races += 1,
                        error => return Err(error.into()),
                    }
                    continue;
                }
            };
            let (attempt, error) = match self.conclude(attempt, answer, keys.as_ref()).await {
                Conclusion::Done(result) => return result,
                Conclusion::AnswerLost(attempt, error) => (attempt, error),
            };
            let now = self.moment();
            let again = attempt.record.live().is_some_and(|live| {
                let situation = self.situation(live, &known, wish, &now, false, 0);
                situation.may_repeat_at_once()
            });
            let pause = self.clock.wait(before_a_repeat(share()));
            if !again || self.unsettled.while_it_lasts(era, pause).await.is_none() {
                return self.fail(attempt, error, false).await;
            }
            self.note(&What::RefreshFailed(error.class()));
        }
        Err(unavailable(None))
    }

    /// Where the refresh token goes. While the metadata cannot be had, the endpoint of the login is the best that is known;
    /// metadata that failed a check say nothing.
    fn token_endpoint(
        &self,
        metadata: &Result<Arc<ProviderMetadata>, AuthError>,
        live: &Live,
    ) -> Result<RefreshEndpoint, AuthError> {
        let of_login =
            Url::parse(&live.token_endpoint).map_err(|_| ProtocolError::Untrusted("endpoint"))?;
        let endpoint = match metadata {
            Ok(metadata) => refresh_endpoint(of_login, &metadata.token_endpoint),
            Err(AuthError::Network { .. }) => RefreshEndpoint {
                url: of_login,
                moved: false,
            },
            Err(error) => return Err(error.clone()),
        };
        if endpoint.moved {
            self.log.line(
                LogLevel::Warn,
                format_args!(
                    "the metadata name a token endpoint at another origin; {} gave the refresh token and gets it",
                    host(&endpoint.url)
                ),
            );
        }
        Ok(endpoint)
    }

    /// Without the provider's metadata nothing can be sent. Not each call asks for it again.
    fn failed_before_the_send(&self, error: AuthError) -> AuthError {
        self.note(&What::RefreshFailed(error.class()));
        self.pace
            .failed(&error, &self.moment(), self.clock.boot(), share());
        error
    }

    /// Why nothing is sent now: the provider is left alone for a while, or this process is about to end.
    fn not_now(&self, era: u64) -> Option<AuthError> {
        let ends = self.unsettled.is_over(era).then(|| unavailable(None));
        ends.or_else(|| self.pace.too_early(self.clock.boot()))
    }

    fn situation<'a>(
        &'a self,
        live: &'a Live,
        known: &Known,
        wish: Wish,
        now: &'a Moment,
        holder_is_gone: bool,
        unchanged: u64,
    ) -> Situation<'a> {
        let lifetime = &known.lifetime;
        Situation {
            claim: live.claim.as_ref(),
            now,
            run_id: self.run.name(),
            role: self.settings.role.as_deref(),
            holder_is_gone,
            holder_is_here: live
                .claim
                .as_ref()
                .and_then(|claim| claim.holder.as_ref())
                .is_some_and(|holder| is_here(&holder.run_id)),
            unchanged,
            rotation: self.settings.rotation,
            token_was_kept: live.refresh_token_kept,
            token_left: !wish.refused && lifetime.left(&*self.clock).is_none_or(|left| left > 0),
            usable: !wish.force
                && lifetime.is_fresh(Some(wish.min_validity.unwrap_or(0)), &*self.clock),
        }
    }

    async fn holder_is_gone(&self, claim: Option<&Claim>) -> bool {
        let Some(holder) = claim.and_then(|claim| claim.holder.as_ref()) else {
            return false;
        };
        if holder.run_id == self.run.name() {
            return false;
        }
        let run_id = holder.run_id.clone();
        off_thread(move || has_ended(&run_id))
            .await
            .unwrap_or(false)
    }

    /// Puts our claim in the place of what was looked at. That the store takes it also proves that it will take what
    /// the answer brings.
    async fn take_claim(
        &self,
        known: &Known,
        wish: Wish,
        now: &Moment,
        send_within: u64,
        era: u64,
    ) -> Result<Attempt, StoreError> {
        let (Some(record), Some(live)) = (&known.record, known.live()) else {
            return Err(StoreError::Conflict);
        };
        self.show_run().await;
        let earlier = live.claim.as_ref();
        let claim = Claim::taken(earlier, self.run.name(), self.settings.role.as_deref(), now);
        let claimed = record.with(Live {
            claim: Some(claim.clone()),
            ..live.clone()
        });
        let bytes = claimed.encode().map_err(|_| StoreError::Unavailable)?;
        let expected = known.tag.clone();
        let tag = self.vault.swap(&self.session_name, expected, bytes).await?;
        if earlier
            .is_some_and(|earlier| earlier.holder.is_some() && !earlier.is_of(self.run.name()))
        {
            self.note(&What::TakenOver {
                sent: claim.sent.is_some(),
            });
        }
        Ok(Attempt {
            record: claimed,
            tag,
            earlier: claim.sent,
            sent: false,
            send_within,
            asked: now.clone(),
            for_user_info: wish.for_user_info,
            era,
            under_way: None,
            moved: false,
        })
    }

    /// Lets other processes see that this one is alive, before they read its name in a claim.
    async fn show_run(&self) {
        let run = Arc::clone(&self.run);
        off_thread(move || run.show()).await;
    }

    /// Takes over what the record says that the provider asked for. A length that begins in the future, by a clock
    /// that was set, begins now, once.
    async fn adopt_hold(&self) {
        let Ok(known) = self.known() else { return };
        let (Some(record), Some(live)) = (&known.record, known.live()) else {
            return;
        };
        let Some(hold) = &live.hold else { return };
        let now = self.moment();
        match hold.left(&now) {
            Left::Seconds(left) => self.pace.adopt(hold, left, self.clock.boot()),
            Left::Anew(left) => {
                self.pace.adopt(hold, left, self.clock.boot());
                let hold = Some(Hold {
                    set: now,
                    ..hold.clone()
                });
                let anew = record.with(Live {
                    hold,
                    ..live.clone()
                });
                drop(self.commit(anew, known.tag.clone(), Writer::Refresh).await);
            }
        }
    }
}

/// For how long, by our own clock, the store has held what it holds.
#[derive(Default)]
struct Watch(Option<(Option<Tag>, Duration)>);

impl Watch {
    fn unchanged(&mut self, known: &Known, now: Duration) -> u64 {
        match &self.0 {
            Some((tag, since)) if *tag == known.tag => now.saturating_sub(*since).as_secs(),
            _ => {
                self.0 = Some((known.tag.clone(), now));
                0
            }
        }
    }
}

/// How long to wait before the same token is sent again inside one call. `share` is random.
pub(crate) fn before_a_repeat(share: u16) -> Duration {
    Duration::from_secs(SHORT) + Duration::from_millis(u64::from(share) / 66)
}

fn unavailable(retry_after_seconds: Option<u64>) -> AuthError {
    AuthError::Network {
        reason: NetworkReason::Unavailable,
        retry_after_seconds,
    }
}

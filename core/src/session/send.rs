//! Sending a refresh token, once, and knowing afterwards whether it may have left.
//!
//! The body that carries the token is made when the connection is ready for it, and not before. Its first act is the
//! write that says "I send" (`maybe_sent`), in the place of our own claim: if another process has taken the claim, or
//! somebody logged out, that write fails and nothing is sent. So a process that was frozen anywhere on the way, and
//! thawed after others went on, sends nothing. What remains is the step from that write to the system's call: it is
//! bounded by the clock, which is looked at once more after the write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::SessionManager;
use super::answer::Answer;
use super::claim::{STEP, Sent, TERM};
use super::moment::Moment;
use super::record::{Live, SessionRecord};
use super::timeline::What;
use super::unsettled::UnderWay;
use super::vault::Tag;
use crate::background::BackgroundWork;
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::token::{Grant, token_request};
use crate::storage::StoreError;
use crate::transport::{LateBody, Request, TransportError};
use crate::types::NetworkReason;

/// A refresh is given less time than other requests: a claim keeps others waiting.
const DEADLINE: Duration = Duration::from_secs(10);

/// A refresh whose claim is written.
#[derive(Clone)]
pub(crate) struct Attempt {
    /// What we wrote last, and its tag.
    pub(crate) record: SessionRecord,
    pub(crate) tag: Tag,
    /// Earlier sends of the same token that are without an answer.
    pub(crate) earlier: Option<Sent>,
    /// Whether the token may have left with this attempt.
    pub(crate) sent: bool,
    /// For how many seconds after it was begun the token may be sent.
    pub(crate) send_within: u64,
    /// When it was begun: the new token's life is counted from here.
    pub(crate) asked: Moment,
    /// The access token is for the userinfo endpoint alone; the session keeps the one it has.
    pub(crate) for_user_info: bool,
    /// The era that it was begun in, and what keeps the process from ending once it was sent.
    pub(crate) era: u64,
    pub(crate) under_way: Option<Arc<UnderWay>>,
    /// The metadata name another origin than the one that it goes to.
    pub(crate) moved: bool,
}

/// What became of a send.
pub(crate) enum Outcome {
    Ended(Result<Answer, TransportError>),
    /// It was not made: somebody else wrote first, too much time had passed, or this process is about to end (all are a
    /// `Conflict`), or the store failed.
    Withdrawn(StoreError),
}

/// What the body has to say for itself.
struct Handover {
    attempt: Attempt,
    withdrawn: Option<StoreError>,
    /// The request is over: what is not handed over by now never is.
    over: bool,
}

impl SessionManager {
    /// Asks the system to let the app run until the refresh is over.
    pub(crate) async fn background_time(&self) -> Result<Option<BackgroundWork>, AuthError> {
        let source = self
            .background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(source) = source else {
            return Ok(None);
        };
        let work = BackgroundWork::begin(source).await;
        if work.as_ref().is_some_and(|work| !work.is_enough_for(TERM)) {
            self.log.line(
                LogLevel::Info,
                format_args!("not renewed now: the system is about to suspend the app"),
            );
            return Err(AuthError::network(NetworkReason::Unavailable));
        }
        Ok(work)
    }

    /// Sends the refresh token of this attempt.
    pub(crate) async fn send(&self, attempt: Attempt, endpoint: &Url) -> (Attempt, Outcome) {
        let body = self.refresh_body(&attempt);
        let handover = Arc::new(Mutex::new(Handover {
            attempt,
            withdrawn: None,
            over: false,
        }));
        let make = self.hand_over(Arc::clone(&handover), body.clone());
        let late_body = LateBody::new(body.len() as u64, make);
        let mut request = Request::post_late_form(endpoint, late_body);
        request.at_most = Some(DEADLINE);
        let answer = self.request_token(request, false).await;
        let mut handover = handover.lock().unwrap_or_else(PoisonError::into_inner);
        handover.over = true;
        let outcome = match &handover.withdrawn {
            Some(error) => Outcome::Withdrawn(error.clone()),
            None => Outcome::Ended(answer),
        };
        let attempt = handover.attempt.clone();
        // The connection may keep the body, which keeps the handover.
        handover.attempt.under_way = None;
        (attempt, outcome)
    }

    fn refresh_body(&self, attempt: &Attempt) -> String {
        let Some(live) = attempt.record.live() else {
            return String::new();
        };
        let refresh_token = live
            .refresh_token
            .as_ref()
            .map_or("", |token| token.secret());
        let grant = Grant::RefreshToken {
            refresh_token,
            scopes: &[],
        };
        let resources: &[String] = if attempt.for_user_info {
            &[]
        } else {
            &live.resources
        };
        token_request(&self.settings.client_id, &grant, resources)
    }

    /// Writes down that the token may have left, and hands it over. A request that is given up meanwhile leaves the
    /// handover as it was: then nothing was handed over.
    fn hand_over(
        &self,
        handover: Arc<Mutex<Handover>>,
        body: String,
    ) -> impl Future<Output = Option<Vec<u8>>> + Send + 'static {
        let (vault, clock) = (self.vault.clone(), Arc::clone(&self.clock));
        let name = self.session_name.clone();
        let (manager, unsettled) = (self.this.clone(), Arc::clone(&self.unsettled));
        async move {
            let attempt = {
                let handover = handover.lock().unwrap_or_else(PoisonError::into_inner);
                handover.attempt.clone()
            };
            let tag = attempt.tag;
            let write = |bytes| async move { vault.swap(&name, Some(tag), bytes).await };
            let under_way = unsettled.begin_in(attempt.era);
            let said = match &under_way {
                Some(_) => say_so(&attempt.record, attempt.send_within, &*clock, write).await,
                None => Err(StoreError::Conflict),
            };
            let mut handover = handover.lock().unwrap_or_else(PoisonError::into_inner);
            if handover.over {
                return None;
            }
            match said {
                Ok((record, tag, in_time)) => {
                    handover.attempt.record = record;
                    handover.attempt.tag = tag;
                    if !in_time {
                        handover.withdrawn = Some(StoreError::Conflict);
                        return None;
                    }
                }
                Err(error) => {
                    handover.withdrawn = Some(error);
                    return None;
                }
            }
            handover.attempt.sent = true;
            handover.attempt.under_way = under_way.map(Arc::new);
            let repeat = handover.attempt.earlier.is_some();
            if let Some(manager) = manager.upgrade() {
                manager.note(&What::RefreshSent { repeat });
            }
            Some(body.into_bytes())
        }
    }
}

/// Writes `maybe_sent` in the place of the claim. Returns what was written, but for the moment of the send, which is
/// known only afterwards; its tag; and whether it may still be sent.
async fn say_so<F>(
    record: &SessionRecord,
    within: u64,
    clock: &dyn crate::clock::Clock,
    write: impl FnOnce(Vec<u8>) -> F,
) -> Result<(SessionRecord, Tag, bool), StoreError>
where
    F: Future<Output = Result<Tag, StoreError>>,
{
    let live = record.live().ok_or(StoreError::Conflict)?;
    let claim = live.claim.as_ref().ok_or(StoreError::Conflict)?;
    let now = Moment::now(clock);
    if !claim.may_still_send(&now, within) {
        return Err(StoreError::Conflict);
    }
    let sending = claim.sending(&now);
    let next = record.with(Live {
        claim: Some(sending.clone()),
        ..live.clone()
    });
    let bytes = next.encode().map_err(|_| StoreError::Unavailable)?;
    let tag = write(bytes).await?;
    let left = Moment::now(clock);
    let in_time = sending.may_still_send(&left, STEP);
    // The write may have taken seconds: the pause before another send counts from here, not from before it.
    let next = next.with(Live {
        claim: Some(sending.left_at(left)),
        ..live.clone()
    });
    Ok((next, tag, in_time))
}

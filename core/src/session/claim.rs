//! The claim: what the record says of a refresh that is under way or was cut off, and what may be done about it
//! (refresh.md §4.2, §4.3). Pure: the same function decides in the product and in the model that explores it.
//!
//! A claim has two halves. *Who is at it* keeps everybody else from sending; *what was sent* stays until an answer
//! has come. The second half is written, durably, before the first byte of a refresh token leaves the device: a claim
//! without it is the trace of a refresh that had sent nothing, and costs nothing.

use serde::{Deserialize, Serialize};

use super::moment::{Elapsed, Moment};
use crate::types::Rotation;

/// For how many seconds a holder keeps others waiting: one request, and a little for the writes around it.
pub(crate) const TERM: u64 = 15;
/// How long a holder may be at the step between "I send" and sending: what is left of the term is for the request.
pub(crate) const STEP: u64 = 4;
/// Two sends of one token closer together than this end the session at many providers (interop.md).
const APART: u64 = 2;
/// What is kept of a grace period for the way.
const WAY: u64 = 5;
/// The grace period of a provider that nothing is known about.
const USUAL_GRACE: u64 = 30;
/// The longest pause between two sends of one token, in seconds.
const LONGEST: u64 = 300;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) holder: Option<Holder>,
    pub(crate) sent: Option<Sent>,
}

/// Who is at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The run of a process.
    pub(crate) run_id: String,
    /// Its role, if the system runs one process at a time in it.
    pub(crate) role: Option<String>,
    /// When it took, or last confirmed, the claim.
    pub(crate) since: Moment,
}

/// The refresh token may have been sent, and no answer is here (`maybe_sent`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) first: Moment,
    pub(crate) last: Moment,
    pub(crate) attempts: u32,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Send,
    /// Another process is at it, and the caller has nothing to work with meanwhile.
    Wait,
    /// After so many seconds.
    Later(u64),
    /// Not now: the caller has a token to work with, or a repeat may end the session.
    Rest,
}

/// Everything that the decision depends on.
pub(crate) struct Situation<'a> {
    pub(crate) claim: Option<&'a Claim>,
    pub(crate) now: &'a Moment,
    pub(crate) run_id: &'a str,
    pub(crate) role: Option<&'a str>,
    /// Whether the holder's process is proven to be gone.
    pub(crate) holder_is_gone: bool,
    /// Whether the holder is another run of this very process, and goes on.
    pub(crate) holder_is_here: bool,
    /// For how many seconds, by the observer's own clock, the record was seen unchanged.
    pub(crate) unchanged: u64,
    pub(crate) rotation: Rotation,
    /// Whether the last refresh left the refresh token as it was.
    pub(crate) token_was_kept: bool,
    /// Whether an access token is left that an API takes.
    pub(crate) token_left: bool,
    /// Whether that token does for the caller.
    pub(crate) usable: bool,
}

impl Situation<'_> {
    pub(crate) fn next(&self) -> Next {
        let Some(claim) = self.claim else {
            return Next::Send;
        };
        if claim.holder.as_ref().is_some_and(|h| self.is_at_it(h)) {
            return if self.usable { Next::Rest } else { Next::Wait };
        }
        let Some(sent) = &claim.sent else {
            return Next::Send;
        };
        if !self.may_repeat(sent) {
            return Next::Rest;
        }
        match self.too_early(sent) {
            0 => Next::Send,
            _ if self.usable => Next::Rest,
            seconds => Next::Later(seconds),
        }
    }

    /// For how many seconds from now "I send" may still be said. A repeat that a grace period allows is over with that
    /// period where it could cost the access token that is left, however long the connection took.
    pub(crate) fn send_within(&self) -> u64 {
        let sent = self.claim.and_then(|claim| claim.sent.as_ref());
        let (Some(sent), Rotation::Grace { seconds }, true) =
            (sent, self.rotation, self.token_left)
        else {
            return TERM;
        };
        match sent.first.elapsed(self.now) {
            Elapsed::Seconds(gone) => TERM.min(u64::from(seconds).saturating_sub(gone + STEP)),
            Elapsed::OtherBoot | Elapsed::Unknown => 0,
        }
    }

    /// Whether another process holds the claim and may be alive (refresh.md §4.3, step 4).
    fn is_at_it(&self, holder: &Holder) -> bool {
        let role = holder.role.is_some() && holder.role.as_deref() == self.role;
        let succeeded = role && !self.holder_is_here;
        if holder.run_id == self.run_id || succeeded || self.holder_is_gone {
            return false;
        }
        match holder.since.elapsed(self.now) {
            Elapsed::Seconds(seconds) => seconds < TERM,
            Elapsed::OtherBoot => false,
            Elapsed::Unknown => self.unchanged < TERM,
        }
    }

    /// Whether the same refresh token may be sent again after an answer was lost: where no access token is left that
    /// a repeat could cost, or where the provider is known to take it.
    fn may_repeat(&self, sent: &Sent) -> bool {
        match self.rotation {
            Rotation::None | Rotation::Parent => true,
            Rotation::Grace { seconds } => {
                !self.token_left || self.is_within(sent, u64::from(seconds))
            }
            Rotation::Unknown => self.token_was_kept || !self.token_left,
            Rotation::Strict => !self.token_left,
        }
    }

    /// Whether a repeat inside the same call makes sense: the answer of a send was lost on its way. At most two of
    /// them, since the pause grows.
    pub(crate) fn may_repeat_at_once(&self) -> bool {
        let Some(sent) = self.claim.and_then(|claim| claim.sent.as_ref()) else {
            return false;
        };
        let in_time = match self.rotation {
            Rotation::None | Rotation::Parent => true,
            Rotation::Grace { seconds } => self.is_within(sent, u64::from(seconds)),
            Rotation::Unknown | Rotation::Strict => self.is_within(sent, USUAL_GRACE),
        };
        sent.pause() <= APART && in_time && self.may_repeat(sent)
    }

    fn is_within(&self, sent: &Sent, grace: u64) -> bool {
        match sent.first.elapsed(self.now) {
            Elapsed::Seconds(seconds) => seconds.saturating_add(WAY) < grace,
            // No grace is counted on where the clocks cannot tell.
            Elapsed::OtherBoot | Elapsed::Unknown => false,
        }
    }

    /// How many seconds too early another send would be.
    fn too_early(&self, sent: &Sent) -> u64 {
        match sent.last.elapsed(self.now) {
            Elapsed::Seconds(seconds) => sent.pause().saturating_sub(seconds),
            // Starting the device took longer than any connection lives.
            Elapsed::OtherBoot => 0,
            Elapsed::Unknown => APART.saturating_sub(self.unchanged),
        }
    }
}

impl Sent {
    /// How long to wait after the last send. An app that crashes each time makes no storm.
    fn pause(&self) -> u64 {
        let doubled = self.attempts.saturating_sub(2).min(9);
        (APART << doubled).min(LONGEST)
    }
}

impl Claim {
    /// Taken by this run. What an earlier send left open stays open.
    pub(crate) fn taken(
        earlier: Option<&Self>,
        run_id: &str,
        role: Option<&str>,
        now: &Moment,
    ) -> Self {
        Self {
            holder: Some(Holder {
                run_id: run_id.to_owned(),
                role: role.map(str::to_owned),
                since: now.clone(),
            }),
            sent: earlier.and_then(|claim| claim.sent.clone()),
        }
    }

    /// With one send more, which begins now.
    pub(crate) fn sending(&self, now: &Moment) -> Self {
        let earlier = self.sent.as_ref();
        Self {
            holder: self.holder.clone().map(|holder| Holder {
                since: now.clone(),
                ..holder
            }),
            sent: Some(Sent {
                first: earlier.map_or(now, |sent| &sent.first).clone(),
                last: now.clone(),
                attempts: earlier.map_or(0, |sent| sent.attempts).saturating_add(1),
            }),
        }
    }

    /// The last send, which [`Self::sending`] announced, left at this moment.
    pub(crate) fn left_at(self, moment: Moment) -> Self {
        Self {
            sent: self.sent.map(|sent| Sent {
                last: moment,
                ..sent
            }),
            ..self
        }
    }

    /// What is left when its holder gives it up with these sends still open.
    pub(crate) fn given_up(sent: Option<Sent>) -> Option<Self> {
        sent.map(|sent| Self {
            holder: None,
            sent: Some(sent),
        })
    }

    /// Whether it is held by this run.
    pub(crate) fn is_of(&self, run_id: &str) -> bool {
        self.holder.as_ref().is_some_and(|h| h.run_id == run_id)
    }

    /// Whether its holder, at this moment, may still go from "I send" to sending. A process that was frozen on the way
    /// there finds that it may not.
    pub(crate) fn may_still_send(&self, now: &Moment, within: u64) -> bool {
        self.holder.as_ref().is_some_and(|holder| {
            matches!(holder.since.elapsed(now), Elapsed::Seconds(seconds) if seconds < within)
        })
    }
}

#[cfg(test)]
mod tests;

//! The way from the model's small numbers to the product's own decisions, and back. Nothing is decided here.

use super::state::{Attempt, Claimed, Content, Open, Record, Run, Why, Wish};
use crate::session::claim::{Claim, Holder, Next, STEP, Sent, Situation, TERM};
use crate::session::moment::Moment;
use crate::session::rank;
use crate::session::record::tests::live;
use crate::session::record::{Ending, SessionRecord, State};
use crate::types::{Rotation, SignedOutReason};

/// How the model's clock and its client are set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Seconds a tick.
    pub(super) tick: u8,
    pub(super) rotation: Rotation,
    /// Whether a process that is gone is proven to be gone (a store of files), or only its term ends (a keychain).
    pub(super) proof: bool,
}

/// What a process looks at when it decides.
pub(super) struct View {
    pub(super) now: u8,
    pub(super) run: Run,
    pub(super) holder_is_gone: bool,
    pub(super) wish: Wish,
}

impl Setting {
    pub(super) fn seconds(self, ticks: u8) -> u64 {
        u64::from(self.tick) * u64::from(ticks)
    }

    fn moment(self, ticks: u8) -> Moment {
        let seconds = self.seconds(ticks);
        Moment {
            wall: 1_000_i64.saturating_add_unsigned(seconds),
            boot: 50 + seconds,
            boot_millis: 0,
            boot_id: Some("boot".to_owned()),
        }
    }

    fn ticks(self, moment: &Moment) -> u8 {
        u8::try_from((moment.boot - 50) / u64::from(self.tick)).expect("made by `moment`")
    }

    fn claim(self, small: Claimed) -> Claim {
        Claim {
            holder: small.holder.map(|(run, since)| Holder {
                run_id: name(run),
                role: None,
                since: self.moment(since),
            }),
            sent: small.sent.map(|open| self.sent(open)),
        }
    }

    fn sent(self, open: Open) -> Sent {
        Sent {
            first: self.moment(open.first),
            last: self.moment(open.last),
            attempts: u32::from(open.attempts),
        }
    }

    fn small(self, claim: &Claim) -> Claimed {
        Claimed {
            holder: claim
                .holder
                .as_ref()
                .map(|holder| (run(&holder.run_id), self.ticks(&holder.since))),
            sent: claim.sent.as_ref().map(|sent| Open {
                first: self.ticks(&sent.first),
                last: self.ticks(&sent.last),
                attempts: u8::try_from(sent.attempts).expect("few"),
            }),
        }
    }

    fn situation<T>(
        self,
        record: &Record,
        view: &View,
        ask: impl FnOnce(&Situation<'_>) -> T,
    ) -> Option<T> {
        let tokens = record.live()?;
        let claim = tokens.claim.map(|claim| self.claim(claim));
        let left = tokens.ends > view.now;
        Some(ask(&Situation {
            claim: claim.as_ref(),
            now: &self.moment(view.now),
            run_id: &name(view.run),
            role: None,
            holder_is_gone: view.holder_is_gone,
            holder_is_here: false,
            unchanged: 0,
            rotation: self.rotation,
            token_was_kept: tokens.kept,
            token_left: left,
            usable: left && !view.wish.force,
        }))
    }

    /// [`Situation::next`].
    pub(super) fn next(self, record: &Record, view: &View) -> Option<Next> {
        self.situation(record, view, |situation| situation.next())
    }

    /// [`Situation::send_within`].
    pub(super) fn send_within(self, record: &Record, view: &View) -> u8 {
        let within = self.situation(record, view, |situation| situation.send_within());
        within.map_or(0, |seconds| u8::try_from(seconds).expect("at most a term"))
    }

    /// [`Situation::may_repeat_at_once`].
    pub(super) fn may_repeat_at_once(self, attempt: &Attempt, view: &View) -> bool {
        self.situation(&attempt.record, view, |situation| {
            situation.may_repeat_at_once()
        })
        .unwrap_or(false)
    }

    /// [`Claim::taken`].
    pub(super) fn taken(self, earlier: Option<Claimed>, run: Run, now: u8) -> Claimed {
        let earlier = earlier.map(|claim| self.claim(claim));
        self.small(&Claim::taken(
            earlier.as_ref(),
            &name(run),
            None,
            &self.moment(now),
        ))
    }

    /// [`Claim::sending`], where it is not too late for it.
    pub(super) fn sending(self, claim: Claimed, now: u8, within: u8) -> Option<Claimed> {
        let (claim, now) = (self.claim(claim), self.moment(now));
        claim
            .may_still_send(&now, u64::from(within))
            .then(|| self.small(&claim.sending(&now)))
    }

    /// Whether the step from "I send" to sending may still be taken.
    pub(super) fn is_in_time(self, claim: Claimed, now: u8) -> bool {
        self.claim(claim).may_still_send(&self.moment(now), STEP)
    }

    /// [`Claim::given_up`].
    pub(super) fn given_up(self, sent: Option<Open>) -> Option<Claimed> {
        Claim::given_up(sent.map(|open| self.sent(open))).map(|claim| self.small(&claim))
    }

    /// Whether the claim is inside its term.
    pub(super) fn is_valid(self, since: u8, now: u8) -> bool {
        self.seconds(now - since) < TERM
    }
}

/// [`rank::outranks`].
pub(super) fn outranks(ours: &Record, found: &Record) -> bool {
    rank::outranks(&whole(ours), Some(&whole(found)))
}

fn whole(small: &Record) -> SessionRecord {
    let state = match small.content {
        Content::Live(tokens) => {
            let mut live = live();
            live.logged_in_at = i64::from(tokens.logged_in_at);
            State::Live(Box::new(live))
        }
        Content::Ended {
            why,
            at,
            logged_in_at,
        } => State::Ended(Ending {
            reason: why.reason().word(),
            at: i64::from(at),
            logged_in_at: Some(i64::from(logged_in_at)),
        }),
    };
    let mut record = SessionRecord::new("i", "c", small.session.to_string(), state);
    record.generation = u64::from(small.generation);
    record
}

fn name(run: Run) -> String {
    format!("{}.{}", run.process, run.nth)
}

fn run(name: &str) -> Run {
    let (process, nth) = name.split_once('.').expect("made by `name`");
    Run {
        process: process.parse().expect("a number"),
        nth: nth.parse().expect("a number"),
    }
}

impl Why {
    fn reason(self) -> SignedOutReason {
        match self {
            Why::LoggedOut => SignedOutReason::LoggedOut,
            Why::Revoked => SignedOutReason::Revoked,
            Why::RotationInterrupted => SignedOutReason::RotationInterrupted,
        }
    }
}

//! One client: what `access`, `refresh`, `send`, `answer` and `unauthorized` do around the decisions, without a store
//! and without a network. Every decision is the product's own: `Lifetime`, `Pace`, `Hold`, `Claim`, `Situation`,
//! `Forced`, and the verdict on an answer.

use std::ops::Range;

use super::books::Books;
use super::world::{Answer, Chance, Grant, Hands, Provider, moment_before};
use crate::clock::Clock as _;
use crate::error::AuthError;
use crate::protocol::token::Verdict;
use crate::session::claim::{Claim, Next, Situation};
use crate::session::hold::{Hold, Left};
use crate::session::memory::Lifetime;
use crate::session::moment::Moment;
use crate::session::pace::Pace;
use crate::session::record::Live;
use crate::session::refresh::{SHORT, before_a_repeat};
use crate::session::unauthorized::Forced;
use crate::types::NetworkReason;

const RUN: &str = "run";

/// Everything that a client deals with.
pub(super) struct World {
    pub(super) clock: Hands,
    pub(super) chance: Chance,
    /// What the decisions get for chance: the same for all clients where a test takes it away from them.
    pub(super) without_chance: bool,
    pub(super) provider: Provider,
    /// When the API answers 401 to everything.
    pub(super) api_refuses: Range<u64>,
    /// A stored session, for what measures the life of its token.
    pub(super) live: Live,
}

impl World {
    fn share(&mut self) -> u16 {
        let share = self.chance.share();
        if self.without_chance {
            u16::MAX / 2
        } else {
            share
        }
    }

    fn lifetime(&mut self, asked: &Moment) -> Lifetime {
        let share = self.share();
        self.live.obtained = asked.clone();
        self.live.expires_at = Some(asked.wall + self.provider.life.cast_signed());
        Lifetime::with_share(&self.live, &self.clock, share)
    }
}

/// What a call of the app has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Served,
    /// The same call goes on after so many seconds.
    GoesOn(u64),
    /// Another call is waiting for the same refresh; this one has its result.
    Joined,
    Failed(AuthError),
    /// The API has refused the token, and another one is not to be had now or was refused as well.
    ApiRefused,
    /// Nobody is logged in any more.
    LoggedOut,
}

pub(super) struct Client {
    pace: Pace,
    forced: Forced,
    lifetime: Lifetime,
    /// What is stored: when the token was asked for, what was sent without an answer, and the provider's word.
    asked: Moment,
    claim: Option<Claim>,
    hold: Option<Hold>,
    /// The number of the tokens at hand.
    token: u64,
    grant: Grant,
    flight: Option<Flight>,
    pub(super) logged_out: bool,
    pub(super) books: Books,
}

/// A refresh that is under way.
#[derive(Clone, Copy)]
struct Flight {
    force: bool,
}

impl Client {
    /// A client whose token ends in so many seconds, or has ended.
    pub(super) fn new(world: &mut World, age: u64) -> Self {
        let asked = moment_before(world.clock.second(), age);
        Self {
            pace: Pace::default(),
            forced: Forced::default(),
            lifetime: world.lifetime(&asked),
            asked,
            claim: None,
            hold: None,
            token: 0,
            grant: Grant::default(),
            flight: None,
            logged_out: false,
            books: Books::default(),
        }
    }

    /// The system has ended the app and starts it again: what was not stored is forgotten.
    pub(super) fn restart(&mut self, world: &mut World) {
        self.pace = Pace::default();
        self.forced = Forced::default();
        self.lifetime = world.lifetime(&self.asked);
        self.flight = None;
        self.books.restarted();
    }

    /// The app calls its API.
    pub(super) fn call(&mut self, world: &mut World) -> Outcome {
        if self.logged_out {
            return Outcome::LoggedOut;
        }
        if self.flight.is_some() {
            return Outcome::Joined;
        }
        let boot = world.clock.boot();
        if self.lifetime.is_fresh(None, &world.clock) || self.pace.is_settled(boot) {
            return self.ask_api(world, false);
        }
        self.board(world, false)
    }

    /// A refresh that waited goes on.
    pub(super) fn go_on(&mut self, world: &mut World) -> Outcome {
        match self.flight {
            Some(flight) => self.fly(world, flight),
            // The process has ended meanwhile, and with it the call.
            None => Outcome::Joined,
        }
    }

    /// `again`: with a token that came because another was refused.
    fn ask_api(&mut self, world: &mut World, again: bool) -> Outcome {
        if !world.api_refuses.contains(&world.clock.second()) {
            return Outcome::Served;
        }
        let name = self.token_name();
        if again || !self.forced.may_start(&name, world.clock.boot()) {
            return Outcome::ApiRefused;
        }
        self.board(world, true)
    }

    fn token_name(&self) -> String {
        format!("at{}", self.token)
    }

    fn board(&mut self, world: &mut World, force: bool) -> Outcome {
        self.fly(world, Flight { force })
    }

    /// One round of a refresh.
    fn fly(&mut self, world: &mut World, flight: Flight) -> Outcome {
        self.flight = None;
        let now = Moment::now(&world.clock);
        self.adopt_hold(&now, world);
        if let Some(error) = self.pace.too_early(world.clock.boot()) {
            return self.land(world, flight, Err(error));
        }
        let force = flight.force;
        match self
            .situation(world, force, &now, self.claim.as_ref())
            .next()
        {
            Next::Send => {}
            Next::Later(seconds) if seconds <= SHORT => {
                self.flight = Some(flight);
                return Outcome::GoesOn(seconds);
            }
            Next::Later(seconds) => {
                return self.land(world, flight, Err(unavailable(Some(seconds))));
            }
            Next::Wait | Next::Rest => {
                let left = self.lifetime.left(&world.clock);
                return self.land(world, flight, Err(unavailable(left)));
            }
        }
        let earlier = self.claim.as_ref().and_then(|claim| claim.sent.clone());
        let claim = Claim::taken(self.claim.as_ref(), RUN, None, &now).sending(&now);
        let second = world.clock.second();
        let fresh = self.lifetime.is_fresh(None, &world.clock);
        self.books.sent(second, force.then_some(self.token), fresh);
        let answer = world
            .provider
            .answer(&mut self.grant, self.token, second, &mut world.chance);
        self.books.answered(second, &answer);
        let (error, resolved) = match answer {
            Answer::Tokens => {
                self.token += 1;
                self.lifetime = world.lifetime(&now);
                self.asked = now;
                (self.claim, self.hold) = (None, None);
                self.pace.renewed(world.clock.boot());
                return self.land(world, flight, Ok(()));
            }
            Answer::Refused => (AuthError::network(NetworkReason::Offline), true),
            Answer::Lost => {
                let again = self
                    .situation(world, force, &now, Some(&claim))
                    .may_repeat_at_once();
                if again {
                    self.claim = Some(claim);
                    self.flight = Some(flight);
                    let pause = before_a_repeat(world.share());
                    return Outcome::GoesOn((pause.as_millis() as u64 + 500) / 1_000);
                }
                (unavailable(None), false)
            }
            Answer::Judged(verdict, retry_after) => match error_of(verdict, retry_after) {
                Some(error) => error,
                None => {
                    self.logged_out = true;
                    return Outcome::LoggedOut;
                }
            },
        };
        let sent = if resolved { earlier } else { claim.sent };
        self.claim = Claim::given_up(sent);
        let share = world.share();
        self.hold = self.pace.failed(&error, &now, world.clock.boot(), share);
        self.land(world, flight, Err(error))
    }

    fn situation<'a>(
        &self,
        world: &World,
        force: bool,
        now: &'a Moment,
        claim: Option<&'a Claim>,
    ) -> Situation<'a> {
        let left = self.lifetime.left(&world.clock);
        Situation {
            claim,
            now,
            run_id: RUN,
            role: None,
            holder_is_gone: false,
            holder_is_here: false,
            unchanged: 0,
            rotation: world.provider.rotation,
            token_was_kept: false,
            token_left: !force && left.is_none_or(|left| left > 0),
            usable: !force && self.lifetime.is_fresh(Some(0), &world.clock),
        }
    }

    fn adopt_hold(&self, now: &Moment, world: &World) {
        let Some(hold) = &self.hold else { return };
        let (Left::Seconds(left) | Left::Anew(left)) = hold.left(now);
        self.pace.adopt(hold, left, world.clock.boot());
    }

    fn land(
        &mut self,
        world: &mut World,
        flight: Flight,
        result: Result<(), AuthError>,
    ) -> Outcome {
        match result {
            Ok(()) if flight.force => {
                // It was forced for the token before this one.
                self.forced.done(&format!("at{}", self.token - 1));
                self.ask_api(world, true)
            }
            Ok(()) => self.ask_api(world, false),
            // A refresh that may be done later does not take away a token that is good now.
            Err(_) if !flight.force && self.lifetime.is_fresh(Some(0), &world.clock) => {
                self.ask_api(world, false)
            }
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// The error that an answer without tokens is told as, and whether it says for certain that nothing was processed;
/// `None` where it ends the session.
fn error_of(verdict: Verdict, retry_after_seconds: Option<u64>) -> Option<(AuthError, bool)> {
    let (reason, resolved) = match verdict {
        Verdict::RateLimited => (NetworkReason::RateLimited, true),
        Verdict::Unavailable { maybe_processed } => (NetworkReason::Unavailable, !maybe_processed),
        Verdict::Ended => return None,
        other => panic!("no provider of this fleet answers so: {other:?}"),
    };
    let error = AuthError::Network {
        reason,
        retry_after_seconds,
    };
    Some((error, resolved))
}

const fn unavailable(retry_after_seconds: Option<u64>) -> AuthError {
    AuthError::Network {
        reason: NetworkReason::Unavailable,
        retry_after_seconds,
    }
}

//! One scenario, second by second.

use std::ops::Range;

use super::client::{Client, Outcome, World};
use super::world::{Chance, Hands, Provider, Trouble};
use crate::error::AuthError;
use crate::session::record::tests::live;
use crate::types::{NetworkReason, Rotation};

pub(super) const FLEET: usize = 10_000;
/// One call in so many is the first one of a new process: systems end apps as they like.
const RESTARTS: u64 = 10;

/// How the app behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum App {
    /// Calls once in each minute, at a random moment, whatever came of the last call.
    Calm,
    /// The same; and where it is told when to try again, it does so in that very second.
    Eager,
    /// Calls every second.
    Busy,
}

impl App {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Eager => "eager",
            Self::Busy => "busy",
        }
    }
}

/// When the access tokens of the fleet end.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// Evenly, as in a fleet that was left alone for a while.
    Evenly,
    AllAt(u64),
}

#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) app: App,
    /// How long it lasts, in seconds.
    pub(super) seconds: u64,
    /// How long access tokens live.
    pub(super) life: u64,
    pub(super) ends: Ends,
    pub(super) trouble: Option<(Range<u64>, Trouble)>,
    pub(super) api_refuses: Option<Range<u64>>,
    pub(super) rotation: Rotation,
    /// All apps make their first call in the first second.
    pub(super) all_call_at_once: bool,
}

impl Scenario {
    pub(super) fn trouble_is_on(&self) -> Option<Range<u64>> {
        let trouble = self.trouble.as_ref().map(|(when, _)| when.clone());
        trouble.or_else(|| self.api_refuses.clone())
    }
}

/// What was counted.
pub(super) struct Report {
    /// Requests to the token endpoint, one number a second.
    pub(super) seconds: Vec<u32>,
    pub(super) requests: u32,
    pub(super) most_by_one: u32,
    pub(super) retries: u32,
    pub(super) forced: u32,
    pub(super) logged_out: usize,
    /// How many clients were without service when the trouble ended.
    pub(super) cut_off: usize,
    /// Seconds from the end of the trouble until 99 % of these were served again.
    pub(super) recovered: Option<u64>,
    /// The first bound that a client broke.
    pub(super) broken: Option<String>,
}

impl Report {
    pub(super) fn largest(&self) -> u32 {
        self.seconds.iter().copied().max().unwrap_or(0)
    }
}

#[derive(Clone, Copy)]
enum Event {
    Call,
    /// A call because the app was told to try again now.
    Again,
    GoOn,
}

/// Runs it. `without_chance` takes the jitter away from the code under test, and from nothing else.
pub(super) fn run(scenario: &Scenario, seed: u64, without_chance: bool) -> Report {
    let mut world = World {
        clock: Hands::new(),
        chance: Chance::new(seed),
        without_chance,
        provider: Provider {
            trouble: scenario.trouble.clone(),
            rotation: scenario.rotation,
            life: scenario.life,
        },
        api_refuses: scenario.api_refuses.clone().unwrap_or(0..0),
        live: live(),
    };
    let mut plan = Plan(vec![
        Vec::new();
        usize::try_from(scenario.seconds).expect("small")
    ]);
    let mut clients: Vec<Client> = (0..FLEET)
        .map(|number| {
            let age = match scenario.ends {
                Ends::Evenly => world.chance.below(scenario.life),
                Ends::AllAt(second) => scenario.life - second,
            };
            let first = if scenario.all_call_at_once {
                0
            } else {
                world.chance.below(60)
            };
            plan.at(first, number, Event::Call);
            Client::new(&mut world, age)
        })
        .collect();
    let mut waiting = vec![false; FLEET];
    let mut told = vec![false; FLEET];
    let (mut seconds, mut unserved, mut without) = (Vec::new(), Vec::new(), 0_usize);
    for second in 0..scenario.seconds {
        world.clock.set(second);
        let mut requests = 0;
        let mut next = 0;
        while let Some((number, event)) = plan.take(second, next) {
            next += 1;
            let client = &mut clients[number];
            let before = client.books.requests;
            let outcome = match event {
                Event::GoOn => client.go_on(&mut world),
                Event::Call => {
                    let when = match scenario.app {
                        App::Busy => second + 1,
                        App::Calm | App::Eager => (second / 60 + 1) * 60 + world.chance.below(60),
                    };
                    plan.at(when, number, Event::Call);
                    if scenario.app != App::Busy && world.chance.below(RESTARTS) == 0 {
                        client.restart(&mut world);
                    }
                    client.call(&mut world)
                }
                Event::Again => {
                    told[number] = false;
                    client.call(&mut world)
                }
            };
            requests += client.books.requests - before;
            let served = match &outcome {
                Outcome::Served => true,
                Outcome::Joined => continue,
                Outcome::GoesOn(seconds) => {
                    plan.at(second + seconds, number, Event::GoOn);
                    continue;
                }
                Outcome::Failed(_) | Outcome::ApiRefused | Outcome::LoggedOut => false,
            };
            if scenario.app == App::Eager
                && !told[number]
                && let Some(seconds) = told_to_try_again_in(&outcome)
            {
                told[number] = true;
                plan.at(second + seconds.max(1), number, Event::Again);
            }
            match (waiting[number], served) {
                (false, false) => without += 1,
                (true, true) => without -= 1,
                _ => {}
            }
            waiting[number] = !served;
        }
        seconds.push(requests);
        unserved.push(without);
    }
    let (cut_off, recovered) = recovery(&unserved, scenario.trouble_is_on());
    let sum = |of: fn(&Client) -> u32| clients.iter().map(of).sum();
    Report {
        seconds,
        requests: sum(|client| client.books.requests),
        most_by_one: clients.iter().map(|c| c.books.requests).max().unwrap_or(0),
        retries: sum(|client| client.books.retries),
        forced: sum(|client| client.books.forced),
        logged_out: clients.iter().filter(|client| client.logged_out).count(),
        cut_off,
        recovered,
        broken: clients
            .iter()
            .find_map(|client| client.books.broken.clone()),
    }
}

/// What happens in each second.
struct Plan(Vec<Vec<(usize, Event)>>);

impl Plan {
    fn at(&mut self, second: u64, number: usize, event: Event) {
        let second = usize::try_from(second).expect("small");
        if let Some(events) = self.0.get_mut(second) {
            events.push((number, event));
        }
    }

    fn take(&self, second: u64, next: usize) -> Option<(usize, Event)> {
        let second = usize::try_from(second).expect("small");
        self.0[second].get(next).copied()
    }
}

const fn told_to_try_again_in(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Failed(AuthError::Network {
            reason: NetworkReason::RateLimited | NetworkReason::Unavailable,
            retry_after_seconds,
        }) => *retry_after_seconds,
        _ => None,
    }
}

/// How many were without service in the trouble's last second, and how long it took until 99 % of them had it again.
fn recovery(unserved: &[usize], trouble: Option<Range<u64>>) -> (usize, Option<u64>) {
    let Some(end) = trouble.map(|when| usize::try_from(when.end).expect("small")) else {
        return (0, None);
    };
    let cut_off = unserved[end - 1];
    let last = unserved.iter().rposition(|count| *count * 100 > cut_off);
    let recovered = match last {
        // Not before the run was over.
        Some(last) if last + 1 == unserved.len() => return (cut_off, None),
        Some(last) => (last + 1).saturating_sub(end),
        None => 0,
    };
    (cut_off, u64::try_from(recovered).ok())
}

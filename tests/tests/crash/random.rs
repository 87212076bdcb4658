//! Kills by chance: after any step, twice in a row, beside another process, on a store that fails. Whatever happens, the
//! session lives, or it has ended with the truth (I6 and I7 of refresh.md §4.6).

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use latchkey::{AuthError, Clock as _, SignedOutReason};
use latchkey_tests::seed::seed;

use crate::chance::{Chance, SEED};
use crate::device::{Device, GRACE, PARENT, Policy, Provider, STRICT, STRICT_UNTOLD};
use crate::fate::{Kill, Point};
use crate::plan::{Company, Plan, TERM};
use crate::process::{Call, Process};

/// From the beginning to the last repeat: within the grace period, whose end is told in whole seconds.
const SURELY_IN_TIME: Duration = Duration::from_secs(28);
const WORKERS: u32 = 3;
/// Names one case of a seed, to play it alone.
const CASE: &str = "LATCHKEY_CRASH_CASE";
const DEATH: &str = "death at";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_thousand_random_kills_leave_a_live_session_or_an_honest_ending() {
    run(1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour: cargo xtask soak"]
async fn twenty_thousand_random_kills_soak() {
    run(20_000).await;
}

#[expect(
    clippy::print_stdout,
    reason = "a run that fails is repeated by its seed"
)]
async fn run(kills: u32) {
    let seed = seed(SEED);
    println!("{SEED}={seed}");
    let only = env::var(CASE)
        .ok()
        .map(|text| text.parse().expect("a number"));
    let count = Arc::new(Count {
        next: AtomicU32::new(only.unwrap_or(0)),
        kills: AtomicU32::new(0),
        enough: only.map_or(kills, |_| 0),
    });
    let workers = if only.is_some() { 1 } else { WORKERS };
    let workers: Vec<_> = (0..workers)
        .map(|_| tokio::spawn(work(seed, Arc::clone(&count))))
        .collect();
    let mut seen = BTreeMap::new();
    for worker in workers {
        for (what, count) in worker.await.expect("a case has failed") {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    for (what, count) in &seen {
        println!("{count:6}  {what}");
    }
}

/// What the workers have done.
struct Count {
    next: AtomicU32,
    kills: AtomicU32,
    enough: u32,
}

/// Case after case, until enough processes have died. Returns how often each thing happened.
#[expect(
    clippy::print_stdout,
    reason = "shown where a case fails, which it names"
)]
async fn work(seed: u64, count: Arc<Count>) -> BTreeMap<String, u32> {
    let mut benches = Vec::new();
    for policy in [STRICT, STRICT_UNTOLD, GRACE, PARENT] {
        benches.push(Bench {
            provider: Provider::start(policy).await,
            device: None,
        });
    }
    let mut seen = BTreeMap::new();
    loop {
        let case = count.next.fetch_add(1, Ordering::SeqCst);
        let mut chance = Chance::of(seed, case);
        let bench = &mut benches[chance.below(4)];
        let plan = Plan::by(&mut chance);
        let policy = bench.provider.policy;
        let name = format!("{SEED}={seed} {CASE}={case}: {}, {plan:?}", policy.name);
        println!("{name}");
        for what in bench.play(&plan, &name).await {
            if what.starts_with(DEATH) {
                count.kills.fetch_add(1, Ordering::SeqCst);
            }
            *seen.entry(what).or_insert(0) += 1;
        }
        if count.kills.load(Ordering::SeqCst) >= count.enough {
            return seen;
        }
    }
}

/// A provider, and a device that is used for as long as its session lives.
struct Bench {
    provider: Arc<Provider>,
    device: Option<Device>,
}

/// What is true before a case.
struct Before {
    /// How many refreshes the provider has answered beyond those that are stored.
    lost: u64,
    began: Duration,
}

impl Bench {
    async fn play(&mut self, plan: &Plan, name: &str) -> Vec<String> {
        let device = match self.device.take() {
            Some(device) => device,
            None => Device::new(&self.provider).await,
        };
        self.provider.server.reset_counts();
        device.expire();
        let before = Before {
            lost: self.lost(&device),
            began: device.clock.boot(),
        };
        let mut seen = vec![format!("cases, {}", self.provider.policy.name)];
        for (nth, (step, pause)) in plan.deaths.iter().enumerate() {
            let company = if nth == 0 {
                plan.company
            } else {
                Company::None
            };
            let fatal = one_process(&device, plan.role, *step, company).await;
            let words = |point| format!("{DEATH} {point:?}");
            seen.push(fatal.map_or("no death".to_owned(), words));
            device.advance(*pause);
        }
        let last = Process::start(&device, plan.role, Kill::Never, None);
        let said = ask_until_told(&last, &device, name).await;
        last.end().await;
        seen.push(self.judge(&device, &before, &said, name));
        if said.is_ok() {
            self.device = Some(device);
        }
        seen
    }

    /// How many refreshes the provider has answered whose tokens are not stored.
    fn lost(&self, device: &Device) -> u64 {
        let record = device.record();
        // An ending counts as a generation.
        let stored = record.generation - u64::from(record.ended.is_some());
        self.provider.wire.rotations().wrapping_sub(stored)
    }

    fn judge(
        &self,
        device: &Device,
        before: &Before,
        said: &Result<(), AuthError>,
        name: &str,
    ) -> String {
        let state = device.state();
        let lost = self.lost(device).wrapping_sub(before.lost);
        let reuse = self.provider.server.refresh_token_reuse();
        let found = format!("{name}\n{state}, told {said:?}, {lost} lost, {reuse} reuses");
        let Policy { served, .. } = self.provider.policy;
        let is_strict = served == STRICT.served;
        match said {
            Ok(()) => {
                assert_eq!(state, "signed_in", "{found}");
                assert_eq!(reuse, 0, "{found}");
                assert!(!is_strict || lost == 0, "{found}");
                "live".to_owned()
            }
            Err(AuthError::LoginRequired {
                reason: SignedOutReason::RotationInterrupted,
            }) => {
                assert_eq!(state, "signed_out:rotation_interrupted", "{found}");
                // Honest: one send before the refused one was open, and its answer was lost.
                assert!(device.sends_at_the_end() >= Some(2), "{found}");
                assert_eq!(reuse, 1, "{found}");
                let too_late = device.clock.boot() - before.began > SURELY_IN_TIME;
                let in_grace = served == GRACE.served && !too_late;
                assert!(served != PARENT.served && !in_grace, "{found}");
                assert!(!is_strict || lost == 1, "{found}");
                format!("rotation_interrupted, {}", self.provider.policy.name)
            }
            Err(_) => panic!("{found}"),
        }
    }
}

/// One process, which dies at this step if it comes so far. Returns where.
async fn one_process(
    device: &Device,
    role: Option<&str>,
    step: usize,
    company: Company,
) -> Option<Point> {
    let failure = match company {
        Company::Failing(failure) => Some(failure),
        _ => None,
    };
    let process = Process::start(device, role, Kill::Nth(step), failure);
    let other = match company {
        Company::Beside => Some(Process::start(device, None, Kill::Never, None)),
        _ => None,
    };
    let beside = async {
        if let Some(other) = &other {
            drop(other.ask_in_time(device, Call::Token).await);
        }
    };
    let first = async {
        let told = process.ask_in_time(device, Call::Token).await;
        if told.is_none() && other.is_some() {
            // The other one cannot know that the holder of the claim is dead.
            device.advance(TERM);
        }
        told
    };
    let (told, ()) = tokio::join!(first, beside);
    let steps = process.fate.steps();
    process.end().await;
    if let Some(other) = other {
        other.end().await;
    }
    // One that has told its caller dies as well, with what it has in memory alone.
    steps.get(step - 1).copied().filter(|_| told.is_none())
}

/// The app asks until it is told something that is not "later".
async fn ask_until_told(process: &Process, device: &Device, name: &str) -> Result<(), AuthError> {
    for _ in 0..4 {
        let said = process.ask_in_time(device, Call::Ping).await;
        match said.expect("nothing kills it") {
            Err(AuthError::Network {
                retry_after_seconds: Some(seconds),
                ..
            }) => device.advance(seconds),
            said => return said,
        }
    }
    panic!("{name}\nit is told to come later, again and again");
}

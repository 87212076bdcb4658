//! The alphabet of the core's model (`core/src/session/model.rs`) drives the real core: short random stories of two
//! processes, a provider that loses answers, stores that fail, persons who log out and in, and time. After each, with
//! everything healed, one call tells what has become of the session.

use std::sync::Arc;

use latchkey::{
    AccessToken, AccessTokenOptions, Auth, AuthConfig, AuthError, Clock, LogoutOptions,
    SignedOutReason, SystemClock, memory_store,
};
use latchkey_devserver::{Options, Rotation};
use latchkey_tests::puppet_store::{Call, PuppetStore};
use latchkey_tests::seed::{bytes, seed};
use latchkey_tests::world::{World, in_time, state};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{
    Config, RngAlgorithm, TestCaseError, TestCaseResult, TestRng, TestRunner,
};

#[derive(Clone, Copy, Debug)]
enum Event {
    Call {
        process: usize,
        force: bool,
    },
    /// Both processes at once.
    CallBoth,
    /// The next answer of the token endpoint is lost: before the work is done, or after it.
    LoseAnswer {
        committed: bool,
    },
    /// The next answer of the token endpoint is a gateway's 503.
    Gateway,
    /// This process writes no more, after so many writes that still work.
    StoreFails {
        process: usize,
        after: u64,
    },
    StoresWork,
    Logout {
        process: usize,
    },
    Login {
        process: usize,
    },
    Pass {
        seconds: u64,
    },
    Restart {
        process: usize,
    },
    /// The process dies while the provider works on its refresh.
    Killed {
        process: usize,
    },
    Resumed {
        process: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let process = || 0..2_usize;
    prop_oneof![
        4 => (process(), any::<bool>()).prop_map(|(process, force)| Event::Call { process, force }),
        2 => Just(Event::CallBoth),
        2 => any::<bool>().prop_map(|committed| Event::LoseAnswer { committed }),
        1 => Just(Event::Gateway),
        2 => (process(), 0..3_u64).prop_map(|(process, after)| Event::StoreFails { process, after }),
        1 => Just(Event::StoresWork),
        1 => process().prop_map(|process| Event::Logout { process }),
        1 => process().prop_map(|process| Event::Login { process }),
        4 => prop_oneof![Just(5), Just(16), Just(310)].prop_map(|seconds| Event::Pass { seconds }),
        2 => process().prop_map(|process| Event::Restart { process }),
        1 => process().prop_map(|process| Event::Killed { process }),
        1 => process().prop_map(|process| Event::Resumed { process }),
    ]
}

fn provider() -> impl Strategy<Value = Provider> {
    let strict = |known| Provider {
        rotation: Rotation::Strict,
        known,
    };
    prop_oneof![
        Just(strict(Some(latchkey::Rotation::Strict))),
        Just(strict(None)),
        Just(Provider {
            rotation: Rotation::Grace(30),
            known: Some(latchkey::Rotation::Grace { seconds: 30 }),
        }),
        Just(Provider {
            rotation: Rotation::Parent,
            known: Some(latchkey::Rotation::Parent),
        }),
    ]
}

/// What the provider does, and what the client was told of it.
#[derive(Clone, Copy, Debug)]
struct Provider {
    rotation: Rotation,
    known: Option<latchkey::Rotation>,
}

/// What has happened that can justify an end.
#[derive(Debug, Default)]
struct History {
    /// An answer was lost, or a process died before it had stored one.
    cut_off: bool,
    /// One process could not write for a while: the other may have sent again what this one had the answer to, and
    /// the first one's tokens, stored after all, hide why the family is gone (the model's `overtaken`).
    overtaken: bool,
    /// What a person did last: whether that was a login.
    last_act: Option<bool>,
    /// A logout was in this process's memory alone.
    unstored: [bool; 2],
    /// A process ended with what a person had done in its memory alone.
    act_lost: bool,
    /// A logout reached the provider and perhaps not the store.
    revoked: bool,
}

struct Device {
    world: World,
    config: AuthConfig,
    stores: [Arc<PuppetStore>; 2],
    apps: [Arc<Auth>; 2],
    failing: [bool; 2],
    history: History,
}

impl Device {
    async fn new(provider: Provider) -> Self {
        let world = World::with(Options {
            rotation: provider.rotation,
            ..Options::default()
        })
        .await;
        let mut config = world.config();
        config.rotation = provider.known;
        let one = memory_store();
        let stores = [0, 1].map(|_| PuppetStore::over(Arc::clone(&one)));
        let apps = [0, 1].map(|process: usize| start(&world, &config, &stores[process]));
        world.log_in(&apps[0], "alice").await;
        world.server.reset_counts();
        // Nobody waits in real time.
        world.clock.hurry();
        Self {
            world,
            config,
            stores,
            apps,
            failing: [false; 2],
            history: History::default(),
        }
    }

    async fn happen(&mut self, event: Event) {
        match event {
            Event::Call { process, force } => drop(self.call(process, force).await),
            Event::CallBoth => {
                let (a, b) = (self.call(0, false), self.call(1, false));
                drop(tokio::join!(a, b));
            }
            Event::LoseAnswer { committed } => {
                self.history.cut_off |= committed;
                let when = if committed { "after" } else { "before" };
                self.fault(&format!("token:drop_{when}_commit@1"));
            }
            Event::Gateway => self.fault("token:status=503@1"),
            Event::StoreFails { process, after } => {
                self.stores[process].fail_from(Call::Swap, after + 1);
                self.failing[process] = true;
                // Where one process cannot store what an answer brought, and the other can write, the other takes the
                // claim when its term is over, and sends again what is spent.
                self.history.cut_off = true;
                self.history.overtaken = true;
            }
            Event::StoresWork => self.heal().await,
            Event::Logout { process } => {
                let out = self.apps[process].logout(LogoutOptions::default());
                drop(in_time(out).await);
                self.acted(process, false);
                self.history.revoked |= self.failing[process];
            }
            Event::Login { process } => {
                // A login looks at the provider's clock, which the device's has left behind.
                let ahead = self.world.clock.wall() - SystemClock.wall();
                self.fault(&format!("*:clock={ahead}"));
                self.world.log_in(&self.apps[process], "alice").await;
                self.world.server.clear_faults();
                self.acted(process, true);
            }
            Event::Pass { seconds } => self.world.clock.advance(seconds),
            Event::Restart { process } => self.restart(process),
            Event::Killed { process } => self.kill(process).await,
            Event::Resumed { process } => in_time(self.apps[process].resumed()).await,
        }
    }

    async fn call(&self, process: usize, force: bool) -> Result<AccessToken, AuthError> {
        let options = AccessTokenOptions {
            force_refresh: force,
            ..AccessTokenOptions::default()
        };
        in_time(self.apps[process].access_token(options, None)).await
    }

    fn acted(&mut self, process: usize, login: bool) {
        // A record tells acts apart by the second.
        self.world.clock.advance(1);
        self.history.last_act = Some(login);
        self.history.unstored = [false; 2];
        self.history.unstored[process] = self.failing[process];
    }

    fn restart(&mut self, process: usize) {
        self.history.act_lost |= self.history.unstored[process];
        // What an answer has brought is lost with the memory that alone has it.
        self.history.cut_off |= self.failing[process];
        self.apps[process] = start(&self.world, &self.config, &self.stores[process]);
    }

    /// In a runtime of its own, which ends.
    async fn kill(&mut self, process: usize) {
        let own = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        self.fault("token:gate=dying@1");
        self.restart(process);
        let app = Arc::clone(&self.apps[process]);
        let call = own.spawn(async move {
            drop(app.access_token(AccessTokenOptions::default(), None).await);
        });
        tokio::select! {
            () = self.world.server.gate_reached("dying") => self.history.cut_off = true,
            _ = in_time(call) => {}
        }
        own.shutdown_background();
        self.world.server.clear_faults();
        self.restart(process);
    }

    async fn heal(&mut self) {
        for process in [0, 1] {
            self.stores[process].heal();
            self.failing[process] = false;
            in_time(self.apps[process].resumed()).await;
        }
        self.history.unstored = [false; 2];
    }

    fn fault(&self, text: &str) {
        self.world.server.set_faults(text).expect("a fault");
    }
}

fn start(world: &World, config: &AuthConfig, store: &Arc<PuppetStore>) -> Arc<Auth> {
    Auth::with_clock(config.clone(), store.clone(), world.clock.clone())
        .expect("a valid configuration")
}

async fn tell(provider: Provider, events: Vec<Event>) -> TestCaseResult {
    let mut device = Device::new(provider).await;
    for event in events {
        device.happen(event).await;
    }
    device.world.server.clear_faults();
    device.heal().await;
    // All tokens end, and so does every wait.
    device.world.clock.advance(4_000);
    for process in [0, 1] {
        let result = device.call(process, false).await;
        judge(provider, &device, process, &result)?;
    }
    let [a, b] = [0, 1].map(|process: usize| state(&device.apps[process].session()));
    check(a == b, &format!("the processes see {a} and {b}"), &device)
}

fn judge(
    provider: Provider,
    device: &Device,
    process: usize,
    result: &Result<AccessToken, AuthError>,
) -> TestCaseResult {
    let history = &device.history;
    let loses = matches!(provider.rotation, Rotation::Strict);
    let (good, what) = match result {
        Ok(_) => (
            history.last_act != Some(false) || history.act_lost,
            "a logout is undone",
        ),
        Err(AuthError::LoginRequired { reason }) => match reason {
            SignedOutReason::LoggedOut => (
                history.last_act == Some(false) || history.act_lost,
                "nobody has logged out last",
            ),
            SignedOutReason::RotationInterrupted => {
                // After a lost answer nobody can tell the provider's other reasons from that one.
                let costs = loses || history.revoked;
                (costs && history.cut_off, "no answer was lost that costs")
            }
            SignedOutReason::Revoked => (
                history.revoked || (loses && history.overtaken),
                "the provider has revoked nothing",
            ),
            _ => (false, "this cannot be the reason"),
        },
        Err(_) => (false, "with everything healed there is a token or an end"),
    };
    check(
        good,
        &format!("process {process}: {what}: {result:?}"),
        device,
    )?;
    let reuse = device.world.server.refresh_token_reuse();
    let may_reuse = loses && history.cut_off;
    check(reuse == 0 || may_reuse, &format!("{reuse} reuses"), device)
}

fn check(good: bool, what: &str, device: &Device) -> TestCaseResult {
    if good {
        return Ok(());
    }
    let timeline: Vec<String> = device.apps[0]
        .timeline()
        .iter()
        .map(|event| format!("{event:?}"))
        .collect();
    Err(TestCaseError::fail(format!(
        "{what}\n{:?}\n{}",
        device.history,
        timeline.join("\n")
    )))
}

/// What the seed is read from.
const SEED: &str = "LATCHKEY_SCHEDULES_SEED";

#[expect(
    clippy::print_stdout,
    reason = "a run that fails is repeated by its seed"
)]
fn explore(cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let config = Config {
        cases,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = seed(SEED);
    println!("{SEED}={seed}");
    let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes(seed));
    let mut runner = TestRunner::new_with_rng(config, chance);
    let story = (provider(), proptest::collection::vec(event(), 6..=12));
    if let Err(failure) = runner.run(&story, |(provider, events)| {
        runtime.block_on(tell(provider, events))
    }) {
        panic!("{SEED}={seed}: {failure}\n{runner}");
    }
}

#[test]
fn whatever_happens_a_session_lives_or_ends_with_an_honest_reason() {
    explore(40);
}

#[test]
#[ignore = "minutes: the soak"]
fn whatever_happens_a_session_lives_or_ends_with_an_honest_reason_soak() {
    explore(600);
}

//! The fate of one process: the steps that it takes, and the one that it does not survive.

use std::sync::{Condvar, Mutex, MutexGuard};

use tokio::sync::watch;

/// What a write to the store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Claim,
    MaybeSent,
    /// New tokens.
    Commit,
    /// The claim is given up, or a pause is written down.
    Settle,
    Ending,
    /// Events and the high-water mark.
    Journal,
    /// An open login.
    Login,
}

/// Where a process can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Before(Write),
    After(Write),
    /// The refresh token is on its way, and the provider has not got it.
    Sent,
    /// The provider has answered, and nothing of that has arrived.
    Answered,
    /// Half of the answer has arrived.
    Half,
    /// All of it has arrived.
    Arrived,
}

/// A place in so many bytes.
pub(crate) type Cut = fn(usize) -> usize;

/// When a process dies.
#[derive(Clone, Copy)]
pub(crate) enum Kill {
    Never,
    /// At the first such point.
    At(Point),
    /// At the nth point of any kind, from 1.
    Nth(usize),
    /// When so much of the provider's answer has arrived.
    InAnswer(Cut),
    /// When so much of the commit's file has been written, and nothing was renamed.
    InCommit(Cut),
}

/// What goes wrong although the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The nth write fails, counted from 1.
    Write {
        nth: usize,
        /// Whether it was done all the same.
        done: bool,
    },
    /// The connection breaks off before the answer to the first refresh.
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Alive,
    /// Nothing reaches the store or the network any more.
    Dead,
    /// Its tasks and connections are gone.
    Buried,
}

pub(crate) struct Fate {
    pub(crate) kill: Kill,
    life: Mutex<Life>,
    buried: Condvar,
    stage: watch::Sender<Stage>,
}

struct Life {
    stage: Stage,
    steps: Vec<Point>,
    writes: usize,
    failure: Option<Failure>,
}

impl Fate {
    pub(crate) fn new(kill: Kill, failure: Option<Failure>) -> Fate {
        Fate {
            kill,
            life: Mutex::new(Life {
                stage: Stage::Alive,
                steps: Vec::new(),
                writes: 0,
                failure,
            }),
            buried: Condvar::new(),
            stage: watch::Sender::new(Stage::Alive),
        }
    }

    /// Writes a step down. True if the process dies of it.
    pub(crate) fn reach(&self, point: Point) -> bool {
        let mut life = self.life();
        if life.stage != Stage::Alive {
            return true;
        }
        life.steps.push(point);
        let dies = match self.kill {
            Kill::At(fatal) => fatal == point,
            Kill::Nth(nth) => life.steps.len() == nth,
            Kill::Never | Kill::InAnswer(_) | Kill::InCommit(_) => false,
        };
        if dies {
            self.set(&mut life, Stage::Dead);
        }
        dies
    }

    /// From now on nothing of this process has an effect.
    pub(crate) fn die(&self) {
        self.set(&mut self.life(), Stage::Dead);
    }

    /// What was left of it is gone.
    pub(crate) fn bury(&self) {
        self.set(&mut self.life(), Stage::Buried);
        self.buried.notify_all();
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.life().stage == Stage::Alive
    }

    /// Whether the write that begins now fails, and if so, whether it is done all the same.
    pub(crate) fn write_fails(&self) -> Option<bool> {
        let mut life = self.life();
        life.writes += 1;
        match life.failure {
            Some(Failure::Write { nth, done }) if nth == life.writes => Some(done),
            _ => None,
        }
    }

    /// Whether this answer is lost; once.
    pub(crate) fn loses_answer(&self) -> bool {
        let failure = &mut self.life().failure;
        failure
            .take_if(|failure| *failure == Failure::Answer)
            .is_some()
    }

    /// The steps that were taken.
    pub(crate) fn steps(&self) -> Vec<Point> {
        self.life().steps.clone()
    }

    /// Holds up a thread of the dead process until it cannot tell anybody.
    pub(crate) fn wait_for_burial(&self) {
        let waiting = self
            .buried
            .wait_while(self.life(), |life| life.stage != Stage::Buried);
        drop(waiting.expect("no panic"));
    }

    pub(crate) async fn dead(&self) {
        self.reached(|stage| *stage != Stage::Alive).await;
    }

    pub(crate) async fn buried(&self) {
        self.reached(|stage| *stage == Stage::Buried).await;
    }

    async fn reached(&self, enough: impl FnMut(&Stage) -> bool) {
        let mut stage = self.stage.subscribe();
        stage.wait_for(enough).await.expect("the sender is in self");
    }

    fn set(&self, life: &mut Life, stage: Stage) {
        if life.stage != Stage::Buried {
            life.stage = stage;
            self.stage.send_replace(stage);
        }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().expect("no panic")
    }
}

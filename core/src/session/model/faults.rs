//! What happens around the processes: callers, persons, the provider, time, and what goes wrong.

use super::Model;
use super::real::View;
use super::state::{At, Attempt, Budget, Content, Process, Reply, State, Why};

/// For how many seconds a request is under way at most (`send`).
const DEADLINE: u64 = 10;

/// The alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Call {
        process: usize,
        force: bool,
    },
    Step {
        process: usize,
    },
    /// The provider works on the request, and its answer arrives.
    Serve {
        process: usize,
    },
    /// The deadline of the request is over: what of it has not arrived does not arrive any more.
    TimesOut {
        process: usize,
    },
    /// The request or its answer is lost: the provider has worked on it, or has not.
    Lose {
        process: usize,
        committed: bool,
    },
    /// A gateway answers in the provider's place: 503, or 429.
    Gateway {
        process: usize,
        committed: bool,
        limited: bool,
    },
    /// The process is killed and started again. A request that is on its way still arrives, or does not.
    Kill {
        process: usize,
        arrives: bool,
    },
    Persist {
        process: usize,
    },
    Logout {
        process: usize,
        revoked: bool,
    },
    Login {
        process: usize,
    },
    Tick,
    StoreFails,
    StoreWorks,
}

impl Model {
    pub(super) fn events(&self, state: &State, events: &mut Vec<Event>) {
        let left = state.left.now();
        for process in [0, 1] {
            let Process { memory, at, .. } = state.processes[process];
            let on_its_way = matches!(at, At::Sent(attempt, Reply::OnItsWay)
                if !self.is_overdue(&attempt, state.now));
            match at {
                At::Idle if left.calls > 0 => {
                    events.push(Event::Call {
                        process,
                        force: false,
                    });
                    if left.forced > 0 {
                        events.push(Event::Call {
                            process,
                            force: true,
                        });
                    }
                }
                At::Idle => {}
                At::Sent(attempt, Reply::OnItsWay) if self.is_overdue(&attempt, state.now) => {
                    events.push(Event::TimesOut { process });
                }
                At::Sent(_, Reply::OnItsWay) => events.push(Event::Serve { process }),
                _ => events.push(Event::Step { process }),
            }
            let both = [false, true];
            if on_its_way && left.losses > 0 {
                for committed in both {
                    events.push(Event::Lose { process, committed });
                    events.push(Event::Gateway {
                        process,
                        committed,
                        limited: false,
                    });
                }
                events.push(Event::Gateway {
                    process,
                    committed: false,
                    limited: true,
                });
            }
            let does_anything = at != At::Idle || memory.is_some();
            if left.crashes > 0 && does_anything {
                events.push(Event::Kill {
                    process,
                    arrives: false,
                });
                if on_its_way {
                    events.push(Event::Kill {
                        process,
                        arrives: true,
                    });
                }
            }
            if memory.is_some_and(|known| !known.persisted) && !state.full {
                events.push(Event::Persist { process });
            }
            if left.logouts > 0 {
                events.push(Event::Logout {
                    process,
                    revoked: true,
                });
                events.push(Event::Logout {
                    process,
                    revoked: false,
                });
            }
            if left.logins > 0 {
                events.push(Event::Login { process });
            }
        }
        if state.now < self.time.last_tick {
            events.push(Event::Tick);
        }
        match state.full {
            true => events.push(Event::StoreWorks),
            false if left.outages > 0 => events.push(Event::StoreFails),
            false => {}
        }
    }

    pub(super) fn after(&self, mut state: State, event: Event) -> State {
        let next = &mut state;
        match event {
            Event::Call { process, force } => {
                next.left.calls -= 1;
                next.left.forced -= u8::from(force);
                next.left.all -= u8::from(force);
                self.call(next, process, force);
            }
            Event::Step { process } => self.step(next, process),
            Event::Serve { process } => self.serve(next, process),
            Event::TimesOut { process } => {
                let attempt = self.answer_is_lost(next, process, false);
                self.after_a_lost_answer(next, process, attempt);
            }
            Event::Lose { process, committed } => {
                next.left.losses -= 1;
                next.left.all -= 1;
                let attempt = self.answer_is_lost(next, process, committed);
                self.after_a_lost_answer(next, process, attempt);
            }
            Event::Gateway {
                process,
                committed,
                limited,
            } => {
                next.left.losses -= 1;
                next.left.all -= 1;
                if let Some(attempt) = self.answer_is_lost(next, process, committed) {
                    let open = if limited {
                        attempt.earlier
                    } else {
                        attempt.record.claim().and_then(|claim| claim.sent)
                    };
                    next.processes[process].at = At::Settling(attempt, open, false);
                }
            }
            Event::Kill { process, arrives } => self.kill(next, process, arrives),
            Event::Persist { process } => self.persist_pending(next, process),
            Event::Logout { process, revoked } => {
                next.left.logouts -= 1;
                next.left.all -= 1;
                self.logout(next, process, revoked);
            }
            Event::Login { process } => {
                next.left.logins -= 1;
                next.left.all -= 1;
                self.login(next, process);
            }
            Event::Tick => next.now += 1,
            Event::StoreFails => {
                next.left.outages -= 1;
                next.left.all -= 1;
                next.full = true;
            }
            Event::StoreWorks => next.full = false,
        }
        state
    }

    fn is_overdue(&self, attempt: &Attempt, now: u8) -> bool {
        let claim = attempt.record.claim();
        let holder = claim.and_then(|claim| claim.holder);
        holder.is_some_and(|(_, since)| self.setting.seconds(now - since) >= DEADLINE)
    }

    pub(super) fn serve(&self, state: &mut State, process: usize) {
        if let At::Sent(attempt, Reply::OnItsWay) = state.processes[process].at {
            let reply = self.redeem(state, &attempt);
            let reply = reply.map_or(Reply::InvalidGrant, Reply::Tokens);
            state.processes[process].at = At::Sent(attempt, reply);
        }
    }

    fn redeem(&self, state: &mut State, attempt: &Attempt) -> Option<u8> {
        let token = attempt.record.live()?.refresh;
        let family = &mut state.families[usize::from(attempt.record.session)];
        family.redeem(token, self.policy, state.now, |ticks| {
            self.setting.seconds(ticks)
        })
    }

    /// Returns the attempt whose answer does not come.
    fn answer_is_lost(
        &self,
        state: &mut State,
        process: usize,
        committed: bool,
    ) -> Option<Attempt> {
        let At::Sent(attempt, _) = state.processes[process].at else {
            return None;
        };
        if committed {
            self.redeem(state, &attempt);
        }
        Some(attempt)
    }

    /// `refresh_once`, where the transport has no answer.
    fn after_a_lost_answer(&self, state: &mut State, process: usize, attempt: Option<Attempt>) {
        let Some(attempt) = attempt else { return };
        let view = View {
            now: state.now,
            run: state.run(process),
            holder_is_gone: false,
            wish: attempt.wish,
        };
        let open = attempt.record.claim().and_then(|claim| claim.sent);
        state.processes[process].at = if self.setting.may_repeat_at_once(&attempt, &view) {
            At::Looking(attempt.wish)
        } else {
            At::Settling(attempt, open, false)
        };
    }

    fn kill(&self, state: &mut State, process: usize, arrives: bool) {
        state.left.crashes -= 1;
        state.left.all -= 1;
        if arrives {
            self.answer_is_lost(state, process, true);
        }
        let killed = &mut state.processes[process];
        if let Some(known) = killed.memory
            && !known.persisted
        {
            match known.record.content {
                Content::Live(_) => {
                    let durable = state.past.durable[usize::from(known.record.session)];
                    state.past.lost_tokens |= known.record.generation > durable;
                    // A login that was never stored is gone with its process.
                    state.past.lost_act |= known.record.generation == 0;
                }
                Content::Ended { why, .. } => state.past.lost_act |= why == Why::LoggedOut,
            }
        }
        killed.nth += 1;
        killed.memory = None;
        killed.at = At::Idle;
    }
}

impl Budget {
    /// What may happen now.
    fn now(self) -> Self {
        let some = u8::from(self.all > 0);
        Self {
            all: self.all,
            crashes: self.crashes * some,
            losses: self.losses * some,
            outages: self.outages * some,
            logouts: self.logouts * some,
            logins: self.logins * some,
            forced: self.forced * some,
            calls: self.calls,
        }
    }
}

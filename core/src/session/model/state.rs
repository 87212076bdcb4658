//! What the model consists of: one record in the store, two processes, the provider's families of tokens, and what is
//! still allowed to go wrong. Everything is small and `Copy`: a state is compared and hashed a million times.

/// How many refresh tokens one family can get to.
pub(super) const TOKENS: usize = 5;

/// The record, with tokens as numbers. The tokens of generation g came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Record {
    pub(super) session: u8,
    pub(super) generation: u8,
    pub(super) content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Content {
    Live(Tokens),
    Ended { why: Why, at: u8, logged_in_at: u8 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Why {
    LoggedOut,
    Revoked,
    RotationInterrupted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tokens {
    /// The refresh token, by its place in the family.
    pub(super) refresh: u8,
    /// The tick at which the access token ends.
    pub(super) ends: u8,
    pub(super) kept: bool,
    pub(super) logged_in_at: u8,
    pub(super) claim: Option<Claimed>,
}

/// [`crate::session::claim::Claim`] in small. Times are ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Claimed {
    /// The run, and when it took or confirmed the claim.
    pub(super) holder: Option<(Run, u8)>,
    pub(super) sent: Option<Open>,
}

/// Sends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Open {
    pub(super) first: u8,
    pub(super) last: u8,
    pub(super) attempts: u8,
}

/// The nth run of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Run {
    pub(super) process: u8,
    pub(super) nth: u8,
}

/// What a process knows. A tag is known to be the store's, or is not: an old one never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Memory {
    pub(super) record: Record,
    pub(super) persisted: bool,
    pub(super) tag: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Process {
    pub(super) nth: u8,
    pub(super) memory: Option<Memory>,
    pub(super) at: At,
}

/// Which step of a refresh a process has come to. It may stand there for as long as the clock goes: that is a frozen
/// process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum At {
    Idle,
    /// It wants another token, and is about to look at the store.
    Looking(Wish),
    /// It may send, by what it saw.
    Looked(Attempt),
    /// Its claim is written.
    Claimed(Attempt),
    /// `maybe_sent` is written.
    Said(Attempt),
    /// The token has left.
    Sent(Attempt, Reply),
    /// It writes down what it leaves, and whether it goes on afterwards.
    Settling(Attempt, Option<Open>, bool),
}

/// What a caller wants, and saw before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Wish {
    pub(super) force: bool,
    /// Session and generation.
    pub(super) seen: (u8, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Attempt {
    pub(super) wish: Wish,
    /// What was written last, and whether the store still has it.
    pub(super) record: Record,
    pub(super) tag: bool,
    pub(super) earlier: Option<Open>,
    pub(super) asked: u8,
    /// For how many seconds from then it may be sent.
    pub(super) within: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reply {
    OnItsWay,
    Tokens(u8),
    InvalidGrant,
}

/// The provider's tokens of one login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Family {
    pub(super) issued: u8,
    pub(super) spent_at: [Option<u8>; TOKENS],
    /// By what each came to be.
    pub(super) parent: [u8; TOKENS],
    pub(super) dead: Option<Death>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Death {
    /// A person logged out.
    Revoked,
    /// A spent token was used again.
    Reuse,
    /// The same, after the grace period.
    LateReuse,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Of everything below, in all.
    pub(super) all: u8,
    pub(super) crashes: u8,
    pub(super) losses: u8,
    pub(super) outages: u8,
    pub(super) logouts: u8,
    pub(super) logins: u8,
    pub(super) forced: u8,
    pub(super) calls: u8,
}

/// What is remembered beside the state, for the properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Past {
    /// Which rule was broken.
    pub(super) broken: Option<Rule>,
    /// The highest generation that was durable, of each session.
    pub(super) durable: [u8; 2],
    /// A kill fell on new tokens that were in memory alone.
    pub(super) lost_tokens: bool,
    /// The same, on a login or a logout.
    pub(super) lost_act: bool,
    /// A token was sent again although another process had its answer: it stood still with it for a whole term.
    pub(super) overtaken: bool,
    /// What a person did last: whether that was a login.
    pub(super) last_act: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    I1,
    I2,
    I4,
    I5,
    I6,
    I7,
    /// A token was sent again where the provider may end the session for it, although an access token was left.
    CostlyRepeat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) now: u8,
    pub(super) store: Record,
    /// The store takes no write.
    pub(super) full: bool,
    pub(super) processes: [Process; 2],
    pub(super) families: [Family; 2],
    pub(super) left: Budget,
    /// How often a person acted: two acts are never at the same time.
    pub(super) acts: u8,
    pub(super) past: Past,
}

impl At {
    pub(super) fn attempt(&mut self) -> Option<&mut Attempt> {
        match self {
            At::Idle | At::Looking(_) => None,
            At::Looked(attempt)
            | At::Claimed(attempt)
            | At::Said(attempt)
            | At::Sent(attempt, _)
            | At::Settling(attempt, ..) => Some(attempt),
        }
    }
}

impl Record {
    pub(super) fn live(&self) -> Option<&Tokens> {
        match &self.content {
            Content::Live(tokens) => Some(tokens),
            Content::Ended { .. } => None,
        }
    }

    pub(super) fn ended(&self) -> Option<Why> {
        match self.content {
            Content::Live(_) => None,
            Content::Ended { why, .. } => Some(why),
        }
    }

    pub(super) fn claim(&self) -> Option<Claimed> {
        self.live()?.claim
    }

    pub(super) fn with_claim(mut self, claim: Option<Claimed>) -> Self {
        if let Content::Live(tokens) = &mut self.content {
            tokens.claim = claim;
        }
        self
    }

    pub(super) fn next(self, content: Content) -> Self {
        Self {
            generation: self.generation + 1,
            content,
            ..self
        }
    }

    pub(super) fn name(&self) -> (u8, u8) {
        (self.session, self.generation)
    }
}

impl State {
    /// A moment that is after every act of a person so far, and before the next.
    pub(super) fn at(&self) -> u8 {
        self.now * 10 + self.acts
    }

    pub(super) fn run(&self, process: usize) -> Run {
        Run {
            process: u8::try_from(process).unwrap_or(u8::MAX),
            nth: self.processes[process].nth,
        }
    }

    pub(super) fn is_gone(&self, run: Run) -> bool {
        self.processes[usize::from(run.process)].nth != run.nth
    }

    fn forget_the_tags(&mut self) {
        for process in &mut self.processes {
            if let Some(known) = &mut process.memory {
                known.tag = false;
            }
            if let Some(attempt) = process.at.attempt() {
                attempt.tag = false;
            }
        }
    }

    /// The store holds this from now on, and no tag of before is its tag.
    pub(super) fn write(&mut self, record: Record) {
        self.store = record;
        self.forget_the_tags();
        let durable = &mut self.past.durable[usize::from(record.session)];
        *durable = record.generation.max(*durable);
    }

    pub(super) fn break_rule(&mut self, rule: Rule) {
        self.past.broken.get_or_insert(rule);
    }

    /// Nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.processes.iter().all(|process| process.at == At::Idle)
    }
}

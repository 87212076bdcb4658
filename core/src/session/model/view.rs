//! A state seen from outside: the one of two that differ in nothing but which process is which, and a line of text.

use super::state::{At, Claimed, Content, Record, State, Tokens};

impl State {
    /// The same state with the processes in order: which of two alike is the first makes no difference.
    pub(super) fn in_order(mut self) -> Self {
        let [first, second] = self.processes;
        if (first.at, first.memory, first.nth) <= (second.at, second.memory, second.nth) {
            return self;
        }
        self.processes = [second, first];
        self.store.change_places();
        for process in &mut self.processes {
            if let Some(known) = &mut process.memory {
                known.record.change_places();
            }
            if let Some(attempt) = process.at.attempt() {
                attempt.record.change_places();
            }
        }
        self
    }

    /// For the eyes of whoever reads a counterexample.
    pub(super) fn in_short(&self) -> String {
        let processes = self.processes.map(|process| {
            let known = process.memory.map(|known| {
                let persisted = if known.persisted { "" } else { " unstored" };
                format!("{}{persisted}", known.record.in_short())
            });
            let at = format!("{:?}", process.at);
            let at = at.split([' ', '(']).next().unwrap_or_default().to_owned();
            let reply = match process.at {
                At::Sent(_, reply) => format!(" {reply:?}"),
                _ => String::new(),
            };
            format!("{at}{reply} knowing {}", known.unwrap_or_default())
        });
        format!(
            "{}: store {}{}; {}; {}; dead {:?}; {:?}",
            self.now,
            self.store.in_short(),
            if self.full { " full" } else { "" },
            processes[0],
            processes[1],
            self.families.map(|family| family.dead),
            self.past,
        )
    }
}

impl Record {
    pub(super) fn logged_in_at(&self) -> u8 {
        match self.content {
            Content::Live(Tokens { logged_in_at, .. }) | Content::Ended { logged_in_at, .. } => {
                logged_in_at
            }
        }
    }

    fn change_places(&mut self) {
        if let Content::Live(Tokens {
            claim:
                Some(Claimed {
                    holder: Some((run, _)),
                    ..
                }),
            ..
        }) = &mut self.content
        {
            run.process = 1 - run.process;
        }
    }

    fn in_short(&self) -> String {
        let Self {
            session,
            generation,
            content,
        } = self;
        match content {
            Content::Live(tokens) => {
                let claim = tokens.claim.map(|claim| {
                    let holder = claim.holder.map(|(run, since)| (run.process, since));
                    let sent = claim.sent.map(|open| (open.first, open.last));
                    format!(" held {holder:?} sent {sent:?}")
                });
                format!("{session}.{generation}{}", claim.unwrap_or_default())
            }
            Content::Ended { why, .. } => format!("{session}.{generation} {why:?}"),
        }
    }
}

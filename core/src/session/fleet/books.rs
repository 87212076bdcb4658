//! What an auditor notes of one client, by means of its own: the bounds of fleet.md are checked against this, and not
//! against what the code that is tested believes.

use std::collections::VecDeque;

use super::world::Answer;

/// fleet.md rule 5: five failures at once, then three a minute.
const BURST: usize = 5;
const REFILL: u64 = 20;
/// fleet.md rule 6.
const BETWEEN_FORCED: u64 = 5;
/// Two sends of one token closer together end the session at many providers.
const APART: u64 = 2;

#[derive(Default)]
pub(super) struct Books {
    pub(super) requests: u32,
    /// Requests after one that failed.
    pub(super) retries: u32,
    pub(super) forced: u32,
    /// The first bound that was broken.
    pub(super) broken: Option<String>,
    /// Seconds of failures that the provider was asked for and has not earned back: a bucket that leaks.
    failures: VecDeque<u64>,
    /// The provider does not want to be asked before this second.
    not_before: u64,
    /// When an answer was lost last.
    lost: Option<u64>,
    failing: bool,
    last_forced: Option<u64>,
    /// The token that a forced refresh was done for.
    forced_for: Option<u64>,
    /// The token that the refresh under way was forced for.
    forcing: Option<u64>,
}

impl Books {
    pub(super) fn restarted(&mut self) {
        // The burst and the five seconds are a process's. Retry-After is not.
        self.failures.clear();
        self.last_forced = None;
        self.forced_for = None;
    }

    /// A request leaves. `forced`: the token it was forced for; `fresh`: whether there was no need of it.
    pub(super) fn sent(&mut self, second: u64, forced: Option<u64>, fresh: bool) {
        self.requests += 1;
        self.retries += u32::from(self.failing);
        if second < self.not_before {
            let early = self.not_before - second;
            self.note(format!("{early} s before the time of Retry-After"));
        }
        if self.lost.is_some_and(|lost| second < lost + APART) {
            self.note("two sends of one token at once".to_owned());
        }
        self.forcing = forced;
        match forced {
            None if fresh => self.note("a request that nobody needed".to_owned()),
            None => {}
            Some(token) => {
                self.forced += 1;
                if self.forced_for == Some(token) {
                    self.note("two forced refreshes for one token".to_owned());
                }
                if self
                    .last_forced
                    .is_some_and(|last| second < last + BETWEEN_FORCED)
                {
                    self.note("two forced refreshes in five seconds".to_owned());
                }
                self.last_forced = Some(second);
            }
        }
    }

    pub(super) fn answered(&mut self, second: u64, answer: &Answer) {
        self.lost = None;
        match answer {
            Answer::Tokens => {
                self.failing = false;
                self.failures.clear();
                if self.forcing.is_some() {
                    self.forced_for = self.forcing;
                }
                return;
            }
            // The provider saw nothing of it.
            Answer::Refused => {}
            Answer::Lost => self.lost = Some(second),
            Answer::Judged(_, retry_after) => {
                self.not_before = second + retry_after.unwrap_or(0);
                self.fail(second);
            }
        }
        self.failing = true;
    }

    /// One failure more. Whatever window of time ends here: no more in it than five and one for each 20 s.
    fn fail(&mut self, second: u64) {
        self.failures.push_back(second);
        let failures: Vec<u64> = self.failures.iter().copied().collect();
        for (at, first) in failures.iter().enumerate() {
            let earned = usize::try_from((second - first) / REFILL).unwrap_or(usize::MAX);
            if failures.len() - at > BURST + earned {
                self.note(format!(
                    "{} failures in {} s",
                    failures.len() - at,
                    second - first
                ));
            }
        }
    }

    fn note(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }
}

//! The timeline: what happened to the session in fixed words, ending with a sentence that answers "why was I logged
//! out". No secret and no subject can be in it, because no event has a place for one.

use super::SessionManager;
use super::journal::Event;
use super::memory::Memory;
use super::record::State;
use crate::types::{SignedOutReason, StorageReason, TimelineEvent};

/// Something that is worth a line.
pub(crate) enum What {
    Login,
    LoginFailed(String),
    /// A claim was found whose holder is gone; whether it may have sent.
    TakenOver {
        sent: bool,
    },
    RefreshSent {
        repeat: bool,
    },
    Refreshed {
        rotated: bool,
    },
    Stored,
    /// The store did not take what a refresh or a login brought.
    PersistPending,
    /// Another process has renewed the session.
    Adopted,
    RefreshFailed(String),
    IdTokenDropped(&'static str),
    /// The device's clock and the provider's are so many seconds apart.
    ClockOff(i64),
    /// The record was put back to an older one.
    PutBack,
    Ended(SignedOutReason),
    Revocation(String),
}

impl What {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed(_) => "login_failed",
            Self::TakenOver { .. } => "taken_over",
            Self::RefreshSent { .. } => "refresh_sent",
            Self::Refreshed { .. } => "refreshed",
            Self::Stored => "stored",
            Self::PersistPending => "persist_pending",
            Self::Adopted => "adopted",
            Self::RefreshFailed(_) => "refresh_failed",
            Self::IdTokenDropped(_) => "id_token_dropped",
            Self::ClockOff(_) => "clock_off",
            Self::PutBack => "put_back",
            Self::Ended(_) => "ended",
            Self::Revocation(_) => "revocation",
        }
    }

    pub(crate) fn detail(&self) -> Option<String> {
        let word = match self {
            Self::LoginFailed(class) | Self::RefreshFailed(class) | Self::Revocation(class) => {
                return Some(class.clone());
            }
            Self::Ended(reason) => return Some(reason.word()),
            Self::ClockOff(seconds) => return Some(format!("{seconds} s")),
            Self::IdTokenDropped(check) => check,
            Self::TakenOver { sent: true } => "it may have sent",
            Self::TakenOver { sent: false } => "it had sent nothing",
            Self::RefreshSent { repeat: true } => "repeat",
            Self::Refreshed { rotated: true } => "rotated",
            Self::Refreshed { rotated: false } => "kept",
            _ => return None,
        };
        Some(word.to_owned())
    }
}

impl SessionManager {
    /// [`crate::Auth::timeline`].
    pub(crate) fn timeline(&self) -> Vec<TimelineEvent> {
        self.snapshot();
        let memory = self.as_stored_here();
        let mut events = self.events_here();
        if let Memory::Known(known) = &memory
            && let Some(sent) = known
                .live()
                .and_then(|live| live.claim.as_ref()?.sent.as_ref())
        {
            let unresolved = "refresh_unresolved".to_owned();
            events.push(Event(sent.last.wall, unresolved, None));
        }
        let at = events.last().map_or_else(|| self.now(), |event| event.0);
        let reason = match &memory {
            Memory::Known(known) => known.signed_out(&*self.clock),
            _ => None,
        };
        // A login without an end, and no record any more: the journal knows better than the store.
        let last = events
            .iter()
            .rev()
            .find(|event| matches!(event.1.as_str(), "login" | "ended"));
        let removed = last.is_some_and(|event| event.1 == "login");
        let summary = match reason {
            Some(SignedOutReason::Never) if removed => {
                "Logged out because the stored session was removed while the app was not running."
            }
            reason => summary(&memory, reason),
        };
        events.push(Event(at, "summary".to_owned(), Some(summary.to_owned())));
        let told = |Event(at_unix_seconds, event, detail): Event| TimelineEvent {
            at_unix_seconds,
            event,
            detail,
        };
        events.into_iter().map(told).collect()
    }

    /// The session as the store has it now, for the history of all processes; as memory has it where that is ahead.
    fn as_stored_here(&self) -> Memory {
        let memory = self.memory().clone();
        if matches!(&memory, Memory::Known(known) if !known.persisted || known.lost) {
            return memory;
        }
        let read = self.vault.load_here(&self.session_name);
        self.interpret(self.look_behind(read).0)
    }
}

/// The sentence at the end.
fn summary(memory: &Memory, signed_out: Option<SignedOutReason>) -> &'static str {
    let known = match memory {
        Memory::Known(known) => known,
        Memory::Failed {
            reason: StorageReason::Locked,
        } => {
            return "Nobody was logged out: the device is locked, and the session can be read once it is unlocked.";
        }
        Memory::Failed { .. } | Memory::Unread => {
            return "Nobody was logged out: the session cannot be read now, and nothing was erased.";
        }
    };
    let open = |state: &State| matches!(state, State::Live(live) if live.claim.is_some());
    match signed_out {
        None if !known.persisted => {
            "Logged in, but the store has not taken the newest tokens yet: if the process ends now, this session may be lost. Storing is tried again."
        }
        None if known
            .record
            .as_deref()
            .is_some_and(|record| open(&record.state)) =>
        {
            "Logged in. A renewal was cut off before its answer was here; it is resolved at the next renewal."
        }
        None => "Logged in: nobody was logged out.",
        Some(SignedOutReason::Never) => {
            "Nobody has logged in on this device yet, with this issuer and client id."
        }
        Some(SignedOutReason::LoggedOut) => {
            "Logged out because the app, or the person, asked for it on this device."
        }
        Some(SignedOutReason::Revoked) => {
            "Logged out because the provider refused the stored refresh token, and no renewal was open: it was revoked or had run out there (a password change, an administrator, the provider's rules)."
        }
        Some(SignedOutReason::RotationInterrupted) => {
            "Logged out because the provider refused the refresh token after an earlier renewal had been left without an answer. Most likely that renewal had spent it (a reuse window of at least 60 seconds at the provider prevents this); a revocation in between looks the same."
        }
        Some(SignedOutReason::Expired) => {
            "Logged out because the access token had ended and there was no refresh token. The scope offline_access brings one."
        }
        Some(SignedOutReason::SubjectChanged) => {
            "Logged out because the provider answered a renewal with another person's tokens. They were not kept."
        }
        Some(SignedOutReason::StorageLost) => {
            "Logged out because this device lost the stored session: its key is gone, it was removed, or an older one was put back."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_be_read_is_never_a_logout() {
        for reason in [
            StorageReason::Locked,
            StorageReason::Corrupt,
            StorageReason::Incompatible,
            StorageReason::Unavailable,
        ] {
            let sentence = summary(&Memory::Failed { reason }, None);
            assert!(sentence.starts_with("Nobody was logged out"), "{sentence}");
        }
    }
}

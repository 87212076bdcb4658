//! How a command ends: what it has sent is waited for, what it has brought is stored, and what is left of either is said.
//! There is no other way out for a command that has a session.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use latchkey::{Auth, AuthError, NetworkReason, Settled, StorageReason};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use crate::limit::Limit;
use crate::output::{Answer, Output};

/// No request takes longer than this with all that follows from it.
const AT_MOST: Duration = Duration::from_secs(60);
/// What takes no longer than this is not spoken of.
const QUIET: Duration = Duration::from_millis(100);
/// How long the result of work that must not be torn is waited for when nothing is open any more.
const GRACE: Duration = Duration::from_secs(2);

/// Said where a send is open, and where something is unstored.
pub(crate) const UNANSWERED: &str = "The provider's answer is not here, and what was sent to it may be spent: the session may be \
                          lost. Try again: that finds out, and says so if you have to log in.";
const UNSTORED: &str = "The store did not take what this command brought, and the session that is stored may have \
                        ended by it. See that the store can be written (a full disk, another program in it), then \
                        try again; log in if that is asked for.";

/// A command at work.
pub(crate) type Work<'a> = Pin<Box<dyn Future<Output = Result<Answer, AuthError>> + 'a>>;

/// The session that a command has opened, and what was left of it at the end.
#[derive(Default)]
pub(crate) struct Opened {
    auth: OnceLock<Arc<Auth>>,
    left: OnceCell<Settled>,
}

impl Opened {
    /// The session of this command; opened once.
    pub(crate) fn auth(
        &self,
        open: impl FnOnce() -> Result<Arc<Auth>, AuthError>,
    ) -> Result<Arc<Auth>, AuthError> {
        match self.auth.get() {
            Some(auth) => Ok(Arc::clone(auth)),
            None => open().map(|auth| Arc::clone(self.auth.get_or_init(|| auth))),
        }
    }

    /// Waits for what is open and stores what is not stored, once; Ctrl-C ends that. Says what is left.
    pub(crate) async fn settle(&self, limit: &Limit, output: Output) -> Settled {
        let Some(auth) = self.auth.get() else {
            return Settled::Everything;
        };
        let left = async || settle(auth, limit, output).await;
        *self.left.get_or_init(left).await
    }
}

async fn settle(auth: &Auth, limit: &Limit, output: Output) -> Settled {
    let interrupts = limit.interrupts();
    let at_once = limit.interrupted_again(interrupts);
    let settled = auth.settle(AT_MOST);
    tokio::pin!(at_once, settled);
    let mut told = Settled::Everything;
    loop {
        tokio::select! {
            biased;
            settled = &mut settled => return settled,
            () = &mut at_once => return auth.settle(Duration::ZERO).await,
            () = sleep(QUIET) => {}
        }
        let now = auth.settle(Duration::ZERO).await;
        if now != told
            && let Some(note) = note(now, interrupts)
        {
            output.note(&note);
            told = now;
        }
    }
}

/// What is said while the person has to wait.
fn note(left: Settled, interrupts: u32) -> Option<String> {
    let ctrl_c = match interrupts {
        0 => "Ctrl-C",
        _ => "A second Ctrl-C",
    };
    match left {
        Settled::Everything => None,
        Settled::SendIsOpen => Some(format!(
            "Waiting for the provider's answer, which must not be lost. {ctrl_c} ends at once."
        )),
        Settled::Unstored => Some(format!(
            "The store does not take the session now; it is tried again for a while. {ctrl_c} ends at once."
        )),
    }
}

/// Runs a command to its end. `late` is its error when its time is up.
pub(crate) async fn run(
    opened: &Opened,
    (limit, output): (&Limit, Output),
    late: AuthError,
    mut work: Work<'_>,
) -> Result<Answer, Failure> {
    let given_up = tokio::select! {
        biased;
        result = &mut work => {
            let left = opened.settle(limit, output).await;
            return conclude(result, left);
        }
        given_up = limit.given_up(late) => given_up,
    };
    if !limit.is_untorn() {
        // It would go on to an API.
        drop(work);
        let left = opened.settle(limit, output).await;
        return conclude(Err(given_up), left);
    }
    let settled = opened.settle(limit, output);
    tokio::pin!(settled);
    let (result, left) = tokio::select! {
        biased;
        result = &mut work => (result.ok(), settled.await),
        left = &mut settled => match left {
            Settled::Everything => (timeout(GRACE, work).await.ok().and_then(Result::ok), left),
            _ => (None, left),
        },
    };
    conclude(result.ok_or(given_up), left)
}

/// What a command has come to, with what was left at its end.
fn conclude(result: Result<Answer, AuthError>, left: Settled) -> Result<Answer, Failure> {
    let unanswered = |reason, retry_after_seconds| Failure {
        error: AuthError::Network {
            reason,
            retry_after_seconds,
        },
        unsaved: Some(UNANSWERED),
    };
    match (left, result) {
        (Settled::Unstored, _) => Err(Failure {
            error: AuthError::Storage {
                reason: StorageReason::Unavailable,
            },
            unsaved: Some(UNSTORED),
        }),
        (
            Settled::SendIsOpen,
            Err(AuthError::Network {
                reason,
                retry_after_seconds,
            }),
        ) => Err(unanswered(reason, retry_after_seconds)),
        (Settled::SendIsOpen, Err(AuthError::Cancelled)) => {
            Err(unanswered(NetworkReason::Timeout, None))
        }
        (_, result) => result.map_err(Failure::from),
    }
}

/// A command that has failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: AuthError,
    /// Where a send is open or something is unstored: what to say in the place of the error's own words.
    pub(crate) unsaved: Option<&'static str>,
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        Self {
            error,
            unsaved: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limit::timed_out;

    fn ends(result: Result<(), AuthError>, left: Settled) -> Result<(), (String, bool)> {
        let answer = result.map(|()| Answer::done(json!({}), ""));
        let failed = |failure: Failure| (failure.error.kind(), failure.unsaved.is_some());
        conclude(answer, left).map(drop).map_err(failed)
    }

    #[test]
    fn what_is_left_at_the_end_is_told_in_the_place_of_what_is_not_true_then() {
        let denied = || {
            Err(AuthError::Denied {
                code: "access_denied".to_owned(),
            })
        };
        let failed = |kind: &str, unsaved| Err((kind.to_owned(), unsaved));
        for (result, left, expected) in [
            (Ok(()), Settled::Everything, Ok(())),
            (
                Err(timed_out()),
                Settled::Everything,
                failed("network", false),
            ),
            (
                Err(AuthError::Cancelled),
                Settled::Everything,
                failed("cancelled", false),
            ),
            (
                Err(timed_out()),
                Settled::SendIsOpen,
                failed("network", true),
            ),
            (
                Err(AuthError::Cancelled),
                Settled::SendIsOpen,
                failed("network", true),
            ),
            (denied(), Settled::SendIsOpen, failed("denied", false)),
            // An older send that is open: the token that is left was served.
            (Ok(()), Settled::SendIsOpen, Ok(())),
            (Ok(()), Settled::Unstored, failed("storage", true)),
            (denied(), Settled::Unstored, failed("storage", true)),
        ] {
            assert_eq!(ends(result, left), expected, "{left:?}");
        }
    }

    #[test]
    fn who_waits_is_told_what_for_and_how_to_leave() {
        assert_eq!(note(Settled::Everything, 0), None);
        for left in [Settled::SendIsOpen, Settled::Unstored] {
            assert!(note(left, 0).is_some_and(|note| note.ends_with(". Ctrl-C ends at once.")));
            assert!(note(left, 1).is_some_and(|note| note.contains("A second Ctrl-C ends")));
        }
    }
}

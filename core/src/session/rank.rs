//! Which of two records stands, where the store holds another one than memory. Pure.

use super::record::{SessionRecord, State};
use crate::types::SignedOutReason;

/// Whether a record that the store does not hold stands against what it does hold.
///
/// Of one session: a logout against everything; new tokens against the claim or the verdict of another process that
/// knew only the ones before; a verdict against the tokens that it is about, and none that came since. Of two
/// sessions: the later login or logout; a refresh never, whatever it has brought.
pub(crate) fn outranks(ours: &SessionRecord, found: Option<&SessionRecord>) -> bool {
    let Some(found) = found else {
        // Somebody has removed it, which only a logout that could not be written does.
        return ours.live().is_none() || ours.generation == 0;
    };
    if ours.session_id != found.session_id {
        return is_by_a_person(ours) && ours.person_acted_at() >= found.person_acted_at();
    }
    match (&ours.state, &found.state) {
        (State::Ended(_), State::Live(_)) => {
            is_by_a_person(ours) || found.generation < ours.generation
        }
        (State::Ended(_), State::Ended(_)) => false,
        (State::Live(_), State::Live(_)) => found.generation < ours.generation,
        (State::Live(_), State::Ended(ending)) => {
            matches!(
                ending.reason(),
                SignedOutReason::Revoked | SignedOutReason::RotationInterrupted
            ) && found.generation <= ours.generation
        }
    }
}

/// Whether a login or a logout wrote this, and not what became of a refresh.
fn is_by_a_person(record: &SessionRecord) -> bool {
    match &record.state {
        State::Live(_) => record.generation == 0,
        State::Ended(_) => record.is_logout(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::Ending;
    use crate::session::record::tests::live;

    fn session(id: &str, generation: u64, logged_in_at: i64) -> SessionRecord {
        let mut live = live();
        live.logged_in_at = logged_in_at;
        let state = State::Live(Box::new(live));
        let mut record = SessionRecord::new("i", "c", id.to_owned(), state);
        record.generation = generation;
        record
    }

    fn ended(of: &SessionRecord, reason: SignedOutReason, at: i64) -> SessionRecord {
        of.next(State::Ended(Ending {
            reason: reason.word(),
            at,
            logged_in_at: None,
        }))
    }

    #[test]
    fn new_tokens_stand_against_a_claim_and_a_verdict_on_the_old_ones() {
        let (old, new) = (session("a", 1, 10), session("a", 2, 10));
        assert!(outranks(&new, Some(&old)));
        for reason in [
            SignedOutReason::Revoked,
            SignedOutReason::RotationInterrupted,
        ] {
            assert!(outranks(&new, Some(&ended(&old, reason, 20))));
        }
    }

    #[test]
    fn new_tokens_give_way_to_newer_ones_a_logout_and_another_login() {
        let new = session("a", 2, 10);
        assert!(!outranks(&new, Some(&session("a", 3, 10))));
        let out = ended(&session("a", 1, 10), SignedOutReason::LoggedOut, 20);
        assert!(!outranks(&new, Some(&out)));
        assert!(!outranks(&new, Some(&session("b", 0, 5))));
        assert!(!outranks(&new, None), "it was removed");
    }

    #[test]
    fn an_ending_stands_where_the_record_was_removed() {
        for reason in [
            SignedOutReason::LoggedOut,
            SignedOutReason::Revoked,
            SignedOutReason::RotationInterrupted,
            SignedOutReason::SubjectChanged,
        ] {
            let ended = ended(&session("a", 1, 10), reason, 20);
            assert!(outranks(&ended, None), "{reason:?}");
        }
    }

    #[test]
    fn a_login_that_was_not_stored_stands_where_the_record_was_removed() {
        assert!(outranks(&session("a", 0, 10), None));
    }

    #[test]
    fn a_logout_stands_against_the_session_it_ended_and_not_against_a_later_login() {
        let out = ended(&session("a", 1, 10), SignedOutReason::LoggedOut, 20);
        assert!(outranks(&out, Some(&session("a", 5, 10))));
        assert!(outranks(&out, Some(&session("b", 3, 15))));
        assert!(!outranks(&out, Some(&session("b", 0, 30))));
    }

    #[test]
    fn a_verdict_that_was_not_stored_gives_way_to_newer_tokens_and_to_another_login() {
        let old = session("a", 1, 10);
        for reason in [
            SignedOutReason::Revoked,
            SignedOutReason::RotationInterrupted,
        ] {
            let verdict = ended(&old, reason, 20);
            assert!(outranks(&verdict, Some(&old)));
            assert!(!outranks(&verdict, Some(&session("a", 2, 10))));
            assert!(!outranks(&verdict, Some(&session("b", 0, 15))));
        }
    }

    #[test]
    fn a_login_that_was_not_stored_stands_against_a_verdict_on_the_session_before_it() {
        let old = session("a", 1, 10);
        let verdict = old.next(State::Ended(Ending {
            reason: SignedOutReason::RotationInterrupted.word(),
            at: 30,
            logged_in_at: Some(10),
        }));
        assert!(outranks(&session("b", 0, 20), Some(&verdict)));
    }

    #[test]
    fn of_two_logins_the_later_one_stands() {
        assert!(outranks(&session("b", 0, 20), Some(&session("a", 4, 10))));
        assert!(!outranks(&session("a", 0, 10), Some(&session("b", 0, 20))));
    }

    #[test]
    fn of_two_acts_in_one_second_ours_stands() {
        let theirs = [
            session("b", 0, 20),
            session("b", 4, 20),
            ended(&session("b", 4, 10), SignedOutReason::LoggedOut, 20),
        ];
        let out = ended(&session("a", 1, 10), SignedOutReason::LoggedOut, 20);
        for theirs in &theirs {
            assert!(outranks(&session("a", 0, 20), Some(theirs)), "our login");
            assert!(outranks(&out, Some(theirs)), "our logout");
        }
    }
}

//! When the same refresh token may be sent again, and who waits meanwhile.

use super::*;

#[test]
fn a_grace_period_that_a_clock_cannot_measure_leaves_no_time_to_send_while_a_token_is_left() {
    let claim = sent(1);
    let mut unnamed = sent(1);
    if let Some(sent) = &mut unnamed.sent {
        sent.first = moment(9_999, 50, None);
    }
    for (claim, now) in [
        (&claim, moment(1_001, 3, Some("another boot"))),
        (&unnamed, moment(1_000, 60, None)),
    ] {
        for (token_left, within) in [(true, 0), (false, TERM)] {
            let situation = Situation {
                rotation: Rotation::Grace { seconds: 60 },
                token_left,
                ..situation(Some(claim), &now)
            };
            assert_eq!(situation.send_within(), within, "{now:?} {token_left}");
        }
    }
}

#[test]
fn a_provider_that_takes_a_token_again_gets_it_although_an_access_token_is_left() {
    let (claim, now) = (sent(1), at(2));
    for rotation in [Rotation::None, Rotation::Parent] {
        for usable in [false, true] {
            let situation = Situation {
                rotation,
                token_left: true,
                usable,
                ..situation(Some(&claim), &now)
            };
            assert_eq!(situation.next(), Next::Send, "{rotation:?} {usable}");
            assert!(situation.may_repeat_at_once(), "{rotation:?} {usable}");
        }
    }
}

#[test]
fn others_wait_from_the_send_on_and_not_from_the_claim() {
    let claim = held("other", 0).sending(&at(10));
    for (seconds, next) in [(24, Next::Wait), (25, Next::Send)] {
        let now = at(seconds);
        assert_eq!(situation(Some(&claim), &now).next(), next, "{seconds}");
    }
    let unsent = held("other", 0);
    assert_eq!(situation(Some(&unsent), &at(24)).next(), Next::Send);
}

#[test]
fn a_grace_period_is_counted_from_the_first_send_however_often_it_was_repeated() {
    let claim = held("me", 0)
        .sending(&at(0))
        .sending(&at(10))
        .left_at(at(11))
        .sending(&at(20));
    for (seconds, next) in [(24, Next::Send), (25, Next::Rest)] {
        let now = at(seconds);
        let situation = Situation {
            rotation: Rotation::Grace { seconds: 30 },
            token_left: true,
            ..situation(Some(&claim), &now)
        };
        // Three sends are four seconds apart: the pause is over, the grace period is not.
        assert_eq!(situation.next(), next, "{seconds}");
    }
    let sent = claim.sent.as_ref().map(|sent| (&sent.first, &sent.last));
    assert_eq!(sent, Some((&at(0), &at(20))));
}

#[test]
fn whose_token_is_good_does_not_wait_for_the_moment_of_a_repeat() {
    let (claim, now) = (sent(1), at(1));
    for (usable, next) in [(true, Next::Rest), (false, Next::Later(1))] {
        let situation = Situation {
            rotation: Rotation::None,
            token_left: true,
            usable,
            ..situation(Some(&claim), &now)
        };
        assert_eq!(situation.next(), next, "{usable}");
    }
}

#[test]
fn two_sends_are_two_seconds_apart_by_the_observers_own_clock_where_the_others_cannot_tell() {
    let claim = Claim::taken(None, "me", None, &at(0)).sending(&moment(9_999, 50, None));
    let now = moment(1_000, 60, None);
    for (unchanged, next) in [(0, Next::Later(2)), (1, Next::Later(1)), (2, Next::Send)] {
        let situation = Situation {
            unchanged,
            rotation: Rotation::None,
            ..situation(Some(&claim), &now)
        };
        assert_eq!(situation.next(), next, "{unchanged}");
    }
}

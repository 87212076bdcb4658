mod repeats;

use super::*;
use crate::session::moment::tests::{and_millis, moment};

fn at(seconds: u64) -> Moment {
    moment(
        1_000 + i64::try_from(seconds).unwrap(),
        50 + seconds,
        Some("boot"),
    )
}

fn held(run_id: &str, since: u64) -> Claim {
    Claim::taken(None, run_id, None, &at(since))
}

fn situation<'a>(claim: Option<&'a Claim>, now: &'a Moment) -> Situation<'a> {
    Situation {
        claim,
        now,
        run_id: "me",
        role: None,
        holder_is_gone: false,
        holder_is_here: false,
        unchanged: 0,
        rotation: Rotation::Unknown,
        token_was_kept: false,
        token_left: false,
        usable: false,
    }
}

#[test]
fn a_living_holder_is_waited_for_and_a_usable_token_served_meanwhile() {
    let (claim, now) = (held("other", 0), at(14));
    let waiting = situation(Some(&claim), &now);
    assert_eq!(waiting.next(), Next::Wait);
    let served = Situation {
        usable: true,
        token_left: true,
        ..waiting
    };
    assert_eq!(served.next(), Next::Rest);
}

#[test]
fn a_holder_that_is_proven_gone_or_overdue_is_not_waited_for() {
    let claim = held("other", 0);
    let (soon, over) = (at(1), at(15));
    let gone = Situation {
        holder_is_gone: true,
        ..situation(Some(&claim), &soon)
    };
    assert_eq!(gone.next(), Next::Send);
    assert_eq!(situation(Some(&claim), &over).next(), Next::Send);
    let started_anew = moment(1_001, 3, Some("another boot"));
    assert_eq!(situation(Some(&claim), &started_anew).next(), Next::Send);
}

#[test]
fn the_next_run_in_a_role_of_one_process_proves_the_last_one_gone() {
    let claim = Claim::taken(None, "other", Some("app"), &at(0));
    let now = at(1);
    for (role, next) in [
        (Some("app"), Next::Send),
        (Some("extension"), Next::Wait),
        (None, Next::Wait),
    ] {
        let situation = Situation {
            role,
            ..situation(Some(&claim), &now)
        };
        assert_eq!(situation.next(), next, "{role:?}");
    }
}

#[test]
fn two_runs_of_one_process_wait_for_each_other_whatever_their_role() {
    let claim = Claim::taken(None, "other", Some("app"), &at(0));
    let now = at(1);
    let situation = Situation {
        role: Some("app"),
        holder_is_here: true,
        ..situation(Some(&claim), &now)
    };
    assert_eq!(situation.next(), Next::Wait);
}

#[test]
fn where_clocks_cannot_be_compared_a_whole_term_of_seeing_it_unchanged_counts() {
    let claim = Claim::taken(None, "other", None, &moment(9_999, 50, None));
    let now = moment(1_000, 60, None);
    for (unchanged, next) in [(14, Next::Wait), (15, Next::Send)] {
        let situation = Situation {
            unchanged,
            ..situation(Some(&claim), &now)
        };
        assert_eq!(situation.next(), next);
    }
}

fn sent(times: u32) -> Claim {
    let mut claim = held("me", 0);
    for _ in 0..times {
        claim = claim.sending(&at(0));
    }
    claim
}

#[test]
fn a_strict_providers_token_is_repeated_only_when_nothing_is_left() {
    let (claim, now) = (sent(1), at(3));
    for (token_left, next) in [(true, Next::Rest), (false, Next::Send)] {
        for rotation in [Rotation::Strict, Rotation::Unknown] {
            let situation = Situation {
                rotation,
                token_left,
                ..situation(Some(&claim), &now)
            };
            assert_eq!(situation.next(), next, "{rotation:?}");
        }
    }
}

#[test]
fn a_grace_period_allows_a_repeat_inside_it() {
    let claim = sent(1);
    for (seconds, next) in [(54, Next::Send), (55, Next::Rest)] {
        let now = at(seconds);
        let situation = Situation {
            rotation: Rotation::Grace { seconds: 60 },
            token_left: true,
            ..situation(Some(&claim), &now)
        };
        assert_eq!(situation.next(), next, "{seconds}");
    }
}

#[test]
fn a_grace_period_that_a_clock_cannot_measure_is_not_counted_on() {
    let (claim, now) = (sent(1), moment(1_001, 3, Some("another boot")));
    let situation = Situation {
        rotation: Rotation::Grace { seconds: 60 },
        token_left: true,
        ..situation(Some(&claim), &now)
    };
    assert_eq!(situation.next(), Next::Rest);
}

#[test]
fn an_unknown_provider_that_kept_its_token_is_one_without_rotation() {
    let (claim, now) = (sent(1), at(3));
    let situation = Situation {
        token_was_kept: true,
        token_left: true,
        ..situation(Some(&claim), &now)
    };
    assert_eq!(situation.next(), Next::Send);
}

#[test]
fn two_sends_are_two_seconds_apart_and_a_crash_loop_slows_down() {
    for (attempts, seconds) in [
        (1, 2),
        (2, 2),
        (3, 4),
        (4, 8),
        (9, 256),
        (10, 300),
        (99, 300),
    ] {
        let claim = sent(attempts);
        let (early, then) = (at(seconds - 1), at(seconds));
        assert_eq!(
            situation(Some(&claim), &early).next(),
            Next::Later(1),
            "{attempts}"
        );
        assert_eq!(
            situation(Some(&claim), &then).next(),
            Next::Send,
            "{attempts}"
        );
    }
}

#[test]
fn a_repeat_in_the_same_call_stays_within_the_grace_and_three_sends() {
    for (seconds, attempts, yes) in [(2, 1, true), (24, 2, true), (25, 1, false), (2, 3, false)] {
        let (claim, now) = (sent(attempts), at(seconds));
        let situation = situation(Some(&claim), &now);
        assert_eq!(situation.may_repeat_at_once(), yes, "{seconds} {attempts}");
    }
}

#[test]
fn a_claim_whose_holder_sent_nothing_leaves_nothing_open() {
    let now = at(0);
    let before = Claim::taken(None, "dead", None, &now);
    assert_eq!(Claim::taken(Some(&before), "me", None, &now).sent, None);
    assert_eq!(Claim::given_up(before.sent), None);
    let after = sent(1);
    let taken = Claim::taken(Some(&after), "other", None, &at(20));
    assert_eq!(taken.sent, after.sent, "what was sent stays open");
}

#[test]
fn who_was_frozen_between_the_word_and_the_deed_may_not_send() {
    let claim = held("me", 0);
    assert!(claim.may_still_send(&at(3), STEP));
    assert!(!claim.may_still_send(&at(4), STEP));
    assert!(!claim.may_still_send(&moment(1_001, 3, Some("another boot")), STEP));
}

#[test]
fn a_repeat_inside_a_grace_period_is_sent_inside_it_or_not_at_all() {
    let claim = held("me", 0).sending(&at(0));
    for (rotation, token_left, now, within) in [
        (Rotation::Grace { seconds: 30 }, true, 2, TERM),
        (Rotation::Grace { seconds: 30 }, true, 24, 2),
        (Rotation::Grace { seconds: 30 }, true, 29, 0),
        (Rotation::Grace { seconds: 30 }, false, 24, TERM),
        (Rotation::Parent, true, 24, TERM),
    ] {
        let now = at(now);
        let situation = Situation {
            rotation,
            token_left,
            ..situation(Some(&claim), &now)
        };
        assert_eq!(situation.send_within(), within, "{rotation:?} {now:?}");
    }
}

#[test]
fn two_sends_of_one_token_are_two_whole_seconds_apart() {
    let claim = held("me", 0).sending(&and_millis(at(0), 950));
    for (second, millis, next) in [
        (1, 0, Next::Later(2)),
        (2, 0, Next::Later(1)),
        (2, 949, Next::Later(1)),
        (2, 950, Next::Send),
    ] {
        let now = and_millis(at(second), millis);
        let situation = Situation {
            rotation: Rotation::None,
            ..situation(Some(&claim), &now)
        };
        assert_eq!(situation.next(), next, "{second}.{millis}");
    }
}

use super::*;
use crate::session::moment::tests::moment;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn unavailable(retry_after_seconds: Option<u64>) -> AuthError {
    AuthError::Network {
        reason: NetworkReason::Unavailable,
        retry_after_seconds,
    }
}

fn fail(pace: &Pace, error: &AuthError, second: u64, share: u16) -> Option<Hold> {
    pace.failed(error, &moment(1_000, second, Some("a")), at(second), share)
}

#[test]
fn what_the_provider_asks_for_is_kept_and_told() {
    let pace = Pace::default();
    let hold = fail(&pace, &unavailable(Some(100)), 0, 0).expect("something to store");
    assert_eq!(hold.seconds, 100);
    assert_eq!(pace.too_early(at(60)), Some(unavailable(Some(40))));
    assert_eq!(pace.too_early(at(100)), None);
}

#[test]
fn without_a_word_the_pause_is_up_to_twice_as_long_each_time_and_ends_with_a_success() {
    let pace = Pace::default();
    let mut second = 0;
    for limit in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        assert_eq!(fail(&pace, &unavailable(None), second, u16::MAX), None);
        let last = unavailable(Some(1));
        assert_eq!(pace.too_early(at(second + limit - 1)), Some(last));
        assert_eq!(pace.too_early(at(second + limit)), None, "{limit}");
        second += 1_000;
    }
    pace.renewed(at(second));
    fail(&pace, &unavailable(None), second, 0);
    assert_eq!(pace.too_early(at(second + 1)), None);
}

#[test]
fn a_pause_is_drawn_between_a_second_and_its_limit_and_never_exceeds_five_minutes() {
    for (share, millis) in [
        (0, 1_000),
        (0x3333, 4_000),
        (0xCCCC, 13_000),
        (u16::MAX, 16_000),
    ] {
        assert_eq!(pause(4, share), Duration::from_millis(millis), "{share}");
    }
    for failures in [9, 10, 64, u32::MAX] {
        assert_eq!(pause(failures, u16::MAX), at(300), "{failures}");
    }
}

#[test]
fn what_a_provider_refuses_slows_the_next_try_down_and_is_told_again() {
    let provider = AuthError::Provider {
        status: Some(400),
        code: Some("invalid_client".to_owned()),
        persistent: false,
    };
    let interaction = AuthError::InteractionRequired {
        code: "login_required".to_owned(),
    };
    let untrusted = AuthError::Untrusted {
        check: "issuer".to_owned(),
    };
    for error in [provider, interaction, untrusted] {
        let pace = Pace::default();
        for (second, limit) in [(0, 2), (100, 4), (200, 8)] {
            assert_eq!(fail(&pace, &error, second, u16::MAX), None, "no hold");
            let last = pace.too_early(at(second + limit - 1));
            assert_eq!(last.as_ref(), Some(&error), "{limit}");
            assert_eq!(pace.too_early(at(second + limit)), None, "{limit}");
        }
    }
}

#[test]
fn for_five_seconds_after_a_refresh_no_other_is_made_for_a_longer_life() {
    let pace = Pace::default();
    assert!(!pace.is_settled(at(100)), "nothing was done");
    pace.renewed(at(100));
    for (second, settled) in [(100, true), (104, true), (105, false)] {
        assert_eq!(pace.is_settled(at(second)), settled, "{second}");
    }
    fail(&pace, &unavailable(None), 104, 0);
    assert!(pace.is_settled(at(104)), "a failure does not undo it");
}

#[test]
fn another_session_starts_without_the_pause_of_the_last_one() {
    let pace = Pace::default();
    pace.renewed(at(100));
    for _ in 0..BURST {
        fail(&pace, &unavailable(Some(100)), 101, 0);
    }
    pace.reset();
    assert_eq!(pace.too_early(at(101)), None);
    assert!(!pace.is_settled(at(101)));
    fail(&pace, &unavailable(None), 101, u16::MAX);
    assert_eq!(pace.too_early(at(103)), None, "the first failure again");
}

#[test]
fn after_five_failures_at_once_one_is_let_through_each_twenty_seconds() {
    let pace = Pace::default();
    for second in [0, 1, 2, 3] {
        fail(&pace, &unavailable(None), second, 0);
        assert_eq!(pace.too_early(at(second + 1)), None);
    }
    fail(&pace, &unavailable(None), 4, 0);
    let open = Some(again_in(NetworkReason::RateLimited, at(10)));
    assert_eq!(pace.too_early(at(10)), open);
    assert_eq!(pace.too_early(at(20)), None);
    fail(&pace, &unavailable(None), 20, 0);
    assert!(pace.too_early(at(39)).is_some());
    assert_eq!(pace.too_early(at(40)), None);
    pace.renewed(at(40));
    for second in [40, 41, 42, 43] {
        fail(&pace, &unavailable(None), second, 0);
        assert_eq!(pace.too_early(at(second + 1)), None, "a success fills it");
    }
}

#[test]
fn what_was_stored_is_kept_to_after_a_restart() {
    let pace = Pace::default();
    let hold = Hold::new(100, true, moment(1_000, 50, Some("a")), 0);
    pace.adopt(&hold, 30, at(500));
    let expected = Some(again_in(NetworkReason::RateLimited, at(10)));
    assert_eq!(pace.too_early(at(520)), expected);
    pace.adopt(&hold, 5, at(520));
    assert_eq!(pace.too_early(at(520)), expected, "the longer one counts");
}

#[test]
fn nobody_waits_longer_than_a_second_because_the_device_was_offline() {
    let pace = Pace::default();
    for _ in 0..10 {
        fail(&pace, &AuthError::network(NetworkReason::Offline), 0, 0);
    }
    let offline = Some(again_in(NetworkReason::Offline, at(1)));
    assert_eq!(pace.too_early(at(0)), offline);
    assert_eq!(pace.too_early(at(1)), None);
}

#[test]
fn a_person_who_comes_back_waits_for_what_the_provider_asked_for_and_for_nothing_else() {
    let pace = Pace::default();
    for _ in 0..3 {
        fail(&pace, &unavailable(None), 0, u16::MAX);
    }
    assert!(pace.too_early(at(1)).is_some());
    pace.resumed();
    assert_eq!(pace.too_early(at(1)), None);
    fail(&pace, &unavailable(Some(100)), 1, 0);
    pace.resumed();
    assert!(pace.too_early(at(2)).is_some());
}

#[test]
fn to_be_asked_for_no_wait_at_all_is_no_word() {
    let pace = Pace::default();
    assert_eq!(fail(&pace, &unavailable(Some(0)), 0, 0), None);
    assert!(pace.too_early(at(0)).is_some());
}

#[test]
fn after_five_failures_that_no_wait_mends_the_answer_is_still_the_last_one() {
    for resumes in [false, true] {
        let pace = Pace::default();
        let error = AuthError::InteractionRequired {
            code: "login_required".to_owned(),
        };
        for second in 0..5 {
            fail(&pace, &error, second, 0);
        }
        if resumes {
            pace.resumed();
        }
        assert_eq!(pace.too_early(at(10)), Some(error));
        assert_eq!(pace.too_early(at(20)), None);
    }
}

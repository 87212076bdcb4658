use clap::CommandFactory as _;

use super::*;

#[test]
fn the_words_fit_together() {
    Words::command().debug_assert();
}

#[test]
fn every_word_for_rotation_is_read() {
    assert_eq!(rotation("unknown"), Ok(Rotation::Unknown));
    assert_eq!(rotation("none"), Ok(Rotation::None));
    assert_eq!(rotation("grace:30"), Ok(Rotation::Grace { seconds: 30 }));
    assert_eq!(rotation("parent"), Ok(Rotation::Parent));
    assert_eq!(rotation("strict"), Ok(Rotation::Strict));
    for wrong in ["", "Strict", "grace", "grace:", "grace:-1", "grace:1s"] {
        assert!(rotation(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_header_is_cut_at_its_first_colon_and_trimmed() {
    let parts = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
    assert_eq!(header("Accept: a/b"), parts("Accept", "a/b"));
    assert_eq!(header("X-Time:12:30 "), parts("X-Time", "12:30"));
    assert!(header("Accept").is_err() && header(": x").is_err());
}

#[test]
fn a_parameter_is_cut_at_its_first_equals_sign() {
    let parts = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
    assert_eq!(parameter("a=b=c"), parts("a", "b=c"));
    assert_eq!(parameter("a="), parts("a", ""));
    assert!(parameter("a").is_err() && parameter("=b").is_err());
}

#[test]
fn options_are_taken_before_and_after_the_command() {
    for words in [
        ["latchkey", "--issuer", "https://a.test", "status"],
        ["latchkey", "status", "--issuer", "https://a.test"],
    ] {
        let words = Words::try_parse_from(words).unwrap();
        assert_eq!(words.global.issuer.as_deref(), Some("https://a.test"));
    }
}

#[test]
fn what_comes_later_is_not_offered_yet() {
    for words in [
        "login --device",
        "accounts",
        "status --account x",
        "status --dpop",
    ] {
        let words = ["latchkey"].into_iter().chain(words.split(' '));
        assert!(Words::try_parse_from(words).is_err());
    }
}

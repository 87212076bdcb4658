//! What the browser may come back with.

use latchkey_tests::world::REDIRECT_URI;
use proptest::prelude::{any, prop_assume};
use proptest::sample::select;

use super::{OpenLogin, check, pieces, text};

#[test]
fn no_text_but_the_answer_finishes_a_login_or_spoils_it() {
    let login = OpenLogin::new();
    let own = pieces(&[
        REDIRECT_URI,
        "dev.latchkey.sample",
        "DEV.LATCHKEY.SAMPLE:/callback",
        "https://latchkey.test/callback",
        "callback",
        "code=abc",
        "error=access_denied",
        "state",
        "state=",
        "state=x",
        "iss=",
        "access_token=x",
        "dev.latchkey.sample:/callback?code=abc&state=",
        "dev.latchkey.sample:/callback?code=abc&state=x",
        &login.state,
        &login.state[1..],
    ]);
    let state = login.state.clone();
    check(2_000, &text(own), |text| {
        // It would be an answer, if one that fails.
        prop_assume!(
            !(text.contains(&state) && text.to_lowercase().starts_with("dev.latchkey.sample:"))
        );
        login.assert_ignored(text)
    });
    login.assert_still_open();
}

#[test]
fn the_right_state_at_another_address_is_ignored() {
    let login = OpenLogin::new();
    let state = login.state.clone();
    let bases = select(pieces(&[
        "https://latchkey.test/callback",
        "dev.latchkey.sample:/callback/",
        "dev.latchkey.sample:/Callback",
        "dev.latchkey.sample:/a/../callback",
        "dev.latchkey.sample:/call%62ack",
        "dev.latchkey.sample:callback",
        "dev.latchkey.sample://callback",
        "dev.latchkey.sample://evil/callback",
        "dev.latchkey.sample:/callback;x",
        "dev.latchkey.sample:/callback%2f",
        "dev.latchkey.sample.evil:/callback",
        "http://127.0.0.1/callback",
        "http://[::1]:80/callback",
        "dev.latchkey.sample://u@/callback",
        "dev.latchkey.sample:/callback\\",
    ]));
    let tail = text(pieces(&[
        "&code=abc",
        "&error=x",
        "&state=",
        "&state=x",
        "&iss=x",
    ]));
    check(1_000, &(bases, tail), |(base, tail)| {
        login.assert_ignored(format!("{base}?code=abc&state={state}{tail}"))
    });
    login.assert_still_open();
}

#[test]
fn an_answer_with_one_wrong_character_in_its_address_or_state_is_ignored() {
    let login = OpenLogin::new();
    let end_of_address = login.callback.find('?').expect("a query");
    let state = login.callback.find(&login.state).expect("a state");
    let places: Vec<usize> = (0..end_of_address)
        .chain(state..state + login.state.len())
        .collect();
    let callback = login.callback.clone();
    check(
        2_000,
        &(select(places), any::<char>()),
        |(place, character)| {
            let old = &callback[place..=place];
            prop_assume!(!old.eq_ignore_ascii_case(&character.to_string()) || place >= state);
            prop_assume!(old != character.to_string());
            let mut changed = callback.clone();
            changed.replace_range(place..=place, &character.to_string());
            login.assert_ignored(changed)
        },
    );
    login.assert_still_open();
}

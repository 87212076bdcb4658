//! What a login may be asked for.

use latchkey::{AuthError, LoginOptions};
use latchkey_tests::world::REDIRECT_URI;
use proptest::collection::{hash_map, vec};
use proptest::option;
use proptest::prelude::{any, prop_assert, prop_assert_eq};
use proptest::test_runner::TestCaseError;
use url::Url;

use super::{OpenLogin, check, mostly};

#[test]
fn whatever_a_login_is_asked_for_its_own_parameters_are_there_once() {
    let login = OpenLogin::new();
    let words = || {
        mostly(&[
            "login",
            "a b",
            "&state=x",
            "x&nonce=x#",
            "https://api.example.com/",
        ])
    };
    let scopes = vec(mostly(&["openid", "read:messages"]), 0..3);
    let resources = vec(mostly(&["https://api.example.com/?a=b&state=x"]), 0..2);
    let name = mostly(&[
        "x",
        "y",
        "claims",
        "state",
        "Nonce",
        "scope",
        "code_challenge",
    ]);
    let texts = (
        option::of(words()),
        option::of(words()),
        option::of(words()),
        option::of(words()),
        option::of(words()),
    );
    let fields = (
        texts,
        (option::of(any::<u64>()), scopes, resources),
        option::weighted(0.1, words()),
        option::of(hash_map(name, words(), 0..2)),
    );
    check(
        1_500,
        &fields,
        |(texts, (max_age, scopes, resources), redirect, extra)| {
            let (prompt, hint, acr, locales, audience) = texts;
            let options = LoginOptions {
                prompt,
                login_hint: hint,
                max_age_seconds: max_age,
                acr_values: acr,
                ui_locales: locales,
                scopes,
                audience,
                resources,
                redirect_uri: redirect,
                extra_parameters: extra,
            };
            let request = match login
                .runtime
                .block_on(login.auth.begin_login(options, None))
            {
                Ok(request) => request,
                Err(AuthError::Configuration { problems }) => {
                    prop_assert!(!problems.is_empty());
                    return Ok(false);
                }
                Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
            };
            let url = Url::parse(&request.url).expect("a URL");
            let endpoint = format!("{}/authorize?", login.world.server.issuer());
            prop_assert!(request.url.starts_with(&endpoint), "{url}");
            prop_assert_eq!(url.fragment(), None);
            let all = |name: &str| -> Vec<String> {
                let pairs = url.query_pairs().filter(|(known, _)| known == name);
                pairs.map(|(_, value)| value.into_owned()).collect()
            };
            for (name, value) in [
                ("response_type", "code"),
                ("client_id", login.world.server.client_id()),
                ("redirect_uri", REDIRECT_URI),
                ("code_challenge_method", "S256"),
            ] {
                prop_assert_eq!(all(name), [value]);
            }
            for name in ["state", "nonce", "code_challenge"] {
                let values = all(name);
                prop_assert_eq!(values.len(), 1, "{}", name);
                prop_assert!(values[0].len() >= 22, "{name}");
            }
            for name in [
                "scope",
                "prompt",
                "max_age",
                "login_hint",
                "audience",
                "claims",
            ] {
                prop_assert!(all(name).len() <= 1, "{name}");
            }
            Ok(true)
        },
    );
}

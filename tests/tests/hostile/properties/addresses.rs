//! The addresses of a configuration, and the rest of it.

use std::sync::Arc;

use latchkey::{ApiClient, Auth, AuthConfig, AuthError, Rotation, memory_store};
use latchkey_tests::world::REDIRECT_URI;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use url::Url;

use super::{OpenLogin, check, mostly, pieces, text};

fn address() -> impl Strategy<Value = String> {
    let good = Just("https://login.example.com/".to_owned());
    let own = [
        "https://login.example.com",
        "http://127.0.0.1:1",
        "http://[::1]",
        "http://login.example.com",
        "/tenant",
        ":0",
        ":65536",
    ];
    prop_oneof![3 => text(pieces(&own)), 1 => good, 1 => select(pieces(&own))]
}

#[test]
fn a_configuration_is_good_or_its_mistakes_are_named() {
    let scope = || mostly(&["openid", "read:messages"]);
    let redirect = mostly(&["com.example.app:/callback", "https://app.example.com/cb"]);
    let resource = mostly(&["https://api.example.com/"]);
    let rotation = select(vec![
        Rotation::Unknown,
        Rotation::None,
        Rotation::Grace { seconds: u32::MAX },
        Rotation::Parent,
        Rotation::Strict,
    ]);
    let seconds = prop_oneof![4 => 1..=120_u32, 1 => any::<u32>()];
    let pem = text(pieces(&[
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
        "MIIB",
    ]));
    let fields = (
        (address(), mostly(&["app"]), redirect, vec(scope(), 0..3)),
        (option::of(scope()), vec(resource, 0..2)),
        (
            option::of(rotation),
            option::of(seconds),
            option::weighted(0.1, pem),
        ),
    );
    check(4_000, &fields, |(first, second, third)| {
        let (issuer, client, redirect, scopes) = first;
        let mut config = AuthConfig::new(&issuer, client, redirect);
        config.scopes = scopes;
        (config.audience, config.resources) = second;
        (
            config.rotation,
            config.request_timeout_seconds,
            config.trust_anchors_pem,
        ) = third;
        match Auth::new(config, memory_store()).map(drop) {
            Ok(()) => {
                prop_assert!(may_get_secrets(&issuer), "{issuer:?}");
                Ok(true)
            }
            Err(AuthError::Configuration { problems }) => {
                prop_assert!(!problems.is_empty());
                Ok(false)
            }
            Err(error) => Err(TestCaseError::fail(format!("{error:?}"))),
        }
    });
}

#[test]
fn a_host_beyond_ascii_is_refused_in_capital_letters_too() {
    let login = OpenLogin::new();
    for host in [
        "b\u{fc}cher.example",
        "B\u{fc}cher.example",
        "A\u{a1}",
        "XN--\u{df}",
    ] {
        for address in [format!("https://{host}"), format!("https:{host}/x")] {
            let refused = |result: Result<(), AuthError>| {
                let is_refusal = matches!(result, Err(AuthError::Configuration { .. }));
                assert!(is_refusal, "{address}: {result:?}");
            };
            let mut config = AuthConfig::new(&address, "app", REDIRECT_URI);
            refused(Auth::new(config.clone(), memory_store()).map(drop));
            config.issuer = "https://login.example.com".to_owned();
            config.redirect_uri.clone_from(&address);
            refused(Auth::new(config, memory_store()).map(drop));
            refused(ApiClient::new(Arc::clone(&login.auth), address.clone()).map(drop));
            let callback = format!("{address}?state={}&code=abc", login.state);
            login.assert_ignored(callback).expect("ignored");
        }
    }
    login.assert_still_open();
}

#[test]
fn the_address_of_an_api_is_https_or_on_this_machine() {
    let auth = Auth::new(
        AuthConfig::new("https://login.example.com", "app", REDIRECT_URI),
        memory_store(),
    )
    .expect("valid");
    check(4_000, &address(), |url| {
        match ApiClient::new(Arc::clone(&auth), url.clone()).map(drop) {
            Ok(()) => {
                prop_assert!(may_get_secrets(&url), "{url:?}");
                Ok(true)
            }
            Err(AuthError::Configuration { .. }) => Ok(false),
            Err(error) => Err(TestCaseError::fail(format!("{error:?}"))),
        }
    });
}

fn may_get_secrets(url: &str) -> bool {
    let url = Url::parse(url).expect("what was taken is a URL");
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

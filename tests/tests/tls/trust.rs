//! What is not trusted: it is sent nothing, and the session is as good as it was.

use latchkey::{Auth, AuthConfig, AuthError, memory_store};
use latchkey_tests::tls_front::{Authority, Certificate};
use latchkey_tests::world::REDIRECT_URI;
use rustls::version::{TLS12, TLS13};

use crate::{NO_TRUST, Secure, submit};

#[tokio::test]
async fn without_the_authority_nothing_is_sent() {
    let world = Secure::new().await;
    let auth = world.app();
    world.log_in(&auth).await;
    world
        .assert_nothing_is_sent(&world.config(None), "no anchors")
        .await;
    let other = Authority::new();
    world
        .assert_nothing_is_sent(&world.config(Some(other.pem())), "another authority")
        .await;
    world.assert_usable(&auth).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_right_is_not_trusted_and_nothing_is_sent() {
    let world = Secure::new().await;
    let auth = world.app();
    world.log_in(&auth).await;
    let good = world
        .authority
        .server(&Certificate::default(), &[&TLS12, &TLS13]);
    let right = world.config(Some(world.authority.pem()));
    for (what, certificate) in [
        (
            "of another host",
            Certificate {
                hosts: &["provider.invalid", "localhost.provider.invalid"],
                ..Certificate::default()
            },
        ),
        (
            "of an address, where the name was asked for",
            Certificate {
                hosts: &["127.0.0.1"],
                ..Certificate::default()
            },
        ),
        (
            "expired",
            Certificate {
                until_year: 2021,
                ..Certificate::default()
            },
        ),
    ] {
        for version in [&TLS12, &TLS13] {
            let bad = world.authority.server(&certificate, &[version]);
            world.front.present(bad);
            world.assert_nothing_is_sent(&right, what).await;
        }
    }
    world.front.present(good);
    world.assert_usable(&world.app()).await;
}

#[tokio::test]
async fn a_login_whose_exchange_meets_a_bad_certificate_sends_no_code_and_keeps_the_old_session() {
    let world = Secure::new().await;
    world.log_in(&world.app()).await;
    let page = world.begin(&world.app()).await.expect("begins");
    let callback = submit(&page).await;
    let before = world.store.session();
    world
        .front
        .present(Authority::new().server(&Certificate::default(), &[&TLS13]));
    world.server.reset_counts();
    // The browser was in front for so long that the system has ended the app.
    let result = world.app().finish_login(callback, None).await;
    assert_eq!(result, Err(NO_TRUST));
    assert_eq!(world.requests(), 0);
    assert_eq!(world.store.session(), before);
}

#[tokio::test]
async fn trust_anchors_that_cannot_be_read_are_a_mistake_in_the_configuration() {
    let good = Authority::new();
    let cut = good.pem().replacen("MI", "", 1);
    let mixed = format!("{}{cut}", good.pem());
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for pem in [
        "",
        "garbage",
        key,
        &cut,
        &mixed,
        "-----BEGIN CERTIFICATE-----\n",
    ] {
        let mut config = AuthConfig::new("https://provider.invalid", "app", REDIRECT_URI);
        config.trust_anchors_pem = Some(pem.to_owned());
        let Err(error) = Auth::new(config, memory_store()) else {
            panic!("{pem:?} was taken");
        };
        let AuthError::Configuration { problems } = &error else {
            panic!("{pem:?}: {error:?}");
        };
        assert_eq!(problems[0].field, "trust_anchors_pem");
    }
}

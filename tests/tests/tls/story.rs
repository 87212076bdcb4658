//! The story, told over TLS of either version, and connections that stay open.

use latchkey::{LogoutOptions, Revocation};
use latchkey_tests::elsewhere::speaks_as;
use latchkey_tests::tls_front::Certificate;
use rustls::version::TLS12;

use crate::{FORCE, Secure, submit};

#[tokio::test]
async fn the_whole_story_is_told_over_tls_to_who_trusts_the_authority() {
    let world = Secure::new().await;
    let auth = world.app();
    world.log_in(&auth).await;
    let ping = world.ping(&auth);
    let message = ping.ping_private(None).await.expect("answers").message;
    assert!(message.starts_with("Hello from a private endpoint!"));
    ping.ping_private_scoped(None).await.expect("answers");
    let claims = auth.user_info(None).await.expect("claims");
    assert!(claims.contains("dev|alice"));
    auth.access_token(FORCE, None).await.expect("renewed");
    ping.ping_private(None).await.expect("answers");
    let outcome = auth
        .logout(LogoutOptions::default())
        .await
        .expect("logs out");
    assert_eq!(outcome.revocation, Revocation::Done);
    assert_eq!(world.front.connections(), world.front.handshakes());
}

#[tokio::test]
async fn after_the_callback_no_tls_connection_is_opened() {
    let world = Secure::new().await;
    let auth = world.app();
    let page = world.begin(&auth).await.expect("begins");
    // The keys are fetched while the person is in the browser.
    let faults = speaks_as(&world.server, &world.front.origin()) + "login:gate=person";
    world.server.set_faults(&faults).expect("faults");
    let keys = async {
        world.server.gate_reached("person").await;
        while world.server.requests("jwks") == 0 {
            tokio::task::yield_now().await;
        }
        world.server.open_gate("person");
    };
    let (callback, ()) = tokio::join!(submit(&page), keys);
    let (handshakes, connections) = (world.front.handshakes(), world.front.connections());

    auth.finish_login(callback, None).await.expect("logs in");
    world.ping(&auth).ping_private(None).await.expect("answers");

    assert_eq!(world.front.handshakes(), handshakes);
    assert_eq!(world.front.connections(), connections);
    assert_eq!(connections, 1, "one is enough for a login");
}

#[tokio::test]
async fn a_server_that_speaks_tls_1_2_alone_is_as_good() {
    let world = Secure::new().await;
    let old = world.authority.server(&Certificate::default(), &[&TLS12]);
    world.front.present(old);
    let auth = world.app();
    world.log_in(&auth).await;
    world.assert_usable(&auth).await;
}

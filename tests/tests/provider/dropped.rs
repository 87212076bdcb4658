//! Tokens that came and that nobody will use are revoked (RFC 7009), where that cannot hurt a session that is there.

use latchkey::AuthError;
use latchkey_tests::calls::{forced, who};
use latchkey_tests::world::{World, in_time};
use serde_json::json;

use crate::{Fronted, word};

/// Faults of a token answer that fails a check of a login.
fn failing() -> [String; 3] {
    [
        "token:bad_signature".to_owned(),
        format!("token:claims={}", word(&json!({ "nonce": "another" }))),
        format!("token:merge={}", word(&json!({ "id_token": null }))),
    ]
}

#[tokio::test]
async fn a_login_that_fails_a_check_after_the_exchange_revokes_its_refresh_token() {
    for fault in failing() {
        let fronted = Fronted::new().await;
        let auth = fronted.app();
        let callback = fronted.callback(&auth).await;
        fronted.suffer(&fault);
        let login = in_time(auth.finish_login(callback, None)).await;
        assert!(
            matches!(login, Err(AuthError::Untrusted { .. })),
            "{fault}: {login:?}"
        );
        let bodies = fronted.bodies("/revoke");
        assert_eq!(bodies.len(), 1, "{fault}");
        assert!(
            bodies[0].contains("token_type_hint=refresh_token"),
            "{fault}"
        );
        assert!(!bodies[0].starts_with("token=&"), "{fault}");
    }
}

#[tokio::test]
async fn without_a_refresh_token_the_access_token_is_revoked() {
    let fronted = Fronted::new().await;
    let auth = fronted.app();
    let callback = fronted.callback(&auth).await;
    let without = word(&json!({ "refresh_token": null }));
    fronted.suffer(&format!("token:bad_signature,merge={without}"));
    let login = in_time(auth.finish_login(callback, None)).await;
    assert!(
        matches!(login, Err(AuthError::Untrusted { .. })),
        "{login:?}"
    );
    let bodies = fronted.bodies("/revoke");
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].contains("token_type_hint=access_token"));
}

#[tokio::test]
async fn an_exchange_that_failed_has_nothing_to_revoke() {
    for fault in [
        "status=400,error=invalid_grant",
        "status=503",
        "drop_after_commit",
    ] {
        let world = World::new().await;
        let auth = world.app();
        let callback = world.callback(&auth, "alice").await;
        world
            .server
            .set_faults(&format!("token:{fault}"))
            .expect("a fault");
        in_time(auth.finish_login(callback, None))
            .await
            .expect_err("no tokens");
        assert_eq!(world.server.requests("revoke"), 0, "{fault}");
    }
}

/// Some providers revoke all that a person granted, with the session that is there.
#[tokio::test]
async fn a_failed_login_of_the_person_who_is_logged_in_revokes_nothing() {
    for fault in failing() {
        let world = World::new().await;
        let auth = world.app();
        world.log_in(&auth, "alice").await;
        let callback = world.callback(&auth, "alice").await;
        world.server.set_faults(&fault).expect("a fault");
        in_time(auth.finish_login(callback, None))
            .await
            .expect_err("it fails a check");
        world.server.clear_faults();
        assert_eq!(world.server.requests("revoke"), 0, "{fault}");
        forced(&auth).await.expect("the session lives");
    }
}

#[tokio::test]
async fn a_failed_login_of_another_person_is_revoked_and_the_session_lives() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    let callback = world.callback(&auth, "bob").await;
    world
        .server
        .set_faults("token:bad_signature")
        .expect("a fault");
    in_time(auth.finish_login(callback, None))
        .await
        .expect_err("it fails a check");
    world.server.clear_faults();
    assert_eq!(world.server.requests("revoke"), 1);
    assert_eq!(who(&auth.session()), "dev|alice");
    forced(&auth).await.expect("the session lives");
}

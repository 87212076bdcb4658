//! A refresh token goes to the origin that gave it, whatever the metadata says later.

use latchkey::{AuthError, LogoutOptions, Recovery, Revocation};
use latchkey_tests::calls::{forced, token, who};
use latchkey_tests::elsewhere;
use latchkey_tests::hostile_server::HostileServer;
use latchkey_tests::world::{World, in_time, state};
use serde_json::{Value, json};

use crate::{Fronted, word};

/// Alice is logged in, and then the metadata name these endpoints at another origin.
async fn moved(members: fn(&str) -> Value) -> (World, HostileServer, String) {
    let world = World::new().await;
    world.log_in(&world.app(), "alice").await;
    let new = HostileServer::start(Some(elsewhere::address(&world.server))).await;
    let fault = format!("discovery:merge={};", word(&members(&new.origin())));
    world.server.set_faults(&fault).expect("a fault");
    world.server.reset_counts();
    (world, new, fault)
}

fn token_endpoint(origin: &str) -> Value {
    json!({ "token_endpoint": format!("{origin}/token") })
}

fn revocation_endpoint(origin: &str) -> Value {
    json!({ "revocation_endpoint": format!("{origin}/revoke") })
}

fn both(origin: &str) -> Value {
    json!({
        "token_endpoint": format!("{origin}/token"),
        "revocation_endpoint": format!("{origin}/revoke"),
    })
}

#[tokio::test]
async fn metadata_that_name_another_origin_do_not_move_the_refresh_token() {
    let (world, new, _) = moved(both).await;
    let auth = world.app();
    forced(&auth).await.expect("renewed where it was given");
    forced(&auth).await.expect("and again");
    assert_eq!(world.server.requests("token"), 2);
    assert_eq!(new.connections(), 0);
}

#[tokio::test]
async fn where_the_old_endpoint_is_gone_the_person_is_asked_to_log_in_and_nothing_is_erased() {
    for status in [404, 405, 410] {
        let (world, new, fault) = moved(both).await;
        let auth = world.app();
        world.expire().await;
        let gone = format!("{fault}token:status={status}");
        world.server.set_faults(&gone).expect("faults");
        // The first answer, and the one of the pause after it.
        for _ in 0..2 {
            let error = token(&auth).await.expect_err("gone");
            assert_eq!(error.recovery(), Recovery::LogIn, "{status}: {error:?}");
        }
        assert_eq!(who(&auth.session()), "dev|alice", "{status}");
        assert_eq!(new.connections(), 0, "{status}");

        // It was gone for a while only.
        world.server.set_faults(&fault).expect("faults");
        world.clock.advance(10);
        token(&auth).await.expect("renewed where it was given");
    }
}

#[tokio::test]
async fn an_endpoint_that_has_not_moved_may_answer_404_for_a_while() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.expire().await;
    world
        .server
        .set_faults("token:status=404")
        .expect("a fault");
    let error = token(&auth).await.expect_err("a deployment");
    assert_eq!(error.recovery(), Recovery::Report, "{error:?}");
}

#[tokio::test]
async fn trouble_at_the_old_origin_is_no_sign_that_it_is_gone() {
    for trouble in ["status=503", "status=403", "drop_before_commit"] {
        let (world, new, fault) = moved(both).await;
        let auth = world.app();
        world.expire().await;
        world.clock.hurry();
        let faults = format!("{fault}token:{trouble}");
        world.server.set_faults(&faults).expect("faults");
        let error = token(&auth).await.expect_err("trouble");
        assert_ne!(error.recovery(), Recovery::LogIn, "{trouble}: {error:?}");
        assert_eq!(new.connections(), 0, "{trouble}");
    }
}

#[tokio::test]
async fn a_new_login_is_at_home_at_the_new_origin() {
    let (world, new, _) = moved(both).await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    forced(&auth).await.expect("renewed");
    assert_eq!(new.requests("/token"), 2, "the exchange and the refresh");
    // Without metadata the endpoint of the login is the new one too.
    world
        .server
        .set_faults("discovery:status=503")
        .expect("a fault");
    forced(&world.app()).await.expect("renewed");
    assert_eq!(new.requests("/token"), 3);
}

#[tokio::test]
async fn within_its_origin_the_token_endpoint_is_where_the_metadata_say() {
    let fronted = Fronted::new().await;
    let callback = fronted.callback(&fronted.app()).await;
    let auth = fronted.app();
    in_time(auth.finish_login(callback, None))
        .await
        .expect("logs in");
    let endpoint = format!("{}/token?version=2", fronted.front.origin());
    let merge = word(&json!({ "token_endpoint": endpoint }));
    fronted.suffer(&format!("discovery:merge={merge}"));
    forced(&fronted.app()).await.expect("renewed");
    let heard = fronted.front.heard();
    let last = heard.iter().rfind(|heard| heard.path() == "/token");
    assert_eq!(last.expect("a refresh").target(), "/token?version=2");
}

#[tokio::test]
async fn metadata_that_are_refused_send_the_refresh_token_nowhere() {
    for members in [
        json!({ "issuer": "https://another.example/" }),
        json!({ "token_endpoint": "http://provider.example/token" }),
        json!({ "code_challenge_methods_supported": ["plain"] }),
    ] {
        let world = World::new().await;
        world.log_in(&world.app(), "alice").await;
        world.server.reset_counts();
        let fault = format!("discovery:merge={}", word(&members));
        world.server.set_faults(&fault).expect("a fault");
        let auth = world.app();
        let refused = forced(&auth).await;
        assert!(
            matches!(refused, Err(AuthError::Untrusted { .. })),
            "{members}: {refused:?}"
        );
        assert_eq!(world.server.requests("token"), 0, "{members}");
        assert_eq!(state(&auth.session()), "signed_in");
    }
}

#[tokio::test]
async fn a_logout_sends_the_refresh_token_to_no_other_origin() {
    let (world, new, _) = moved(revocation_endpoint).await;
    let outcome = world.app().logout(LogoutOptions::default()).await;
    assert_eq!(outcome.expect("out").revocation, Revocation::Failed);
    assert_eq!(new.connections(), 0);
}

#[tokio::test]
async fn a_revocation_endpoint_at_the_issuers_own_origin_is_taken() {
    let (world, new, _) = moved(token_endpoint).await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    assert_eq!(new.requests("/token"), 1, "that gave the token");
    let outcome = auth.logout(LogoutOptions::default()).await;
    assert_eq!(outcome.expect("out").revocation, Revocation::Done);
    assert_eq!(world.server.requests("revoke"), 1);
}

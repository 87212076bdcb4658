//! A GET may be made again (RFC 9112 §9.3.1), and a login does not hang on one connection.

use latchkey::AuthError;
use latchkey_tests::calls::forced;
use latchkey_tests::hostile_server::Answer;
use latchkey_tests::world::{World, in_time};

use crate::{BROKEN, Fronted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_each_connection_without_a_word_costs_no_login() {
    let fronted = Fronted::new().await;
    fronted.front.answer("/*", Answer::Stale);
    for login in 0..30 {
        let callback = fronted.callback(&fronted.app()).await;
        // Another process: metadata and keys are fetched beside the exchange.
        in_time(fronted.app().finish_login(callback, None))
            .await
            .unwrap_or_else(|error| panic!("login {login}: {error:?}"));
    }
    assert_eq!(fronted.world.server.requests("token"), 30);
}

#[tokio::test]
async fn what_is_asked_on_a_connection_that_is_dead_is_asked_again_on_a_new_one() {
    let fronted = Fronted::new().await;
    let server = &fronted.world.server;
    // Whoever asks for the keys on the connection of the metadata finds it closed.
    fronted.front.answer("/.well-known/*", Answer::Stale);
    let callback = fronted.callback(&fronted.app()).await;
    crate::requested(&fronted.world, "jwks", 1).await;
    server.reset_counts();

    let auth = fronted.app();
    in_time(auth.finish_login(callback, None))
        .await
        .expect("logs in");
    for endpoint in ["discovery", "jwks", "token"] {
        assert_eq!(server.requests(endpoint), 1, "{endpoint}");
    }

    let auth = fronted.app();
    forced(&auth).await.expect("renewed");
    assert_eq!(server.requests("jwks"), 2);
    let dropped = |event: &latchkey::TimelineEvent| event.event == "id_token_dropped";
    assert!(!auth.timeline().iter().any(dropped));
}

#[tokio::test]
async fn a_broken_answer_of_userinfo_is_asked_for_once_more() {
    for fault in BROKEN {
        let world = World::new().await;
        let auth = world.app();
        world.log_in(&auth, "alice").await;
        world
            .server
            .set_faults(&format!("userinfo:{fault}@1"))
            .expect("a fault");
        in_time(auth.user_info(None))
            .await
            .unwrap_or_else(|error| panic!("{fault}: {error:?}"));
        assert_eq!(world.server.requests("userinfo"), 2, "{fault}");
    }
}

#[tokio::test]
async fn a_token_request_is_made_once_whatever_becomes_of_it() {
    for fault in BROKEN {
        let world = World::new().await;
        let auth = world.app();
        let callback = world.callback(&auth, "alice").await;
        world
            .server
            .set_faults(&format!("token:{fault}@1"))
            .expect("a fault");
        let login = in_time(auth.finish_login(callback, None)).await;
        assert!(
            matches!(
                login,
                Err(AuthError::Network { .. } | AuthError::Provider { .. })
            ),
            "{fault}: {login:?}"
        );
        assert_eq!(world.server.requests("token"), 1, "{fault}");
    }
}

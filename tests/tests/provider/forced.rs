//! A refresh because of a 401 that failed: what the next call is told.

use latchkey_tests::world::{World, in_time};

#[tokio::test]
async fn within_five_seconds_of_a_forced_refresh_that_failed_the_answer_is_that_failure() {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.server.reset_counts();
    world
        .server
        .set_faults("api:status=401;token:status=503")
        .expect("faults");
    let ping = world.ping(&auth);
    for call in 0..3 {
        let error = in_time(ping.ping_private(None)).await.expect_err("refused");
        assert_eq!(error.kind(), "network", "call {call}: {error:?}");
    }
    assert_eq!(world.server.requests("token"), 1);
}

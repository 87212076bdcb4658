//! The userinfo endpoint, and the token beside the session's that it may need.

use std::sync::Arc;

use serde_json::json;

use super::super::SessionManager;
use super::server::Reply;
use super::world::World;

/// Alice's session is for an API, whose tokens userinfo refuses at first.
async fn for_an_api() -> (World, Arc<SessionManager>) {
    let world = World::new().await;
    let mut config = world.config();
    config.resources = vec!["https://api.example".to_owned()];
    let session = world.start_with(config);
    world.log_in(&session).await;
    (world, session)
}

/// The tokens that userinfo was asked with.
fn asked_with(world: &World) -> Vec<String> {
    let asked = world.server.asked("/userinfo").into_iter();
    asked
        .filter_map(|asked| Some(asked.header("authorization")?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_userinfo_token_that_has_ended_is_not_used() {
    let (world, session) = for_an_api().await;
    world.server.reply("/userinfo", Reply::json(401, ""));
    let short = Reply::Merged(json!({ "expires_in": 60 }));
    world.server.reply("/token", short);
    for pause in [0, 59, 1] {
        world.advance(pause);
        session.user_info().await.expect("the claims");
    }
    assert_eq!(
        asked_with(&world),
        [
            "Bearer at-1",
            "Bearer at-2",
            "Bearer at-2",
            // It has ended: the session's own is tried again.
            "Bearer at-1",
        ]
    );
    assert_eq!(world.server.asked("/token").len(), 2);
}

//! After a 401: memory first, then the store, then the provider.

use super::store::Call;
use super::world::World;
use crate::error::AuthError;
use crate::types::{LogoutOptions, SignedOutReason};

const LOCAL: LogoutOptions = LogoutOptions {
    local: true,
    post_logout_redirect_uri: None,
};

#[tokio::test]
async fn after_a_401_a_token_that_came_meanwhile_is_tried_without_a_look_at_the_store() {
    let (world, session) = World::logged_in().await;
    let refused = world.token(&session).await.expect("a token");
    world.forced(&session).await.expect("renewed");
    let (looks, asked) = (world.store.count(Call::Load, "session"), 2);
    let another = session.after_unauthorized(&refused).await;
    let another = another.expect("goes on").expect("another");
    assert_eq!(another.value, "at-2");
    assert_eq!(world.store.count(Call::Load, "session"), looks);
    assert_eq!(world.server.asked("/token").len(), asked);
}

#[tokio::test]
async fn after_a_401_the_token_that_another_process_has_stored_is_used() {
    let (world, first) = World::logged_in().await;
    let second = world.start();
    let refused = world.token(&second).await.expect("shared");
    world.forced(&first).await.expect("renewed");
    world.server.forget();
    let another = second.after_unauthorized(&refused).await;
    let another = another.expect("goes on").expect("another");
    assert_eq!(another.value, "at-2");
    // Not even what a refresh would begin with.
    for path in ["/.well-known/openid-configuration", "/jwks", "/token"] {
        assert_eq!(world.server.asked(path).len(), 0, "{path}");
    }
    // It has cost no forced refresh: one is left where that token is refused as well.
    let third = second.after_unauthorized(&another).await;
    assert_eq!(third.expect("goes on").expect("a third").value, "at-3");
}

#[tokio::test]
async fn after_a_401_the_logout_of_another_process_is_told_and_nothing_is_renewed() {
    let (world, first) = World::logged_in().await;
    let second = world.start();
    let refused = world.token(&second).await.expect("shared");
    first.logout(LOCAL).await.expect("out");
    world.server.forget();
    let reason = SignedOutReason::LoggedOut;
    assert_eq!(
        second.after_unauthorized(&refused).await.map(drop),
        Err(AuthError::LoginRequired { reason })
    );
    assert_eq!(world.server.asked("/token").len(), 0);
}

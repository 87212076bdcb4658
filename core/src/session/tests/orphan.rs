//! A refresh that loses to a person: its answer is not kept, and its refresh token is revoked where that hurts nobody.

use std::sync::Arc;

use serde_json::json;

use super::super::SessionManager;
use super::server::{Gate, Reply};
use super::world::World;
use crate::error::AuthError;
use crate::types::{LogoutOptions, SignedOutReason};

/// A refresh while whose request is at the provider this comes to pass. Its result, and the tokens that were revoked.
async fn overtaken_by(
    world: &World,
    session: &Arc<SessionManager>,
    meanwhile: impl Future<Output = ()>,
) -> (Result<(), AuthError>, Vec<String>) {
    let answer = Gate::default();
    world.server.reply(
        "/token",
        Reply::Held(answer.clone(), Box::new(Reply::Usual)),
    );
    let (result, ()) = tokio::join!(world.forced(session), async {
        answer.reached().await;
        meanwhile.await;
        answer.open();
    });
    world.settled().await;
    let revoked = world.server.asked("/revoke").into_iter();
    let tokens = revoked.filter_map(|asked| asked.form("token").map(str::to_owned));
    (result.map(drop), tokens.collect())
}

/// The refresh token that is stored.
fn stored(world: &World, session: &SessionManager) -> String {
    let token = &world.live(session)["refresh_token"];
    token.as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_refresh_that_lost_to_a_logout_revokes_what_nobody_holds() {
    let (world, session) = World::logged_in().await;
    let logout = async {
        let local = LogoutOptions {
            local: true,
            ..LogoutOptions::default()
        };
        session.logout(local).await.expect("logs out");
    };
    let (result, revoked) = overtaken_by(&world, &session, logout).await;
    let reason = SignedOutReason::LoggedOut;
    assert_eq!(result, Err(AuthError::LoginRequired { reason }));
    assert_eq!(revoked, ["rt-2"]);
}

#[tokio::test]
async fn a_refresh_that_lost_to_the_same_persons_login_revokes_nothing() {
    let (world, session) = World::logged_in().await;
    let other = world.start();
    let login = async {
        world.log_in(&other).await;
    };
    let (result, revoked) = overtaken_by(&world, &session, login).await;
    assert_eq!(result, Ok(()));
    assert_eq!(revoked, [""; 0], "a provider may revoke all of the grant");
    assert_eq!(stored(&world, &session), "rt-2", "the login's");
}

#[tokio::test]
async fn a_refresh_that_lost_to_another_persons_login_revokes_what_nobody_holds() {
    let (world, session) = World::logged_in().await;
    let other = world.start();
    let login = async {
        world.server.claim(json!({ "sub": "bob" }));
        world.log_in(&other).await;
        world.server.claim(json!({}));
    };
    let (result, revoked) = overtaken_by(&world, &session, login).await;
    assert_eq!(result, Ok(()), "somebody is logged in");
    assert_eq!(revoked, ["rt-3"]);
    assert_eq!(stored(&world, &session), "rt-2", "the login's");
    assert_eq!(world.live(&session)["subject"], "bob");
}

//! The provider's metadata and keys over time: how long they are kept, and what they bridge.

use serde_json::json;

use super::server::Reply;
use super::world::World;
use crate::error::AuthError;
use crate::types::NetworkReason;

const METADATA: &str = "/.well-known/openid-configuration";
const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";

/// A server in trouble that says when to come back.
fn trouble() -> Reply {
    Reply::with(503, "retry-after: 30\r\n", "")
}

#[tokio::test]
async fn metadata_and_keys_are_fetched_again_when_ten_minutes_are_over() {
    let world = World::new().await;
    let session = world.start();
    let fetches = || {
        (
            world.server.asked(METADATA).len(),
            world.server.asked("/jwks").len(),
        )
    };
    session.provider.keys().await.expect("the keys");
    world.advance(599);
    session.provider.keys().await.expect("the keys");
    session.provider.metadata().await.expect("the metadata");
    assert_eq!(fetches(), (1, 1), "they are kept");
    world.advance(1);
    session.provider.keys().await.expect("the keys");
    session.provider.metadata().await.expect("the metadata");
    assert_eq!(fetches(), (2, 2), "and no longer");
}

#[tokio::test]
async fn metadata_and_keys_are_kept_for_as_long_as_they_say() {
    let world = World::new().await;
    world
        .server
        .add_headers(METADATA, "cache-control: max-age=7200\r\n");
    world
        .server
        .add_headers("/jwks", "cache-control: public, max-age=100\r\n");
    let session = world.start();
    let fetches = || {
        (
            world.server.asked(METADATA).len(),
            world.server.asked("/jwks").len(),
        )
    };
    for (pause, expected) in [
        (0, (1, 1)),
        (99, (1, 1)),
        (1, (1, 2)),
        (7_099, (1, 3)),
        (1, (2, 3)),
    ] {
        world.advance(pause);
        session.provider.metadata().await.expect("the metadata");
        session.provider.keys().await.expect("the keys");
        assert_eq!(fetches(), expected, "{pause} s later");
    }
}

#[tokio::test]
async fn old_metadata_bridge_an_outage_for_a_day_and_no_longer() {
    const DAY: u64 = 86_400;
    let world = World::new().await;
    let session = world.start();
    let known = session.provider.metadata().await.expect("the metadata");
    world.advance(DAY - 1);
    world.server.reply(METADATA, trouble());
    let bridged = session.provider.metadata().await.expect("the old ones");
    assert_eq!(bridged.token_endpoint, known.token_endpoint);
    assert_eq!(world.server.asked(METADATA).len(), 2, "it was asked");
    world.advance(1);
    world.server.reply(METADATA, trouble());
    assert_eq!(
        session.provider.metadata().await.map(drop),
        Err(AuthError::network(NetworkReason::Unavailable))
    );
}

#[tokio::test]
async fn an_answer_that_fails_a_check_is_bridged_by_no_old_metadata() {
    let world = World::new().await;
    let session = world.start();
    session.provider.metadata().await.expect("the metadata");
    for (members, check) in [
        (json!({ "issuer": "https://other.example" }), "issuer"),
        (
            json!({ "code_challenge_methods_supported": ["plain"] }),
            "pkce_method",
        ),
        (
            json!({ "token_endpoint": "ftp://127.0.0.1/token" }),
            "endpoint",
        ),
    ] {
        world.advance(600);
        world.server.reply(METADATA, Reply::Merged(members));
        let check = check.to_owned();
        assert_eq!(
            session.provider.metadata().await.map(drop),
            Err(AuthError::Untrusted { check })
        );
    }
    // Nor is a refusal an outage.
    world.advance(600);
    for path in [METADATA, OAUTH_METADATA] {
        world.server.reply(path, Reply::json(404, "{}"));
    }
    let refused = session.provider.metadata().await.map(drop);
    assert_eq!(
        refused.map_err(|error| error.kind()),
        Err("provider".to_owned())
    );
    world.advance(1);
    session.provider.metadata().await.expect("the new ones");
}

#[tokio::test]
async fn the_second_address_is_asked_where_the_first_has_nothing_and_not_where_it_is_busy() {
    for (status, asks_the_second) in [(404, true), (400, true), (429, false), (503, false)] {
        let world = World::new().await;
        let session = world.start();
        let answer = Reply::with(status, "retry-after: 30\r\n", "");
        world.server.reply(METADATA, answer);
        drop(session.provider.metadata().await);
        let second = world.server.asked(OAUTH_METADATA).len();
        assert_eq!(second == 1, asks_the_second, "after {status}");
    }
}

//! The first half of a login: what is refused before the person sees a page.

use serde_json::json;

use super::world::World;
use crate::error::AuthError;
use crate::types::LoginOptions;

const METADATA: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn a_provider_that_requires_pushed_requests_is_refused_before_the_login() {
    let world = World::new().await;
    let session = world.start();
    let required = json!({ "require_pushed_authorization_requests": true });
    world.server.merge(METADATA, required);
    let begun = session.begin_login(LoginOptions::default()).await;
    let Err(AuthError::Configuration { problems }) = begun else {
        panic!("not refused");
    };
    assert_eq!(problems[0].field, "issuer");
    assert!(problems[0].reason.contains("RFC 9126"));
    let stored = world.store.item(&session.logins_name);
    assert!(stored.is_none(), "no login is open");
}

#[tokio::test]
async fn a_provider_whose_id_tokens_cannot_be_verified_is_refused_before_the_login() {
    let world = World::new().await;
    let none_of_ours = json!({ "id_token_signing_alg_values_supported": ["HS256", "none"] });
    world.server.merge(METADATA, none_of_ours);
    let session = world.start();
    let begun = session.begin_login(LoginOptions::default()).await;
    let check = "algorithm".to_owned();
    assert_eq!(begun.map(drop), Err(AuthError::Untrusted { check }));
    let stored = world.store.item(&session.logins_name);
    assert!(stored.is_none(), "no login is open");

    // Where no ID token is asked for, none has to be verified.
    let mut config = world.config();
    config.scopes = vec!["read".to_owned()];
    let session = world.start_with(config);
    let begun = session.begin_login(LoginOptions::default()).await;
    begun.expect("begins");
}

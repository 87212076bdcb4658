//! Requests to an API: what is sent, and what of an answer may be shown.

use std::sync::Arc;

use serde_json::json;

use super::server::Reply;
use super::world::World;
use crate::api::ApiClient;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::transport::MAX_BODY;
use crate::types::{ApiRequest, Header};

async fn api(world: &World) -> (Arc<Auth>, Arc<ApiClient>) {
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let auth = Auth::with_clock(world.config(), store, clock).expect("valid");
    let address = format!("{}/api", world.server.origin);
    let api = ApiClient::new(Arc::clone(&auth), address).expect("valid");
    (auth, api)
}

/// An API, and Alice with this access token.
async fn api_with_token(token: &str) -> (World, Arc<ApiClient>) {
    let world = World::new().await;
    let (auth, api) = api(&world).await;
    world.log_in(auth.manager()).await;
    let answer = json!({ "access_token": token, "id_token": null });
    world.server.reply("/token", Reply::Merged(answer));
    world.forced(auth.manager()).await.expect("renewed");
    (world, api)
}

/// What is shown of an API's 403 with this text, in its body and in its challenge.
async fn shown(world: &World, api: &ApiClient, text: &str) -> [String; 2] {
    let body = json!({ "message": text }).to_string();
    let challenge = format!(
        "www-authenticate: Bearer error=\"invalid_request\", error_description=\"{text}\"\r\n"
    );
    let mut shown = Vec::new();
    for reply in [Reply::json(403, &body), Reply::with(403, &challenge, "")] {
        world.server.reply("/api/x", reply);
        match api.send(ApiRequest::get("/x"), None).await {
            Err(AuthError::Api { status: 403, text }) => shown.push(text),
            other => panic!("{other:?}"),
        }
    }
    shown.try_into().expect("two")
}

const WORDS: &str = "the API does not allow this (status 403)";

#[tokio::test]
async fn a_text_of_the_api_that_repeats_the_access_token_is_not_shown() {
    for token in ["short", &"0123456789abcdef-long".repeat(4)] {
        let (world, api) = api_with_token(token).await;
        let texts = shown(&world, &api, &format!("no such token: {token}!")).await;
        assert_eq!(texts, [WORDS, WORDS], "{token}");
        let texts = shown(&world, &api, "not for you").await;
        assert_eq!(texts, ["not for you", "not for you"]);
    }
}

#[tokio::test]
async fn a_text_of_the_api_that_repeats_any_piece_of_the_access_token_is_not_shown() {
    let token: String = (b'0'..=b'9')
        .chain(b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .map(char::from)
        .collect();
    let token = format!("{token}-{token}");
    let (world, api) = api_with_token(&token).await;
    for (what, piece) in [
        ("the beginning", &token[..40]),
        ("the middle", &token[40..80]),
        ("the end", &token[token.len() - 40..]),
    ] {
        let texts = shown(&world, &api, &format!("… {piece} …")).await;
        assert_eq!(texts, [WORDS, WORDS], "{what}");
    }
}

#[tokio::test]
async fn a_request_body_of_more_than_a_mebibyte_is_refused_before_a_token_is_looked_for() {
    let world = World::new().await;
    let (auth, api) = api(&world).await;
    let request = |length| ApiRequest {
        method: "POST".to_owned(),
        body: Some(vec![b'x'; length]),
        ..ApiRequest::get("/x")
    };
    // Nobody is logged in: whoever looked for a token would say so.
    match api.send(request(MAX_BODY + 1), None).await {
        Err(AuthError::Configuration { problems }) => {
            let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
            assert_eq!(fields, ["body"]);
        }
        other => panic!("{other:?}"),
    }
    world.log_in(auth.manager()).await;
    world.server.forget();
    let sent = api.send(request(MAX_BODY), None).await;
    assert_eq!(sent.expect("just small enough").status, 200);
    assert_eq!(world.server.asked("/api/x")[0].body.len(), MAX_BODY);
}

#[tokio::test]
async fn a_method_that_names_no_path_or_has_its_headers_repeated_is_not_sent() {
    let (world, api) = api_with_token("a-token").await;
    world.server.forget();
    for method in ["CONNECT", "connect", "TRACE", "trace"] {
        let request = ApiRequest {
            method: method.to_owned(),
            ..ApiRequest::get("/x")
        };
        match api.send(request, None).await {
            Err(AuthError::Configuration { problems }) => {
                assert_eq!(problems.len(), 1, "{method}");
                assert_eq!(problems[0].field, "method");
            }
            other => panic!("{method}: {other:?}"),
        }
    }
    assert_eq!(world.server.asked("/x").len(), 0);
}

#[tokio::test]
async fn the_apps_accept_header_takes_the_place_of_ours() {
    let (world, api) = api_with_token("a-token").await;
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    for (headers, accepted) in [
        (vec![], vec!["application/json"]),
        (vec![header("x-app", "1")], vec!["application/json"]),
        (vec![header("aCCept", "text/csv")], vec!["text/csv"]),
    ] {
        world.server.forget();
        let request = ApiRequest {
            headers,
            ..ApiRequest::get("/x")
        };
        api.send(request, None).await.expect("a 200");
        let asked = &world.server.asked("/api/x")[0];
        assert_eq!(asked.headers("accept"), accepted);
    }
}

#[tokio::test]
async fn an_answer_of_more_than_a_mebibyte_is_the_fault_of_whoever_gave_it() {
    let (world, api) = api_with_token("a-token").await;
    let large = || Reply::json(200, &" ".repeat(MAX_BODY + 1));
    world.server.reply("/api/x", large());
    match api.send(ApiRequest::get("/x"), None).await {
        Err(AuthError::Api { status: 200, text }) => assert!(text.contains("1 MiB"), "{text}"),
        other => panic!("{other:?}"),
    }
    let path = "/.well-known/openid-configuration";
    for path in [path, "/.well-known/oauth-authorization-server"] {
        world.server.reply(path, large());
    }
    let begun = world.start().begin_login(Default::default()).await;
    assert!(
        matches!(
            begun,
            Err(AuthError::Provider {
                status: Some(200),
                ..
            })
        ),
        "{:?}",
        begun.map(drop)
    );
}

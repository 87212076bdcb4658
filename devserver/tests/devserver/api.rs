//! The protected API, beside the provider and alone.

use latchkey_devserver::{ApiOptions, ApiServer, StartError};

use crate::client::*;

#[tokio::test]
async fn the_public_endpoint_needs_nothing() {
    let server = start().await;
    let answer = get(&format!("{}/public", server.api())).await;
    assert_eq!(
        answer.json()["message"],
        "Hello from a public endpoint! You don't need to be authenticated to see this."
    );
}

#[tokio::test]
async fn an_answer_of_json_ends_its_line_and_a_fault_gives_exactly_its_bytes() {
    let server = start().await;
    for url in [
        format!("{}/public", server.api()),
        format!("{}/private", server.api()),
        endpoint(&server, "jwks"),
        endpoint(&server, "stats"),
    ] {
        assert!(get(&url).await.body.ends_with("}\n"), "{url}");
    }
    server.set_faults("api:body=e30").unwrap();
    assert_eq!(get(&format!("{}/public", server.api())).await.body, "{}");
}

#[tokio::test]
async fn without_a_token_the_challenge_has_no_error_code() {
    let server = start().await;
    let answer = get(&format!("{}/private", server.api())).await;
    assert_eq!(answer.status, 401);
    assert!(!answer.header("www-authenticate").unwrap().contains("error"));
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("access token")
    );
}

#[tokio::test]
async fn each_wrong_token_is_refused_in_words_that_help() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[]).await;
    let (access, id_token) = (text(&tokens, "access_token"), text(&tokens, "id_token"));
    let private = format!("{}/private", server.api());
    let spoilt = format!("{}AAAA", &access[..access.len() - 4]);
    for (token, word) in [
        (id_token, "not the ID token"),
        (spoilt.as_str(), "signature"),
        ("a.b.c", "header"),
    ] {
        let answer = get_with_token(&private, token).await;
        assert_eq!(answer.status, 401);
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("error=\"invalid_token\"")
        );
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(word), "{message}");
    }
    server
        .set_faults("api:clock=400@1;api:clock=-400@2")
        .unwrap();
    for word in ["expired", "not valid yet"] {
        let message = get_with_token(&private, access).await.json()["message"].to_string();
        assert!(message.contains(word), "{message}");
    }
    server.rotate_keys();
    assert_eq!(get_with_token(&private, access).await.status, 200);
    server.rotate_keys();
    let message = get_with_token(&private, access).await.json()["message"].to_string();
    assert!(message.contains("key"), "{message}");
}

#[tokio::test]
async fn a_user_without_the_scope_is_told_which_one_is_missing() {
    let server = start().await;
    let tokens = log_in(&server, "bob", &[]).await;
    let url = format!("{}/private-scoped", server.api());
    let answer = get_with_token(&url, text(&tokens, "access_token")).await;
    assert_eq!(answer.status, 403);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\""));
    assert!(challenge.contains("scope=\"read:messages\""));
}

#[tokio::test]
async fn another_scheme_than_bearer_is_malformed() {
    let server = start().await;
    let url = format!("{}/private", server.api());
    let answer = send("GET", &url, &[("Authorization", "Basic eA==")], "")
        .await
        .unwrap();
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .contains("invalid_request")
    );
}

#[tokio::test]
async fn step_up_is_satisfied_by_the_login_it_asks_for() {
    let server = start().await;
    let url = format!("{}/step-up", server.api());
    let weak = log_in(&server, "alice", &[]).await;
    let answer = get_with_token(&url, text(&weak, "access_token")).await;
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_user_authentication"));
    assert!(challenge.contains("acr_values=\"mfa\", max_age=\"300\""));
    let strong = log_in(
        &server,
        "alice",
        &[("acr_values", "mfa"), ("max_age", "300")],
    )
    .await;
    assert_eq!(
        get_with_token(&url, text(&strong, "access_token"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_echo_shows_what_came_but_not_the_token() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[]).await;
    let token = text(&tokens, "access_token");
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("X-Mine", "yes")];
    let url = format!("{}/echo?q=1", server.api());
    let answer = send("PATCH", &url, &headers, "hello").await.unwrap();
    let seen = answer.json();
    assert_eq!(
        (&seen["method"], &seen["body"]),
        (&"PATCH".into(), &"hello".into())
    );
    assert_eq!(seen["headers"]["x-mine"], "yes");
    assert!(!answer.body.contains(token));
}

#[tokio::test]
async fn the_api_alone_guards_with_another_providers_tokens() {
    let provider = start().await;
    let options = ApiOptions {
        port: 0,
        issuer: provider.issuer().to_owned(),
        audience: AUDIENCE.to_owned(),
    };
    let api = ApiServer::start(options).await.unwrap();
    let tokens = log_in(&provider, "alice", &[]).await;
    let token = text(&tokens, "access_token");
    for path in ["private", "private-scoped"] {
        assert_eq!(
            get_with_token(&format!("{}/{path}", api.api()), token)
                .await
                .status,
            200
        );
    }
    assert_eq!(get(&format!("{}/private", api.api())).await.status, 401);
    let opaque = log_in(&provider, "alice", &[("audience", "")]).await;
    let private = format!("{}/private", api.api());
    let answer = get_with_token(&private, text(&opaque, "access_token")).await;
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains(AUDIENCE)
    );
}

#[tokio::test]
async fn the_api_alone_does_not_start_for_an_issuer_that_is_another() {
    let provider = start().await;
    let issuer = format!("{}/", provider.issuer());
    let options = ApiOptions {
        port: 0,
        issuer,
        audience: AUDIENCE.to_owned(),
    };
    assert!(matches!(
        ApiServer::start(options).await,
        Err(StartError::Issuer(_))
    ));
}

#[tokio::test]
async fn the_api_alone_learns_the_keys_that_its_issuer_changed_to() {
    let provider = start().await;
    let options = ApiOptions {
        port: 0,
        issuer: provider.issuer().to_owned(),
        audience: AUDIENCE.to_owned(),
    };
    let api = ApiServer::start(options).await.unwrap();
    provider.rotate_keys();
    let tokens = log_in(&provider, "alice", &[]).await;
    let private = format!("{}/private", api.api());
    let access = text(&tokens, "access_token");
    assert_eq!(get_with_token(&private, access).await.status, 200);
}

#[tokio::test]
async fn a_token_lives_to_the_second() {
    let server = start().await;
    let code = code(&server).await;
    server.set_faults("token:clock=-290;api:clock=20").unwrap();
    let tokens = exchange(&server, &code).await.json();
    let private = format!("{}/private", server.api());
    let access = text(&tokens, "access_token");
    assert_eq!(get_with_token(&private, access).await.status, 401);
    server.set_faults("").unwrap();
    assert_eq!(get_with_token(&private, access).await.status, 200);
}

//! The token endpoint's refusals, ID tokens, revocation.

use crate::client::*;

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_costs_the_code() {
    let server = start().await;
    let code = code(&server).await;
    let wrong = "a".repeat(43);
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "latchkey-dev"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", &wrong),
    ];
    let answer = post(&endpoint(&server, "token"), &fields).await;
    assert_eq!(
        (answer.status, text(&answer.json(), "error")),
        (400, "invalid_grant")
    );
    assert_eq!(exchange(&server, &code).await.status, 400);
}

#[tokio::test]
async fn a_second_use_of_a_code_revokes_the_tokens_of_the_first() {
    let server = start().await;
    let code = code(&server).await;
    let tokens = exchange(&server, &code).await.json();
    assert_eq!(
        exchange(&server, &code).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(
        refresh(&server, text(&tokens, "refresh_token"))
            .await
            .status,
        400
    );
    let private = format!("{}/private", server.api());
    assert_eq!(
        get_with_token(&private, text(&tokens, "access_token"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let server = start().await;
    let code = code(&server).await;
    server.set_faults("token:clock=62").unwrap();
    assert_eq!(
        exchange(&server, &code).await.json()["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn wrong_requests_are_refused_with_their_code() {
    let server = start().await;
    let url = endpoint(&server, "token");
    for (fields, status, code) in [
        (&[("client_id", "latchkey-dev")][..], 400, "invalid_request"),
        (&[("grant_type", "refresh_token")], 401, "invalid_client"),
        (
            &[("grant_type", "refresh_token"), ("client_id", "x")],
            401,
            "invalid_client",
        ),
        (
            &[("grant_type", "password"), ("client_id", "latchkey-dev")],
            400,
            "unsupported_grant_type",
        ),
        (
            &[
                ("client_id", "latchkey-dev"),
                ("grant_type", "x"),
                ("grant_type", "x"),
            ],
            400,
            "invalid_request",
        ),
        (
            &[
                ("client_id", "latchkey-dev"),
                ("grant_type", "refresh_token"),
                ("refresh_token", "x"),
            ],
            400,
            "invalid_grant",
        ),
    ] {
        let answer = post(&url, fields).await;
        assert_eq!(
            (answer.status, text(&answer.json(), "error")),
            (status, code),
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[("scope", "openid")]).await;
    assert_eq!(tokens.get("refresh_token"), None);
}

#[tokio::test]
async fn without_openid_there_is_no_id_token_and_no_userinfo() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[("scope", "read:messages")]).await;
    assert_eq!(tokens.get("id_token"), None);
    let answer = get_with_token(
        &endpoint(&server, "userinfo"),
        text(&tokens, "access_token"),
    )
    .await;
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .contains("scope=\"openid\"")
    );
}

#[tokio::test]
async fn without_an_audience_the_token_is_opaque_and_good_for_userinfo() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[("audience", "")]).await;
    let token = text(&tokens, "access_token");
    assert!(!token.contains('.'));
    let userinfo = get_with_token(&endpoint(&server, "userinfo"), token)
        .await
        .json();
    assert_eq!(userinfo["name"], "Alice");
    let answer = get_with_token(&format!("{}/private", server.api()), token).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains(AUDIENCE)
    );
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_and_not_widen_it() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[("scope", "openid offline_access")]).await;
    let mut fields = vec![
        ("grant_type", "refresh_token"),
        ("client_id", "latchkey-dev"),
        ("refresh_token", text(&tokens, "refresh_token")),
        ("scope", "read:messages"),
    ];
    let answer = post(&endpoint(&server, "token"), &fields).await.json();
    assert_eq!(answer["error"], "invalid_scope");
    fields[3].1 = "openid";
    let answer = post(&endpoint(&server, "token"), &fields).await.json();
    assert_eq!(answer["scope"], "openid");
    assert_eq!(part(text(&answer, "id_token"), 1).get("nonce"), None);
}

#[tokio::test]
async fn a_revoked_refresh_token_takes_the_access_token_with_it() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[]).await;
    let (access, refresh_token) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    let revoke = async |token: &str| {
        let fields = [("client_id", "latchkey-dev"), ("token", token)];
        post(&endpoint(&server, "revoke"), &fields).await.status
    };
    assert_eq!(revoke("unknown").await, 200);
    assert_eq!(revoke(refresh_token).await, 200);
    assert_eq!(
        refresh(&server, refresh_token).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(
        get_with_token(&format!("{}/private", server.api()), access)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_revoked_access_token_goes_alone() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[]).await;
    let access = text(&tokens, "access_token");
    let fields = [("client_id", "latchkey-dev"), ("token", access)];
    assert_eq!(
        post(&endpoint(&server, "revoke"), &fields).await.status,
        200
    );
    assert_eq!(
        get_with_token(&format!("{}/private", server.api()), access)
            .await
            .status,
        401
    );
    assert_eq!(
        refresh(&server, text(&tokens, "refresh_token"))
            .await
            .status,
        200
    );
}

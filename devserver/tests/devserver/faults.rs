//! Each fault, as a client sees it.

use latchkey_devserver::submit_login;

use crate::client::*;

#[tokio::test]
async fn dropped_before_the_commit_the_code_is_still_good() {
    let server = start().await;
    let code = code(&server).await;
    server.set_faults("token:drop_before_commit@1").unwrap();
    assert!(try_exchange(&server, &code).await.is_none());
    assert_eq!(exchange(&server, &code).await.status, 200);
}

#[tokio::test]
async fn dropped_after_the_commit_the_code_is_spent() {
    let server = start().await;
    let code = code(&server).await;
    server.set_faults("token:drop_after_commit@1").unwrap();
    assert!(try_exchange(&server, &code).await.is_none());
    assert_eq!(
        exchange(&server, &code).await.json()["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn partial_sends_half_of_what_it_announced() {
    let server = start().await;
    let url = format!("{}/public", server.api());
    let whole = get(&url).await;
    server.set_faults("api:partial").unwrap();
    let half = get(&url).await;
    assert_eq!((half.status, half.length()), (200, whole.length()));
    assert_eq!(half.body.len(), whole.body.len() / 2);
}

#[tokio::test]
async fn status_answers_instead_with_or_without_an_oauth_error() {
    let server = start().await;
    let url = format!("{}/public", server.api());
    server
        .set_faults("api:status=429,retry_after=5@1;api:status=400,error=invalid_grant@2")
        .unwrap();
    let html = get(&url).await;
    assert_eq!((html.status, html.header("retry-after")), (429, Some("5")));
    assert!(
        html.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let json = get(&url).await;
    assert_eq!(
        (json.status, text(&json.json(), "error")),
        (400, "invalid_grant")
    );
    assert_eq!(get(&url).await.status, 200);
}

#[tokio::test]
async fn status_after_the_commit_spends_the_token() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[]).await;
    let first = text(&tokens, "refresh_token");
    server
        .set_faults("token:status=503,after_commit@1")
        .unwrap();
    assert_eq!(refresh(&server, first).await.status, 503);
    assert_eq!(
        refresh(&server, first).await.json()["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn body_sends_exactly_these_bytes() {
    let server = start().await;
    let body = base64url("<html>");
    server
        .set_faults(&format!("jwks:body={body},content_type=text/html"))
        .unwrap();
    let answer = get(&endpoint(&server, "jwks")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "<html>"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
}

#[tokio::test]
async fn redirect_and_huge_answer_instead() {
    let server = start().await;
    let url = format!("{}/public", server.api());
    server
        .set_faults("api:redirect=https://elsewhere.test/@1;api:huge@2")
        .unwrap();
    let redirect = get(&url).await;
    assert_eq!(
        (redirect.status, redirect.location().as_str()),
        (302, "https://elsewhere.test/")
    );
    let huge = get(&url).await;
    assert!(huge.body.len() > 10 << 20);
    assert_eq!(huge.header("content-length"), None);
}

#[tokio::test]
async fn clock_moves_the_date_and_the_tokens_times() {
    let server = start().await;
    let code = code(&server).await;
    server.set_faults("token:clock=-86400").unwrap();
    let answer = exchange(&server, &code).await;
    let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
    let behind = std::time::SystemTime::now()
        .duration_since(date)
        .unwrap()
        .as_secs();
    assert!((86400..86460).contains(&behind));
    let issued_at = part(text(&answer.json(), "id_token"), 1)["iat"]
        .as_u64()
        .unwrap();
    let date = date
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(issued_at.abs_diff(date) <= 1);
}

#[tokio::test]
async fn claims_are_laid_over_those_of_the_id_token() {
    let server = start().await;
    let claims = base64url(r#"{"iss":"https://evil.test","nonce":null}"#);
    server
        .set_faults(&format!("token:claims={claims}"))
        .unwrap();
    let tokens = log_in(&server, "alice", &[]).await;
    let claims = part(text(&tokens, "id_token"), 1);
    assert_eq!(
        (&claims["iss"], claims.get("nonce")),
        (&"https://evil.test".into(), None)
    );
}

#[tokio::test]
async fn alg_signs_the_id_token_another_way() {
    let server = start().await;
    for alg in ["none", "HS256", "RS256", "PS256", "ES256", "EdDSA"] {
        server.set_faults(&format!("token:alg={alg}")).unwrap();
        let tokens = log_in(&server, "alice", &[]).await;
        let id_token = text(&tokens, "id_token");
        assert_eq!(part(id_token, 0)["alg"], alg);
        assert_eq!(id_token.ends_with('.'), alg == "none");
    }
}

#[tokio::test]
async fn a_bad_signature_does_not_verify_and_a_good_one_does() {
    let server = start().await;
    server.set_faults("token:bad_signature@2").unwrap();
    let keys = get(&endpoint(&server, "jwks")).await.json();
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).unwrap();
    for good in [true, false] {
        let tokens = log_in(&server, "alice", &[]).await;
        let id_token = text(&tokens, "id_token");
        let header = jsonwebtoken::decode_header(id_token).unwrap();
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
        let (message, signature) = id_token.rsplit_once('.').unwrap();
        let verified =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, header.alg).unwrap();
        assert_eq!(verified, good);
    }
}

#[tokio::test]
async fn merge_changes_any_json_answer_and_the_callback() {
    let server = start().await;
    let token = base64url(r#"{"token_type":"mac","expires_in":null}"#);
    let callback_params = base64url(r#"{"iss":"https://evil.test"}"#);
    server
        .set_faults(&format!(
            "token:merge={token};authorize:merge={callback_params}"
        ))
        .unwrap();
    let location = callback(&server, "alice", &[]).await;
    assert_eq!(
        param(&location, "iss").as_deref(),
        Some("https://evil.test")
    );
    let answer = exchange(&server, &param(&location, "code").unwrap())
        .await
        .json();
    assert_eq!(
        (&answer["token_type"], answer.get("expires_in")),
        (&"mac".into(), None)
    );
}

#[tokio::test]
async fn rotate_keys_and_revoke_all_happen_before_the_request() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[]).await;
    server
        .set_faults("token:rotate_keys@1;api:revoke_all@2")
        .unwrap();
    let rotated = log_in(&server, "alice", &[]).await;
    let kid = |tokens: &serde_json::Value| part(text(tokens, "id_token"), 0)["kid"].clone();
    assert_ne!(kid(&tokens), kid(&rotated));
    let private = format!("{}/private", server.api());
    let access = text(&rotated, "access_token");
    assert_eq!(get_with_token(&private, access).await.status, 200);
    assert_eq!(get_with_token(&private, access).await.status, 401);
    assert_eq!(
        refresh(&server, text(&rotated, "refresh_token"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_gate_holds_a_request_until_it_is_opened_over_http() {
    let server = start().await;
    server.set_faults("api:gate=here@1").unwrap();
    let url = format!("{}/public", server.api());
    let held = tokio::spawn(async move { get(&url).await.status });
    server.gate_reached("here").await;
    let gate = endpoint(&server, "faults/gates/here");
    assert_eq!(get(&format!("{gate}/reached")).await.status, 204);
    assert!(!held.is_finished());
    assert_eq!(send("POST", &gate, &[], "").await.unwrap().status, 204);
    assert_eq!(held.await.unwrap(), 200);
}

#[tokio::test]
async fn delay_lets_the_answer_come_later() {
    let server = start().await;
    server.set_faults("api:delay=30").unwrap();
    let before = std::time::Instant::now();
    get(&format!("{}/public", server.api())).await;
    assert!(before.elapsed().as_millis() >= 30);
}

#[tokio::test]
async fn faults_and_counters_are_steered_over_http() {
    let server = start().await;
    let (faults, stats) = (endpoint(&server, "faults"), endpoint(&server, "stats"));
    let wrong = send("POST", &faults, &[], "api:sometimes").await.unwrap();
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("drop_after_commit"));
    let set = send("POST", &faults, &[], "api:status=500").await.unwrap();
    assert_eq!(set.json()["faults"][0]["fault"], "api:status=500");
    let public = format!("{}/public", server.api());
    assert_eq!(get(&public).await.status, 500);
    assert_eq!(get(&faults).await.json()["faults"][0]["requests"], 1);
    assert_eq!(send("DELETE", &faults, &[], "").await.unwrap().status, 204);
    assert_eq!(get(&public).await.status, 200);
    assert_eq!(server.requests("api"), 2);
    let counted = get(&stats).await.json();
    assert_eq!(
        (&counted["requests"]["api"], &counted["connections"]),
        (&2.into(), &7.into())
    );
    assert_eq!(
        send("POST", &endpoint(&server, "stats/reset"), &[], "")
            .await
            .unwrap()
            .status,
        204
    );
    assert_eq!(server.requests("api"), 0);
}

#[tokio::test]
async fn a_dropped_login_form_is_an_error_of_the_submitting_client() {
    let server = start().await;
    server.set_faults("login:drop_before_commit").unwrap();
    let url = authorization_url(&server, &[]);
    assert!(submit_login(&url, "alice", "alice-password").await.is_err());
}

#[tokio::test]
async fn a_stopped_server_refuses_connections() {
    let server = start().await;
    let address = server.issuer().strip_prefix("http://").unwrap().to_owned();
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

//! From the authorization request to the callback.

use latchkey_devserver::{DevServer, Options, SubmitError, submit_login};

use crate::client::*;

#[tokio::test]
async fn a_whole_login_ends_at_the_private_endpoints() {
    let server = start().await;
    let callback = callback(&server, "alice", &[]).await;
    assert_eq!(param(&callback, "iss").as_deref(), Some(server.issuer()));
    assert_eq!(
        param(&callback, "state").as_deref(),
        Some("a-state-of-some-length")
    );
    let answer = exchange(&server, &param(&callback, "code").unwrap()).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json();
    assert_eq!(tokens["scope"], ALL_SCOPES);
    assert_eq!(tokens["expires_in"], 300);

    let claims = part(text(&tokens, "id_token"), 1);
    assert_eq!(claims["iss"], server.issuer());
    assert_eq!(claims["aud"], "latchkey-dev");
    assert_eq!(claims["nonce"], "a-nonce");
    assert_eq!(claims["name"], "Alice");
    assert_eq!(claims["email"], "alice@latchkey.test");
    assert!(claims["auth_time"].is_u64() && claims["sid"].is_string());

    let access_token = text(&tokens, "access_token");
    assert_eq!(part(access_token, 0)["typ"], "at+jwt");
    assert_eq!(part(access_token, 1)["aud"], AUDIENCE);
    for path in ["private", "private-scoped"] {
        let answer = get_with_token(&format!("{}/{path}", server.api()), access_token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let userinfo = get_with_token(&endpoint(&server, "userinfo"), access_token)
        .await
        .json();
    assert_eq!(userinfo["sub"], claims["sub"]);
}

#[tokio::test]
async fn a_scope_that_the_user_may_not_have_is_left_out_of_the_grant() {
    let server = start().await;
    let tokens = log_in(&server, "bob", &[]).await;
    assert_eq!(tokens["scope"], "openid profile email offline_access");
}

#[tokio::test]
async fn a_wrong_password_is_told_on_the_page() {
    let server = start().await;
    let url = authorization_url(&server, &[]);
    let error = submit_login(&url, "alice", "guess").await.unwrap_err();
    assert!(
        matches!(&error, SubmitError::Refused(text) if text.contains("Try") || text.contains("try"))
    );
}

#[tokio::test]
async fn an_unknown_client_or_redirect_uri_gets_a_page_and_no_redirect() {
    let server = start().await;
    for changes in [
        ("client_id", "other"),
        ("client_id", ""),
        ("redirect_uri", "https://evil.test/callback"),
        ("redirect_uri", "http://127.0.0.1:50123/other"),
        ("redirect_uri", ""),
    ] {
        let answer = get(&authorization_url(&server, &[changes])).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (400, None),
            "{changes:?}"
        );
        assert!(answer.body.contains("role=\"alert\""));
    }
    let twice = authorization_url(&server, &[]) + "&client_id=latchkey-dev";
    assert_eq!(get(&twice).await.status, 400);
}

#[tokio::test]
async fn a_wrong_request_is_answered_at_the_clients_address() {
    let server = start().await;
    for (change, code) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("audience", "https://other.test"), "invalid_target"),
        (("prompt", "none login"), "invalid_request"),
        (("max_age", "soon"), "invalid_request"),
        (("request", "x"), "request_not_supported"),
        (("prompt", "none"), "login_required"),
    ] {
        let location = get(&authorization_url(&server, &[change])).await.location();
        assert_eq!(
            param(&location, "error").as_deref(),
            Some(code),
            "{change:?}"
        );
        assert_eq!(param(&location, "iss").as_deref(), Some(server.issuer()));
        assert!(param(&location, "state").is_some());
    }
    let twice = get(&(authorization_url(&server, &[]) + "&scope=x"))
        .await
        .location();
    assert_eq!(param(&twice, "error").as_deref(), Some("invalid_request"));
}

/// Submits the open page as a browser that keeps cookies; the cookie and the callback.
async fn browser_login(server: &DevServer, changes: &[(&str, &str)]) -> (String, url::Url) {
    let page = get(&authorization_url(server, changes)).await.body;
    let (_, rest) = page.split_once("name=\"transaction\" value=\"").unwrap();
    let transaction = rest.split_once('"').unwrap().0;
    let fields = [
        ("transaction", transaction),
        ("username", "alice"),
        ("password", "alice-password"),
    ];
    let answer = post(&endpoint(server, "login"), &fields).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    (
        cookie.split_once(';').unwrap().0.to_owned(),
        answer.location(),
    )
}

#[tokio::test]
async fn a_browser_that_logged_in_is_not_asked_again_unless_the_request_wants_it() {
    let server = start().await;
    let (cookie, _) = browser_login(&server, &[]).await;
    let ask = async |changes: &[(&str, &str)]| {
        let url = authorization_url(&server, changes);
        send("GET", &url, &[("Cookie", &cookie)], "").await.unwrap()
    };
    assert!(param(&ask(&[]).await.location(), "code").is_some());
    assert!(param(&ask(&[("prompt", "none")]).await.location(), "code").is_some());
    assert!(param(&ask(&[("max_age", "600")]).await.location(), "code").is_some());
    for change in [("prompt", "login"), ("max_age", "0"), ("acr_values", "mfa")] {
        let answer = ask(&[change]).await;
        assert!(answer.body.contains("id=\"password\""), "{change:?}");
    }
    assert!(
        ask(&[("prompt", "consent")])
            .await
            .body
            .contains(">Allow</button>")
    );
    let stronger = ask(&[("prompt", "none"), ("acr_values", "mfa")])
        .await
        .location();
    assert_eq!(
        param(&stronger, "error").as_deref(),
        Some("interaction_required")
    );
    let fresher = ask(&[("prompt", "none"), ("max_age", "0")])
        .await
        .location();
    assert_eq!(param(&fresher, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn cancel_gives_access_denied_and_the_page_works_once() {
    let server = start().await;
    let page = get(&authorization_url(&server, &[])).await.body;
    let (_, rest) = page.split_once("name=\"transaction\" value=\"").unwrap();
    let transaction = rest.split_once('"').unwrap().0;
    let fields = [("transaction", transaction), ("action", "cancel")];
    let location = post(&endpoint(&server, "login"), &fields).await.location();
    assert_eq!(param(&location, "error").as_deref(), Some("access_denied"));
    assert_eq!(post(&endpoint(&server, "login"), &fields).await.status, 400);
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_metadata_where_both_standards_look() {
    for path in ["/tenant", "/tenant/"] {
        let options = Options {
            issuer_path: path.into(),
            ..Options::default()
        };
        let server = DevServer::start(options).await.unwrap();
        let issuer = server.issuer();
        assert!(issuer.ends_with(path));
        let origin = issuer.strip_suffix(path).unwrap();
        for address in [
            format!("{origin}/tenant/.well-known/openid-configuration"),
            format!("{origin}/.well-known/oauth-authorization-server/tenant"),
        ] {
            let metadata = get(&address).await.json();
            assert_eq!(metadata["issuer"], issuer);
            assert_eq!(metadata["token_endpoint"], format!("{origin}/tenant/token"));
        }
    }
}

#[tokio::test]
async fn an_address_that_other_machines_can_reach_is_refused() {
    let options = Options {
        address: "0.0.0.0".parse().unwrap(),
        ..Options::default()
    };
    let error = DevServer::start(options).await.unwrap_err();
    assert!(error.to_string().contains("loopback"));
}

#[tokio::test]
async fn the_ready_line_names_everything_a_client_needs() {
    let server = start().await;
    let ready = server.ready_json();
    assert_eq!(ready["ok"], true);
    assert_eq!(ready["users"][0]["password"], "alice-password");
    assert_eq!(ready["users"][0]["scopes"][0], "read:messages");
    assert_eq!(ready["users"][1]["scopes"].as_array().unwrap().len(), 0);
}

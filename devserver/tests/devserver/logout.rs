//! The end session endpoint.

use url::Url;

use crate::client::*;

fn logout_url(server: &latchkey_devserver::DevServer, params: &[(&str, &str)]) -> String {
    Url::parse_with_params(&endpoint(server, "logout"), params)
        .unwrap()
        .into()
}

#[tokio::test]
async fn with_an_id_token_hint_the_browser_goes_back_to_the_client() {
    let server = start().await;
    let tokens = log_in(&server, "alice", &[]).await;
    let url = logout_url(
        &server,
        &[
            ("id_token_hint", text(&tokens, "id_token")),
            ("post_logout_redirect_uri", "dev.latchkey.sample:/callback"),
            ("state", "s"),
        ],
    );
    let answer = get(&url).await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.location().as_str(),
        "dev.latchkey.sample:/callback?state=s"
    );
}

#[tokio::test]
async fn an_unregistered_address_is_never_redirected_to() {
    let server = start().await;
    let url = logout_url(
        &server,
        &[("post_logout_redirect_uri", "https://evil.test/")],
    );
    let answer = get(&url).await;
    assert_eq!((answer.status, answer.header("location")), (400, None));
}

#[tokio::test]
async fn without_an_address_there_is_a_page() {
    let server = start().await;
    let answer = get(&logout_url(&server, &[])).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<h1>You are logged out</h1>"));
}

//! The pages, for people with and without a screen, and with any browser.

use crate::client::*;

/// The tags with this name, without the angle brackets.
fn tags<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let tags = page.split('<').filter_map(|rest| rest.split('>').next());
    tags.filter(|tag| tag.split(' ').next() == Some(name))
        .collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}

#[tokio::test]
async fn every_input_that_is_seen_has_a_label_of_its_own() {
    let server = start().await;
    let page = get(&authorization_url(&server, &[])).await.body;
    let labels: Vec<_> = tags(&page, "label")
        .iter()
        .filter_map(|tag| attribute(tag, "for"))
        .collect();
    let inputs = tags(&page, "input");
    let seen: Vec<_> = inputs
        .iter()
        .filter(|tag| attribute(tag, "type") != Some("hidden"))
        .collect();
    assert_eq!(seen.len(), 2);
    for input in seen {
        assert!(labels.contains(&attribute(input, "id").unwrap()), "{input}");
        assert!(attribute(input, "autocomplete").is_some(), "{input}");
    }
}

#[tokio::test]
async fn the_page_has_language_heading_title_and_landmark_and_needs_nothing_else() {
    let server = start().await;
    let answer = get(&authorization_url(&server, &[])).await;
    let page = &answer.body;
    for needed in [
        "<html lang=\"en\">",
        "<h1>Log in</h1>",
        "<title>Log in",
        "<main>",
        "viewport",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
    assert!(page.contains("prefers-color-scheme:dark"));
    for absent in ["<script", "src=", "<link", "url(", "http://", "https://"] {
        let own = page.replace(server.issuer(), "");
        assert!(!own.contains(absent), "{absent}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(policy.contains("form-action 'self' http:"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn an_error_is_announced_and_tied_to_the_inputs_and_the_name_is_kept() {
    let server = start().await;
    let page = get(&authorization_url(&server, &[])).await.body;
    let transaction = attribute(tags(&page, "input")[0], "value").unwrap();
    let fields = [
        ("transaction", transaction),
        ("username", "alice\"<"),
        ("password", "x"),
    ];
    let page = post(&endpoint(&server, "login"), &fields).await.body;
    assert!(page.contains("<title>Error: Log in"));
    assert!(page.contains("<p role=\"alert\" id=\"problem\">"));
    let inputs = tags(&page, "input");
    assert_eq!(attribute(inputs[1], "aria-describedby"), Some("problem"));
    assert_eq!(attribute(inputs[1], "value"), Some("alice&quot;&lt;"));
    assert!(inputs[2].contains("autofocus") && !inputs[2].contains("value="));
}

#[tokio::test]
async fn a_login_hint_fills_the_name() {
    let server = start().await;
    let page = get(&authorization_url(&server, &[("login_hint", "bob")]))
        .await
        .body;
    assert_eq!(attribute(tags(&page, "input")[1], "value"), Some("bob"));
}

#[tokio::test]
async fn the_front_page_says_what_this_is() {
    let server = start().await;
    let page = get(&format!("{}/", server.issuer())).await.body;
    assert!(page.contains("development server"));
}

//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): ending the provider's own session.

use url::Url;

/// The URL that ends the session at the provider, for the browser (RP-Initiated Logout §2). No
/// `id_token_hint`: a token never goes into a URL, so the provider may ask the person to confirm.
pub fn end_session_url(
    endpoint: &Url,
    client_id: &str,
    post_logout_redirect_uri: Option<&str>,
    state: Option<&str>,
) -> Url {
    let mut ours = vec![("client_id", client_id)];
    if let Some(redirect_uri) = post_logout_redirect_uri {
        ours.push(("post_logout_redirect_uri", redirect_uri));
        // The state comes back with the redirect; without one it has nowhere to go.
        ours.extend(state.map(|state| ("state", state)));
    }
    let ours_too = |name: &str| ours.iter().any(|(our_name, _)| *our_name == name);
    let theirs: Vec<(String, String)> = endpoint
        .query_pairs()
        .filter(|(name, _)| !ours_too(name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(theirs)
        .extend_pairs(ours);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_client_is_named_and_the_redirect_only_if_asked_for() {
        let url = end_session_url(&endpoint("https://id.example/end"), "app", None, None);
        assert_eq!(url.as_str(), "https://id.example/end?client_id=app");
        let url = end_session_url(
            &endpoint("https://id.example/end"),
            "app",
            Some("com.example.app:/bye?x=1"),
            Some("s"),
        );
        assert_eq!(
            url.as_str(),
            "https://id.example/end?client_id=app\
             &post_logout_redirect_uri=com.example.app%3A%2Fbye%3Fx%3D1&state=s"
        );
    }

    #[test]
    fn a_state_without_a_redirect_is_not_sent() {
        let url = end_session_url(&endpoint("https://id.example/end"), "app", None, Some("s"));
        assert_eq!(url.query(), Some("client_id=app"));
    }

    #[test]
    fn the_endpoints_query_stays_and_no_parameter_comes_twice() {
        let endpoint = endpoint("https://id.example/end?p=B2C_1&client_id=other");
        let url = end_session_url(&endpoint, "app", None, None);
        assert_eq!(url.query(), Some("p=B2C_1&client_id=app"));
    }

    #[test]
    fn no_token_is_in_the_url() {
        let url = end_session_url(
            &endpoint("https://id.example/end"),
            "app",
            Some("a:/b"),
            Some("s"),
        );
        assert!(url.query_pairs().all(|(name, _)| name != "id_token_hint"));
    }
}

use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const STATE: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const NONCE: &str = "BBBBBBBBBBBBBBBBBBBBBB";

/// The request with one thing changed, sent to `endpoint`.
fn build(
    endpoint: &str,
    change: impl for<'a> FnOnce(&mut AuthorizationRequest<'a>),
) -> Result<Url, &'static str> {
    let endpoint = Url::parse(endpoint).unwrap();
    let scopes = ["openid".to_owned(), "offline_access".to_owned()];
    let mut request = AuthorizationRequest {
        authorization_endpoint: &endpoint,
        client_id: "my app",
        redirect_uri: "com.example.app:/callback",
        scopes: &scopes,
        state: STATE,
        nonce: Some(NONCE),
        code_verifier: VERIFIER,
        audience: None,
        resources: &[],
        prompt: None,
        login_hint: None,
        max_age: None,
        acr_values: None,
        ui_locales: None,
        extra: &[],
    };
    change(&mut request);
    authorization_url(&request)
}

fn with_extra(endpoint: &str, extra: &[(&str, &str)]) -> Result<Url, &'static str> {
    let extra: Vec<(String, String)> = extra
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let extra: &'static [_] = extra.leak();
    build(endpoint, |request| request.extra = extra)
}

fn values(url: &Url, name: &str) -> Vec<String> {
    url.query_pairs()
        .filter(|(n, _)| n == name)
        .map(|(_, v)| v.into_owned())
        .collect()
}

const ENDPOINT: &str = "https://id.example/authorize";

#[test]
fn the_verifier_of_rfc_7636_appendix_b_gives_its_challenge_by_s256() {
    let url = build(ENDPOINT, |_| {}).unwrap();
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    assert_eq!(values(&url, "code_challenge"), [challenge]);
    assert_eq!(values(&url, "code_challenge_method"), ["S256"]);
    assert!(!url.as_str().contains(VERIFIER));
}

#[test]
fn a_bare_request_holds_each_parameter_once_and_no_others() {
    let url = build(ENDPOINT, |_| {}).unwrap();
    assert_eq!(
        url.query().unwrap(),
        format!(
            "response_type=code&client_id=my+app&state={STATE}\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
             &code_challenge_method=S256&redirect_uri=com.example.app%3A%2Fcallback\
             &scope=openid+offline_access&nonce={NONCE}"
        )
    );
}

#[test]
fn values_are_encoded_as_in_rfc_6749_appendix_b() {
    let url = build(ENDPOINT, |request| request.login_hint = Some(" %&+£€")).unwrap();
    assert!(
        url.as_str()
            .ends_with("&login_hint=+%25%26%2B%C2%A3%E2%82%AC")
    );
}

#[test]
fn typed_options_are_sent_and_resources_may_repeat() {
    let resources: &'static [String] = vec![
        "https://a.example".to_owned(),
        "https://b.example".to_owned(),
    ]
    .leak();
    let url = build(ENDPOINT, |request| {
        request.audience = Some("https://api.example");
        request.resources = resources;
        request.prompt = Some("login consent");
        request.max_age = Some(0);
        request.acr_values = Some("mfa phr");
        request.ui_locales = Some("de fr");
    })
    .unwrap();
    assert_eq!(values(&url, "audience"), ["https://api.example"]);
    assert_eq!(
        values(&url, "resource"),
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(values(&url, "prompt"), ["login consent"]);
    assert_eq!(values(&url, "max_age"), ["0"]);
    assert_eq!(values(&url, "acr_values"), ["mfa phr"]);
    assert_eq!(values(&url, "ui_locales"), ["de fr"]);
}

#[test]
fn the_endpoints_query_is_kept_unless_it_carries_a_parameter_of_ours() {
    let url = build("https://id.example/a?p=B2C_1&x=%20", |_| {}).unwrap();
    assert!(
        url.query()
            .unwrap()
            .starts_with("p=B2C_1&x=%20&response_type=code&")
    );
    assert!(build("https://id.example/a?client_id=other", |_| {}).is_err());
    assert!(build("https://id.example/a?Response_Type=token", |_| {}).is_err());
    assert!(build("https://id.example/a#f", |_| {}).is_err());
}

#[test]
fn extra_parameters_cannot_override_the_cores() {
    for name in [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "resource",
        "code_challenge",
        "code_challenge_method",
        "response_mode",
        "request",
        "request_uri",
        "registration",
        "prompt",
        "max_age",
        "audience",
        "STATE",
        "Response_Mode",
        "",
    ] {
        assert!(with_extra(ENDPOINT, &[(name, "x")]).is_err(), "{name}");
    }
    let url = with_extra(ENDPOINT, &[("claims", "{}"), ("connection", "a&state=b")]).unwrap();
    assert_eq!(values(&url, "claims"), ["{}"]);
    assert_eq!(values(&url, "connection"), ["a&state=b"]);
    assert_eq!(values(&url, "state"), [STATE]);
}

#[test]
fn an_extra_parameter_comes_once() {
    assert!(with_extra(ENDPOINT, &[("a", "1"), ("a", "2")]).is_err());
    assert!(with_extra("https://id.example/a?a=0", &[("a", "1")]).is_err());
}

#[test]
fn a_nonce_goes_with_openid_and_only_with_openid() {
    let plain: &'static [String] = vec!["read".to_owned()].leak();
    let url = build(ENDPOINT, |request| request.scopes = plain).unwrap();
    assert_eq!(values(&url, "nonce"), [""; 0]);
    assert!(build(ENDPOINT, |request| request.nonce = None).is_err());
    assert!(build(ENDPOINT, |request| request.nonce = Some("short")).is_err());
    let url = build(ENDPOINT, |request| request.scopes = &[]).unwrap();
    assert_eq!(values(&url, "scope"), [""; 0]);
}

#[test]
fn weak_secrets_and_malformed_values_are_refused_without_a_panic() {
    assert!(build(ENDPOINT, |request| request.code_verifier = "short").is_err());
    let long: &'static str = "a".repeat(129).leak();
    assert!(build(ENDPOINT, |request| request.code_verifier = long).is_err());
    let reserved: &'static str = format!("{}+", "a".repeat(42)).leak();
    assert!(build(ENDPOINT, |request| request.code_verifier = reserved).is_err());
    assert!(build(ENDPOINT, |request| request.state = "short").is_err());
    assert!(build(ENDPOINT, |request| request.client_id = "").is_err());
    assert!(build(ENDPOINT, |request| request.prompt = Some("none login")).is_err());
    assert!(build(ENDPOINT, |request| request.prompt = Some("none")).is_ok());
    for scope in ["", "a b", "a\"b", "a\\b", "a\nb", "ä"] {
        let scopes: &'static [String] = vec!["openid".to_owned(), scope.to_owned()].leak();
        assert!(
            build(ENDPOINT, |request| request.scopes = scopes).is_err(),
            "{scope:?}"
        );
    }
}

#[test]
fn secrets_have_the_entropy_that_the_rules_ask_for() {
    assert_eq!(
        code_verifier(&[0xFF; 32]),
        "__________________________________________8"
    );
    assert_eq!(code_verifier(&[0; 32]).len(), 43);
    assert_eq!(state(&[0; 16]), STATE);
}

#[test]
fn redirect_uris_are_those_of_native_apps() {
    for good in [
        "https://app.example.com/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:51004/callback",
        "http://[::1]/callback",
        "http://localhost/callback",
        "com.example.app:/oauth2redirect/example-provider",
        "com.example.app:/?tenant=1",
    ] {
        assert!(check_redirect_uri(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "callback",
        "http://app.example.com/callback",
        "myapp:/callback",
        "com.example.app://callback",
        "com.example.app:///callback",
        "com.example.app:callback",
        "com..app:/callback",
        ".com:/callback",
        "javascript:alert(1)",
        "urn:ietf:wg:oauth:2.0:oob",
        "https://user@app.example.com/callback",
        "com.example.app:/a@b",
        "com.example.app:/user:password@host/callback",
        "https://app.example.com/callback#f",
        "com.example.app:/callback#",
        "https://app.example.com/a/../callback",
        "https://app.example.com/a%2fcallback",
        "https://app.example.com\\callback",
        "https://app.example.com/call back",
        "com.example.app:/call back",
        "com.example.app:/call\nback",
        "https://app.example.com/c?state=x",
        "https://app.example.com/cållback",
    ] {
        assert!(check_redirect_uri(bad).is_err(), "{bad}");
    }
}

#[test]
fn no_secret_is_in_the_debug_text() {
    let mut text = String::new();
    build(ENDPOINT, |request| text = format!("{request:?}")).unwrap();
    assert!(text.contains("my app"));
    for secret in [STATE, NONCE, VERIFIER] {
        assert!(!text.contains(secret));
    }
}

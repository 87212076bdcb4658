use super::*;
use ProtocolError::Untrusted;

const ISSUER: &str = "https://id.example/";

fn outcome(query: &str) -> Result<Outcome, ProtocolError> {
    let url = format!("com.example.app:/callback?state=s1&{query}");
    parse_callback(&url).unwrap().outcome(ISSUER, false)
}

fn code(code: &str) -> Result<Outcome, ProtocolError> {
    Ok(Outcome::Code(code.to_owned()))
}

fn error(code: &str) -> Result<Outcome, ProtocolError> {
    Ok(Outcome::Error {
        code: code.to_owned(),
    })
}

#[test]
fn a_code_is_extracted_and_unknown_parameters_are_ignored() {
    assert_eq!(outcome("code=c1"), code("c1"));
    let extras = "code=a%2Bb%2F+c&session_state=x&session_state=y&scope=openid&foo=";
    assert_eq!(outcome(extras), code("a+b/ c"));
}

#[test]
fn the_state_is_found_before_anything_is_judged() {
    let url = "https://app.example/cb?code=a&code=b&error=x&access_token=t&state=s%2B1";
    assert_eq!(parse_callback(url).unwrap().state(), "s+1");
}

#[test]
fn a_callback_without_exactly_one_state_is_not_ours() {
    for url in [
        "com.example.app:/callback?code=c1",
        "com.example.app:/callback?code=c1&state=",
        "com.example.app:/callback?state=s1&state=s1&code=c1",
        "com.example.app:/callback?state=s1&st%61te=s2&code=c1",
        "com.example.app:/callback#state=s1&code=c1",
        "com.example.app:/callback?State=s1&code=c1",
        "/callback?state=s1&code=c1",
        "not a url?state=s1",
        "",
        "com.example.app:/call\nback?state=s1&code=c1",
        "com.example.app:/callback?state=s1&code=c1 ",
    ] {
        assert!(parse_callback(url).is_none(), "{url:?}");
    }
}

#[test]
fn sixteen_kibibytes_are_read_and_no_more() {
    let start = "com.example.app:/callback?code=c1&state=s1&x=";
    let url = format!("{start}{}", "y".repeat(MAX_URL - start.len()));
    assert!(parse_callback(&url).is_some());
    assert!(parse_callback(&format!("{url}y")).is_none());
}

#[test]
fn duplicates_of_oauth_parameters_are_refused() {
    for name in [
        "code",
        "error",
        "iss",
        "error_description",
        "error_uri",
        "scope",
        "response",
    ] {
        let result = outcome(&format!("{name}=a&{name}=a"));
        assert_eq!(result, Err(Untrusted("duplicate_parameter")), "{name}");
    }
    assert_eq!(
        outcome("code=a&c%6Fde=b"),
        Err(Untrusted("duplicate_parameter"))
    );
    assert_eq!(
        outcome("code=a&code="),
        Err(Untrusted("duplicate_parameter"))
    );
}

#[test]
fn code_together_with_error_is_refused() {
    assert_eq!(
        outcome("code=c1&error=access_denied"),
        Err(Untrusted("code_and_error"))
    );
    assert_eq!(outcome("code=c1&error="), code("c1"));
    assert_eq!(outcome("code=&error=access_denied"), error("access_denied"));
}

#[test]
fn neither_code_nor_error_is_malformed() {
    for query in ["", "foo=bar", "code=", "error=", "code=&error=", "Code=c1"] {
        assert_eq!(
            outcome(query),
            Err(Untrusted("callback_malformed")),
            "{query}"
        );
    }
}

#[test]
fn a_code_is_bounded_and_printable_ascii() {
    let longest = "c".repeat(MAX_CODE);
    assert_eq!(outcome(&format!("code={longest}")), code(&longest));
    for bad in [
        &format!("{longest}c"),
        "a%0Ab",
        "a%00",
        "%C3%A4",
        "a%ff",
        "%7F",
    ] {
        let result = outcome(&format!("code={bad}"));
        assert_eq!(result, Err(Untrusted("callback_malformed")), "{bad}");
    }
}

#[test]
fn response_types_that_were_not_asked_for_are_refused() {
    for name in UNEXPECTED {
        for query in [
            format!("code=c1&{name}=x"),
            format!("{name}="),
            format!("code=c1#{name}=x"),
        ] {
            assert_eq!(outcome(&query), Err(Untrusted("response_type")), "{query}");
        }
    }
    assert_eq!(outcome("code=c1#_=_"), code("c1"));
}

#[test]
fn an_issuer_other_than_the_pending_logins_is_a_mix_up() {
    assert_eq!(
        outcome("code=c1&iss=https%3A%2F%2Fid.example%2F"),
        code("c1")
    );
    for iss in [
        "https://evil.example/",
        "https://id.example",
        "https://ID.example/",
        "",
    ] {
        for answer in ["code=c1", "error=access_denied", "code=c1&error=x", ""] {
            let result = outcome(&format!("{answer}&iss={iss}"));
            assert_eq!(result, Err(Untrusted("issuer")), "{answer} {iss}");
        }
    }
}

#[test]
fn an_advertised_issuer_must_be_there_on_success() {
    let with = |query: &str| {
        let url = format!("com.example.app:/callback?state=s1&{query}");
        parse_callback(&url).unwrap().outcome(ISSUER, true)
    };
    assert_eq!(with("code=c1&iss=https://id.example/"), code("c1"));
    assert_eq!(with("code=c1"), Err(Untrusted("issuer")));
    assert_eq!(with("error=login_required"), error("login_required"));
    assert_eq!(
        with("code=c1&error=login_required"),
        Err(Untrusted("issuer"))
    );
}

#[test]
fn an_error_code_is_passed_on_only_in_its_own_characters() {
    assert_eq!(
        outcome("error=access_denied&error_description=%1B[31m"),
        error("access_denied")
    );
    for bad in ["%0A", "a%22b", "%E2%80%AE", &"x".repeat(65)] {
        assert_eq!(
            outcome(&format!("error={bad}")),
            error("invalid_error_code"),
            "{bad}"
        );
    }
}

fn matches(redirect_uri: &str, address: &str) -> bool {
    let query = if address.contains('?') { '&' } else { '?' };
    parse_callback(&format!("{address}{query}state=s1&code=c1"))
        .is_some_and(|callback| callback.matches_redirect(redirect_uri))
}

#[test]
fn a_redirect_matches_in_any_case_of_scheme_and_host() {
    for (redirect_uri, address) in [
        ("https://app.example/cb", "https://app.example/cb"),
        ("https://app.example/cb", "HTTPS://App.Example/cb"),
        ("https://app.example/cb", "https://app.example:443/cb"),
        ("https://app.example", "https://app.example/"),
        ("com.example.app:/cb", "COM.example.App:/cb"),
        ("com.example.app://Host/cb", "com.example.app://hosT/cb"),
        ("com.example.app:/cb", "com.example.app:///cb"),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51004/cb"),
        ("http://[::1]:51004/cb", "http://[0:0::1]:51004/cb"),
        (
            "https://app.example/cb?tenant=1",
            "https://app.example/cb?x=y&tenant=1",
        ),
    ] {
        assert!(matches(redirect_uri, address), "{redirect_uri} {address}");
    }
}

#[test]
fn an_address_that_is_not_the_redirect_uri_does_not_match() {
    let web = "https://app.example/cb";
    for (redirect_uri, address) in [
        (web, "http://app.example/cb"),
        (web, "https://evil.example/cb"),
        (web, "https://app.example.evil.example/cb"),
        (web, "https://app.example:444/cb"),
        (web, "https://app.example/CB"),
        (web, "https://app.example/cb/"),
        (web, "https://app.example/c%62"),
        (web, "https://app.example//cb"),
        (web, "https://user@app.example/cb"),
        (web, "https://@app.example/cb"),
        (web, "https://app.example@evil.example/cb"),
        (web, "https://app.example/x/../cb"),
        (web, "https://app.example/x/%2e%2E/cb"),
        (web, "https://app.example/./cb"),
        (web, "https://app.example/x%2f..%2fcb"),
        (web, "https://app.example\\cb"),
        (web, "https:\\\\app.example/cb"),
        (web, "https:/app.example/cb"),
        (web, "https:app.example/cb"),
        (web, "https:///app.example/cb"),
        ("https://a.example/a.example/cb", "https:/a.example/cb"),
        ("https://a.example/a.example/cb", "https:///a.example/cb"),
        ("https://app.example/", "https://app.example\\cb"),
        ("https://app.example/x/../cb", "https://app.example/x/../cb"),
        (web, "com.example.app:/cb"),
        ("https://app.example/a%2fb", "https://app.example/a%2fb"),
        ("https://app.example/a%5Cb", "https://app.example/a%5Cb"),
        ("com.example.app:/cb", "com.example.app://evil/cb"),
        ("com.example.app:/cb", "com.example.app:cb"),
        ("com.example.app:/cb", "com.example.app:/cb/x"),
        ("com.example.app:/cb", "com.example.app:/x/../cb"),
        ("com.example.app:/cb", "com.example.app2:/cb"),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51005/cb"),
        ("http://127.0.0.1:51004/cb", "http://localhost:51004/cb"),
        ("https://app.example/cb?tenant=1", web),
        (
            "https://app.example/cb?tenant=1",
            "https://app.example/cb?tenant=2",
        ),
        (
            "https://app.example/cb?tenant=1",
            "https://app.example/cb?x=1",
        ),
        ("not a url", web),
    ] {
        assert!(!matches(redirect_uri, address), "{redirect_uri} {address}");
    }
}

#[test]
fn neither_state_nor_code_is_in_the_debug_text() {
    let callback = parse_callback("com.example.app:/cb?state=secret1&code=secret2").unwrap();
    let outcome = callback.outcome(ISSUER, false);
    assert!(!format!("{callback:?} {outcome:?}").contains("secret"));
}

use super::*;
use serde_json::json;

const ISSUER: &str = "https://id.example/tenant/";

/// Parses a small but complete document for `issuer`, with members replaced (null: absent).
fn parse(issuer: &str, changes: Value) -> Result<ProviderMetadata, ProtocolError> {
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": "https://id.example/authorize?tenant=1",
        "token_endpoint": "https://id.example/token",
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    parse_metadata(issuer, document.to_string().as_bytes())
}

#[test]
fn an_issuer_is_https_or_on_this_machine() {
    for good in [
        "https://id.example",
        "https://id.example:8443/realms/a/",
        "http://127.0.0.1:9000",
        "http://127.8.8.8/x",
        "http://[::1]:9000",
        "http://localhost:9000/oidc",
    ] {
        assert!(check_issuer(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "id.example",
        "http://id.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "http://[::ffff:127.0.0.1]",
        "ftp://id.example",
        "com.example.app:/x",
        "https://id.example?x=1",
        "https://id.example?",
        "https://id.example#",
        "https://user@id.example",
        "https://@id.example",
        "https://id.example\\@evil.example",
        "https://id.exa\nmple",
        " https://id.example",
    ] {
        assert!(check_issuer(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_endpoint_keeps_its_query_but_has_no_fragment() {
    let url = check_endpoint("https://id.example/a?p=B2C_1").unwrap();
    assert_eq!(url.query(), Some("p=B2C_1"));
    assert!(check_endpoint("https://id.example/a#f").is_err());
    assert!(check_endpoint("https://id.example/a@b?c@d").is_ok());
}

#[test]
fn well_known_paths_follow_the_examples_of_both_standards() {
    let urls = |issuer| well_known_urls(&Url::parse(issuer).unwrap()).map(String::from);
    assert_eq!(
        urls("https://example.com"),
        [
            "https://example.com/.well-known/openid-configuration",
            "https://example.com/.well-known/oauth-authorization-server",
        ]
    );
    let with_path = [
        "https://example.com/issuer1/.well-known/openid-configuration",
        "https://example.com/.well-known/oauth-authorization-server/issuer1",
    ];
    assert_eq!(urls("https://example.com/issuer1"), with_path);
    assert_eq!(urls("https://example.com/issuer1/"), with_path);
}

#[test]
fn the_issuer_is_compared_byte_by_byte() {
    assert!(parse(ISSUER, json!({})).is_ok());
    for other in [
        json!("https://id.example/tenant"),
        json!("https://ID.example/tenant/"),
        json!("https://id.example:443/tenant/"),
        json!("https://evil.example/"),
        json!("https://id.example/{tenantid}/"),
        json!([ISSUER]),
        json!(null),
    ] {
        let result = parse(ISSUER, json!({ "issuer": other }));
        assert_eq!(
            result.unwrap_err(),
            ProtocolError::Untrusted("issuer"),
            "{other}"
        );
    }
}

#[test]
fn every_endpoint_is_https_unless_the_provider_is_on_this_machine() {
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
    ] {
        for bad in [
            "http://id.example/x",
            "http://127.0.0.1/x",
            "https://u@id.example/",
            "/x",
            "",
        ] {
            let result = parse(ISSUER, json!({ name: bad }));
            assert_eq!(
                result.unwrap_err(),
                ProtocolError::Untrusted("endpoint"),
                "{name} {bad}"
            );
        }
        assert!(
            parse(
                "http://127.0.0.1:9000",
                json!({ name: "http://127.0.0.1:9000/x" })
            )
            .is_ok()
        );
        let result = parse(
            "http://127.0.0.1:9000",
            json!({ name: "http://id.example/x" }),
        );
        assert_eq!(
            result.unwrap_err(),
            ProtocolError::Untrusted("endpoint"),
            "{name}"
        );
    }
}

#[test]
fn metadata_without_an_endpoint_that_a_login_needs_is_no_valid_answer() {
    for name in ["authorization_endpoint", "token_endpoint"] {
        for missing in [json!(null), json!(7)] {
            assert_eq!(
                parse(ISSUER, json!({ name: missing })).unwrap_err(),
                NO_METADATA
            );
        }
    }
    let twice = format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}"}}"#);
    for body in ["", "<html>", "[]", &twice] {
        assert_eq!(
            parse_metadata(ISSUER, body.as_bytes()).unwrap_err(),
            NO_METADATA,
            "{body}"
        );
    }
}

#[test]
fn challenge_methods_without_s256_are_refused_and_silence_is_not() {
    let methods = "code_challenge_methods_supported";
    for bad in [json!(["plain"]), json!([]), json!(["s256"])] {
        let result = parse(ISSUER, json!({ methods: bad }));
        assert_eq!(
            result.unwrap_err(),
            ProtocolError::Untrusted("pkce_method"),
            "{bad}"
        );
    }
    assert_eq!(
        parse(ISSUER, json!({ methods: "S256" })).unwrap_err(),
        NO_METADATA
    );
    assert!(parse(ISSUER, json!({ methods: ["plain", "S256"] })).is_ok());
    assert!(parse(ISSUER, json!({ methods: null })).is_ok());
}

#[test]
fn algorithms_are_the_listed_ones_that_we_accept() {
    let of = |listed: Value| {
        parse(
            ISSUER,
            json!({ "id_token_signing_alg_values_supported": listed }),
        )
        .unwrap()
        .algorithms
    };
    assert_eq!(of(json!(null)), [Algorithm::Rs256]);
    assert_eq!(
        of(json!([
            "none", "HS256", "ES256", "RS256", "ES256", "RS512", 5
        ])),
        [Algorithm::Es256, Algorithm::Rs256]
    );
    assert_eq!(of(json!(["HS256", "none", "rs256"])), []);
}

#[test]
fn flags_and_optional_fields_are_false_or_absent_unless_stated() {
    let bare = parse(ISSUER, json!({ "unknown": {"a": [1]} })).unwrap();
    assert!(!bare.iss_parameter_supported && !bare.pushed_requests_required);
    assert!(bare.jwks_uri.is_none());
    assert_eq!(bare.authorization_endpoint.query(), Some("tenant=1"));
    let full = parse(
        ISSUER,
        json!({
            "authorization_response_iss_parameter_supported": true,
            "require_pushed_authorization_requests": true,
            "end_session_endpoint": "https://id.example/logout",
        }),
    )
    .unwrap();
    assert!(full.iss_parameter_supported && full.pushed_requests_required);
    assert_eq!(full.end_session_endpoint.unwrap().path(), "/logout");
}

#[test]
fn freshness_comes_from_max_age_within_our_bounds() {
    for (header, seconds) in [
        (None, 600),
        (Some(""), 600),
        (Some("no-store"), 600),
        (Some("No-Store, max-age=3600"), 600),
        (Some("public, Max-Age=3600"), 3600),
        (Some("max-age=\"900\""), 900),
        (Some("max-age=0"), 60),
        (Some("max-age=31536000"), 86_400),
        (Some("max-age=99999999999999999999999"), 86_400),
        (Some("max-age=-1"), 600),
        (Some("max-age=+7"), 600),
        (Some("max-age"), 600),
        (Some("s-maxage=7200"), 600),
    ] {
        assert_eq!(cache_seconds(header), seconds, "{header:?}");
    }
}

use super::*;
use serde_json::json;

const JSON: Option<&str> = Some("application/json;charset=UTF-8");

/// Parses a 200 with the least that is valid, and members replaced (null: as good as absent).
fn success(changes: Value) -> Result<TokenResponse, TokenProblem> {
    let mut body = json!({ "access_token": "at.1", "token_type": "Bearer" });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    parse_token_answer(200, JSON, &[], body.to_string().as_bytes())
}

fn problem(status: u16, content_type: Option<&str>, body: &str) -> TokenProblem {
    parse_token_answer(status, content_type, &[], body.as_bytes()).unwrap_err()
}

fn refused(status: u16, code: &str) -> Verdict {
    verdict(&problem(
        status,
        JSON,
        &json!({ "error": code }).to_string(),
    ))
}

fn provider(status: u16, code: Option<&str>, maybe_processed: bool) -> Verdict {
    Verdict::Provider {
        status,
        code: code.map(str::to_owned),
        maybe_processed,
    }
}

const GARBLED: TokenProblem = TokenProblem::Garbled { status: 200 };

#[test]
fn a_code_exchange_is_a_form_with_the_client_id_and_no_secret_of_the_client() {
    let grant = Grant::AuthorizationCode {
        code: "c+1/ =&x",
        code_verifier: "v-._~",
        redirect_uri: "com.example.app:/callback",
    };
    assert_eq!(
        token_request("my app", &grant, &["https://api.example/?a=b".to_owned()]),
        "grant_type=authorization_code&code=c%2B1%2F+%3D%26x\
         &redirect_uri=com.example.app%3A%2Fcallback&code_verifier=v-._%7E\
         &client_id=my+app&resource=https%3A%2F%2Fapi.example%2F%3Fa%3Db"
    );
}

#[test]
fn a_refresh_names_scopes_only_if_they_are_narrowed() {
    let body = |scopes: &[String]| {
        token_request(
            "app",
            &Grant::RefreshToken {
                refresh_token: "r1",
                scopes,
            },
            &[],
        )
    };
    assert_eq!(
        body(&[]),
        "grant_type=refresh_token&refresh_token=r1&client_id=app"
    );
    assert_eq!(
        body(&["a".to_owned(), "b".to_owned()]),
        "grant_type=refresh_token&refresh_token=r1&scope=a+b&client_id=app"
    );
}

#[test]
fn forms_are_encoded_as_in_rfc_6749_appendix_b() {
    let body = token_request(
        " %&+£€",
        &Grant::RefreshToken {
            refresh_token: "r",
            scopes: &[],
        },
        &[],
    );
    assert!(body.ends_with("&client_id=+%25%26%2B%C2%A3%E2%82%AC"));
}

#[test]
fn the_least_valid_answer_leaves_all_else_unknown() {
    let response = success(json!({ "unknown": {"a": [1]} })).unwrap();
    assert_eq!(response.access_token.secret(), "at.1");
    assert!(response.refresh_token.is_none() && response.id_token.is_none());
    assert!(response.expires_in_seconds.is_none() && response.scopes.is_none());
}

#[test]
fn a_full_answer_is_read() {
    let response = success(json!({
        "token_type": "bEARER", "refresh_token": "r 1", "id_token": "a.b.c",
        "expires_in": 299, "scope": "openid  read:x",
    }))
    .unwrap();
    assert_eq!(response.refresh_token.unwrap().secret(), "r 1");
    assert_eq!(response.id_token.as_deref(), Some("a.b.c"));
    assert_eq!(response.expires_in_seconds, Some(299));
    assert_eq!(response.scopes.unwrap(), ["openid", "read:x"]);
}

#[test]
fn without_token_or_type_an_answer_is_garbled() {
    for name in ["access_token", "token_type"] {
        for bad in [json!(null), json!(""), json!(5), json!(["a"])] {
            assert_eq!(
                success(json!({ name: bad })).unwrap_err(),
                GARBLED,
                "{name} {bad}"
            );
        }
    }
    for (name, bad) in [("refresh_token", json!(5)), ("id_token", json!({}))] {
        assert_eq!(
            success(json!({ name: bad })).unwrap_err(),
            GARBLED,
            "{name}"
        );
    }
}

#[test]
fn only_bearer_tokens_are_used() {
    for other in ["mac", "DPoP", "N_A", "Bearer ", "bearer\u{0}"] {
        let result = success(json!({ "token_type": other }));
        assert_eq!(
            result.unwrap_err(),
            TokenProblem::Untrusted("token_type"),
            "{other}"
        );
    }
}

#[test]
fn a_token_that_could_break_a_header_is_refused() {
    let long = "a".repeat(MAX_TOKEN + 1);
    for bad in ["a b", "a\r\nX: y", "a\u{0}", "ä", "\u{7f}", &long] {
        let result = success(json!({ "access_token": bad }));
        assert_eq!(
            result.unwrap_err(),
            TokenProblem::Untrusted("access_token"),
            "{bad:?}"
        );
    }
    for bad in ["a\nb", "ä", &long] {
        let result = success(json!({ "refresh_token": bad }));
        assert_eq!(
            result.unwrap_err(),
            TokenProblem::Untrusted("refresh_token"),
            "{bad:?}"
        );
    }
    for good in ["1|abc", "a.b..c.d", "~+/=", &"a".repeat(MAX_TOKEN)] {
        assert!(success(json!({ "access_token": good })).is_ok(), "{good}");
    }
}

#[test]
fn an_empty_refresh_token_or_id_token_is_none() {
    let response = success(json!({ "refresh_token": "", "id_token": "" })).unwrap();
    assert!(response.refresh_token.is_none() && response.id_token.is_none());
}

#[test]
fn a_lifetime_is_a_number_or_digits_floored_and_capped() {
    for (value, seconds) in [
        (json!(0), Some(0)),
        (json!(864_000), Some(864_000)),
        (json!("3600"), Some(3600)),
        (json!(3599.9), Some(3599)),
        (json!(u64::MAX), Some(MAX_EXPIRES_IN)),
        (json!(1e300), Some(MAX_EXPIRES_IN)),
        (json!("99999999999999999999999"), Some(MAX_EXPIRES_IN)),
        (json!(-1), None),
        (json!(-0.5), None),
        (json!("-1"), None),
        (json!(""), None),
        (json!("1h"), None),
        (json!(null), None),
        (json!([5]), None),
    ] {
        let response = success(json!({ "expires_in": value })).unwrap();
        assert_eq!(response.expires_in_seconds, seconds, "{value}");
    }
}

#[test]
fn an_answer_that_is_not_a_json_object_under_200_is_garbled() {
    let body = r#"{"access_token":"a","token_type":"bearer"}"#;
    assert!(parse_token_answer(200, JSON, &[], body.as_bytes()).is_ok());
    for content_type in [
        None,
        Some("text/html"),
        Some("application/x-www-form-urlencoded"),
    ] {
        assert_eq!(
            problem(200, content_type, body),
            GARBLED,
            "{content_type:?}"
        );
    }
    for status in [201, 204, 302, 400, 500] {
        assert_eq!(
            problem(status, JSON, body),
            TokenProblem::Garbled { status }
        );
    }
    let twice = r#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#;
    for body in ["", "[]", "<html>", "{\"access_token\":\"a\",", twice] {
        assert_eq!(problem(200, JSON, body), GARBLED, "{body}");
    }
}

#[test]
fn an_error_member_is_an_error_even_under_200() {
    let code = |error: Value| match success(json!({ "error": error })) {
        Err(TokenProblem::Error { status: 200, code }) => Some(code),
        _ => None,
    };
    assert_eq!(
        code(json!("invalid_grant")).as_deref(),
        Some("invalid_grant")
    );
    for bad in [
        json!(""),
        json!("a\nb"),
        json!("x".repeat(65)),
        json!({"code": 1}),
        json!(1),
    ] {
        assert_eq!(
            code(bad.clone()).as_deref(),
            Some("invalid_error_code"),
            "{bad}"
        );
    }
    assert!(success(json!({ "error": null })).is_ok());
}

#[test]
fn only_a_clear_invalid_grant_ends_the_session() {
    for status in [400, 401, 403] {
        assert_eq!(refused(status, "invalid_grant"), Verdict::Ended, "{status}");
    }
    for status in [500, 502, 503] {
        let verdict = refused(status, "invalid_grant");
        assert_eq!(
            verdict,
            Verdict::Unavailable {
                maybe_processed: true
            },
            "{status}"
        );
    }
    assert_eq!(refused(429, "invalid_grant"), Verdict::RateLimited);
    assert_eq!(
        refused(200, "invalid_grant"),
        provider(200, Some("invalid_grant"), false)
    );
    let html = problem(400, Some("text/html"), r#"{"error":"invalid_grant"}"#);
    assert_eq!(verdict(&html), provider(400, None, false));
    assert_eq!(
        refused(400, "Invalid_Grant"),
        provider(400, Some("Invalid_Grant"), false)
    );
}

#[test]
fn other_oauth_errors_are_the_providers_and_resolve_the_refresh() {
    for code in [
        "invalid_client",
        "unauthorized_client",
        "invalid_scope",
        "invalid_request",
    ] {
        assert_eq!(refused(401, code), provider(401, Some(code), false));
    }
    assert_eq!(
        refused(500, "invalid_client"),
        provider(500, Some("invalid_client"), true)
    );
}

#[test]
fn interaction_errors_ask_for_the_person() {
    for code in [
        "interaction_required",
        "login_required",
        "consent_required",
        "mfa_required",
        "account_selection_required",
        "unmet_authentication_requirements",
    ] {
        let expected = Verdict::InteractionRequired {
            code: code.to_owned(),
        };
        assert_eq!(refused(400, code), expected);
        assert_ne!(refused(500, code), expected);
    }
}

#[test]
fn trouble_that_may_pass_says_whether_the_token_may_be_spent() {
    for code in ["server_error", "temporarily_unavailable"] {
        assert_eq!(
            refused(400, code),
            Verdict::Unavailable {
                maybe_processed: false
            }
        );
        assert_eq!(
            refused(503, code),
            Verdict::Unavailable {
                maybe_processed: true
            }
        );
    }
    let garbled = |status| verdict(&TokenProblem::Garbled { status });
    for status in [500, 502, 503, 504, 599] {
        assert_eq!(
            garbled(status),
            Verdict::Unavailable {
                maybe_processed: true
            }
        );
    }
    for (status, maybe_processed) in [
        (200, true),
        (302, true),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, true),
    ] {
        assert_eq!(garbled(status), provider(status, None, maybe_processed));
    }
    assert_eq!(garbled(429), Verdict::RateLimited);
    assert_eq!(
        verdict(&TokenProblem::Untrusted("token_type")),
        provider(200, None, true)
    );
}

#[test]
fn a_packed_answer_is_judged_like_one_that_cannot_be_read_and_named() {
    let body = r#"{"access_token":"at.1","token_type":"Bearer"}"#;
    for status in [200, 302, 400, 401, 408, 429, 500, 503] {
        let result = parse_token_answer(status, JSON, &["gzip"], body.as_bytes());
        let packed = result.unwrap_err();
        assert_eq!(packed, TokenProblem::Packed { status });
        let mut expected = verdict(&TokenProblem::Garbled { status });
        if let Verdict::Provider { code, .. } = &mut expected {
            *code = Some("packed_answer".to_owned());
        }
        assert_eq!(verdict(&packed), expected, "{status}");
    }
    let plain = parse_token_answer(200, JSON, &["utf-8"], body.as_bytes());
    assert!(plain.is_ok());
}

#[test]
fn no_token_is_in_the_debug_text() {
    let response = success(json!({
        "access_token": "secret1", "refresh_token": "secret2", "id_token": "secret3",
    }));
    assert!(!format!("{response:?}").contains("secret"));
    let error = problem(400, JSON, r#"{"error":"x","error_description":"secret"}"#);
    assert!(!format!("{error:?} {}", ProtocolError::from(error.clone())).contains("secret"));
}

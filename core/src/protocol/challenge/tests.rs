use super::*;

/// Challenges as (scheme, "name=value|name=value").
fn parse(values: &[&str]) -> Vec<(String, String)> {
    let shown = |challenge: Challenge| {
        let parameters: Vec<String> = challenge
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (challenge.scheme, parameters.join("|"))
    };
    parse_challenges(values).into_iter().map(shown).collect()
}

fn challenges(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(s, p)| ((*s).to_owned(), (*p).to_owned()))
        .collect()
}

fn error_of(values: &[&str]) -> BearerError {
    bearer_error(&parse_challenges(values))
}

#[test]
fn one_line_may_hold_two_challenges() {
    assert_eq!(
        parse(&[r#"Bearer realm="api", DPoP algs="RS256 ES256""#]),
        challenges(&[("Bearer", "realm=api"), ("DPoP", "algs=RS256 ES256")])
    );
    assert_eq!(
        parse(&[r#"Bearer realm="api", error="invalid_token",DPoP algs="ES256""#]),
        challenges(&[
            ("Bearer", "realm=api|error=invalid_token"),
            ("DPoP", "algs=ES256")
        ])
    );
}

#[test]
fn two_lines_are_read_as_one_list() {
    assert_eq!(
        parse(&["Bearer", "DPoP error=\"use_dpop_nonce\""]),
        challenges(&[("Bearer", ""), ("DPoP", "error=use_dpop_nonce")])
    );
}

#[test]
fn the_examples_of_the_standards_are_read() {
    // RFC 9110 §11.6.1.
    assert_eq!(
        parse(&[
            r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#
        ]),
        challenges(&[
            ("Basic", "realm=simple"),
            ("Newauth", "realm=apps|type=1|title=Login to \"apps\"")
        ])
    );
    // RFC 9470 §3.
    assert_eq!(
        error_of(&[
            r#"Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="myACR", max_age="5""#
        ]),
        BearerError {
            error: Some("insufficient_user_authentication".to_owned()),
            description: Some("A different authentication level is required".to_owned()),
            scope: None,
            acr_values: Some("myACR".to_owned()),
            max_age_seconds: Some(5),
        }
    );
}

#[test]
fn odd_but_legal_spellings_are_read() {
    for (line, expected) in [
        ("Negotiate", vec![("Negotiate", "")]),
        ("Negotiate YWJj==", vec![("Negotiate", "")]),
        (
            "Negotiate YWJj== , Bearer a=b",
            vec![("Negotiate", ""), ("Bearer", "a=b")],
        ),
        ("Negotiate, Bearer", vec![("Negotiate", ""), ("Bearer", "")]),
        (
            " , ,Bearer , realm = \"x\" ,, ",
            vec![("Bearer", "realm=x")],
        ),
        (
            "Bearer a=\"x, DPoP y=z\", b=2",
            vec![("Bearer", "a=x, DPoP y=z|b=2")],
        ),
        ("Bearer A=1, a=2", vec![("Bearer", "a=1")]),
        ("Bearer a=\"1\" b=\"2\"", vec![("Bearer", "a=1|b=2")]),
        (
            "Bearer u=https://a.example/x?y=z, c=d",
            vec![("Bearer", "u=https://a.example/x?y=z|c=d")],
        ),
        ("bearer\terror=\"\"", vec![("bearer", "error=")]),
    ] {
        assert_eq!(parse(&[line]), challenges(&expected), "{line}");
    }
}

#[test]
fn a_malformed_line_gives_what_was_readable_before_the_fault() {
    for (line, expected) in [
        ("", vec![]),
        ("=", vec![]),
        ("realm=\"x\"", vec![]),
        ("\"Bearer\"", vec![]),
        ("Bearer a=1, b=\"open", vec![("Bearer", "a=1")]),
        ("Bearer a=1, b=\"open\\", vec![("Bearer", "a=1")]),
        ("Bearer a=1, {b}, c=2", vec![("Bearer", "a=1")]),
        ("Bearer ä=1", vec![("Bearer", "")]),
    ] {
        assert_eq!(parse(&[line]), challenges(&expected), "{line}");
    }
}

#[test]
fn eight_kibibytes_and_sixteen_challenges_are_read_and_no_more() {
    assert_eq!(parse(&["A, ".repeat(100).as_str()]).len(), MAX_CHALLENGES);
    let long = format!("Bearer a=\"{}\"", "x".repeat(MAX_BYTES));
    assert_eq!(
        parse(&["Basic", &long, "DPoP"]),
        challenges(&[("Basic", "")])
    );
    let many: String = (0..100).map(|n| format!("p{n}=1,")).collect();
    let read = parse_challenges(&[&format!("Bearer {many}")]);
    assert_eq!(
        read.first().map(|challenge| challenge.parameters.len()),
        Some(MAX_PARAMETERS)
    );
}

#[test]
fn the_bearer_challenge_counts_and_one_with_an_error_first() {
    let error = |line: &str| error_of(&[line]).error;
    assert_eq!(error("Bearer realm=\"api\", DPoP algs=\"ES256\""), None);
    assert_eq!(
        error("Basic error=x, BEARER error=\"invalid_token\"").as_deref(),
        Some("invalid_token")
    );
    assert_eq!(error("DPoP error=a, Bearer error=b").as_deref(), Some("b"));
    assert_eq!(error("Bearer realm=x, DPoP error=a").as_deref(), Some("a"));
    assert_eq!(error("Basic error=x"), None);
    assert_eq!(error_of(&[]), BearerError::default());
}

#[test]
fn what_an_api_says_is_made_safe() {
    let bearer = error_of(&[
        "Bearer error=\"a\u{1b}b\", error_description=\"x\u{202E}\u{0}y\", \
        scope=\"read:a  b\u{7f} write:a\", acr_values=\" \", max_age=\"5s\"",
    ]);
    assert_eq!(bearer.error, None);
    assert_eq!(bearer.description.as_deref(), Some("xy"));
    assert_eq!(bearer.scope.as_deref(), Some("read:a write:a"));
    assert_eq!((bearer.acr_values, bearer.max_age_seconds), (None, None));
    assert_eq!(
        error_of(&["Bearer max_age=\"\", scope=\"\""]),
        BearerError::default()
    );
}

fn judge(status: u16, line: &str) -> ApiVerdict {
    api_verdict(status, &error_of(&[line]))
}

#[test]
fn a_401_is_worth_one_refresh_unless_it_asks_for_a_stronger_login() {
    for line in [
        "Bearer realm=\"api\"",
        "",
        "Bearer error=\"invalid_token\"",
        "Basic",
    ] {
        assert_eq!(judge(401, line), ApiVerdict::RefreshOnce, "{line}");
    }
    let line = "Bearer error=\"insufficient_user_authentication\", acr_values=\"mfa\", max_age=60";
    let expected = ApiVerdict::StepUp {
        reason: StepUpReason::InsufficientUserAuthentication,
        scope: None,
        acr_values: Some("mfa".to_owned()),
        max_age_seconds: Some(60),
    };
    assert_eq!(judge(401, line), expected);
}

#[test]
fn a_missing_scope_asks_for_a_step_up_and_never_for_a_refresh() {
    let line = "Bearer error=\"insufficient_scope\", scope=\"read:private\"";
    for status in [401, 403] {
        let expected = ApiVerdict::StepUp {
            reason: StepUpReason::InsufficientScope,
            scope: Some("read:private".to_owned()),
            acr_values: None,
            max_age_seconds: None,
        };
        assert_eq!(judge(status, line), expected, "{status}");
    }
    assert_eq!(
        judge(403, "Bearer error=\"invalid_token\""),
        ApiVerdict::Refused
    );
    assert_eq!(judge(400, line), ApiVerdict::Refused);
}

#[test]
fn overload_never_causes_a_refresh() {
    let line = "Bearer error=\"invalid_token\"";
    assert_eq!(judge(429, line), ApiVerdict::RateLimited);
    assert_eq!(judge(503, line), ApiVerdict::Unavailable);
    for status in [400, 404, 409, 500, 502] {
        assert_eq!(judge(status, line), ApiVerdict::Refused, "{status}");
    }
}

#[test]
fn the_message_is_the_bodys_then_the_challenges_then_ours() {
    let described = error_of(&["Bearer error=x, error_description=\"from the challenge\""]);
    let show = |content_type, body: &str| {
        message_to_show(403, Some(content_type), body.as_bytes(), &described)
    };
    let body = r#"{"detail":"4","title":"3","error_description":"2","message":"1"}"#;
    assert_eq!(show("application/json", body), "1");
    let body = r#"{"detail":"4","title":"3","error_description":"2","message":" "}"#;
    assert_eq!(show("application/json", body), "2");
    assert_eq!(
        show("application/problem+json", r#"{"detail":"4","title":"3"}"#),
        "3"
    );
    assert_eq!(
        show("application/json", r#"{"message":{"a":1},"detail":"4"}"#),
        "4"
    );
    for (content_type, body) in [
        ("text/html", r#"{"message":"1"}"#),
        ("application/json", "<html>stack trace"),
        ("application/json", ""),
        ("application/json", r#"{"error":"x"}"#),
    ] {
        assert_eq!(show(content_type, body), "from the challenge", "{body}");
    }
    let ours = message_to_show(403, None, b"", &BearerError::default());
    assert_eq!(ours, "the API does not allow this (status 403)");
}

#[test]
fn a_message_is_short_and_holds_no_control_characters() {
    let body = format!(r#"{{"message":"a\u001b[31m\r\nb{}"}}"#, "x".repeat(10_000));
    let message = message_to_show(
        500,
        Some("application/json"),
        body.as_bytes(),
        &BearerError::default(),
    );
    assert!(message.starts_with("a[31m  b"));
    assert_eq!(message.chars().count(), MAX_TEXT);
}

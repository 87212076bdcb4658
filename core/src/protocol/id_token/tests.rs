use super::RefreshedIdTokenProblem::{SubjectChanged, Unverifiable};
use super::*;
use serde_json::json;

const NOW: i64 = 1_700_000_000;
/// The access token of OIDC Core's Appendix A, and its `at_hash` there (RS256).
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
const AT_HASH: &str = "77QmUPtjPfzWtF2AnpK9RQ";

const LOGIN: Expected<'static> = Expected {
    issuer: "https://op.example/tenant",
    client_id: "app",
    nonce: Some("n-0S6_WzA2Mj"),
    max_age: None,
    essential_acr: &[],
    access_token: ACCESS_TOKEN,
    now: NOW,
    server_date: Some(NOW),
};

const REFRESH: RefreshExpected<'static> = RefreshExpected {
    issuer: "https://op.example/tenant",
    client_id: "app",
    subject: "joe",
    auth_time: Some(NOW - 5_000),
    nonce: Some("n-0S6_WzA2Mj"),
    access_token: ACCESS_TOKEN,
    now: NOW,
};

/// Good claims with some replaced; what is replaced by null is left out.
fn claims(changes: Value) -> Claims {
    let mut claims = json!({
        "iss": "https://op.example/tenant", "sub": "joe", "aud": "app", "nonce": "n-0S6_WzA2Mj",
        "exp": NOW + 3_600, "iat": NOW,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let claims = claims.as_object().unwrap().clone();
    claims
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect()
}

/// The word of the check that fails at a login, or `good`.
fn login_with(changes: Value, expected: &Expected<'_>) -> &'static str {
    match check_claims(claims(changes), Algorithm::Rs256, expected) {
        Ok(_) => "good",
        Err(ProtocolError::Untrusted(check)) => check,
        Err(other) => panic!("{other}"),
    }
}

fn login(changes: Value) -> &'static str {
    login_with(changes, &LOGIN)
}

fn refresh_with(
    changes: Value,
    expected: &RefreshExpected<'_>,
) -> Result<(), RefreshedIdTokenProblem> {
    check_refreshed(claims(changes), Algorithm::Rs256, expected).map(|_| ())
}

fn refresh(changes: Value) -> Result<(), RefreshedIdTokenProblem> {
    refresh_with(changes, &REFRESH)
}

fn list(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn good_claims_are_returned_with_what_they_say() {
    let given = claims(json!({ "auth_time": NOW - 9, "email": "joe@example.com" }));
    let checked = check_claims(given.clone(), Algorithm::Rs256, &LOGIN).unwrap();
    assert_eq!(checked.subject, "joe");
    assert_eq!(checked.issued_at, NOW);
    assert_eq!(checked.auth_time, Some(NOW - 9));
    assert_eq!(checked.claims, given);
}

#[test]
fn r039_the_issuer_is_one_string_equal_byte_for_byte() {
    for bad in list(
        r#"[null, "", "https://op.example", "https://op.example/tenant/", "https://evil.test/tenant",
            "https://OP.example/tenant", ["https://op.example/tenant"]]"#,
    ) {
        assert_eq!(login(json!({ "iss": bad })), "issuer", "{bad}");
    }
}

#[test]
fn r040_the_audience_is_the_client_and_nobody_else() {
    for good in list(r#"["app", ["app"]]"#) {
        assert_eq!(login(json!({ "aud": good })), "good", "{good}");
    }
    for bad in list(
        r#"[null, "", "App", "app other", [], [["app"]], {"app": 1}, ["other"], ["app", "other"],
            ["other", "app"], ["app", 1], 7]"#,
    ) {
        assert_eq!(
            login(json!({ "aud": bad, "azp": "app" })),
            "audience",
            "{bad}"
        );
    }
}

#[test]
fn r040_the_authorized_party_is_the_client_wherever_it_is_named() {
    assert_eq!(login(json!({ "azp": "app" })), "good");
    for bad in list(r#"["other", "", ["app"], 1]"#) {
        assert_eq!(login(json!({ "azp": bad })), "authorized_party", "{bad}");
    }
    let twice = json!(["app", "app"]);
    assert_eq!(login(json!({ "aud": twice })), "authorized_party");
    assert_eq!(login(json!({ "aud": twice, "azp": "app" })), "good");
}

#[test]
fn r042_the_subject_is_a_string_of_1_to_255_characters() {
    assert_eq!(login(json!({ "sub": "ü".repeat(255) })), "good");
    assert_eq!(login(json!({ "sub": "x".repeat(256) })), "subject");
    for bad in list(r#"[null, "", 42, ["joe"]]"#) {
        assert_eq!(login(json!({ "sub": bad })), "subject", "{bad}");
    }
}

#[test]
fn r005_the_nonce_comes_back_unchanged_and_none_comes_unasked() {
    for bad in list(r#"[null, "", "N-0S6_WzA2Mj", "n-0S6_WzA2M", ["n-0S6_WzA2Mj"]]"#) {
        assert_eq!(login(json!({ "nonce": bad })), "nonce", "{bad}");
    }
    let none_sent = Expected {
        nonce: None,
        ..LOGIN
    };
    assert_eq!(login_with(json!({}), &none_sent), "nonce");
    assert_eq!(login_with(json!({ "nonce": null }), &none_sent), "good");
}

#[test]
fn r042_a_token_is_good_until_sixty_seconds_after_its_expiry() {
    for (time, word) in [
        (NOW + 1, "good"),
        (NOW - 59, "good"),
        (NOW - 60, "expiry"),
        (0, "expiry"),
    ] {
        assert_eq!(login(json!({ "exp": time })), word, "{time}");
    }
}

#[test]
fn r042_a_token_is_issued_and_valid_from_at_most_sixty_seconds_from_now() {
    for (name, word) in [("iat", "issued_at"), ("nbf", "not_before")] {
        for (time, word) in [
            (0, "good"),
            (NOW + 60, "good"),
            (NOW + 61, word),
            (i64::MAX, word),
        ] {
            assert_eq!(login(json!({ name: time })), word, "{name} {time}");
        }
    }
}

#[test]
fn r042_times_are_json_numbers_whole_or_not() {
    let whole = json!({ "exp": 1.7e9 + 3_600.0, "iat": 1.7e9, "nbf": 1.7e9 - 0.5 });
    let checked = check_claims(claims(whole), Algorithm::Rs256, &LOGIN).unwrap();
    assert_eq!(checked.issued_at, NOW);
    assert_eq!(login(json!({ "exp": u64::MAX })), "good");
    assert_eq!(login(json!({ "exp": 1e300 })), "good");
    assert_eq!(login(json!({ "exp": -1e300 })), "expiry");
    let times = [
        ("exp", "expiry"),
        ("iat", "issued_at"),
        ("nbf", "not_before"),
        ("auth_time", "auth_time"),
    ];
    for (name, word) in times {
        for bad in list(r#"["1700000000", "1e9", true, [1700000000], {}]"#) {
            assert_eq!(login(json!({ name: bad })), word, "{name} {bad}");
        }
    }
    assert_eq!(login(json!({ "exp": null })), "expiry");
    assert_eq!(login(json!({ "iat": null })), "issued_at");
}

#[test]
fn a_clock_that_the_providers_date_contradicts_is_named_as_the_cause() {
    let at = |now, server_date| Expected {
        now,
        server_date,
        ..LOGIN
    };
    // This machine is two hours ahead, or behind: good by the provider's clock, not by ours.
    for skew_seconds in [7_200, -7_200] {
        let expected = at(NOW + skew_seconds, Some(NOW));
        let error = check_claims(claims(json!({})), Algorithm::Rs256, &expected).unwrap_err();
        assert_eq!(error, ProtocolError::Clock { skew_seconds });
    }
    // No date, a date that agrees with us, one by which the token is no better.
    let ahead = at(NOW + 7_200, Some(NOW));
    assert_eq!(login_with(json!({}), &at(NOW + 7_200, None)), "expiry");
    assert_eq!(
        login_with(json!({}), &at(NOW + 7_200, Some(NOW + 7_190))),
        "expiry"
    );
    assert_eq!(login_with(json!({ "exp": NOW - 99 }), &ahead), "expiry");
    assert_eq!(
        login_with(json!({}), &at(i64::MAX, Some(i64::MIN))),
        "expiry"
    );
    // A date within the tolerance is no excuse, and other checks are not excused at all.
    assert_eq!(
        login_with(json!({ "exp": NOW - 30 }), &at(NOW + 40, Some(NOW))),
        "expiry"
    );
    assert_eq!(login_with(json!({ "sub": null }), &ahead), "subject");
}

#[test]
fn r044_at_hash_is_the_left_half_of_the_hash_of_the_access_token() {
    assert_eq!(login(json!({ "at_hash": AT_HASH })), "good");
    for bad in list(
        r#"["", "77QmUPtjPfzWtF2AnpK9RR", "77QmUPtjPfzWtF2AnpK9RQ==", 1, ["77QmUPtjPfzWtF2AnpK9RQ"]]"#,
    ) {
        assert_eq!(login(json!({ "at_hash": bad })), "at_hash", "{bad}");
    }
    let other = Expected {
        access_token: "another",
        ..LOGIN
    };
    assert_eq!(login_with(json!({ "at_hash": AT_HASH }), &other), "at_hash");
    assert_eq!(login_with(json!({}), &other), "good");
}

#[test]
fn r044_the_hash_function_is_that_of_the_algorithm() {
    let sha512 = digest(&SHA512, ACCESS_TOKEN.as_bytes());
    let left_of_sha512 = b64url(&sha512.as_ref()[..32]);
    let good = |algorithm, at_hash: &str| {
        check_claims(claims(json!({ "at_hash": at_hash })), algorithm, &LOGIN).is_ok()
    };
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256] {
        assert!(good(algorithm, AT_HASH), "{algorithm:?}");
        assert!(!good(algorithm, &left_of_sha512), "{algorithm:?}");
    }
    assert!(good(Algorithm::EdDsa, &left_of_sha512));
    assert!(!good(Algorithm::EdDsa, AT_HASH));
}

#[test]
fn r045_with_max_age_the_login_is_recent() {
    let hour = Expected {
        max_age: Some(3_600),
        ..LOGIN
    };
    for good in [NOW - 3_660, NOW, NOW + 60] {
        assert_eq!(
            login_with(json!({ "auth_time": good }), &hour),
            "good",
            "{good}"
        );
    }
    for bad in [
        json!(NOW - 3_661),
        json!(NOW + 61),
        json!(null),
        json!("1700000000"),
    ] {
        assert_eq!(
            login_with(json!({ "auth_time": bad }), &hour),
            "auth_time",
            "{bad}"
        );
    }
    let zero = Expected {
        max_age: Some(0),
        ..LOGIN
    };
    assert_eq!(
        login_with(json!({ "auth_time": NOW - 61 }), &zero),
        "auth_time"
    );
    let ever = Expected {
        max_age: Some(u64::MAX),
        ..LOGIN
    };
    assert_eq!(login_with(json!({ "auth_time": 0 }), &ever), "good");
    assert_eq!(login(json!({ "auth_time": 0 })), "good");
}

#[test]
fn r045_an_essential_acr_is_met() {
    let values = ["gold".to_owned(), "silver".to_owned()];
    let essential = Expected {
        essential_acr: &values,
        ..LOGIN
    };
    assert_eq!(login_with(json!({ "acr": "gold" }), &essential), "good");
    assert_eq!(login_with(json!({ "acr": "silver" }), &essential), "good");
    for bad in list(r#"[null, "bronze", "", ["gold"], "gold silver"]"#) {
        assert_eq!(
            login_with(json!({ "acr": bad }), &essential),
            "acr",
            "{bad}"
        );
    }
    assert_eq!(login(json!({ "acr": "bronze" })), "good");
}

#[test]
fn r047_a_refreshed_token_of_the_same_login_is_good_with_or_without_its_nonce() {
    assert_eq!(refresh(json!({})), Ok(()));
    assert_eq!(refresh(json!({ "nonce": null })), Ok(()));
    assert_eq!(
        refresh(json!({ "auth_time": NOW - 5_000, "azp": "app", "at_hash": AT_HASH })),
        Ok(())
    );
    let given = claims(json!({ "iat": NOW - 3 }));
    let checked = check_refreshed(given.clone(), Algorithm::Rs256, &REFRESH).unwrap();
    assert_eq!(
        (checked.subject.as_str(), checked.issued_at),
        ("joe", NOW - 3)
    );
    assert_eq!((checked.auth_time, checked.claims), (None, given));
}

#[test]
fn r047_another_subject_or_issuer_ends_the_session() {
    for (changes, check) in [
        (json!({ "sub": "jim" }), "subject"),
        (json!({ "sub": "Joe" }), "subject"),
        (json!({ "sub": "joe " }), "subject"),
        (json!({ "sub": 7 }), "subject"),
        (json!({ "iss": "https://op.example/tenant/" }), "issuer"),
        // It does so whatever else is wrong.
        (
            json!({ "sub": "jim", "exp": 0, "at_hash": "x", "iss": null, "aud": null }),
            "subject",
        ),
    ] {
        assert_eq!(
            refresh(changes.clone()),
            Err(SubjectChanged(check)),
            "{changes}"
        );
    }
}

#[test]
fn r047_a_value_that_names_nobody_names_nobody_else() {
    for name in ["sub", "iss"] {
        for nobody in [json!(null), json!(""), json!([]), json!({}), json!(true)] {
            let mut given = claims(json!({}));
            given.insert(name.to_owned(), nobody.clone());
            let checked = check_refreshed(given, Algorithm::Rs256, &REFRESH);
            assert!(matches!(checked, Err(Unverifiable(_))), "{name}: {nobody}");
        }
    }
    let numbered = RefreshExpected {
        subject: "7",
        ..REFRESH
    };
    assert_eq!(
        refresh_with(json!({ "sub": 7 }), &numbered),
        Err(Unverifiable("subject")),
        "the same person, written as a number"
    );
}

#[test]
fn r047_anything_else_only_costs_the_refreshed_token() {
    for (changes, check) in [
        (json!({ "iss": null }), "issuer"),
        (json!({ "sub": null }), "subject"),
        (json!({ "aud": null }), "audience"),
        (json!({ "aud": "other" }), "audience"),
        (json!({ "aud": "APP" }), "audience"),
        (json!({ "aud": ["other", "another"] }), "audience"),
        (json!({ "aud": [] }), "audience"),
        (json!({ "aud": ["app", "other"], "azp": "app" }), "audience"),
        (json!({ "nonce": "replayed" }), "nonce"),
        (json!({ "nonce": "" }), "nonce"),
        (json!({ "azp": "other" }), "authorized_party"),
        (json!({ "exp": NOW - 60 }), "expiry"),
        (json!({ "exp": null }), "expiry"),
        (json!({ "iat": NOW + 61 }), "issued_at"),
        (json!({ "nbf": NOW + 61 }), "not_before"),
        (json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RR" }), "at_hash"),
        (json!({ "auth_time": NOW - 4_999 }), "auth_time"),
        (json!({ "auth_time": "yesterday" }), "auth_time"),
    ] {
        assert_eq!(
            refresh(changes.clone()),
            Err(Unverifiable(check)),
            "{changes}"
        );
    }
    let unknown = RefreshExpected {
        auth_time: None,
        ..REFRESH
    };
    assert_eq!(
        refresh_with(json!({ "auth_time": NOW - 1 }), &unknown),
        Ok(())
    );
    let no_nonce = RefreshExpected {
        nonce: None,
        ..REFRESH
    };
    assert_eq!(
        refresh_with(json!({}), &no_nonce),
        Err(Unverifiable("nonce"))
    );
    assert_eq!(refresh_with(json!({ "nonce": null }), &no_nonce), Ok(()));
}

#[test]
fn debug_shows_no_claim() {
    let checked = check_claims(claims(json!({})), Algorithm::Rs256, &LOGIN).unwrap();
    assert_eq!(format!("{checked:?}"), "IdTokenClaims { .. }");
}

use super::*;
use crate::protocol::encoding::b64url;
use crate::protocol::jwk::parse_jwks;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;

const ALL: [Algorithm; 4] = [
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::Es256,
    Algorithm::EdDsa,
];
/// The payload of RFC 7515 A.1, A.2, A.3 and A.5.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const A2_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A3_SIGNATURE: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// Made with OpenSSL for this test: `{"alg":"PS256"}`, `{"sub":"ps"}`, salt of 32 octets.
const PS_N: &str = "1eu4ZUDechasLPquKQ0jPlvAqigd9Mu4VfaDxpvgj5HyalkNgq7VIwM5tSkd3ERfTBwNXq-U6KntHp4Tm5U7CjHXqcudpQvDzQ-ha2wQkclH2n28P4h6KvaV0pdYjBeNWXcFggT6dr-HYRSW7Y4vl6isSCb4MOoSbJWgWiXmY4qDcR-zNYQDqN1PBUzhrVGnHGcgqcj-_DMbANtKIcK3iTstpGBRDGhX5BBVg1Ldknr2wpqeK0qM_KfAIggAE_KNvHq1eIW3Ig9hggAubW9srvW6fnzArNc2vYbYjsODSiQQjxbfz2M2f_ZVAlaVQJ78b-NVnIRIm4s0f00YvC0owQ";
const PS_TOKEN: &str = "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJwcyJ9.ThNXLmDzO0eS76vFD_qK374hLk8SiBq6Tmv6IpWY2-VshfsYWpXsmQFEo7-BXURYomF-9S1J59mUuxstiRU0PwmII9lGEGcfw0oWz_1NNkRvrYrGMtweCv1nFOePrRuoogCpeC7z68FFvBlurNMKxhMs1mlz9eVMLhmX59qFGsTIZPK3p5RioT5Cpn5xIG2q16hb5dTyVFNinn9as5kaT1zgR1F8bra7Mr4O0LJBsnmBJZroR6Kjt1OQtsAfBGV13qD3wj-pu4ex5T6fKjEvV_JnkXohgz_pzNFrqwWHDj74YC_1Uj_tH7louYmHUUuF3h1aBpBYAP6Tkx85FFiH4g";

fn keys(keys: Value) -> KeySet {
    parse_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn signer(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn public(seed: u8) -> Value {
    let x = b64url(signer(seed).public_key().as_ref());
    json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": format!("k{seed}") })
}

/// A token signed with the Ed25519 key of a seed.
fn signed(seed: u8, header: &str, payload: &str) -> String {
    let input = format!(
        "{}.{}",
        b64url(header.as_bytes()),
        b64url(payload.as_bytes())
    );
    let signature = b64url(signer(seed).sign(input.as_bytes()).as_ref());
    format!("{input}.{signature}")
}

/// The word of the check that `parse` refuses a token by.
fn refused(token: &str) -> &'static str {
    match parse(token) {
        Err(ProtocolError::Untrusted(check)) => check,
        other => panic!("{token}: {other:?}"),
    }
}

#[test]
fn rs256_of_rfc_7515_a2_is_verified() {
    let token = format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{A2_SIGNATURE}");
    let keys = keys(json!([{ "kty": "RSA", "n": A2_N, "e": "AQAB" }]));
    let claims = parse(&token).unwrap().verify(&keys, &ALL).unwrap();
    assert_eq!(claims["iss"], "joe");
    // The same bytes, called PS256.
    let token = format!("eyJhbGciOiJQUzI1NiJ9.{JOE}.{A2_SIGNATURE}");
    assert_eq!(
        parse(&token).unwrap().verify(&keys, &ALL),
        Err(JwsError::Signature)
    );
}

#[test]
fn ps256_is_verified() {
    let keys = keys(json!([{ "kty": "RSA", "n": PS_N, "e": "AQAB" }]));
    assert_eq!(
        parse(PS_TOKEN).unwrap().verify(&keys, &ALL).unwrap()["sub"],
        "ps"
    );
    let as_rs256 = PS_TOKEN.replace("eyJhbGciOiJQUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9");
    assert_eq!(
        parse(&as_rs256).unwrap().verify(&keys, &ALL),
        Err(JwsError::Signature)
    );
}

#[test]
fn es256_of_rfc_7515_a3_is_verified_and_a_point_off_the_curve_is_not_a_key() {
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{JOE}.{A3_SIGNATURE}");
    let key = |y| {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        keys(json!([{ "kty": "EC", "crv": "P-256", "x": x, "y": y }]))
    };
    let (on, off) = (
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5b0",
    );
    let token = parse(&token).unwrap();
    assert_eq!(token.verify(&key(on), &ALL).unwrap()["iss"], "joe");
    assert_eq!(token.verify(&key(off), &ALL), Err(JwsError::Signature));
}

#[test]
fn ed25519_of_rfc_8037_a4_is_verified() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let keys = keys(json!([
        { "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }
    ]));
    let token = parse(token).unwrap();
    assert_eq!(
        token.verify_signature(&keys, &ALL),
        Ok(&b"Example of Ed25519 signing"[..])
    );
    assert_eq!(token.verify(&keys, &ALL), Err(JwsError::Payload));
}

#[test]
fn hs256_of_rfc_7515_a1_and_the_unsecured_a5_are_refused() {
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    assert_eq!(
        refused(&format!("{header}.{JOE}.{A1_SIGNATURE}")),
        "algorithm"
    );
    assert_eq!(refused(&format!("eyJhbGciOiJub25lIn0.{JOE}.")), "algorithm");
}

#[test]
fn ready_made_bad_headers_are_refused() {
    for (header, check) in [
        ("eyJhbGciOiJub25lIn0", "algorithm"),
        ("eyJhbGciOiJOb25lIiwidHlwIjoiSldUIn0", "algorithm"),
        ("eyJhbGciOiJuT25FIn0", "algorithm"),
        ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "algorithm"),
        (
            "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIiwiY3JpdCI6WyJleHAiXSwiZXhwIjo5OTk5OTk5OTk5fQ",
            "crit",
        ),
        (
            "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIiwiYjY0IjpmYWxzZSwiY3JpdCI6WyJiNjQiXX0",
            "crit",
        ),
    ] {
        assert_eq!(
            refused(&format!("{header}.{JOE}.{A2_SIGNATURE}")),
            check,
            "{header}"
        );
    }
}

#[test]
fn headers_are_refused_by_what_is_wrong_with_them() {
    for (header, check) in [
        ("{}", "algorithm"),
        (r#"{"alg":null}"#, "algorithm"),
        (r#"{"alg":["EdDSA"]}"#, "algorithm"),
        (r#"{"alg":"eddsa"}"#, "algorithm"),
        (r#"{"alg":"RS512"}"#, "algorithm"),
        (r#"{"alg":"EdDSA","crit":[]}"#, "crit"),
        (r#"{"alg":"EdDSA","b64":true}"#, "crit"),
        (r#"{"alg":"EdDSA","zip":"DEF"}"#, "crit"),
        (r#"{"alg":"EdDSA","kid":1}"#, "id_token_malformed"),
        (r#"{"alg":"none","alg":"EdDSA"}"#, "id_token_malformed"),
        (r#"["EdDSA"]"#, "id_token_malformed"),
        ("", "id_token_malformed"),
    ] {
        assert_eq!(refused(&signed(1, header, "{}")), check, "{header}");
    }
}

#[test]
fn an_algorithm_that_the_provider_does_not_list_is_refused() {
    let token = signed(1, r#"{"alg":"EdDSA"}"#, "{}");
    let (token, keys) = (parse(&token).unwrap(), keys(json!([public(1)])));
    assert!(token.verify(&keys, &[Algorithm::EdDsa]).is_ok());
    for allowed in [&[Algorithm::Rs256][..], &[]] {
        assert_eq!(token.verify(&keys, allowed), Err(JwsError::Algorithm));
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_never_used() {
    for own in [
        json!({ "alg": "EdDSA", "jwk": public(2) }),
        json!({ "alg": "EdDSA", "kid": "k1", "jwk": public(2) }),
        json!({ "alg": "EdDSA", "jku": "https://evil.test/jwks.json", "x5u": "https://evil.test" }),
        json!({ "alg": "EdDSA", "x5c": ["AAAA"] }),
    ] {
        let token = signed(2, &own.to_string(), "{}");
        let outcome = parse(&token)
            .unwrap()
            .verify(&keys(json!([public(1)])), &ALL);
        assert_eq!(outcome, Err(JwsError::Signature), "{own}");
    }
    // The vector of `jku`: it names k1, and only the set's k1 counts.
    let header =
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIiwiamt1IjoiaHR0cHM6Ly9ldmlsLnRlc3Qvandrcy5qc29uIn0";
    let token = format!("{header}.{JOE}.{A2_SIGNATURE}");
    let outcome = parse(&token)
        .unwrap()
        .verify(&keys(json!([public(1)])), &ALL);
    assert_eq!(outcome, Err(JwsError::NoKey));
}

#[test]
fn a_token_has_exactly_three_parts_of_strict_base64url() {
    let token = signed(1, r#"{"alg":"EdDSA"}"#, "{}");
    for bad in [
        String::new(),
        "..".into(),
        token.replacen('.', "", 1),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.e30"),
        format!("{token}.e30.e30"),
        format!("{token}="),
        format!("{token} "),
        format!("{token}\n"),
        token.replace('.', ".."),
        token.replacen('.', "?.", 1),
        json!({ "payload": "e30", "protected": "e30", "signature": "" }).to_string(),
    ] {
        assert_eq!(refused(&bad), "id_token_malformed", "{bad}");
    }
}

#[test]
fn a_token_over_sixteen_kibibytes_is_refused() {
    let fill = |n: usize| {
        signed(
            1,
            r#"{"alg":"EdDSA"}"#,
            &format!(r#"{{"a":"{}"}}"#, "x".repeat(n)),
        )
    };
    let fixed = fill(0).len();
    let longest = fill((MAX_TOKEN - fixed) / 4 * 3);
    assert!(
        (MAX_TOKEN - 4..=MAX_TOKEN).contains(&longest.len()),
        "{}",
        longest.len()
    );
    assert!(parse(&longest).is_ok());
    assert!(stated_claims(&longest).is_some());
    let longer = fill((MAX_TOKEN - fixed) / 4 * 3 + 6);
    assert_eq!(refused(&longer), "id_token_malformed");
    assert_eq!(stated_claims(&longer), None);
}

#[test]
fn no_single_changed_character_leaves_a_token_good() {
    let token = signed(1, r#"{"alg":"EdDSA","kid":"k1"}"#, r#"{"sub":"joe"}"#);
    let keys = keys(json!([public(1)]));
    let good = |token: &str| parse(token).is_ok_and(|jws| jws.verify(&keys, &ALL).is_ok());
    assert!(good(&token));
    for at in 0..token.len() {
        for new in ["A", "Q", "_", ".", "=", "é", ""] {
            let mut changed = token.clone();
            changed.replace_range(at..=at, new);
            assert!(changed == token || !good(&changed), "{changed}");
        }
        assert!(!good(&token[..at]));
    }
}

#[test]
fn an_unknown_kid_is_told_apart_from_a_wrong_signature() {
    let set = keys(json!([public(1), public(2)]));
    let outcome = |seed, header: &str| {
        parse(&signed(seed, header, "{}"))
            .unwrap()
            .verify(&set, &ALL)
            .map(|_| ())
    };
    assert_eq!(outcome(2, r#"{"alg":"EdDSA","kid":"k2"}"#), Ok(()));
    assert_eq!(outcome(2, r#"{"alg":"EdDSA"}"#), Ok(()));
    assert_eq!(
        outcome(2, r#"{"alg":"EdDSA","kid":"k1"}"#),
        Err(JwsError::Signature)
    );
    assert_eq!(outcome(3, r#"{"alg":"EdDSA"}"#), Err(JwsError::Signature));
    assert_eq!(
        outcome(2, r#"{"alg":"EdDSA","kid":"k9"}"#),
        Err(JwsError::NoKey)
    );
    assert_eq!(
        outcome(2, r#"{"alg":"EdDSA","kid":""}"#),
        Err(JwsError::NoKey)
    );
}

#[test]
fn four_keys_are_tried_and_no_fifth() {
    let token = signed(9, r#"{"alg":"EdDSA"}"#, "{}");
    let outcome = |keys: KeySet| parse(&token).unwrap().verify(&keys, &ALL).map(|_| ());
    let mut list: Vec<Value> = (1..=3).map(public).collect();
    list.push(public(9));
    assert_eq!(outcome(keys(json!(list))), Ok(()));
    list.insert(0, public(4));
    assert_eq!(outcome(keys(json!(list))), Err(JwsError::Signature));
}

#[test]
fn a_signed_payload_that_is_no_strict_object_is_malformed() {
    for payload in [
        "",
        "[]",
        "null",
        r#"{"sub":"a","sub":"b"}"#,
        "{}x",
        "\u{feff}{}",
    ] {
        let text = signed(1, r#"{"alg":"EdDSA"}"#, payload);
        let token = parse(&text).unwrap();
        assert_eq!(
            token.verify(&keys(json!([public(1)])), &ALL),
            Err(JwsError::Payload),
            "{payload}"
        );
        assert_eq!(stated_claims(&text), None, "{payload}");
    }
}

#[test]
fn debug_shows_nothing_of_the_payload_or_signature() {
    let token = signed(1, r#"{"alg":"EdDSA","kid":"k1"}"#, r#"{"nonce":"secret"}"#);
    let shown = format!("{:?}", parse(&token).unwrap());
    assert_eq!(
        shown,
        r#"Jws { header: Header { algorithm: EdDsa, kid: Some("k1") }, .. }"#
    );
}

#[test]
fn what_a_token_states_is_read_whatever_its_header_says() {
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, "no JSON"] {
        let text = signed(1, header, r#"{"sub":"bob"}"#);
        assert_eq!(stated_claims(&text).unwrap()["sub"], "bob");
    }
    assert_eq!(stated_claims("a.b"), None);
}

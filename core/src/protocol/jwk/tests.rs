use super::*;
use crate::protocol::encoding::b64url;
use serde_json::json;

const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// How many keys are left of a set.
fn left(keys: &Value) -> usize {
    parse_jwks(json!({ "keys": keys }).to_string().as_bytes())
        .unwrap()
        .keys
        .len()
}

fn ec() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y })
}

fn okp() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": X })
}

fn rsa(n: &[u8], e: &[u8]) -> Value {
    json!({ "kty": "RSA", "n": b64url(n), "e": b64url(e) })
}

fn modulus(bits: usize) -> Vec<u8> {
    let mut n = vec![0xFF; bits.div_ceil(8)];
    n[0] >>= (8 - bits % 8) % 8;
    n
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

#[test]
fn the_four_algorithms_are_named_exactly() {
    for (name, algorithm) in [
        ("RS256", Algorithm::Rs256),
        ("PS256", Algorithm::Ps256),
        ("ES256", Algorithm::Es256),
        ("EdDSA", Algorithm::EdDsa),
    ] {
        assert_eq!(Algorithm::parse(name), Some(algorithm));
        assert_eq!(Algorithm::parse(&name.to_lowercase()), None);
    }
    for name in [
        "none", "None", "nOnE", "HS256", "HS384", "HS512", "RS384", "PS512", "ES512", "ES256K", "",
    ] {
        assert_eq!(Algorithm::parse(name), None, "{name}");
    }
}

#[test]
fn a_document_without_a_list_of_keys_is_no_valid_answer() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        "<html>",
    ] {
        let error = parse_jwks(body.as_bytes()).unwrap_err();
        assert_eq!(
            error,
            ProtocolError::Answer {
                status: 200,
                code: None
            },
            "{body}"
        );
    }
}

#[test]
fn entries_that_we_cannot_use_are_passed_over_and_the_good_ones_stay() {
    let decoys = json!([
        null, 7, "key", [], {}, { "kty": 1 }, { "kty": "oct", "k": "AAAA" }, { "kty": "future", "x": X },
        with(ec(), "kty", json!("RSA")), with(ec(), "kid", json!(1)), with(ec(), "use", json!(["sig"])),
        { "kty": "EC", "crv": "P-256", "x": X }, { "kty": "RSA", "n": "AQAB" }, { "kty": "OKP", "x": X },
        ec(), okp(), rsa(&modulus(2048), &[1, 0, 1]),
    ]);
    assert_eq!(left(&decoys), 3);
}

#[test]
fn private_and_symmetric_keys_are_passed_over() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(left(&json!([with(ec(), name, json!("AA"))])), 0, "{name}");
    }
}

#[test]
fn a_key_for_something_else_than_verifying_is_passed_over() {
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("key_ops", json!("verify")),
        ("key_ops", json!(["sign, verify"])),
    ] {
        assert_eq!(
            left(&json!([with(ec(), name, value.clone())])),
            0,
            "{name} {value}"
        );
    }
    let both = with(
        with(ec(), "use", json!("sig")),
        "key_ops",
        json!(["sign", "verify"]),
    );
    assert_eq!(left(&json!([both])), 1);
}

#[test]
fn rsa_keys_have_2048_to_8192_bits() {
    for (bits, expected) in [
        (1024, 0),
        (2041, 0),
        (2047, 0),
        (2048, 1),
        (3072, 1),
        (8192, 1),
        (8193, 0),
    ] {
        assert_eq!(
            left(&json!([rsa(&modulus(bits), &[1, 0, 1])])),
            expected,
            "{bits}"
        );
    }
    let padded = [vec![0], modulus(2048)].concat();
    assert_eq!(left(&json!([rsa(&padded, &[1, 0, 1])])), 1);
    let hollow = [vec![0, 0], modulus(2048)].concat();
    assert_eq!(left(&json!([rsa(&hollow, &[1, 0, 1])])), 0);
    let even = [modulus(2040), vec![0xFE]].concat();
    assert_eq!(left(&json!([rsa(&even, &[1, 0, 1])])), 0);
}

#[test]
fn rsa_exponents_are_odd_and_at_least_three() {
    for e in [
        &[][..],
        &[0],
        &[1],
        &[2],
        &[4],
        &[1, 0, 0],
        &[0, 0, 3],
        &[2, 0, 0, 0, 1],
        &[1; 9],
    ] {
        assert_eq!(left(&json!([rsa(&modulus(2048), e)])), 0, "{e:?}");
    }
    for e in [&[3][..], &[0, 3], &[1, 0, 1], &[1, 0, 0, 0, 1]] {
        assert_eq!(left(&json!([rsa(&modulus(2048), e)])), 1, "{e:?}");
    }
}

#[test]
fn curves_and_coordinate_lengths_are_exact() {
    for curve in ["P-384", "P-521", "secp256k1", "Ed25519", ""] {
        assert_eq!(
            left(&json!([with(ec(), "crv", json!(curve))])),
            0,
            "{curve}"
        );
    }
    assert_eq!(left(&json!([with(okp(), "crv", json!("X25519"))])), 0);
    for short in [&[1; 31][..], &[1; 33], &[]] {
        assert_eq!(left(&json!([with(ec(), "x", json!(b64url(short)))])), 0);
        assert_eq!(left(&json!([with(ec(), "y", json!(b64url(short)))])), 0);
        assert_eq!(left(&json!([with(okp(), "x", json!(b64url(short)))])), 0);
    }
    assert_eq!(left(&json!([with(ec(), "x", json!(format!("{X}=")))])), 0);
}

#[test]
fn a_key_of_another_algorithm_is_passed_over() {
    for name in ["ES384", "ES521", "RS256", "RSA-OAEP", "HS256", "none"] {
        let key = with(ec(), "alg", json!(name));
        let set = parse_jwks(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
        assert!(set.candidates(None, Algorithm::Es256).is_empty(), "{name}");
        assert!(set.candidates(None, Algorithm::Rs256).is_empty(), "{name}");
    }
    assert_eq!(left(&json!([with(ec(), "alg", json!("ES256"))])), 1);
}

#[test]
fn a_kid_selects_only_its_bearers_and_no_kid_all_that_fit() {
    let ps = with(rsa(&modulus(2048), &[3]), "alg", json!("PS256"));
    let keys = json!({ "keys": [
        with(ec(), "kid", json!("a")), with(ec(), "kid", json!("a")), with(ec(), "kid", json!("b")), ec(),
        with(okp(), "kid", json!("a")), rsa(&modulus(2048), &[3]), ps,
    ]});
    let set = parse_jwks(keys.to_string().as_bytes()).unwrap();
    let count = |kid, algorithm| set.candidates(kid, algorithm).len();
    assert_eq!(count(Some("a"), Algorithm::Es256), 2);
    assert_eq!(count(Some("a"), Algorithm::EdDsa), 1);
    assert_eq!(count(Some("b"), Algorithm::Es256), 1);
    assert_eq!(count(Some("c"), Algorithm::Es256), 0);
    assert_eq!(count(Some("a"), Algorithm::Rs256), 0);
    assert_eq!(count(None, Algorithm::Es256), 4);
    assert_eq!(count(None, Algorithm::Rs256), 1);
    assert_eq!(count(None, Algorithm::Ps256), 2);
}

#[test]
fn no_more_than_sixty_four_keys_are_looked_at() {
    assert_eq!(left(&json!(vec![ec(); 65])), 64);
    let mut keys = vec![json!({}); 64];
    keys.push(ec());
    assert_eq!(left(&json!(keys)), 0);
}

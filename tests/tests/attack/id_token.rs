//! What a provider writes into the ID token of a refresh. Only another person's name in it ends the session.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey::{Auth, AuthError, SignedOutReason};
use latchkey_tests::calls::{alice, forced, who};

fn base64url(json: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

/// The checks whose failure dropped an ID token, oldest first.
fn dropped(auth: &Auth) -> Vec<String> {
    let events = auth.timeline().into_iter();
    events
        .filter(|event| event.event == "id_token_dropped")
        .filter_map(|event| event.detail)
        .collect()
}

/// Authentik sent a null, then an empty text, and its users were logged out.
#[tokio::test]
async fn a_null_or_an_empty_text_in_a_refreshed_id_token_logs_nobody_out() {
    for (fault, check) in [
        ("null_claims=nonce".to_owned(), "nonce"),
        (claim("nonce", r#""""#), "nonce"),
        (claim("nonce", "7"), "nonce"),
        (claim("nonce", r#""of another login""#), "nonce"),
        ("null_claims=at_hash".to_owned(), "at_hash"),
        (claim("at_hash", r#""""#), "at_hash"),
        (claim("at_hash", r#""of another token""#), "at_hash"),
        ("null_claims=auth_time".to_owned(), "auth_time"),
        (claim("auth_time", r#""yesterday""#), "auth_time"),
        ("null_claims=azp".to_owned(), "authorized_party"),
        (claim("azp", r#""""#), "authorized_party"),
        (claim("azp", r#""another client""#), "authorized_party"),
        ("null_claims=aud".to_owned(), "audience"),
        (claim("aud", r#""another client""#), "audience"),
        (claim("aud", "[]"), "audience"),
        ("null_claims=sub".to_owned(), "subject"),
        (claim("sub", r#""""#), "subject"),
        ("null_claims=iss".to_owned(), "issuer"),
        (claim("iss", r#""""#), "issuer"),
    ] {
        let (world, auth) = alice().await;
        world
            .server
            .set_faults(&format!("token:{fault}"))
            .expect("a fault");
        forced(&auth)
            .await
            .unwrap_or_else(|error| panic!("{fault}: {error:?}"));
        for app in [&auth, &world.app()] {
            assert_eq!(who(&app.session()), "dev|alice", "{fault}");
        }
        assert_eq!(dropped(&auth), [check], "{fault}");
    }
}

#[tokio::test]
async fn another_issuer_or_subject_in_a_refreshed_id_token_ends_the_session() {
    for fault in [
        claim("sub", r#""dev|bob""#),
        claim("sub", "7"),
        claim("iss", r#""https://evil.example""#),
    ] {
        let (world, auth) = alice().await;
        world
            .server
            .set_faults(&format!("token:{fault}"))
            .expect("a fault");
        let reason = SignedOutReason::SubjectChanged;
        assert_eq!(
            forced(&auth).await,
            Err(AuthError::LoginRequired { reason }),
            "{fault}"
        );
    }
}

fn claim(name: &str, json: &str) -> String {
    format!("claims={}", base64url(&format!(r#"{{"{name}":{json}}}"#)))
}

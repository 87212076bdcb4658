//! Token revocation (RFC 7009, R-080). The refresh token goes first: it takes the grant with it.

use super::json::parse_object;
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// The body of a revocation request of a public client (RFC 7009 §2.1). `hint` is `refresh_token`
/// or `access_token`.
pub fn revocation_request(client_id: &str, token: &str, hint: &str) -> String {
    Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("token_type_hint", hint)
        .append_pair("client_id", client_id)
        .finish()
}

/// What became of a revocation. The logout on this machine is done in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationVerdict {
    /// The provider no longer knows the token.
    Done,
    /// The provider refuses; asking again changes nothing.
    Failed,
    /// The token has to be taken as alive, and the request may be repeated (RFC 7009 §2.2.1).
    Retriable,
}

/// Judges an answer to a revocation request (RFC 7009 §2.2).
pub fn revocation_verdict(status: u16, body: &[u8]) -> RevocationVerdict {
    let error = parse_object(body)
        .ok()
        .and_then(|mut members| members.remove("error"));
    match (status, error) {
        (408 | 429 | 500..=599, _) => RevocationVerdict::Retriable,
        (200..=299, None | Some(Value::Null)) => RevocationVerdict::Done,
        // An unknown token is revoked all the same (RFC 7009 §2.2); some say so with an error.
        (200..=299 | 400, Some(Value::String(code))) if is_unknown_token(&code) => {
            RevocationVerdict::Done
        }
        _ => RevocationVerdict::Failed,
    }
}

fn is_unknown_token(code: &str) -> bool {
    matches!(code, "invalid_token" | "invalid_grant")
}

#[cfg(test)]
mod tests {
    use super::*;
    use RevocationVerdict::{Done, Failed, Retriable};

    #[test]
    fn a_revocation_names_token_hint_and_client_and_nothing_else() {
        assert_eq!(
            revocation_request("my app", "r1+/=&x", "refresh_token"),
            "token=r1%2B%2F%3D%26x&token_type_hint=refresh_token&client_id=my+app"
        );
    }

    #[test]
    fn a_revoked_and_an_unknown_token_alike_are_done() {
        for body in [
            "",
            "{}",
            "ok",
            r#"{"error":null}"#,
            r#"{"error":"invalid_token"}"#,
        ] {
            assert_eq!(revocation_verdict(200, body.as_bytes()), Done, "{body}");
        }
        assert_eq!(revocation_verdict(204, b""), Done);
        assert_eq!(
            revocation_verdict(400, br#"{"error":"invalid_grant"}"#),
            Done
        );
    }

    #[test]
    fn an_error_body_is_a_failure_even_under_200() {
        for (status, body) in [
            (200, r#"{"error":"unsupported_token_type"}"#),
            (200, r#"{"error":{"code":1}}"#),
            (400, r#"{"error":"unsupported_token_type"}"#),
            (400, ""),
            (401, r#"{"error":"invalid_client"}"#),
            // Said of credentials that a public client does not have, not of the token to revoke.
            (401, r#"{"error":"invalid_token"}"#),
            (302, ""),
            (404, "<html>"),
        ] {
            assert_eq!(
                revocation_verdict(status, body.as_bytes()),
                Failed,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn an_overloaded_provider_may_be_asked_again() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(revocation_verdict(status, b""), Retriable, "{status}");
        }
        assert_eq!(
            revocation_verdict(503, br#"{"error":"invalid_token"}"#),
            Retriable
        );
    }
}

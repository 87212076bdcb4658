//! The UserInfo response (OIDC Core §5.3).

use super::ProtocolError;
use super::encoding::{error_code, same};
use super::json::{is_json, parse_object};
use super::packing::{packed, packing};
use serde_json::{Map, Value};

/// The claims of a UserInfo response about the subject of the ID token. Of anybody else nothing is
/// kept (R-046, OIDC Core §5.3.2). Signed or encrypted responses, which must be registered for
/// (§5.3.2), are none that we can read.
pub fn parse_userinfo(
    status: u16,
    content_type: Option<&str>,
    content_encoding: &[&str],
    body: &[u8],
    subject: &str,
) -> Result<Map<String, Value>, ProtocolError> {
    if packing(content_encoding).is_some() {
        return Err(packed(status));
    }
    let claims = if is_json(content_type) {
        parse_object(body).ok()
    } else {
        None
    };
    let error = claims.as_ref().and_then(|claims| claims.get("error"));
    let code = error.and_then(Value::as_str).and_then(error_code);
    match claims {
        // An `error` member is an error even under 200 (R-036).
        Some(claims) if status == 200 && !claims.contains_key("error") => {
            let stated = claims.get("sub").and_then(Value::as_str);
            match stated.is_some_and(|stated| same(stated.as_bytes(), subject.as_bytes())) {
                true => Ok(claims),
                false => Err(ProtocolError::Untrusted("subject")),
            }
        }
        _ => Err(ProtocolError::Answer { status, code }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json");

    fn answer(status: u16, code: Option<&str>) -> Result<Map<String, Value>, ProtocolError> {
        Err(ProtocolError::Answer {
            status,
            code: code.map(str::to_owned),
        })
    }

    #[test]
    fn claims_about_the_subject_are_returned() {
        let body = br#"{"sub":"joe","email":"joe@example.com"}"#;
        let claims = parse_userinfo(
            200,
            Some("application/json; charset=utf-8"),
            &[],
            body,
            "joe",
        )
        .unwrap();
        assert_eq!(claims["email"], "joe@example.com");
    }

    #[test]
    fn claims_about_another_subject_or_nobody_are_discarded() {
        for body in [
            r#"{"sub":"Joe"}"#,
            r#"{"sub":"joe "}"#,
            r#"{"sub":""}"#,
            r#"{"sub":["joe"]}"#,
            "{}",
        ] {
            let outcome = parse_userinfo(200, JSON, &[], body.as_bytes(), "joe");
            assert_eq!(outcome, Err(ProtocolError::Untrusted("subject")), "{body}");
        }
        let number = parse_userinfo(200, JSON, &[], br#"{"sub":42}"#, "42");
        assert_eq!(number, Err(ProtocolError::Untrusted("subject")));
    }

    #[test]
    fn what_is_no_json_object_is_no_valid_answer() {
        let body = br#"{"sub":"joe"}"#;
        for content_type in [None, Some(""), Some("text/html"), Some("application/jwt")] {
            assert_eq!(
                parse_userinfo(200, content_type, &[], body, "joe"),
                answer(200, None),
                "{content_type:?}"
            );
        }
        for body in [
            "",
            "[]",
            r#"{"sub":"joe","sub":"joe"}"#,
            r#"{"sub":"joe"}{}"#,
        ] {
            assert_eq!(
                parse_userinfo(200, JSON, &[], body.as_bytes(), "joe"),
                answer(200, None),
                "{body}"
            );
        }
    }

    #[test]
    fn a_packed_answer_is_not_read_and_named() {
        let packed = |status| parse_userinfo(status, JSON, &["gzip"], br#"{"sub":"joe"}"#, "joe");
        assert_eq!(packed(200), answer(200, Some("packed_answer")));
        assert_eq!(packed(401), answer(401, Some("packed_answer")));
        assert_eq!(packed(503), answer(503, None));
    }

    #[test]
    fn an_error_is_an_error_whatever_its_status_or_claims() {
        let body = br#"{"sub":"joe","error":"invalid_token"}"#;
        assert_eq!(
            parse_userinfo(200, JSON, &[], body, "joe"),
            answer(200, Some("invalid_token"))
        );
        assert_eq!(
            parse_userinfo(401, JSON, &[], body, "joe"),
            answer(401, Some("invalid_token"))
        );
        assert_eq!(
            parse_userinfo(500, JSON, &[], br#"{"sub":"joe"}"#, "joe"),
            answer(500, None)
        );
        assert_eq!(
            parse_userinfo(204, JSON, &[], br#"{"sub":"joe"}"#, "joe"),
            answer(204, None)
        );
        let odd = br#"{"sub":"joe","error":"a\u0000\u202eb"}"#;
        assert_eq!(
            parse_userinfo(200, JSON, &[], odd, "joe"),
            answer(200, None)
        );
        assert_eq!(
            parse_userinfo(200, JSON, &[], br#"{"sub":"joe","error":null}"#, "joe"),
            answer(200, None)
        );
        assert_eq!(
            parse_userinfo(503, None, &[], b"<html>", "joe"),
            answer(503, None)
        );
    }
}

//! Strict JSON: one object, each member name once at every depth (R-071), nothing after it.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Deepest nesting that is read; the outer object is level 1 (R-069).
const MAX_DEPTH: usize = 32;

/// The bytes are not one strict JSON object. Says nothing of the content: it may hold tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one strict JSON object")]
pub struct JsonError;

/// Reads one JSON object. Which of two members of one name counts differs between parsers
/// (RFC 8259 §4), so a document that has any is refused (RFC 7519 §4).
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { levels: MAX_DEPTH }
        .deserialize(&mut deserializer)
        .map_err(|_| JsonError)?;
    deserializer.end().map_err(|_| JsonError)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError),
    }
}

/// Whether a `Content-Type` names JSON: `application/json` or a type with the suffix `+json`
/// (RFC 6839 §3.1), in any case, with or without parameters.
pub fn is_json(content_type: Option<&str>) -> bool {
    let media_type = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let Some((kind, subtype)) = media_type.split_once('/') else {
        return false;
    };
    let subtype = subtype.to_ascii_lowercase();
    kind.eq_ignore_ascii_case("application") && (subtype == "json" || subtype.ends_with("+json"))
}

/// Builds a value and counts down the levels that are still allowed.
struct Strict {
    levels: usize,
}

impl Strict {
    fn inner<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.levels
            .checked_sub(1)
            .ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let levels = self.inner()?;
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element_seed(Strict { levels })? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let levels = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom("a member name twice"));
            }
            members.insert(name, map.next_value_seed(Strict { levels })?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_serde_json_reads_it() {
        let text = r#" {"a":[1,-2,3.5,1e3,18446744073709551615,true,false,null,"x\u00e9\n"],"b":{"c":{}},"":""} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            Value::Object(parse_object(text.as_bytes()).unwrap()),
            expected
        );
    }

    #[test]
    fn a_member_name_given_twice_is_refused_at_any_depth() {
        let twice = [
            r#"{"a":1,"a":1}"#,
            r#"{"iss":"x","sub":"y","iss":"z"}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[0,{"b":1,"c":2,"b":3}]}"#,
            r#"{"":1,"":2}"#,
        ];
        for text in twice {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError), "{text}");
        }
        assert!(parse_object(br#"{"a":{"a":1},"A":[{"a":2},{"a":3}]}"#).is_ok());
    }

    #[test]
    fn what_is_not_exactly_one_object_is_refused() {
        let not_one: [&[u8]; 13] = [
            b"",
            b" ",
            b"null",
            b"1",
            b"\"a\"",
            b"[]",
            b"[{}]",
            b"{}{}",
            b"{} x",
            b"{\"a\":1,}",
            b"{a:1}",
            b"\xEF\xBB\xBF{}",
            b"{\"a\":\"\xFF\"}",
        ];
        for bytes in not_one {
            assert_eq!(parse_object(bytes), Err(JsonError), "{bytes:?}");
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        for text in [
            "{\"a\":1e999}",
            "{\"a\":-1e999}",
            "{\"a\":NaN}",
            "{\"a\":Infinity}",
        ] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError), "{text}");
        }
    }

    #[test]
    fn thirty_two_levels_are_read_and_no_more() {
        let arrays = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
        assert!(parse_object(arrays(31).as_bytes()).is_ok());
        assert!(parse_object(objects(32).as_bytes()).is_ok());
        assert_eq!(parse_object(arrays(32).as_bytes()), Err(JsonError));
        assert_eq!(parse_object(objects(33).as_bytes()), Err(JsonError));
        assert_eq!(parse_object(objects(100_000).as_bytes()), Err(JsonError));
    }

    #[test]
    fn no_prefix_of_an_object_is_an_object() {
        let text = r#"{"a":[1,2.5,"é\"",{"b":null}],"c":true}"#.as_bytes();
        for end in 0..text.len() {
            assert_eq!(parse_object(&text[..end]), Err(JsonError), "{end}");
        }
        assert!(parse_object(text).is_ok());
    }

    #[test]
    fn the_error_says_nothing_of_the_content() {
        let error =
            parse_object(br#"{"access_token":"secret","access_token":"secret"}"#).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn json_is_recognised_by_its_media_type() {
        for yes in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json ;q=1",
        ] {
            assert!(is_json(Some(yes)), "{yes}");
        }
        let no = [
            "",
            "text/html",
            "text/json",
            "application/jwt",
            "application/jsonp",
            "json",
            "application/json, a",
        ];
        for no in no {
            assert!(!is_json(Some(no)), "{no}");
        }
        assert!(!is_json(None));
    }
}

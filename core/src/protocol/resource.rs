//! The protected API's address: where the access token may go, and where it never goes (R-059 to
//!

use super::discovery::check_issuer;
use url::Url;

/// The base URL of a protected API. Its origin is the only one that gets the access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiBase {
    /// Its path ends in a slash.
    url: Url,
}

impl ApiBase {
    /// https, or http on this machine; no query, fragment or user information.
    pub fn parse(text: &str) -> Result<ApiBase, &'static str> {
        // An API's base obeys the rules of an issuer: both are prefixes of further addresses.
        let mut url = check_issuer(text)?;
        check_path(raw_path(text).unwrap_or_default())?;
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(ApiBase { url })
    }

    /// The address of `path` (`"/private"`, `"private"`, `"a/b?x=y"`) below the base.
    pub fn join(&self, path: &str) -> Result<Url, &'static str> {
        if path.contains(|c: char| c.is_control() || c == '#') {
            return Err("must not contain control characters or a fragment");
        }
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        if path.starts_with("//") || path.split('/').next().unwrap_or_default().contains(':') {
            return Err("must be a path, not a URL");
        }
        check_path(path)?;
        let mut url = self.url.clone();
        url.set_path(&format!(
            "{}{}",
            self.url.path(),
            path.strip_prefix('/').unwrap_or(path)
        ));
        url.set_query(query);
        // The rules above suffice; this says what they are for.
        if url.origin() != self.url.origin() || !url.path().starts_with(self.url.path()) {
            return Err("must lie below the API's base URL");
        }
        Ok(url)
    }
}

/// Whether an app may send its requests by this method, in any case. Not by those that are no plain
/// question to the API: they carry the access token where it must not go.
pub fn check_method(method: &str) -> Result<(), &'static str> {
    match method.to_ascii_uppercase().as_str() {
        // RFC 9110 §9.3.6: its target is a host and port, not a path below the API's base.
        "CONNECT" => Err("must not be CONNECT: it asks for a tunnel to another place"),
        // RFC 9110 §9.3.8: "A client MUST NOT generate fields in a TRACE request containing sensitive
        // data that might be disclosed by the response."
        "TRACE" => Err("must not be TRACE: its answer is the request, with the access token in it"),
        method if !method.is_empty() && method.bytes().all(|b| b.is_ascii_alphabetic()) => Ok(()),
        _ => Err("is no HTTP method; write GET, POST, …"),
    }
}

/// Whether an app may not set this header of an API request: the token's own, those that frame or
/// route the message (RFC 9110 §7.2, §7.6.1, RFC 9112 §6), credentials of another kind, non-names.
pub fn forbidden_header(name: &str) -> bool {
    const FORBIDDEN: [&str; 16] = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "dpop",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    name.is_empty()
        || !name.bytes().all(token)
        || FORBIDDEN
            .iter()
            .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}

/// A path that means the same to every parser: no backslash, and no dot segment however it is
/// written (`..`, `%2e.`, `..%2f`, `..%5c`; RFC 3986 §5.2.4, §6.2.2).
pub fn check_path(path: &str) -> Result<(), &'static str> {
    if path.contains('\\') {
        return Err("must not contain a backslash");
    }
    let decoded = path
        .to_ascii_lowercase()
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%5c", "/");
    // `..;x` is a dot segment to servers that cut path parameters off (RFC 3986 §3.3).
    let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if decoded.split('/').any(dots) {
        return Err("must not contain dot segments");
    }
    Ok(())
}

/// The path of a URL as it was written, before any parser repaired it.
pub fn raw_path(text: &str) -> Option<&str> {
    let (_scheme, rest) = text.split_once(':')?;
    let rest = rest.split(['?', '#']).next()?;
    match rest.strip_prefix("//") {
        Some(after) => Some(after.find('/').map_or("", |at| after.split_at(at).1)),
        None => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> ApiBase {
        ApiBase::parse("https://api.example:8443/v1").unwrap()
    }

    #[test]
    fn an_api_base_is_https_or_on_this_machine_and_nothing_but_a_prefix() {
        assert!(ApiBase::parse("https://api.example:8443").is_ok());
        assert!(ApiBase::parse("http://127.0.0.1:3010").is_ok());
        for bad in [
            "http://api.example",
            "api.example",
            "https://u:p@api.example",
            "https://api.example/?key=1",
            "https://api.example/#a",
            "https://api.example/a/../b",
            "https://api.example/%2e%2E/b",
            "ws://api.example",
        ] {
            assert!(ApiBase::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_is_joined_below_the_base_with_one_slash() {
        for base in ["https://api.example/v1", "https://api.example/v1/"] {
            let base = ApiBase::parse(base).unwrap();
            for (path, url) in [
                ("/private", "https://api.example/v1/private"),
                ("private", "https://api.example/v1/private"),
                ("", "https://api.example/v1/"),
                (
                    "a/b?x=y&z=https://q/..",
                    "https://api.example/v1/a/b?x=y&z=https://q/..",
                ),
                ("a/x:y", "https://api.example/v1/a/x:y"),
                (
                    "group%2Fproject/a..b/.hidden",
                    "https://api.example/v1/group%2Fproject/a..b/.hidden",
                ),
                ("ü b", "https://api.example/v1/%C3%BC%20b"),
                ("user@host", "https://api.example/v1/user@host"),
            ] {
                assert_eq!(base.join(path).unwrap().as_str(), url);
            }
        }
        let root = ApiBase::parse("https://api.example").unwrap();
        assert_eq!(
            root.join("/private").unwrap().as_str(),
            "https://api.example/private"
        );
    }

    #[test]
    fn no_path_leads_to_another_origin_or_above_the_base() {
        for path in [
            "//evil.host/x",
            "///evil.host",
            "https://evil.host/x",
            "HTTPS:evil.host",
            "javascript:alert(1)",
            "\\\\evil.host",
            "/\\evil.host",
            "..",
            "../admin",
            "a/../../admin",
            "a/./b",
            "%2e%2e/admin",
            "%2E./admin",
            "..%2fadmin",
            "..%2Fadmin",
            "..%5cadmin",
            "a%2f..%2f..%2fadmin",
            "..;/admin",
            "a\\..\\b",
            "a#b",
            "a\r\nHost: evil.host",
            "a\tb",
            "\u{0}",
        ] {
            assert!(base().join(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_request_goes_by_a_method_that_keeps_the_token_with_the_api() {
        for good in ["GET", "post", "PATCH", "QUERY", "OPTIONS", "TRACER"] {
            assert_eq!(check_method(good), Ok(()), "{good}");
        }
        for (bad, named) in [
            ("TRACE", "TRACE"),
            ("tRACe", "TRACE"),
            ("connect", "CONNECT"),
            ("", "no HTTP method"),
            ("GET ", "no HTTP method"),
            ("TRACE\r\n", "no HTTP method"),
            ("ÄGET", "no HTTP method"),
        ] {
            let reason = check_method(bad).unwrap_err();
            assert!(reason.contains(named), "{bad:?}: {reason}");
        }
    }

    #[test]
    fn an_app_sets_no_header_that_carries_credentials_or_frames_the_message() {
        for bad in [
            "Authorization",
            "AUTHORIZATION",
            "host",
            "Cookie",
            "DPoP",
            "Content-Length",
            "Via",
            "Transfer-Encoding",
            "Proxy-Authorization",
            "Connection",
            "",
            "a b",
            "Authorization ",
            "x:y",
            "x\r\ny",
            "ä",
        ] {
            assert!(forbidden_header(bad), "{bad:?}");
        }
        for good in [
            "Accept",
            "Content-Type",
            "X-Request-Id",
            "If-None-Match",
            "Idempotency-Key",
        ] {
            assert!(!forbidden_header(good), "{good}");
        }
    }

    #[test]
    fn the_raw_path_is_what_was_written() {
        for (text, path) in [
            ("https://h:1/a/../b?c#d", "/a/../b"),
            ("https://h", ""),
            ("https://h?x=/y", ""),
            ("com.example.app:/callback", "/callback"),
            ("com.example.app:///callback", "/callback"),
            ("com.example.app:callback#x", "callback"),
        ] {
            assert_eq!(raw_path(text), Some(path), "{text}");
        }
        assert_eq!(raw_path("no scheme"), None);
    }
}

//! The pages that the browser shows at the end of a login. They need no script and nothing from anywhere else.

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use latchkey::AuthError;

const STYLE: &str = ":root{color-scheme:light dark}\
body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto 0;padding:0 1.5rem;overflow-wrap:anywhere}\
h1{font-size:1.75rem;line-height:1.2}";

/// Nothing is loaded and nothing runs; the one style is named by its hash, and the icon is an empty one, so that the
/// browser does not ask a port for it that may be closed by then.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'sha256-SGGA1I0Ut+52QbBb2XAuxGP0PraKMBqovbQ3iqkD1dg='; base-uri 'none'; \
form-action 'none'; frame-ancestors 'none'";

/// A page of one heading and one paragraph.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    status: StatusCode,
    heading: &'static str,
    text: String,
}

impl Page {
    pub(crate) fn logged_in() -> Self {
        Self {
            status: StatusCode::OK,
            heading: "You are logged in",
            text: "You can close this window and go back to the terminal.".to_owned(),
        }
    }

    pub(crate) fn failed(error: &AuthError) -> Self {
        Self {
            status: StatusCode::OK,
            heading: "You are not logged in",
            text: format!("{error} You can close this window and go back to the terminal."),
        }
    }

    /// Not the answer that is waited for.
    pub(crate) fn ignored(error: &AuthError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            heading: "This changed nothing",
            text: error.to_string(),
        }
    }

    pub(crate) fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            heading: "There is nothing here",
            text: "This address only waits for the end of a login.".to_owned(),
        }
    }

    pub(crate) fn response(&self) -> Response<String> {
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <title>{heading} – Latchkey</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <main>\n<h1>{heading}</h1>\n<p>{text}</p>\n</main>\n</body>\n</html>\n",
            heading = escaped(self.heading),
            text = escaped(&self.text),
        );
        response(self.status, html)
    }
}

/// Sends the browser to a clean address, so that the code and the state leave the address bar and the history.
pub(crate) fn see_other(path: &'static str) -> Response<String> {
    let mut response = response(StatusCode::SEE_OTHER, String::new());
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static(path));
    response
}

fn response(status: StatusCode, html: String) -> Response<String> {
    let headers: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = Response::new(html);
    *response.status_mut() = status;
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    #[test]
    fn the_policy_names_the_style_that_is_there() {
        let hash = BASE64_STANDARD.encode(ring::digest::digest(
            &ring::digest::SHA256,
            STYLE.as_bytes(),
        ));
        assert!(
            POLICY.contains(&format!("'sha256-{hash}'")),
            "put {hash} into POLICY"
        );
    }

    #[test]
    fn the_text_of_an_error_cannot_become_markup() {
        let error = AuthError::Api {
            status: 400,
            text: "<img src=x onerror=\"a('&')\">".to_owned(),
        };
        let page = Page::failed(&error).response().into_body();
        assert!(
            page.contains("&lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;"),
            "{page}"
        );
    }

    #[test]
    fn a_page_can_be_read_aloud_and_on_a_telephone() {
        let page = Page::logged_in().response().into_body();
        for part in [
            "<html lang=\"en\">",
            "<title>You are logged in",
            "<main>",
            "<h1>",
            "name=\"viewport\"",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<script") && !page.contains("http"));
    }

    #[test]
    fn every_response_says_that_it_is_not_to_be_kept_and_that_no_address_is_to_be_passed_on() {
        for response in [Page::not_found().response(), see_other("/done")] {
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
        }
    }
}

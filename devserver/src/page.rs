//! The pages: plain HTML without script or any other resource, for every browser and for screen
//! readers.

use std::fmt::Write as _;

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1.125rem/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem;\
background:#fff;color:#1a1a1a}\
h1{font-size:1.5rem;line-height:1.25}\
label{display:block;margin:1rem 0 .4rem;font-weight:600}\
input{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:2px solid #595959;\
border-radius:.4rem;background:#fff;color:#1a1a1a}\
button{font:inherit;font-weight:600;min-height:3rem;width:100%;margin-top:1rem;border-radius:.4rem;\
border:2px solid #0b57d0;background:#0b57d0;color:#fff;cursor:pointer}\
button.second{background:transparent;color:#0b57d0}\
:focus-visible{outline:3px solid #0b57d0;outline-offset:2px}\
[role=alert]{border-left:.4rem solid #b3261e;padding:.6rem;background:#fbeaea;color:#601410}\
.note{font-size:1rem;color:#474747}\
code{overflow-wrap:anywhere}\
@media(prefers-color-scheme:dark){\
body{background:#151515;color:#ececec}\
input{background:#222;color:#ececec;border-color:#a6a6a6}\
button{background:#a8c7fa;border-color:#a8c7fa;color:#062e6f}\
button.second{color:#a8c7fa}\
:focus-visible{outline-color:#a8c7fa}\
[role=alert]{background:#3b1512;color:#f9dedc;border-color:#f2b8b5}\
.note{color:#c4c4c4}}";

/// What every page says about itself.
const NOTE: &str = "<footer><p class=\"note\">This is a development server on your own machine. \
Its passwords are public: never type a real one here.</p></footer>";

/// A page under construction. Whatever comes from a request is escaped on its way in.
pub(crate) struct Page {
    status: StatusCode,
    title: String,
    body: String,
    form_targets: String,
}

impl Page {
    /// `title` is also the heading.
    pub(crate) fn new(title: &str) -> Page {
        let body = format!("<h1>{}</h1>", escape(title));
        Page {
            status: StatusCode::OK,
            title: escape(title),
            body,
            form_targets: String::new(),
        }
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Page {
        self.status = status;
        self
    }

    pub(crate) fn paragraph(mut self, text: &str) -> Page {
        // Writing to a String cannot fail.
        let _ = write!(self.body, "<p>{}</p>", escape(text));
        self
    }

    /// An error: announced by screen readers, and first in the page's title.
    pub(crate) fn alert(mut self, text: &str) -> Page {
        let _ = write!(
            self.body,
            "<p role=\"alert\" id=\"problem\">{}</p>",
            escape(text)
        );
        self.title.insert_str(0, "Error: ");
        self
    }

    /// Text that is HTML already.
    pub(crate) fn html(mut self, html: &str) -> Page {
        self.body.push_str(html);
        self
    }

    /// Where answers to the page's form may lead, besides this server. Browsers apply
    /// `form-action` to the redirects that follow, so the client's address belongs in it.
    pub(crate) fn form_may_lead_to(mut self, uri: &str) -> Page {
        // A scheme alone: the grammar of host sources has no IPv6 literals.
        if let Some((scheme, _)) = uri.split_once(':') {
            self.form_targets = format!(" {scheme}:");
        }
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Page {
            status,
            title,
            body,
            form_targets,
        } = self;
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} – Latchkey development provider</title>\n<style>{STYLE}</style>\n\
             </head>\n<body>\n<main>\n{body}\n</main>\n{NOTE}\n</body>\n</html>\n"
        );
        let hash = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'{form_targets}; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        let headers = [
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (status, headers, Html(html)).into_response()
    }
}

/// The answer to a request that must not be answered at the client's address: it is not known
/// to be the client's (RFC 6749 §4.1.2.1).
pub(crate) fn error(problem: &str) -> Response {
    Page::new("This login cannot start")
        .status(StatusCode::BAD_REQUEST)
        .alert(problem)
        .paragraph("Go back to the app that sent you here. If you are writing it, correct its login configuration.")
        .into_response()
}

/// Text as HTML, also inside a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_an_attribute() {
        assert_eq!(
            escape("\"><script>'&"),
            "&quot;&gt;&lt;script&gt;&#39;&amp;"
        );
    }
}

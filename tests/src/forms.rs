//! A person whose browser runs no script: follows redirects, keeps cookies, fills in forms and presses buttons.

use std::time::Duration;

use ureq::http::header::LOCATION;
use url::Url;

/// The person, with one cookie jar.
#[derive(Debug)]
pub struct Person {
    agent: ureq::Agent,
}

/// A page that was shown.
#[derive(Debug)]
pub struct Page {
    url: Url,
    /// The HTTP status.
    pub status: u16,
    /// The page's source.
    pub html: String,
}

/// Where following the redirects ended.
#[derive(Debug)]
pub enum Stop {
    /// At a page to read.
    Page(Page),
    /// At a redirect to the app, which this browser does not follow.
    Callback(Url),
}

impl Default for Person {
    fn default() -> Person {
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Person {
            agent: config.new_agent(),
        }
    }
}

impl Person {
    /// Opens `url`. A redirect to `callback`, on any port, is not followed.
    pub fn open(&self, url: &str, callback: &str) -> Stop {
        let url = Url::parse(url).expect("a URL");
        self.follow(url.clone(), self.agent.get(url.as_str()).call(), callback)
    }

    /// Opens the app's own address, and whatever it redirects to.
    pub fn read(&self, url: &str) -> Page {
        match self.open(url, "http://nowhere.invalid/") {
            Stop::Page(page) => page,
            Stop::Callback(url) => panic!("a redirect to nowhere: {url}"),
        }
    }

    /// Fills in the page's form with `fields`, by name, and presses the button that reads `button`.
    pub fn submit(
        &self,
        page: &Page,
        fields: &[(&str, &str)],
        button: &str,
        callback: &str,
    ) -> Stop {
        let (action, values) = page.filled(fields, button);
        let answer = self.agent.post(action.as_str()).send_form(values);
        self.follow(action, answer, callback)
    }

    /// Goes through login and consent, and returns the redirect to the app.
    pub fn log_in(
        &self,
        url: &str,
        callback: &str,
        name: &str,
        password: &str,
        consent: &str,
    ) -> String {
        let mut stop = self.open(url, callback);
        for _ in 0..10 {
            let page = match stop {
                Stop::Callback(url) => return url.into(),
                Stop::Page(page) => page,
            };
            stop = if page.html.contains("type=\"password\"") {
                self.submit(
                    &page,
                    &[("name", name), ("password", password)],
                    "Log in",
                    callback,
                )
            } else {
                self.submit(&page, &[], consent, callback)
            };
        }
        panic!("ten pages, and no end: {stop:?}");
    }

    fn follow(
        &self,
        mut url: Url,
        mut answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        callback: &str,
    ) -> Stop {
        let callback = Url::parse(callback).expect("a URL");
        for _ in 0..10 {
            let mut response = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
            let Some(location) = response.headers().get(LOCATION) else {
                let html = response
                    .body_mut()
                    .read_to_string()
                    .expect("a page of text");
                return Stop::Page(Page {
                    url,
                    status: response.status().as_u16(),
                    html,
                });
            };
            url = url
                .join(location.to_str().expect("an ASCII address"))
                .expect("an address");
            if url.host() == callback.host() && url.path() == callback.path() {
                return Stop::Callback(url);
            }
            answer = self.agent.get(url.as_str()).call();
        }
        panic!("ten redirects, and no page: {url}");
    }
}

impl Page {
    /// Where the form goes and what it sends. A page of these tests has one form, so every control is its.
    fn filled(&self, fields: &[(&str, &str)], button: &str) -> (Url, Vec<(String, String)>) {
        let mut action = None;
        let mut values = Vec::new();
        let mut pressed = None;
        for tag in tags(&self.html) {
            match tag.name {
                "form" => action = Some(tag.attribute("action").unwrap_or_default()),
                "button" if tag.text.contains(button) => pressed = Some(tag),
                "input" => {
                    let Some(name) = tag.attribute("name") else {
                        continue;
                    };
                    let given = fields.iter().find(|(field, _)| *field == name);
                    let value = given
                        .map(|(_, value)| (*value).to_owned())
                        .or(tag.attribute("value"));
                    values.push((name, value.unwrap_or_default()));
                }
                _ => {}
            }
        }
        let action = action.unwrap_or_else(|| panic!("{} has no form: {}", self.url, self.html));
        let pressed = pressed.unwrap_or_else(|| panic!("no button {button:?}: {}", self.html));
        for (field, _) in fields {
            assert!(
                values.iter().any(|(name, _)| name == field),
                "no field {field:?}: {}",
                self.html
            );
        }
        if let Some(name) = pressed.attribute("name") {
            values.push((name, pressed.attribute("value").unwrap_or_default()));
        }
        (self.url.join(&action).expect("the form's address"), values)
    }
}

/// An opening tag, and the text up to the next one.
struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
    text: &'a str,
}

impl Tag<'_> {
    /// The value of a quoted attribute, with its character references resolved.
    fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        while let Some((before, after)) = rest.split_once("=\"") {
            let (value, next) = after.split_once('"')?;
            if before.rsplit(char::is_whitespace).next() == Some(name) {
                return Some(
                    value
                        .replace("&quot;", "\"")
                        .replace("&#39;", "'")
                        .replace("&amp;", "&"),
                );
            }
            rest = next;
        }
        None
    }
}

/// The tags of a page. Enough for well-formed pages whose attributes are quoted and hold no `>`.
fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    html.split('<').filter_map(|piece| {
        let (tag, text) = piece.split_once('>')?;
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        Some(Tag {
            name,
            attributes,
            text,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        let url = Url::parse("http://127.0.0.1/pages/login?x=1").unwrap();
        Page {
            url,
            status: 200,
            html: html.to_owned(),
        }
    }

    #[test]
    fn a_form_sends_hidden_fields_the_given_ones_and_the_pressed_button() {
        let page = page(
            r#"<form method="post" action="/go?a=1&amp;b=2"><input type="hidden" name="csrf" value="&quot;x">
            <input name="name"><button name="answer" value="allow">Allow</button>
            <button name="answer" value="deny">Deny</button></form>"#,
        );
        let (action, values) = page.filled(&[("name", "alice")], "Deny");
        assert_eq!(action.as_str(), "http://127.0.0.1/go?a=1&b=2");
        let values: Vec<_> = values
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            values,
            [("csrf", "\"x"), ("name", "alice"), ("answer", "deny")]
        );
    }

    #[test]
    fn a_form_without_an_action_goes_back_to_its_page() {
        let (action, _) =
            page("<form method=\"post\"><button>Go</button></form>").filled(&[], "Go");
        assert_eq!(action.as_str(), "http://127.0.0.1/pages/login?x=1");
    }
}

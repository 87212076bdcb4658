//! Logs in as a person would, for tests and for machines without a browser.

use reqwest::header;
use url::{Url, form_urlencoded};

use crate::http_client;

/// Why the login page could not be submitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The page, or the answer to its form, could not be had.
    #[error("the login page cannot be reached: {0}")]
    Network(#[from] reqwest::Error),
    /// The provider showed an error instead of logging in; the text is the page's.
    #[error("the login page says: {0}")]
    Refused(String),
    /// The answer was neither a page with a form nor a redirect.
    #[error("the provider answered {status} with something that is no login page")]
    NotALoginPage {
        /// The HTTP status.
        status: u16,
    },
}

/// Opens the login page and submits its own form over HTTP, as a browser without JavaScript
/// would. Returns where the provider then sends the browser, the callback URL, without requesting
/// it. Where the provider answers without asking (an error, `prompt=none`), that is returned.
///
/// # Errors
/// When there is no such page, or the name or password is wrong.
pub async fn submit_login(
    authorization_url: &str,
    user: &str,
    password: &str,
) -> Result<String, SubmitError> {
    let client = http_client::new()?;
    let response = client.get(authorization_url).send().await?;
    if let Some(callback) = redirect(&response) {
        return Ok(callback);
    }
    let (base, status) = (response.url().clone(), response.status().as_u16());
    let page = response.text().await?;
    let not_a_page = || SubmitError::NotALoginPage { status };
    let form = Form::read(&page).ok_or_else(|| match alert(&page) {
        Some(text) => SubmitError::Refused(text),
        None => not_a_page(),
    })?;
    let action = base.join(&form.action).map_err(|_| not_a_page())?;
    let answer = send(&client, action, &form.filled(user, password)).await?;
    if let Some(callback) = redirect(&answer) {
        return Ok(callback);
    }
    let status = answer.status().as_u16();
    let page = answer.text().await?;
    Err(match alert(&page) {
        Some(text) => SubmitError::Refused(text),
        None => SubmitError::NotALoginPage { status },
    })
}

async fn send(
    client: &reqwest::Client,
    action: Url,
    fields: &[(String, String)],
) -> Result<reqwest::Response, reqwest::Error> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let kind = "application/x-www-form-urlencoded";
    client
        .post(action)
        .header(header::CONTENT_TYPE, kind)
        .body(body)
        .send()
        .await
}

fn redirect(response: &reqwest::Response) -> Option<String> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let target = response.url().join(location).ok()?;
    response.status().is_redirection().then(|| target.into())
}

/// The form of our own pages; this is no HTML parser.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(page: &str) -> Option<Form> {
        let (_, rest) = page.split_once("<form ")?;
        let (form, _) = rest.split_once("</form>")?;
        let (tag, inside) = form.split_once('>')?;
        let inputs = inside
            .split("<input ")
            .skip(1)
            .filter_map(|rest| rest.split_once('>'));
        let field = |(tag, _)| {
            Some((
                attribute(tag, "name")?,
                attribute(tag, "value").unwrap_or_default(),
            ))
        };
        Some(Form {
            action: attribute(tag, "action")?,
            fields: inputs.filter_map(field).collect(),
        })
    }

    fn filled(self, user: &str, password: &str) -> Vec<(String, String)> {
        let mut fields = self.fields;
        for (name, value) in &mut fields {
            match name.as_str() {
                "username" => user.clone_into(value),
                "password" => password.clone_into(value),
                _ => {}
            }
        }
        fields
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(unescape(rest.split_once('"')?.0))
}

fn alert(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("role=\"alert\"")?;
    let (_, rest) = rest.split_once('>')?;
    Some(unescape(rest.split_once('<')?.0))
}

fn unescape(text: &str) -> String {
    let entities = [
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_found_and_filled() {
        let page = "<p>x</p><form method=\"post\" action=\"/a?b&amp;c\"><input type=\"hidden\" \
                    name=\"transaction\" value=\"&quot;t\"><label>User</label><input \
                    id=\"username\" name=\"username\" value=\"\"></form>";
        let form = Form::read(page).unwrap();
        assert_eq!(form.action, "/a?b&c");
        let filled = form.filled("alice", "secret");
        assert_eq!(filled[0], ("transaction".to_owned(), "\"t".to_owned()));
        assert_eq!(filled[1], ("username".to_owned(), "alice".to_owned()));
    }
}

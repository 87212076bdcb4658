//! `ping` and `call`: requests to the protected API.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use latchkey::{ApiClient, ApiRequest, ApiResponse, AuthError, Header, PingClient};
use serde_json::{Value, json};

use crate::args::{CallWords, Door};
use crate::commands::Context;
use crate::config::problem;
use crate::output::{Answer, printable};

pub(crate) async fn ping(context: &Context, door: Door) -> Result<Answer, AuthError> {
    let client = PingClient::new(context.auth()?, context.settings.api()?)?;
    let answer = match door {
        Door::Private => client.ping_private(None).await?,
        Door::PrivateScoped => client.ping_private_scoped(None).await?,
    };
    Ok(Answer::done(
        json!({ "message": answer.message }),
        printable(&answer.message),
    ))
}

pub(crate) async fn call(context: &Context, words: CallWords) -> Result<Answer, AuthError> {
    let body = words.data.map(body).transpose()?;
    let client = ApiClient::new(context.auth()?, context.settings.api()?)?;
    let request = ApiRequest {
        // Methods are told apart by case, and all that are in use are in capitals.
        method: words.method.to_ascii_uppercase(),
        path: words.path,
        headers: words
            .header
            .into_iter()
            .map(|(name, value)| Header { name, value })
            .collect(),
        body,
    };
    let response = client.send(request, None).await?;
    let json = context.output.json;
    if !json {
        context.output.note(&head(&response));
    }
    let mut answer = answer(response);
    if !json && std::io::stdout().is_terminal() && answer.plain.last().is_some_and(|&b| b != b'\n')
    {
        answer.plain.push(b'\n');
    }
    Ok(answer)
}

/// What stands before the body for people: the status, and where a redirect leads, because it is not followed.
fn head(response: &ApiResponse) -> String {
    let mut head = format!("Status {}", response.status);
    let location = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("location"));
    if let (300..=399, Some(location)) = (response.status, location) {
        head.push_str(&format!("\nLocation: {}", location.value));
    }
    head
}

fn answer(response: ApiResponse) -> Answer {
    let mut headers = BTreeMap::<String, String>::new();
    for Header { name, value } in response.headers {
        // A list is one header or several (RFC 9110 §5.3).
        headers
            .entry(name)
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(&value);
            })
            .or_insert(value);
    }
    let mut json =
        json!({ "ok": true, "status": response.status, "headers": headers, "body": null });
    match std::str::from_utf8(&response.body) {
        Ok(text) => json["body"] = Value::from(text),
        Err(_) => json["body_base64"] = Value::from(BASE64_STANDARD.encode(&response.body)),
    }
    Answer {
        json,
        plain: response.body,
    }
}

fn body(data: String) -> Result<Vec<u8>, AuthError> {
    match data.strip_prefix('@') {
        None => Ok(data.into_bytes()),
        Some(path) => fs::read(path)
            .map_err(|error| problem("data", format!("{path} cannot be read: {error}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &[u8]) -> ApiResponse {
        let header = |name: &str, value: &str| Header {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        ApiResponse {
            status: 201,
            headers: vec![header("vary", "accept"), header("vary", "origin")],
            body: body.to_vec(),
        }
    }

    #[test]
    fn a_body_of_text_is_text_and_equal_headers_are_one() {
        let expected = json!({ "ok": true, "status": 201, "headers": { "vary": "accept, origin" }, "body": "hé" });
        assert_eq!(answer(response("hé".as_bytes())).json, expected);
    }

    #[test]
    fn a_body_of_bytes_is_base64() {
        let answer = answer(response(&[0xff, 0xfe]));
        assert_eq!(answer.json["body"], Value::Null);
        assert_eq!(answer.json["body_base64"], "//4=");
        assert_eq!(answer.plain, [0xff, 0xfe]);
    }

    #[test]
    fn a_redirect_says_where_it_leads() {
        let mut redirect = response(b"");
        redirect.headers.push(Header {
            name: "location".to_owned(),
            value: "/there".to_owned(),
        });
        assert_eq!(head(&redirect), "Status 201");
        redirect.status = 302;
        assert_eq!(head(&redirect), "Status 302\nLocation: /there");
    }

    #[test]
    fn data_is_text_or_the_file_behind_the_sign() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("body");
        fs::write(&file, [1, 2]).unwrap();
        assert_eq!(body("a@b".to_owned()), Ok(b"a@b".to_vec()));
        assert_eq!(body(format!("@{}", file.display())), Ok(vec![1, 2]));
        assert_eq!(
            body("@/does/not/exist".to_owned()).unwrap_err().kind(),
            "configuration"
        );
    }
}

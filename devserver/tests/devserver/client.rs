//! The smallest HTTP client that shows what is on the wire, and a login with it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey_devserver::{DevServer, Options, Rotation, submit_login};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::{Url, form_urlencoded};

/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:50123/callback";
pub(crate) const AUDIENCE: &str = "https://api.latchkey.test";
pub(crate) const ALL_SCOPES: &str = "openid profile email offline_access read:messages";

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    /// As on the wire, chunks and all.
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut fields = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        fields.next().map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn length(&self) -> usize {
        self.header("content-length").unwrap().parse().unwrap()
    }

    pub(crate) fn location(&self) -> Url {
        Url::parse(
            self.header("location")
                .unwrap_or_else(|| panic!("no redirect: {self:?}")),
        )
        .unwrap()
    }
}

/// Sends one request and reads until the server closes. None: it closed without any answer.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let url = Url::parse(url).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    write!(request, "\r\n{body}").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    if bytes.is_empty() {
        return None;
    }
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

pub(crate) async fn get(url: &str) -> Answer {
    send("GET", url, &[], "").await.unwrap()
}

pub(crate) async fn get_with_token(url: &str, token: &str) -> Answer {
    let value = format!("Bearer {token}");
    send("GET", url, &[("Authorization", &value)], "")
        .await
        .unwrap()
}

pub(crate) async fn try_post(url: &str, fields: &[(&str, &str)]) -> Option<Answer> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    send(
        "POST",
        url,
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &body,
    )
    .await
}

pub(crate) async fn post(url: &str, fields: &[(&str, &str)]) -> Answer {
    try_post(url, fields).await.unwrap()
}

pub(crate) async fn start() -> DevServer {
    DevServer::start(Options::default()).await.unwrap()
}

pub(crate) async fn start_with(rotation: Rotation) -> DevServer {
    DevServer::start(Options {
        rotation,
        ..Options::default()
    })
    .await
    .unwrap()
}

pub(crate) fn endpoint(server: &DevServer, name: &str) -> String {
    format!("{}/{name}", server.issuer())
}

/// A good authorization request; `changes` replace parameters, and an empty value removes one.
pub(crate) fn authorization_url(server: &DevServer, changes: &[(&str, &str)]) -> String {
    let mut params = vec![
        ("client_id", "latchkey-dev"),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", ALL_SCOPES),
        ("state", "a-state-of-some-length"),
        ("nonce", "a-nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("audience", AUDIENCE),
    ];
    params.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    params.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    Url::parse_with_params(&endpoint(server, "authorize"), params)
        .unwrap()
        .into()
}

pub(crate) fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Logs in up to the callback URL.
pub(crate) async fn callback(server: &DevServer, user: &str, changes: &[(&str, &str)]) -> Url {
    let url = authorization_url(server, changes);
    let callback = submit_login(&url, user, &format!("{user}-password"))
        .await
        .unwrap();
    Url::parse(&callback).unwrap()
}

pub(crate) async fn code(server: &DevServer) -> String {
    param(&callback(server, "alice", &[]).await, "code").unwrap()
}

pub(crate) async fn try_exchange(server: &DevServer, code: &str) -> Option<Answer> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "latchkey-dev"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    try_post(&endpoint(server, "token"), &fields).await
}

pub(crate) async fn exchange(server: &DevServer, code: &str) -> Answer {
    try_exchange(server, code).await.unwrap()
}

/// Logs in to the end: the token answer.
pub(crate) async fn log_in(server: &DevServer, user: &str, changes: &[(&str, &str)]) -> Value {
    let code = param(&callback(server, user, changes).await, "code").unwrap();
    let answer = exchange(server, &code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub(crate) async fn refresh(server: &DevServer, refresh_token: &str) -> Answer {
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "latchkey-dev"),
        ("refresh_token", refresh_token),
    ];
    post(&endpoint(server, "token"), &fields).await
}

pub(crate) fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer[member]
        .as_str()
        .unwrap_or_else(|| panic!("no {member} in {answer}"))
}

/// Header or claims of a JWT, unchecked.
pub(crate) fn part(jwt: &str, index: usize) -> Value {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(jwt.split('.').nth(index).unwrap())
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

pub(crate) fn base64url(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

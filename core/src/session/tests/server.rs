//! A provider that says what a test has written down, and keeps what it was asked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use ring::digest::{SHA512, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use url::Url;

use crate::protocol::encoding::b64url;

/// What is answered instead of the usual.
pub(crate) enum Reply {
    /// These bytes, and then the connection is closed.
    Raw(Vec<u8>),
    /// The usual answer with these members laid over it; null removes one.
    Merged(Value),
    /// The reply inside, when the gate is opened.
    Held(Gate, Box<Reply>),
    /// The usual.
    Usual,
}

impl Reply {
    /// A JSON body under this status.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::with(status, "content-type: application/json\r\n", body)
    }

    /// A body under this status with these header lines, each of which ends in CR LF.
    pub(crate) fn with(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} -\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        Self::Raw((head + body).into_bytes())
    }

    /// No answer: the connection is closed.
    pub(crate) fn nothing() -> Self {
        Self::Raw(Vec::new())
    }
}

/// Holds a reply until it is opened, and tells when a request is there.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Notify, Notify)>);

impl Gate {
    /// Waits until a request has come to the gate.
    pub(crate) async fn reached(&self) {
        self.0.0.notified().await;
    }

    pub(crate) fn open(&self) {
        self.0.1.notify_one();
    }

    /// Tells that somebody is here, and waits until it is opened.
    pub(crate) async fn pass(&self) {
        self.0.0.notify_one();
        self.0.1.notified().await;
    }
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn path(&self) -> &str {
        let target = self.head.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    /// The header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// Every header line of this name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The member of a form, as it was sent.
    pub(crate) fn form(&self, name: &str) -> Option<&str> {
        let mut pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

struct Script {
    replies: HashMap<String, VecDeque<Reply>>,
    asked: Vec<Asked>,
    /// Members laid over every document at this path; null removes one.
    merged: HashMap<String, Value>,
    /// Header lines of every usual answer at this path.
    headers: HashMap<String, &'static str>,
    /// Claims laid over those of every ID token; null stays null.
    claims: Map<String, Value>,
    /// The nonce of each code that was handed out.
    nonces: HashMap<String, String>,
    key: Ed25519KeyPair,
    tokens: u64,
    /// What an ID token's `iat` is; its `exp` is an hour later.
    now: i64,
}

/// The server. It ends with the runtime of its test.
pub(crate) struct Server {
    pub(crate) origin: String,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub(crate) async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Arc::new(Mutex::new(Script {
            replies: HashMap::new(),
            asked: Vec::new(),
            merged: HashMap::new(),
            headers: HashMap::new(),
            claims: Map::new(),
            nonces: HashMap::new(),
            key: key(1),
            tokens: 0,
            now,
        }));
        let (shared, issuer) = (Arc::clone(&script), origin.clone());
        drop(super::super::flight::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serve(stream, Arc::clone(&shared), issuer.clone());
                drop(super::super::flight::spawn(serving));
            }
        }));
        Self { origin, script }
    }

    /// The next request to this path that no earlier reply is for is answered so.
    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        let replies = &mut self.script().replies;
        replies.entry(path.to_owned()).or_default().push_back(reply);
    }

    /// Lays members over every document at this path from now on; null removes one.
    pub(crate) fn merge(&self, path: &str, members: Value) {
        self.script().merged.insert(path.to_owned(), members);
    }

    /// Adds header lines, each of which ends in CR LF, to every usual answer at this path from now on.
    pub(crate) fn add_headers(&self, path: &str, lines: &'static str) {
        self.script().headers.insert(path.to_owned(), lines);
    }

    /// Lays claims over those of every ID token from now on; null is null.
    pub(crate) fn claim(&self, claims: Value) {
        self.script().claims = claims.as_object().cloned().unwrap_or_default();
    }

    /// Signs with another key from now on, which the key set has.
    pub(crate) fn rotate_key(&self, seed: u8) {
        self.script().key = key(seed);
    }

    pub(crate) fn set_time(&self, now: i64) {
        self.script().now = now;
    }

    /// The requests to this path, oldest first.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let script = self.script();
        let asked = script.asked.iter();
        asked
            .filter(|asked| asked.path() == path)
            .cloned()
            .collect()
    }

    pub(crate) fn forget(&self) {
        self.script().asked.clear();
    }

    /// The address that the browser would be sent to.
    pub(crate) fn callback(&self, login_url: &str) -> String {
        let url = Url::parse(login_url).expect("a URL");
        let parameter = |name: &str| {
            let found = url.query_pairs().find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned())
        };
        let mut script = self.script();
        let code = format!("code-{}", script.nonces.len() + 1);
        let nonce = parameter("nonce").unwrap_or_default();
        script.nonces.insert(code.clone(), nonce);
        format!(
            "{}?code={code}&state={}",
            parameter("redirect_uri").unwrap_or_default(),
            parameter("state").unwrap_or_default(),
        )
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic")
    }
}

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed")
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>, issuer: String) {
    while let Some(asked) = read(&mut stream).await {
        let path = asked.path().to_owned();
        let mut reply = {
            let mut script = script.lock().expect("no panic");
            script.asked.push(asked.clone());
            let replies = script.replies.get_mut(&path);
            replies
                .and_then(VecDeque::pop_front)
                .unwrap_or(Reply::Usual)
        };
        while let Reply::Held(gate, held) = reply {
            gate.pass().await;
            reply = *held;
        }
        let bytes = match reply {
            Reply::Raw(bytes) => {
                // The client may have left.
                drop(stream.write_all(&bytes).await);
                return;
            }
            reply => {
                let mut script = script.lock().expect("no panic");
                let mut members = script.usual(&asked, &issuer);
                if let Some(over) = script.merged.get(&path) {
                    lay_over(&mut members, over);
                }
                if let Reply::Merged(over) = &reply {
                    lay_over(&mut members, over);
                }
                let body = members.to_string();
                let headers = script.headers.get(&path).copied().unwrap_or_default();
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        };
        if stream.write_all(bytes.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut asked = Asked {
        head,
        body: String::new(),
    };
    let length = asked.header("content-length").map_or(Ok(0), str::parse);
    let mut body = vec![0; length.ok()?];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8(body).ok()?;
    Some(asked)
}

/// Null removes a member.
fn lay_over(members: &mut Value, over: &Value) {
    let (Some(members), Some(over)) = (members.as_object_mut(), over.as_object()) else {
        return;
    };
    for (name, value) in over {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

impl Script {
    fn usual(&mut self, asked: &Asked, issuer: &str) -> Value {
        match asked.path() {
            "/.well-known/openid-configuration" => json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "revocation_endpoint": format!("{issuer}/revoke"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "jwks_uri": format!("{issuer}/jwks"),
                "code_challenge_methods_supported": ["S256"],
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["EdDSA"],
            }),
            "/jwks" => json!({ "keys": [{
                "kty": "OKP", "crv": "Ed25519", "use": "sig",
                "x": b64url(self.key.public_key().as_ref()),
            }] }),
            "/token" => self.tokens(asked, issuer),
            "/userinfo" => json!({ "sub": "alice", "name": "Alice" }),
            _ => json!({}),
        }
    }

    fn tokens(&mut self, asked: &Asked, issuer: &str) -> Value {
        self.tokens += 1;
        let access_token = format!("at-{}", self.tokens);
        let nonce = asked.form("code").and_then(|code| self.nonces.get(code));
        let id_token = self.id_token(issuer, nonce.cloned(), &access_token);
        json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": format!("rt-{}", self.tokens),
            "id_token": id_token,
        })
    }

    fn id_token(&self, issuer: &str, nonce: Option<String>, access_token: &str) -> String {
        let hash = digest(&SHA512, access_token.as_bytes());
        let mut claims = json!({
            "iss": issuer, "sub": "alice", "aud": "client", "iat": self.now, "exp": self.now + 3_600,
            "at_hash": b64url(&hash.as_ref()[..32]),
        });
        if let Some(members) = claims.as_object_mut() {
            members.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
            members.extend(self.claims.clone());
        }
        let signed = format!(
            "{}.{}",
            b64url(br#"{"alg":"EdDSA"}"#),
            b64url(claims.to_string().as_bytes())
        );
        format!(
            "{signed}.{}",
            b64url(self.key.sign(signed.as_bytes()).as_ref())
        )
    }
}

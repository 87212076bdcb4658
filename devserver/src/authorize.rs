//! The authorization endpoint: RFC 6749 §4.1.1 and OpenID Connect Core §3.1.2, with PKCE.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use url::Url;

use crate::fault_layer::Context;
use crate::faults::merge;
use crate::grants::{BrowserSession, Grant};
use crate::keys::random;
use crate::login;
use crate::page;
use crate::params::Params;
use crate::provider::{CLIENT_ID, Provider};

/// The name of the cookie that holds a browser's session.
const COOKIE: &str = "latchkey_dev_session";

/// An authorization request that was checked.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) code_challenge: String,
    pub(crate) acr_values: Vec<String>,
    pub(crate) login_hint: Option<String>,
    max_age: Option<u64>,
    prompt: Vec<String>,
    /// The subject of the `id_token_hint`.
    expected_subject: Option<String>,
    /// A fault: laid over the parameters of the response.
    merge: Map<String, Value>,
}

impl AuthorizationRequest {
    /// Faults of the login form's request count besides those of the authorization request.
    pub(crate) fn add_faults(&mut self, context: &Context) {
        self.merge.extend(context.fault.merge.clone());
    }
}

/// An error that goes to the client's address.
struct Refusal {
    code: &'static str,
    description: String,
}

fn refusal(code: &'static str, description: impl Into<String>) -> Refusal {
    Refusal {
        code,
        description: description.into(),
    }
}

/// GET and POST (OpenID Connect Core §3.1.2.1).
pub(crate) async fn authorize(
    State(provider): State<Arc<Provider>>,
    Extension(context): Extension<Context>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let params = match method {
        Method::POST => Params::parse(&body),
        _ => Params::parse(query.unwrap_or_default().as_bytes()),
    };
    // Who asks, and where answers go, must be certain before anything is sent there.
    for name in ["client_id", "redirect_uri"] {
        if params.all(name).count() > 1 {
            return page::error(&format!("The parameter {name} came more than once."));
        }
    }
    match params.get("client_id") {
        None => return page::error("The parameter client_id is missing."),
        Some(CLIENT_ID) => {}
        Some(other) => {
            let text = format!("The client {other:?} is not registered here; {CLIENT_ID:?} is.");
            return page::error(&text);
        }
    }
    let Some(redirect_uri) = params.get("redirect_uri") else {
        return page::error("The parameter redirect_uri is missing.");
    };
    if !provider.allows_redirect(redirect_uri) {
        let text = format!("The redirect URI {redirect_uri:?} is not registered for this client.");
        return page::error(&text);
    }
    let state = params.get("state");
    let merge = context.fault.merge.clone();
    let request = match check(&provider, &params, redirect_uri, merge.clone()) {
        Ok(request) => request,
        Err(refusal) => return refused(&provider, redirect_uri, state, &merge, refusal),
    };

    let session = browser_session(&provider, &headers);
    let has = |prompt: &str| request.prompt.iter().any(|p| p == prompt);
    let usable = session.filter(|session| is_enough(session, &request, context.now));
    match usable {
        Some(session) if has("none") => respond(&provider, &context, request, session),
        None if has("none") => {
            let known = browser_session(&provider, &headers).is_some();
            let refusal = match known && !request.acr_values.is_empty() {
                true => refusal("interaction_required", "this login is not strong enough"),
                false => refusal("login_required", "nobody is logged in in this browser"),
            };
            refused(&provider, redirect_uri, state, &merge, refusal)
        }
        Some(session) if !(has("login") || has("select_account")) => match has("consent") {
            true => login::consent_page(&provider, request, &session),
            false => respond(&provider, &context, request, session),
        },
        _ => login::login_page(&provider, request),
    }
}

fn check(
    provider: &Provider,
    params: &Params,
    redirect_uri: &str,
    merge: Map<String, Value>,
) -> Result<AuthorizationRequest, Refusal> {
    if let Some(name) = params.duplicate() {
        return Err(refusal(
            "invalid_request",
            format!("the parameter {name} came more than once"),
        ));
    }
    if params.get("request").is_some() {
        return Err(refusal(
            "request_not_supported",
            "request objects are not supported",
        ));
    }
    if params.get("request_uri").is_some() {
        return Err(refusal(
            "request_uri_not_supported",
            "request objects are not supported",
        ));
    }
    match params.get("response_type") {
        Some("code") => {}
        None => return Err(refusal("invalid_request", "response_type is missing")),
        Some(_) => {
            return Err(refusal(
                "unsupported_response_type",
                "response_type must be code",
            ));
        }
    }
    if params
        .get("response_mode")
        .is_some_and(|mode| mode != "query")
    {
        return Err(refusal("invalid_request", "response_mode must be query"));
    }
    // RFC 9700 §2.1.1: PKCE, and not with the method that protects nothing.
    let Some(challenge) = params.get("code_challenge") else {
        return Err(refusal(
            "invalid_request",
            "code_challenge is missing: PKCE is required",
        ));
    };
    if params.get("code_challenge_method") != Some("S256") {
        return Err(refusal(
            "invalid_request",
            "code_challenge_method must be S256",
        ));
    }
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if challenge.len() != 43 || !challenge.bytes().all(unreserved) {
        return Err(refusal(
            "invalid_request",
            "code_challenge must be 43 characters of base64url",
        ));
    }
    let prompt = params.words("prompt");
    if prompt.len() > 1 && prompt.iter().any(|word| word == "none") {
        return Err(refusal(
            "invalid_request",
            "prompt=none goes with no other prompt",
        ));
    }
    if let Some(word) = prompt
        .iter()
        .find(|w| !["none", "login", "consent", "select_account"].contains(&w.as_str()))
    {
        return Err(refusal("invalid_request", format!("{word:?} is no prompt")));
    }
    let max_age = match params.get("max_age").map(str::parse) {
        Some(Err(_)) => return Err(refusal("invalid_request", "max_age must be a number")),
        Some(Ok(seconds)) => Some(seconds),
        None => None,
    };
    let mut audiences: Vec<String> = Vec::new();
    for audience in params.all("resource").chain(params.get("audience")) {
        if !provider.audiences.iter().any(|known| known == audience) {
            let known = provider.audiences.join(", ");
            let text = format!("the audience {audience} is not known here; known: {known}");
            return Err(refusal("invalid_target", text));
        }
        if !audiences.iter().any(|known| known == audience) {
            audiences.push(audience.to_owned());
        }
    }
    let hint = params.get("id_token_hint");
    let expected_subject = match hint.map(|token| crate::guard::id_token_subject(provider, token)) {
        Some(None) => {
            return Err(refusal(
                "invalid_request",
                "id_token_hint is no ID token of ours",
            ));
        }
        Some(Some(subject)) => Some(subject),
        None => None,
    };
    Ok(AuthorizationRequest {
        redirect_uri: redirect_uri.to_owned(),
        state: params.get("state").map(str::to_owned),
        nonce: params.get("nonce").map(str::to_owned),
        scopes: params.words("scope"),
        audiences,
        code_challenge: challenge.to_owned(),
        acr_values: params.words("acr_values"),
        login_hint: params.get("login_hint").map(str::to_owned),
        max_age,
        prompt,
        expected_subject,
        merge,
    })
}

/// Whether what the person did before answers this request without the person.
fn is_enough(session: &BrowserSession, request: &AuthorizationRequest, now: u64) -> bool {
    let age = now.saturating_sub(session.auth_time);
    // max_age=0 means the same as prompt=login.
    request
        .max_age
        .is_none_or(|max_age| max_age > 0 && age <= max_age)
        && (request.acr_values.is_empty() || request.acr_values.contains(&session.acr))
        && request
            .expected_subject
            .as_ref()
            .is_none_or(|subject| *subject == session.subject)
}

/// The successful authorization response.
pub(crate) fn respond(
    provider: &Provider,
    context: &Context,
    request: AuthorizationRequest,
    session: BrowserSession,
) -> Response {
    let Some(user) = provider.users.by_subject(&session.subject) else {
        return page::error("This user no longer exists.");
    };
    let grant = Grant {
        scopes: user.granted(&request.scopes),
        audiences: request.audiences.clone(),
        nonce: request.nonce.clone(),
        session,
    };
    let expires_at = context.now + provider.code_seconds;
    let code = provider.grants().code(request.clone(), grant, expires_at);
    let own = [("code", code.as_str())];
    redirect(
        provider,
        &request.redirect_uri,
        request.state.as_deref(),
        &own,
        &request.merge,
    )
}

/// The person pressed Cancel.
pub(crate) fn denied(provider: &Provider, request: &AuthorizationRequest) -> Response {
    let refusal = refusal("access_denied", "the person cancelled the login");
    refused(
        provider,
        &request.redirect_uri,
        request.state.as_deref(),
        &request.merge,
        refusal,
    )
}

fn refused(
    provider: &Provider,
    redirect_uri: &str,
    state: Option<&str>,
    merge: &Map<String, Value>,
    Refusal { code, description }: Refusal,
) -> Response {
    let own = [("error", code), ("error_description", description.as_str())];
    redirect(provider, redirect_uri, state, &own, merge)
}

/// Sends the browser to the client, always with `iss` (RFC 9207 §2).
fn redirect(
    provider: &Provider,
    redirect_uri: &str,
    state: Option<&str>,
    own: &[(&str, &str)],
    over: &Map<String, Value>,
) -> Response {
    let mut params = Map::new();
    let common = [("iss", Some(provider.issuer.as_str())), ("state", state)];
    let common = common
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in own.iter().copied().chain(common) {
        params.insert(name.to_owned(), value.into());
    }
    merge(&mut params, over);
    let Ok(mut url) = Url::parse(redirect_uri) else {
        return page::error("The redirect URI is no URI.");
    };
    {
        let mut query = url.query_pairs_mut();
        for (name, value) in &params {
            match value {
                // A list repeats the parameter, which a client must refuse.
                Value::Array(values) => {
                    for value in values {
                        query.append_pair(name, &text(value));
                    }
                }
                value => drop(query.append_pair(name, &text(value))),
            }
        }
    }
    let headers = [
        (header::LOCATION, url.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    // RFC 9700 §4.12: 303, so that no browser repeats the password to the client.
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The session that the browser's cookie names.
pub(crate) fn browser_session(provider: &Provider, headers: &HeaderMap) -> Option<BrowserSession> {
    provider.grants().sessions.get(&cookie(headers)?).cloned()
}

/// Ends the session that the browser's cookie names.
pub(crate) fn end_browser_session(provider: &Provider, headers: &HeaderMap) {
    if let Some(cookie) = cookie(headers) {
        provider.grants().sessions.remove(&cookie);
    }
}

/// Begins a browser's session; the value is for `Set-Cookie`.
pub(crate) fn begin_browser_session(provider: &Provider, session: BrowserSession) -> String {
    let name = random();
    provider.grants().sessions.insert(name.clone(), session);
    format!("{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax")
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}

//! The token endpoint: RFC 6749 §4.1.3 and §6, with RFC 7636, RFC 8707 and RFC 9068.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use crate::fault_layer::Context;
use crate::faults::merge;
use crate::grants::{AccessToken, Grant, GrantId, Refused};
use crate::keys::{left_half_s256, random, s256, spoil_signature};
use crate::params::Params;
use crate::provider::{CLIENT_ID, Provider};

/// An error answer of RFC 6749 §5.2.
#[derive(Debug)]
pub(crate) struct TokenError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) description: String,
}

impl TokenError {
    pub(crate) fn new(code: &'static str, description: impl Into<String>) -> TokenError {
        let status = match code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        TokenError {
            status,
            code,
            description: description.into(),
        }
    }
}

impl From<Refused> for TokenError {
    fn from(refused: Refused) -> Self {
        let description = match refused {
            Refused::Unknown => "it is unknown here or was revoked",
            Refused::Expired => "it has expired",
            Refused::Reused => "it was used before; everything that came of it is revoked now",
        };
        TokenError::new("invalid_grant", description)
    }
}

impl From<jsonwebtoken::errors::Error> for TokenError {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        TokenError::new("server_error", format!("signing failed: {error}"))
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = (
            self.status,
            [(header::CACHE_CONTROL, "no-store")],
            Json(body),
        )
            .into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Basic realm=\"latchkey-devserver\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// POST with a form.
pub(crate) async fn token(
    State(provider): State<Arc<Provider>>,
    Extension(context): Extension<Context>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, TokenError> {
    let form = read_form(&headers, &body)?;
    let answer = match form.get("grant_type") {
        Some("authorization_code") => authorization_code(&provider, &context, &form)?,
        Some("refresh_token") => refresh_token(&provider, &context, &form)?,
        None => return Err(TokenError::new("invalid_request", "grant_type is missing")),
        Some(_) => {
            let text = "grant_type must be authorization_code or refresh_token";
            return Err(TokenError::new("unsupported_grant_type", text));
        }
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    Ok((headers, Json(answer)).into_response())
}

/// The form of a request to the token or revocation endpoint, by our public client.
pub(crate) fn read_form(headers: &HeaderMap, body: &[u8]) -> Result<Params, TokenError> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let text = "the body must be application/x-www-form-urlencoded";
        return Err(TokenError::new("invalid_request", text));
    }
    let form = Params::parse(body);
    if let Some(name) = form.duplicate() {
        let text = format!("the parameter {name} came more than once");
        return Err(TokenError::new("invalid_request", text));
    }
    if headers.contains_key(header::AUTHORIZATION) || form.get("client_secret").is_some() {
        let text = "this client is public: send client_id in the form and no secret";
        return Err(TokenError::new("invalid_client", text));
    }
    match form.get("client_id") {
        Some(CLIENT_ID) => Ok(form),
        Some(_) => Err(TokenError::new(
            "invalid_client",
            "this client is not registered",
        )),
        None => Err(TokenError::new("invalid_client", "client_id is missing")),
    }
}

fn required<'a>(form: &'a Params, name: &str) -> Result<&'a str, TokenError> {
    let missing = || TokenError::new("invalid_request", format!("{name} is missing"));
    form.get(name).ok_or_else(missing)
}

fn authorization_code(
    provider: &Provider,
    context: &Context,
    form: &Params,
) -> Result<Value, TokenError> {
    let code = required(form, "code")?;
    let redirect_uri = required(form, "redirect_uri")?;
    let verifier = required(form, "code_verifier")?;
    let (request, id, grant) = provider.grants().redeem(code, context.now)?;
    if request.redirect_uri != redirect_uri {
        let text = "redirect_uri is not the one of the authorization request";
        return Err(TokenError::new("invalid_grant", text));
    }
    // RFC 7636 §4.1: 43 to 128 unreserved characters.
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(TokenError::new(
            "invalid_request",
            "code_verifier is malformed",
        ));
    }
    if s256(verifier) != request.code_challenge {
        let text = "code_verifier does not belong to the code_challenge";
        return Err(TokenError::new("invalid_grant", text));
    }
    let audiences = audiences(form, &grant)?;
    let refresh = grant
        .has("offline_access")
        .then(|| provider.grants().add_refresh(id));
    let scopes = grant.scopes.clone();
    answer(
        provider,
        context,
        Issue {
            id,
            grant: &grant,
            scopes,
            audiences,
            refresh,
            first: true,
        },
    )
}

fn refresh_token(
    provider: &Provider,
    context: &Context,
    form: &Params,
) -> Result<Value, TokenError> {
    let token = required(form, "refresh_token")?;
    // What is wrong with the request itself must not cost the token, so it is looked at first.
    let known = provider.grants().peek_refresh(token).cloned();
    let known = known.ok_or(Refused::Unknown)?;
    let audiences = audiences(form, &known)?;
    let mut scopes = form.words("scope");
    if let Some(scope) = scopes.iter().find(|scope| !known.has(scope)) {
        let text = format!("the scope {scope} was not granted by the login");
        return Err(TokenError::new("invalid_scope", text));
    }
    if scopes.is_empty() {
        scopes = known.scopes;
    }
    let rotation = provider.rotation();
    let used = provider.grants().use_refresh(token, rotation, context.now);
    if used
        .as_ref()
        .is_err_and(|refused| *refused == Refused::Reused)
    {
        provider.stats.reuse();
    }
    let used = used?;
    let refresh = used.refresh_token;
    let issue = Issue {
        id: used.id,
        grant: &used.grant,
        scopes,
        audiences,
        refresh,
        first: false,
    };
    answer(provider, context, issue)
}

/// What the token is for: what the request names out of what was granted, else all of it
/// (RFC 8707 §2.2).
fn audiences(form: &Params, grant: &Grant) -> Result<Vec<String>, TokenError> {
    let named: Vec<_> = form
        .all("resource")
        .chain(form.get("audience"))
        .map(str::to_owned)
        .collect();
    if let Some(other) = named.iter().find(|name| !grant.audiences.contains(name)) {
        let text = format!("the login did not ask for {other}");
        return Err(TokenError::new("invalid_target", text));
    }
    Ok(if named.is_empty() {
        grant.audiences.clone()
    } else {
        named
    })
}

struct Issue<'a> {
    id: GrantId,
    grant: &'a Grant,
    scopes: Vec<String>,
    audiences: Vec<String>,
    refresh: Option<String>,
    /// By a code, not by a refresh token.
    first: bool,
}

fn answer(provider: &Provider, context: &Context, issue: Issue<'_>) -> Result<Value, TokenError> {
    let access_token = access_token(provider, context, &issue)?;
    let mut answer = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": provider.access_token_seconds,
        "scope": issue.scopes.join(" "),
    });
    if issue.grant.has("openid") {
        answer["id_token"] = id_token(provider, context, &issue, &access_token)?.into();
    }
    if let Some(refresh) = &issue.refresh {
        answer["refresh_token"] = refresh.as_str().into();
    }
    Ok(answer)
}

/// Opaque when it is for nobody in particular, else a JWT (RFC 9068 §2).
fn access_token(
    provider: &Provider,
    context: &Context,
    issue: &Issue<'_>,
) -> Result<String, TokenError> {
    let name = random();
    let session = &issue.grant.session;
    let expires_at = context.now + provider.access_token_seconds;
    let record = AccessToken {
        grant: issue.id,
        scopes: issue.scopes.clone(),
        expires_at,
    };
    provider.grants().add_access(&name, record);
    if issue.audiences.is_empty() {
        return Ok(name);
    }
    let claims = json!({
        "iss": provider.issuer,
        "sub": session.subject,
        "aud": one_or_many(&issue.audiences),
        "client_id": CLIENT_ID,
        "iat": context.now,
        "nbf": context.now,
        "exp": expires_at,
        "jti": name,
        "scope": issue.scopes.join(" "),
        "auth_time": session.auth_time,
        "acr": session.acr,
    });
    Ok(provider
        .keys
        .sign(provider.id_token_alg.into(), "at+jwt", &into_map(claims))?)
}

/// OpenID Connect Core §2; at a refresh without the nonce, as §12.2 advises.
fn id_token(
    provider: &Provider,
    context: &Context,
    issue: &Issue<'_>,
    access_token: &str,
) -> Result<String, TokenError> {
    let session = &issue.grant.session;
    let mut claims = json!({
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "iat": context.now,
        "exp": context.now + 600,
        "auth_time": session.auth_time,
        "acr": session.acr,
        "sid": session.sid,
        "at_hash": left_half_s256(access_token),
    });
    if let (Some(nonce), true) = (&issue.grant.nonce, issue.first) {
        claims["nonce"] = nonce.as_str().into();
    }
    let mut claims = into_map(claims);
    if let Some(user) = provider.users.by_subject(&session.subject) {
        claims.extend(user.claims(&issue.scopes));
    }
    merge(&mut claims, &context.fault.claims);
    let nulls = context.fault.null_claims.iter();
    claims.extend(nulls.map(|name| (name.clone(), Value::Null)));
    let signing = context
        .fault
        .alg
        .unwrap_or_else(|| provider.id_token_alg.into());
    let token = provider.keys.sign(signing, "JWT", &claims)?;
    Ok(if context.fault.bad_signature {
        spoil_signature(&token)
    } else {
        token
    })
}

fn one_or_many(values: &[String]) -> Value {
    match values {
        [one] => one.as_str().into(),
        many => many.to_vec().into(),
    }
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

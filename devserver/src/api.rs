//! The protected API: what the tokens are for.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::routing::{MethodRouter, any, get};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use crate::fault_layer::Context;
use crate::faults::Fault;
use crate::guard::{Claims, Expected, Refusal, Typ, bearer, check, check_own, read_header};
use crate::provider::Provider;
use crate::remote_keys::RemoteKeys;

/// Whose tokens the API takes.
#[derive(Clone)]
pub(crate) enum Trust {
    /// Those of the provider beside it.
    Own(Arc<Provider>),
    /// Those of another issuer.
    Other(Arc<OtherIssuer>),
}

/// An issuer elsewhere.
pub(crate) struct OtherIssuer {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) keys: RemoteKeys,
}

impl Trust {
    async fn claims(&self, headers: &HeaderMap, now: u64) -> Result<Claims, Refusal> {
        let token = bearer(headers)?;
        match self {
            Trust::Own(provider) => check_own(provider, token, &provider.audiences[..1], now),
            Trust::Other(other) => {
                let OtherIssuer {
                    issuer,
                    audiences,
                    keys,
                } = &**other;
                let expected = Expected {
                    issuer,
                    audiences,
                    typ: Typ::Any,
                    now,
                    leeway: 5,
                };
                let (algorithm, kid) = read_header(token, expected)?;
                let key = keys.find(algorithm, kid.as_deref()).await;
                let key =
                    key.ok_or_else(|| Refusal::invalid("the key that signed it is not known"))?;
                check(token, algorithm, &key, expected)
            }
        }
    }
}

type Answer = Result<Json<Value>, Refusal>;
type MaybeContext = Option<Extension<Context>>;

/// The time by the API's clock, which only a fault moves.
fn now(context: MaybeContext) -> u64 {
    context.map_or_else(
        || Context::new(Fault::default()).now,
        |Extension(context)| context.now,
    )
}

/// All routes, each with its path.
pub(crate) fn routes(trust: Trust) -> Vec<(&'static str, MethodRouter)> {
    vec![
        ("/api/public", get(public)),
        ("/api/private", get(private).with_state(trust.clone())),
        (
            "/api/private-scoped",
            get(private_scoped).with_state(trust.clone()),
        ),
        ("/api/step-up", get(step_up).with_state(trust.clone())),
        ("/api/echo", any(echo).with_state(trust)),
    ]
}

fn message(text: &str) -> Json<Value> {
    Json(json!({ "message": text }))
}

async fn public() -> Json<Value> {
    message("Hello from a public endpoint! You don't need to be authenticated to see this.")
}

async fn private(State(trust): State<Trust>, context: MaybeContext, headers: HeaderMap) -> Answer {
    trust.claims(&headers, now(context)).await?;
    Ok(message(
        "Hello from a private endpoint! You need to be authenticated to see this.",
    ))
}

async fn private_scoped(
    State(trust): State<Trust>,
    context: MaybeContext,
    headers: HeaderMap,
) -> Answer {
    if !trust
        .claims(&headers, now(context))
        .await?
        .has("read:messages")
    {
        return Err(Refusal::scope("read:messages"));
    }
    Ok(message(
        "Hello from a private endpoint! You need to be authenticated and have a scope of \
         read:messages to see this.",
    ))
}

/// Wants a login with `acr` "mfa" that is not older than five minutes (RFC 9470).
async fn step_up(State(trust): State<Trust>, context: MaybeContext, headers: HeaderMap) -> Answer {
    const MAX_AGE: u64 = 300;
    let now = now(context);
    let claims = trust.claims(&headers, now).await?;
    let recent = claims
        .auth_time
        .is_some_and(|at| now.saturating_sub(at) <= MAX_AGE);
    if claims.acr.as_deref() != Some("mfa") || !recent {
        return Err(Refusal::step_up("mfa", MAX_AGE));
    }
    Ok(message(
        "Hello from a step-up endpoint! You need a strong and recent login to see this.",
    ))
}

/// Tells what arrived, but not the token.
async fn echo(
    State(trust): State<Trust>,
    context: MaybeContext,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let subject = trust.claims(&headers, now(context)).await?.sub;
    let shown: Map<String, Value> = headers
        .iter()
        .filter(|(name, _)| **name != header::AUTHORIZATION)
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into(),
            )
        })
        .collect();
    Ok(Json(json!({
        "message": "Hello from an echo!",
        "method": method.as_str(),
        "query": uri.query(),
        "headers": shown,
        "body": String::from_utf8_lossy(&body),
        "subject": subject,
    })))
}

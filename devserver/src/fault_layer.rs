//! Makes the faults happen: one layer around every endpoint.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use futures_util::stream;
use serde_json::{Map, Value, json};

use crate::faults::{Fault, merge};
use crate::listener::CloseConnection;
use crate::provider::Provider;
use crate::stats::Endpoint;

const LIMIT: usize = 16 << 20;
const HUGE: usize = 10 << 20;

/// What a handler must know of the faults of its request.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The time by the server's clock, in seconds since 1970.
    pub(crate) now: u64,
    pub(crate) fault: Fault,
}

impl Context {
    pub(crate) fn new(fault: Fault) -> Context {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        Context {
            now: now.saturating_add_signed(fault.clock),
            fault,
        }
    }
}

/// Counts the requests to `endpoint` and lets them suffer what is set.
pub(crate) fn with_faults(
    provider: &Arc<Provider>,
    endpoint: Endpoint,
    handlers: MethodRouter,
) -> MethodRouter {
    handlers
        .layer(map_response(ended_line))
        .layer(from_fn_with_state((provider.clone(), endpoint), suffer))
}

/// Ends an answer of JSON with a newline, for terminals.
pub(crate) async fn ended_line(response: Response) -> Response {
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let mut bytes = to_bytes(body, LIMIT).await.unwrap_or_default().to_vec();
    if !bytes.is_empty() {
        bytes.push(b'\n');
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(bytes))
}

async fn suffer(
    State((provider, endpoint)): State<(Arc<Provider>, Endpoint)>,
    request: Request,
    next: Next,
) -> Response {
    // A request is one when it is here whole. A client that withdraws its body has asked for nothing.
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LIMIT).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut request = Request::from_parts(parts, Body::from(body));
    provider.stats.request(endpoint);
    let fault = provider.faults.next(endpoint);
    let context = Context::new(fault.clone());
    let now = context.now;
    request.extensions_mut().insert(context);

    if !fault.after_commit {
        wait(&provider, &fault).await;
    }
    if fault.rotate_keys {
        provider.keys.rotate();
    }
    if fault.revoke_all {
        provider.grants().revoke_all();
    }
    if let Some(name) = &fault.revoke {
        // That there is such a user was seen to when the fault was set.
        let _ = provider.revoke(name);
    }
    let instead = canned(&fault);
    let mut response = if fault.drop_before_commit || (instead.is_some() && !fault.after_commit) {
        instead.unwrap_or_default()
    } else {
        let own = next.run(request).await;
        instead.unwrap_or(own)
    };
    if fault.after_commit {
        wait(&provider, &fault).await;
    }
    if fault.drop_before_commit || fault.drop_after_commit {
        response.extensions_mut().insert(CloseConnection);
        return response;
    }
    let merges =
        !fault.merge.is_empty() && !matches!(endpoint, Endpoint::Authorize | Endpoint::Login);
    if merges {
        response = merged(response, &fault.merge).await;
    }
    if fault.partial {
        response = halved(response).await;
    }
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

async fn wait(provider: &Provider, fault: &Fault) {
    if let Some(delay) = fault.delay {
        tokio::time::sleep(delay).await;
    }
    if let Some(gate) = &fault.gate {
        provider.gates.pass(gate).await;
    }
}

/// The answer that is sent instead of the endpoint's own.
fn canned(fault: &Fault) -> Option<Response> {
    let status = fault
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = if let Some(url) = &fault.redirect {
        (
            status.unwrap_or(StatusCode::FOUND),
            [(header::LOCATION, url.as_str())],
        )
            .into_response()
    } else if fault.huge {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (status.unwrap_or(StatusCode::OK), kind, huge()).into_response()
    } else if let Some(body) = &fault.body {
        let kind = fault.content_type.as_deref().unwrap_or("application/json");
        let kind = [(header::CONTENT_TYPE, kind)];
        (status.unwrap_or(StatusCode::OK), kind, body.clone()).into_response()
    } else {
        let status = status?;
        match &fault.error {
            Some(code) => {
                let body =
                    json!({ "error": code, "error_description": "a fault that was asked for" });
                (status, axum::Json(body)).into_response()
            }
            None => {
                let title = format!("<!doctype html><title>{status}</title><h1>{status}</h1>");
                (status, axum::response::Html(title)).into_response()
            }
        }
    };
    if let Some(seconds) = fault.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    Some(response)
}

/// Valid JSON without a declared length, so that only counting what arrives helps.
fn huge() -> Body {
    const CHUNK: usize = 64 << 10;
    let chunk = |index: usize| {
        let mut bytes = vec![b'a'; CHUNK];
        if index == 0 {
            bytes.splice(..0, *b"{\"padding\":\"");
        }
        if index == HUGE / CHUNK - 1 {
            bytes.extend(*b"\"}");
        }
        Ok::<_, std::io::Error>(Bytes::from(bytes))
    };
    Body::from_stream(stream::iter((0..HUGE / CHUNK).map(chunk)))
}

async fn merged(response: Response, over: &Map<String, Value>) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, LIMIT).await.unwrap_or_default();
    let bytes = match serde_json::from_slice::<Map<String, Value>>(&bytes) {
        Ok(mut members) => {
            merge(&mut members, over);
            Bytes::from(format!("{}\n", Value::Object(members)))
        }
        Err(_) => bytes,
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(bytes))
}

/// Declares the whole length, sends half of it, and breaks the connection off.
async fn halved(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, LIMIT).await.unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, bytes.len().into());
    let half = bytes.slice(..bytes.len() / 2);
    let chunks = stream::unfold(0, move |step| {
        let half = half.clone();
        async move {
            // Between the half and the end the task yields once, so that the half is flushed.
            match step {
                0 => Some((Ok(half), 1)),
                _ => {
                    tokio::task::yield_now().await;
                    Some((Err(std::io::Error::other("a fault that was asked for")), 2))
                }
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(chunks))
}

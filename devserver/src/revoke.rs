//! The revocation endpoint: RFC 7009.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::guard;
use crate::provider::Provider;
use crate::token::{TokenError, read_form};

/// POST with a form. An unknown token is no error (§2.2), and a wrong hint harmless (§2.1).
pub(crate) async fn revoke(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, TokenError> {
    let form = read_form(&headers, &body)?;
    let missing = || TokenError::new("invalid_request", "token is missing");
    let token = form.get("token").ok_or_else(missing)?;
    let jti = guard::own_jti(&provider, token);
    provider.grants().revoke_token(token, jti.as_deref());
    Ok(StatusCode::OK)
}

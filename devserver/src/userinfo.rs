//! The userinfo endpoint: OpenID Connect Core §5.3, refusals by RFC 6750.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::fault_layer::Context;
use crate::guard::{Refusal, bearer, check_own};
use crate::provider::Provider;

/// GET and POST. Takes opaque tokens and our JWTs, whatever API they are for, if they have the
/// scope `openid`.
pub(crate) async fn userinfo(
    State(provider): State<Arc<Provider>>,
    Extension(context): Extension<Context>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let token = bearer(&headers)?;
    let name = match token.matches('.').count() {
        2 => check_own(&provider, token, &provider.audiences, context.now)?.jti,
        _ => Some(token.to_owned()),
    };
    let revoked = || Refusal::invalid("it is unknown here or was revoked: log in again");
    let (scopes, subject) = {
        let grants = provider.grants();
        let (access, grant) = name
            .and_then(|name| grants.access(&name))
            .ok_or_else(revoked)?;
        if context.now >= access.expires_at {
            return Err(Refusal::invalid("it has expired: refresh it"));
        }
        (access.scopes.clone(), grant.session.subject.clone())
    };
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err(Refusal::scope("openid"));
    }
    let user = provider.users.by_subject(&subject).ok_or_else(revoked)?;
    Ok((
        [(header::CACHE_CONTROL, "no-store")],
        Json(user.claims(&scopes)),
    )
        .into_response())
}

//! The end session endpoint: OpenID Connect RP-Initiated Logout 1.0.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::authorize::{browser_session, end_browser_session};
use crate::guard;
use crate::page::{self, Page, escape};
use crate::params::Params;
use crate::provider::{CLIENT_ID, Provider};

/// GET and POST.
pub(crate) async fn end_session(
    State(provider): State<Arc<Provider>>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let params = match method {
        Method::POST => Params::parse(&body),
        _ => Params::parse(query.unwrap_or_default().as_bytes()),
    };
    if let Some(name) = params.duplicate() {
        return page::error(&format!("The parameter {name} came more than once."));
    }
    let hint = params
        .get("id_token_hint")
        .map(|token| guard::id_token_subject(&provider, token));
    if hint == Some(None) {
        return page::error("The id_token_hint is no ID token of this provider.");
    }
    let client = params.get("client_id");
    if client.is_some_and(|client| client != CLIENT_ID) {
        return page::error("This client is not registered here.");
    }
    let target = params.get("post_logout_redirect_uri");
    if target.is_some_and(|uri| !provider.allows_redirect(uri)) {
        return page::error("The post_logout_redirect_uri is not registered for this client.");
    }
    // §2: without a hint, or with another person's, the person is asked; else any page on the web
    // could log people out.
    let session = browser_session(&provider, &headers);
    let theirs = match (&session, &hint) {
        (Some(session), Some(Some(subject))) => session.subject == *subject,
        (Some(_), _) => false,
        (None, _) => true,
    };
    // The cookie is SameSite=Lax, so a POST of another site does not bring it along.
    let confirmed = method == Method::POST && params.get("confirm") == Some("yes");
    if !theirs && !confirmed {
        return confirm_page(&provider, &params);
    }
    end_browser_session(&provider, &headers);
    let known = hint.is_some() || client.is_some();
    match target.filter(|_| known).map(Url::parse) {
        Some(Ok(mut url)) => {
            if let Some(state) = params.get("state") {
                url.query_pairs_mut().append_pair("state", state);
            }
            let headers = [
                (header::LOCATION, url.as_str()),
                (header::REFERRER_POLICY, "no-referrer"),
            ];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        _ => Page::new("You are logged out")
            .paragraph("You can close this page and go back to the app.")
            .into_response(),
    }
}

fn confirm_page(provider: &Provider, params: &Params) -> Response {
    let kept = [
        "post_logout_redirect_uri",
        "state",
        "client_id",
        "id_token_hint",
    ];
    let hidden: String = kept
        .into_iter()
        .filter_map(|name| Some((name, params.get(name)?)))
        .map(|(name, value)| {
            format!(
                "<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n",
                escape(value)
            )
        })
        .collect();
    let page = match params.get("post_logout_redirect_uri") {
        Some(uri) => Page::new("Log out").form_may_lead_to(uri),
        None => Page::new("Log out"),
    };
    page.paragraph("Do you want to log out of this provider in this browser?")
        .html(&format!(
            "<form method=\"post\" action=\"{}\">\n{hidden}\
             <button type=\"submit\" name=\"confirm\" value=\"yes\">Log out</button>\n</form>",
            escape(&provider.endpoint("logout")),
        ))
        .into_response()
}

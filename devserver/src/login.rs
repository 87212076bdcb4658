//! The login page and its form.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::authorize::{
    AuthorizationRequest, begin_browser_session, browser_session, denied, respond,
};
use crate::fault_layer::Context;
use crate::grants::BrowserSession;
use crate::keys::random;
use crate::page::{self, Page, escape};
use crate::params::Params;
use crate::provider::Provider;

/// Asks for name and password.
pub(crate) fn login_page(provider: &Provider, request: AuthorizationRequest) -> Response {
    let name = request.login_hint.clone().unwrap_or_default();
    ask(provider, request, &name, None)
}

fn ask(
    provider: &Provider,
    request: AuthorizationRequest,
    name: &str,
    problem: Option<&str>,
) -> Response {
    let users = provider.users.users.iter();
    let known: Vec<_> = users
        .map(|u| format!("{} (password {})", u.name, u.password))
        .collect();
    let page = Page::new("Log in")
        .form_may_lead_to(&request.redirect_uri)
        .paragraph("The app Latchkey wants to know who you are.");
    let (page, invalid) = match problem {
        Some(problem) => (
            page.alert(problem),
            " aria-invalid=\"true\" aria-describedby=\"problem\"",
        ),
        None => (page, ""),
    };
    // The first field that is still to be filled gets the focus.
    let (of_name, of_password) = match name.is_empty() {
        true => (" autofocus", ""),
        false => ("", " autofocus"),
    };
    page.html(&format!(
        "<form method=\"post\" action=\"{action}\">\n\
         <input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">\n\
         <label for=\"username\">User name</label>\n\
         <input id=\"username\" name=\"username\" type=\"text\" value=\"{name}\" \
         autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" \
         required{invalid}{of_name}>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required{invalid}{of_password}>\n\
         <button type=\"submit\" name=\"action\" value=\"login\">Log in</button>\n\
         <button type=\"submit\" name=\"action\" value=\"cancel\" class=\"second\" formnovalidate>\
         Cancel</button>\n</form>\n",
        action = escape(&provider.endpoint("login")),
        transaction = open(provider, request),
        name = escape(name),
    ))
    .html(&format!(
        "<p class=\"note\">Users: {}.</p>",
        escape(&known.join(", "))
    ))
    .into_response()
}

/// Asks somebody who is logged in already whether the app may go on.
pub(crate) fn consent_page(
    provider: &Provider,
    request: AuthorizationRequest,
    session: &BrowserSession,
) -> Response {
    let user = provider.users.by_subject(&session.subject);
    let name = user.map_or("this user", |user| &user.name);
    let scopes = user
        .map(|user| user.granted(&request.scopes))
        .unwrap_or_default();
    Page::new("Allow access")
        .form_may_lead_to(&request.redirect_uri)
        .paragraph(&format!(
            "You are logged in as {name}. Latchkey asks for: {}.",
            scopes.join(", ")
        ))
        .html(&format!(
            "<form method=\"post\" action=\"{action}\">\n\
             <input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">\n\
             <button type=\"submit\" name=\"action\" value=\"allow\">Allow</button>\n\
             <button type=\"submit\" name=\"action\" value=\"cancel\" class=\"second\">Cancel\
             </button>\n</form>\n",
            action = escape(&provider.endpoint("login")),
            transaction = open(provider, request),
        ))
        .into_response()
}

/// Keeps the request until the page's form comes back with this value.
fn open(provider: &Provider, request: AuthorizationRequest) -> String {
    let transaction = random();
    provider.grants().open.insert(transaction.clone(), request);
    transaction
}

/// The form of both pages.
pub(crate) async fn submit(
    State(provider): State<Arc<Provider>>,
    Extension(context): Extension<Context>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Params::parse(&body);
    let transaction = form.get("transaction").unwrap_or_default();
    let Some(mut request) = provider.grants().open.remove(transaction) else {
        return page::error("This login page is no longer open: it was submitted before.");
    };
    request.add_faults(&context);
    match form.get("action") {
        Some("cancel") => denied(&provider, &request),
        Some("allow") => match browser_session(&provider, &headers) {
            Some(session) => respond(&provider, &context, request, session),
            None => login_page(&provider, request),
        },
        _ => {
            let name = form.get("username").unwrap_or_default();
            let password = form.get("password").unwrap_or_default();
            let Some(user) = provider.users.check(name, password) else {
                let problem = "The user name or the password is wrong. Check both and try again.";
                return ask(&provider, request, name, Some(problem));
            };
            let session = BrowserSession {
                subject: user.subject.clone(),
                auth_time: context.now,
                acr: request
                    .acr_values
                    .first()
                    .map_or("pwd", |acr| acr)
                    .to_owned(),
                sid: random(),
            };
            let cookie = begin_browser_session(&provider, session.clone());
            let mut response = respond(&provider, &context, request, session);
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
    }
}

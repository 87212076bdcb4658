//! The authorization request (RFC 6749 §4.1.1) with PKCE (RFC 7636): the URL for the browser.

use super::callback;
use super::discovery::{check_endpoint, has_user_information};
use super::encoding::b64url;
use super::resource::{check_path, raw_path};
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use std::fmt;
use url::Url;

/// What goes into the URL. All parameters but `resource` exactly once.
#[derive(Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    pub authorization_endpoint: &'a Url,
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub scopes: &'a [String],
    pub state: &'a str,
    /// Needed with the scope `openid`, not sent without it.
    pub nonce: Option<&'a str>,
    pub code_verifier: &'a str,
    pub audience: Option<&'a str>,
    /// RFC 8707 §2.
    pub resources: &'a [String],
    pub prompt: Option<&'a str>,
    pub login_hint: Option<&'a str>,
    pub max_age: Option<u64>,
    pub acr_values: Option<&'a str>,
    pub ui_locales: Option<&'a str>,
    /// Further parameters of the provider's own; none of the above.
    pub extra: &'a [(String, String)],
}

/// Builds the URL. The reason of a refusal is for people and holds no value.
pub fn authorization_url(request: &AuthorizationRequest<'_>) -> Result<Url, &'static str> {
    check(request)?;
    let redirect_url = RedirectUrl::new(request.redirect_uri.to_owned())
        .map_err(|_| "the redirect URI is not an absolute URL")?;
    let client = BasicClient::new(ClientId::new(request.client_id.to_owned()))
        .set_auth_uri(AuthUrl::from_url(request.authorization_endpoint.clone()))
        .set_redirect_uri(redirect_url);
    // `check` has seen that the verifier's length is right: the oauth2 crate panics if it is not.
    let verifier = PkceCodeVerifier::new(request.code_verifier.to_owned());
    let mut url = client
        .authorize_url(|| CsrfToken::new(request.state.to_owned()))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .add_scopes(request.scopes.iter().cloned().map(Scope::new));

    let max_age = request.max_age.map(|seconds| seconds.to_string());
    let options = [
        (
            "nonce",
            request.nonce.filter(|_| asks_for_id_token(request.scopes)),
        ),
        ("audience", request.audience),
        ("prompt", request.prompt),
        ("login_hint", request.login_hint),
        ("max_age", max_age.as_deref()),
        ("acr_values", request.acr_values),
        ("ui_locales", request.ui_locales),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            url = url.add_extra_param(name, value);
        }
    }
    for resource in request.resources {
        url = url.add_extra_param("resource", resource);
    }
    for (name, value) in request.extra {
        url = url.add_extra_param(name, value);
    }
    Ok(url.url().0)
}

/// Whether a parameter is the core's own, so that `extra` may not carry it. Some providers
/// read names in any case, so any case is refused.
pub fn reserved_parameter(name: &str) -> bool {
    const RESERVED: [&str; 23] = [
        "acr_values",
        "audience",
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "dpop_jkt",
        "id_token_hint",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "registration",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "state",
        "ui_locales",
    ];
    RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}

/// One scope of a list: `scope-token` of RFC 6749 §3.3.
pub fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

/// A code verifier of 43 characters with 256 bits of entropy (R-002, RFC 7636 §4.1).
pub fn code_verifier(random: &[u8; 32]) -> String {
    b64url(random)
}

/// A `state` or a `nonce` of 22 characters with 128 bits of entropy.
pub fn state(random: &[u8; 16]) -> String {
    b64url(random)
}

/// A redirect URI of a native app (R-012, RFC 8252 §7): claimed https, http on loopback, or a
/// private-use scheme in reverse-domain form with a single slash.
pub fn check_redirect_uri(uri: &str) -> Result<Url, &'static str> {
    if !uri.bytes().all(|b| b.is_ascii_graphic()) || uri.contains('\\') {
        return Err("must consist of visible ASCII characters, without backslashes");
    }
    let (scheme, rest) = uri.split_once(':').ok_or("is not an absolute URL")?;
    let url = if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") {
        check_endpoint(uri)?
    } else {
        // RFC 8252 §7.1, Appendix B; a scheme without a dot is everybody's.
        if !scheme.contains('.') || scheme.split('.').any(str::is_empty) {
            return Err("must be https, http on loopback, or a scheme in reverse-domain form");
        }
        if !rest.starts_with('/') || rest.starts_with("//") {
            return Err("must have a single slash after its private-use scheme");
        }
        Url::parse(uri).map_err(|_| "is not an absolute URL")?
    };
    if has_user_information(uri) || url.fragment().is_some() {
        return Err("must have neither user information nor a fragment");
    }
    let path = raw_path(uri).unwrap_or_default();
    check_path(path)?;
    if callback::has_encoded_slash(path) {
        return Err("must not contain encoded slashes");
    }
    if url
        .query_pairs()
        .any(|(name, _)| callback::is_oauth_parameter(&name))
    {
        return Err("must not contain a parameter of the authorization response");
    }
    Ok(url)
}

fn check(request: &AuthorizationRequest<'_>) -> Result<(), &'static str> {
    if request.client_id.is_empty() {
        return Err("the client id is empty");
    }
    // RFC 7636 §4.1.
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let verifier = request.code_verifier;
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err("the code verifier must be 43 to 128 unreserved characters");
    }
    if request.state.len() < 22 {
        return Err("the state has less than 128 bits");
    }
    if asks_for_id_token(request.scopes) && request.nonce.is_none_or(|nonce| nonce.len() < 22) {
        return Err("the scope openid needs a nonce of 128 bits");
    }
    if !request.scopes.iter().all(|scope| is_scope_token(scope)) {
        return Err("a scope must not be empty or contain white space, quotes or backslashes");
    }
    // OpenID Connect Core §3.1.2.1.
    let mut prompts = request.prompt.unwrap_or_default().split(' ');
    if prompts.clone().count() > 1 && prompts.any(|prompt| prompt == "none") {
        return Err("prompt=none must be alone");
    }
    let endpoint = request.authorization_endpoint;
    if endpoint.fragment().is_some() {
        return Err("the authorization endpoint has a fragment");
    }
    if endpoint
        .query_pairs()
        .any(|(name, _)| reserved_parameter(&name))
    {
        return Err("the authorization endpoint carries a parameter of the request");
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, _) in request.extra {
        if name.is_empty() || reserved_parameter(name) {
            return Err("an extra parameter has no name or one that the core sets itself");
        }
        if seen.contains(&name.as_str())
            || endpoint.query_pairs().any(|(theirs, _)| theirs == *name)
        {
            return Err("an extra parameter is given twice");
        }
        seen.push(name);
    }
    Ok(())
}

fn asks_for_id_token(scopes: &[String]) -> bool {
    scopes.iter().any(|scope| scope == "openid")
}

impl fmt::Debug for AuthorizationRequest<'_> {
    /// No state, nonce or verifier, and no extra: it may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field(
                "authorization_endpoint",
                &self.authorization_endpoint.as_str(),
            )
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! The userinfo endpoint (OIDC Core §5.3).
//!
//! A session for a `resource` (RFC 8707) has an access token that some providers' userinfo refuses: it is for the API.
//! Then another is asked for, without a resource, by the refresh token. It is kept in memory beside the session's.

use std::sync::{Arc, PoisonError};

use oauth2::AccessToken;
use serde_json::Value;
use url::Url;

use super::SessionManager;
use super::access::Wish;
use super::record::Live;
use crate::error::AuthError;
use crate::protocol::userinfo::parse_userinfo;
use crate::transport::{Request, Response};
use crate::types::{AccessTokenOptions, SignedOutReason};

/// An access token beside the session's own.
pub(crate) struct TokenAside {
    /// The login it belongs to: with another one it is worth nothing.
    pub(crate) session_id: String,
    pub(crate) access_token: AccessToken,
    pub(crate) expires_at: Option<i64>,
}

impl SessionManager {
    /// [`crate::Auth::user_info`].
    pub(crate) async fn user_info(self: &Arc<Self>) -> Result<String, AuthError> {
        let token = self.access_token(AccessTokenOptions::default()).await?;
        let metadata = self.provider.metadata().await?;
        let Some(url) = &metadata.userinfo_endpoint else {
            return Err(AuthError::configuration(
                "issuer",
                "has no userinfo endpoint; the session's claims are what it tells",
            ));
        };
        let live = self.live_now()?;
        let Some(subject) = &live.subject else {
            return Err(AuthError::configuration(
                "scopes",
                "lack openid: without it the provider tells nothing about the person",
            ));
        };
        let mut answer = match self.aside() {
            Some(aside) => self.ask(url, aside).await?,
            None => self.ask(url, token.value.clone()).await?,
        };
        if answer.status == 401 {
            let another = if live.resources.is_empty() || live.refresh_token.is_none() {
                let another = self.after_unauthorized(&token).await?;
                another.map(|token| token.value)
            } else {
                self.token_without_resource(&token.value).await?
            };
            if let Some(token) = another {
                answer = self.ask(url, token).await?;
            }
        }
        let claims = parse_userinfo(
            answer.status,
            answer.header("content-type"),
            &answer.all("content-encoding"),
            &answer.body,
            subject,
        )?;
        Ok(Value::Object(claims).to_string())
    }

    async fn ask(&self, url: &Url, token: String) -> Result<Response, AuthError> {
        let make = || {
            let mut request = Request::get(url);
            request.bearer = Some(token.clone());
            request
        };
        Ok(self.transport.fetch(&make, &|_| {}).await?)
    }

    async fn token_without_resource(
        self: &Arc<Self>,
        refused: &str,
    ) -> Result<Option<String>, AuthError> {
        let before = self.aside();
        let wish = Wish {
            for_user_info: true,
            ..Wish::default()
        };
        let refused = before.as_deref().unwrap_or(refused);
        let seen = self.known()?.record;
        self.force(&self.forced_aside, refused, wish, seen).await?;
        Ok(self.aside().filter(|token| Some(token) != before.as_ref()))
    }

    /// The token beside the session's, while it is good and of this login.
    fn aside(&self) -> Option<String> {
        let session_id = self.known().ok()?.record?.session_id.clone();
        let aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        let token = aside.as_ref()?;
        let good = token.expires_at.is_none_or(|end| self.now() < end);
        (good && token.session_id == session_id).then(|| token.access_token.secret().clone())
    }

    pub(crate) fn keep_aside(&self, token: Option<TokenAside>) {
        *self.aside.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    fn live_now(&self) -> Result<Live, AuthError> {
        self.known()?
            .live()
            .cloned()
            .ok_or(AuthError::LoginRequired {
                reason: SignedOutReason::LoggedOut,
            })
    }
}

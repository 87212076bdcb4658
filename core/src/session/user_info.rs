//! The userinfo endpoint (OIDC Core §5.3).

use std::sync::Arc;

use super::SessionManager;
use crate::error::AuthError;
use crate::protocol::userinfo::parse_userinfo;
use crate::transport::Request;
use crate::types::{AccessToken, AccessTokenOptions, SignedOutReason};

impl SessionManager {
    /// [`crate::Auth::user_info`].
    pub(crate) async fn user_info(self: &Arc<Self>) -> Result<String, AuthError> {
        let token = self.access_token(AccessTokenOptions::default()).await?;
        let metadata = self.provider.metadata().await?;
        let Some(url) = &metadata.userinfo_endpoint else {
            return Err(AuthError::configuration(
                "issuer",
                "has no userinfo endpoint; the session's claims are what it tells.",
            ));
        };
        let Some(subject) = self.known()?.live().map(|live| live.subject.clone()) else {
            return Err(AuthError::LoginRequired {
                reason: SignedOutReason::LoggedOut,
            });
        };
        let Some(subject) = subject else {
            return Err(AuthError::configuration(
                "scopes",
                "lack openid: without it the provider tells nothing about the person.",
            ));
        };
        let ask = |token: &AccessToken| {
            let mut request = Request::get(url);
            request.bearer = Some(token.value.clone());
            self.transport.send(request)
        };
        let mut answer = ask(&token).await?;
        if answer.status == 401
            && let Some(token) = self.after_unauthorized(&token).await?
        {
            answer = ask(&token).await?;
        }
        let claims = parse_userinfo(
            answer.status,
            answer.header("content-type"),
            &answer.body,
            &subject,
        )?;
        Ok(serde_json::Value::Object(claims).to_string())
    }
}

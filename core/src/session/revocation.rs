//! Telling the provider that a token is of no more use (RFC 7009): at a logout, and when what came is dropped.

use std::time::Duration;

use oauth2::{AccessToken, RefreshToken};
use url::Url;

use super::SessionManager;
use super::flight::spawn;
use super::pending::PendingLogin;
use super::provider::host;
use crate::log::LogLevel;
use crate::protocol::discovery::ProviderMetadata;
use crate::protocol::jws;
use crate::protocol::origin::may_revoke_at;
use crate::protocol::packing::packing;
use crate::protocol::revocation::{RevocationVerdict, revocation_request, revocation_verdict};
use crate::protocol::token::TokenResponse;
use crate::transport::Request;
use crate::types::Revocation;

/// How long a login that has failed waits for its tokens to be revoked: the process may end right after it.
const PATIENCE: Duration = Duration::from_secs(3);

/// A token to revoke.
pub(crate) struct Revocable {
    token: String,
    hint: &'static str,
    /// The token endpoint that gave it.
    given_by: String,
}

impl Revocable {
    /// The refresh token, since that ends the access tokens as well; without one, the access token.
    pub(crate) fn new(
        refresh_token: Option<&RefreshToken>,
        access_token: Option<&AccessToken>,
        given_by: &str,
    ) -> Option<Self> {
        let (token, hint) = match (refresh_token, access_token) {
            (Some(token), _) => (token.secret(), "refresh_token"),
            (None, Some(token)) => (token.secret(), "access_token"),
            (None, None) => return None,
        };
        Some(Self {
            token: token.clone(),
            hint,
            given_by: given_by.to_owned(),
        })
    }
}

impl SessionManager {
    /// Asks the provider to revoke a token, once.
    pub(crate) async fn revoke(
        &self,
        revocable: &Revocable,
        metadata: Option<&ProviderMetadata>,
    ) -> Revocation {
        let Some(metadata) = metadata else {
            return Revocation::Pending;
        };
        let Some(url) = &metadata.revocation_endpoint else {
            return Revocation::NotNeeded;
        };
        let given_by = Url::parse(&revocable.given_by);
        if !given_by.is_ok_and(|gave| may_revoke_at(url, &gave, &self.settings.issuer_url)) {
            self.log.line(
                LogLevel::Warn,
                format_args!("not revoked: the endpoint for it is at another origin than the one that gave the token"),
            );
            return Revocation::Failed;
        }
        let Revocable { token, hint, .. } = revocable;
        let body = revocation_request(&self.settings.client_id, token, hint);
        match self.transport.send(Request::post_form(url, body)).await {
            Ok(answer) => {
                // The status has said it all the same (RFC 7009 §2.2).
                if let Some(coding) = packing(&answer.all("content-encoding")) {
                    self.log.line(
                        LogLevel::Warn,
                        format_args!(
                            "revocation at {}: the provider packed its answer ({coding}) although it was asked not to",
                            host(url)
                        ),
                    );
                }
                match revocation_verdict(answer.status, &answer.body) {
                    RevocationVerdict::Done => Revocation::Done,
                    RevocationVerdict::Failed => Revocation::Failed,
                    RevocationVerdict::Retriable => Revocation::Pending,
                }
            }
            Err(_) => Revocation::Pending,
        }
    }

    /// Revokes a token that nobody will use, in a task of its own.
    pub(crate) fn revoke_later(
        &self,
        revocable: Option<Revocable>,
    ) -> Option<tokio::task::JoinHandle<()>> {
        let (revocable, manager) = (revocable?, self.this.upgrade()?);
        Some(spawn(async move {
            let metadata = match manager.provider.known_metadata() {
                Some(metadata) => Some(metadata),
                None => manager.provider.metadata().await.ok(),
            };
            manager.revoke(&revocable, metadata.as_deref()).await;
        }))
    }

    /// Revokes what a login brought that has failed after the exchange of its code. Not where somebody is logged in and
    /// it may be the same person: some providers revoke all that a person granted, and a login that fails leaves an
    /// earlier session as it was.
    pub(crate) async fn drop_login(&self, login: &PendingLogin, tokens: &TokenResponse) {
        let stated = tokens.id_token.as_deref().and_then(jws::stated_claims);
        let stated = stated
            .as_ref()
            .and_then(|claims| claims.get("sub")?.as_str());
        let hurts_nobody = match self.reload().await {
            Ok(known) => known.live().is_none_or(|live| {
                let there = live.subject.as_deref();
                there.is_some() && stated.is_some() && there != stated
            }),
            Err(_) => false,
        };
        if !hurts_nobody {
            return;
        }
        let revocable = Revocable::new(
            tokens.refresh_token.as_ref(),
            Some(&tokens.access_token),
            &login.token_endpoint,
        );
        if let Some(revoking) = self.revoke_later(revocable) {
            drop(tokio::time::timeout(PATIENCE, revoking).await);
        }
    }
}

//! The second half of a login: the answer is checked, the code exchanged, the ID token verified, the session stored.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use url::Url;

use super::commit::{RACES, Writer};
use super::flight::finish;
use super::moment::Moment;
use super::pending::PendingLogin;
use super::record::{Live, Refusals, SessionRecord, State, Unreadable, scopes_of};
use super::timeline::What;
use super::{SessionManager, random_name};
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::ProtocolError;
use crate::protocol::callback::{Callback, Outcome, parse_callback};
use crate::protocol::id_token::{Expected, IdTokenClaims, check_claims};
use crate::protocol::jwk::KeySet;
use crate::protocol::jws::{self, JwsError};
use crate::protocol::retry_after::http_date;
use crate::protocol::token::{Grant, TokenResponse, token_request};
use crate::storage::StoreError;
use crate::transport::Request;
use crate::types::{CallbackIgnoredReason, NetworkReason, Session, StorageReason};

impl SessionManager {
    /// [`crate::Auth::finish_login`].
    pub(crate) async fn finish_login(
        self: &Arc<Self>,
        callback_url: String,
    ) -> Result<Session, AuthError> {
        let manager = Arc::clone(self);
        finish(Box::pin(async move {
            let result = manager.finish_inner(&callback_url).await;
            if let Err(error) = &result {
                if !matches!(error, AuthError::CallbackIgnored { .. }) {
                    manager.note(&What::LoginFailed(error.class()));
                }
                manager.log.line(
                    LogLevel::Warn,
                    format_args!("a login was not finished: {}", error.kind()),
                );
            }
            manager.write_journal().await;
            result
        }))
        .await
    }

    async fn finish_inner(&self, callback_url: &str) -> Result<Session, AuthError> {
        let _under_way = self.unsettled.begin();
        let (login, callback) = self.take_login(callback_url).await?;
        let code = match callback.outcome(&login.issuer, login.iss_required)? {
            Outcome::Code(code) => code,
            Outcome::Error { code } => return Err(refused(code)),
        };
        let url =
            Url::parse(&login.token_endpoint).map_err(|_| ProtocolError::Untrusted("endpoint"))?;
        let asked = self.moment();
        let until = self.clock.boot() + self.settings.request_timeout;
        let body = token_request(
            &login.client_id,
            &Grant::AuthorizationCode {
                code: &code,
                code_verifier: &login.code_verifier,
                redirect_uri: &login.redirect_uri,
            },
            &login.resources,
        );
        // In a process that has just started, what the ID token is verified with is fetched beside the exchange.
        let keys = async {
            match login.nonce {
                Some(_) => Some(self.provider.keys().await),
                None => None,
            }
        };
        // What is fetched beside it leaves connections behind that may be dead already; a code has one try.
        let afresh = login.nonce.is_some() && !self.provider.has_keys();
        let exchange = self.request_token(Request::post_form(&url, body), afresh);
        let (answer, keys) = tokio::join!(exchange, keys);
        let answer = answer?;
        let tokens = answer.tokens_of_login()?;
        let identity = self
            .identify(&login, &tokens, answer.date.as_deref(), keys, until)
            .await;
        if identity.is_err() {
            self.drop_login(&login, &tokens).await;
        }
        self.store_login(login, tokens, identity?, asked).await
    }

    /// Finds the login that the callback answers and takes it out of the store, so that of several deliveries of one
    /// answer one goes on. Until the state and the address match, nothing is changed.
    async fn take_login(&self, callback_url: &str) -> Result<(PendingLogin, Callback), AuthError> {
        let ignored = |reason| AuthError::CallbackIgnored { reason };
        let parsed = parse_callback(callback_url);
        // A URL without a state is looked for like one with a wrong state.
        let given = parsed.as_ref().map_or("", Callback::state);
        let now = self.moment();
        let mut found = None;
        self.change_logins(&mut |logins| {
            let login = logins.find(given, &now).map_err(ignored)?.clone();
            let Some(callback) = &parsed else {
                return Err(ignored(CallbackIgnoredReason::StateMismatch));
            };
            if login.issuer != self.settings.issuer || login.client_id != self.settings.client_id {
                return Err(ignored(CallbackIgnoredReason::StateMismatch));
            }
            if !callback.matches_redirect(&login.redirect_uri) {
                return Err(ignored(CallbackIgnoredReason::RedirectMismatch));
            }
            logins.take(&login.state, &now);
            found = Some(login);
            Ok(true)
        })
        .await?;
        match (found, parsed) {
            (Some(login), Some(callback)) => Ok((login, callback)),
            _ => Err(ignored(CallbackIgnoredReason::StateMismatch)),
        }
    }

    /// Who the person is, by the ID token (OIDC Core §3.1.3.7). `None` where none was asked for; one that was asked
    /// for and is missing or wrong fails the login. What is needed of the provider for it is asked for `until`
    /// then: the code is spent.
    async fn identify(
        &self,
        login: &PendingLogin,
        tokens: &TokenResponse,
        date: Option<&str>,
        keys: Option<Result<Arc<KeySet>, AuthError>>,
        until: Duration,
    ) -> Result<Option<IdTokenClaims>, AuthError> {
        let Some(keys) = keys else { return Ok(None) };
        let Some(id_token) = &tokens.id_token else {
            return Err(ProtocolError::Untrusted("id_token_missing").into());
        };
        let jws = jws::parse(id_token)?;
        let keys = self.insist(until, keys, || self.provider.keys()).await?;
        let metadata = self.provider.metadata().await;
        let metadata = self
            .insist(until, metadata, || self.provider.metadata())
            .await?;
        let claims = match jws.verify(&keys, &metadata.algorithms) {
            Ok(claims) => claims,
            // An unknown key, or one that does not fit: the provider may have changed its keys.
            Err(JwsError::NoKey | JwsError::Signature) => {
                let keys = self.provider.keys_again().await;
                let keys = self
                    .insist(until, keys, || self.provider.keys_again())
                    .await?;
                jws.verify(&keys, &metadata.algorithms)
                    .map_err(ProtocolError::from)?
            }
            Err(error) => return Err(ProtocolError::from(error).into()),
        };
        Ok(Some(check_claims(
            claims,
            jws.header().algorithm,
            &Expected {
                issuer: &login.issuer,
                client_id: &login.client_id,
                nonce: login.nonce.as_deref(),
                max_age: login.max_age_seconds,
                essential_acr: &[],
                access_token: tokens.access_token.secret(),
                now: self.now(),
                server_date: date.and_then(http_date),
            },
        )?))
    }

    /// Puts the new session in the place of whatever is there: a new login wins.
    async fn store_login(
        &self,
        login: PendingLogin,
        tokens: TokenResponse,
        identity: Option<IdTokenClaims>,
        asked: Moment,
    ) -> Result<Session, AuthError> {
        let (subject, claims) = match identity {
            Some(identity) => (Some(identity.subject), identity.claims),
            None => (None, Map::new()),
        };
        if tokens.refresh_token.is_none() && login.scopes.iter().any(|s| s == "offline_access") {
            self.log.line(
                LogLevel::Warn,
                format_args!(
                    "offline_access was asked for and no refresh token came: some providers want prompt=consent with it"
                ),
            );
        }
        let live = Live {
            subject,
            // Missing means as requested (RFC 6749 §5.1).
            scopes: scopes_of(tokens.scopes, login.scopes),
            resources: login.resources,
            claims,
            nonce: login.nonce,
            refresh_token: tokens.refresh_token,
            access_token: Some(tokens.access_token),
            expires_at: expires_at(asked.wall, tokens.expires_in_seconds),
            obtained: asked,
            token_endpoint: login.token_endpoint,
            logged_in_at: self.now(),
            refreshed_at: None,
            refresh_token_kept: false,
            claim: None,
            hold: None,
            refusals: Refusals::default(),
        };
        let record = SessionRecord::new(
            &login.issuer,
            &login.client_id,
            random_name()?,
            State::Live(Box::new(live)),
        );
        self.pace.reset();
        self.keep_aside(None);
        for _ in 0..RACES {
            let expected = match self.vault.load(&self.session_name).await {
                Ok(Some(item)) => {
                    if self
                        .decode(&item)
                        .is_err_and(|why| why == Unreadable::Newer)
                    {
                        return Err(AuthError::Storage {
                            reason: StorageReason::Incompatible,
                        });
                    }
                    Some(item.tag)
                }
                Ok(None) => None,
                Err(StoreError::Corrupt { tag } | StoreError::KeyLost { tag }) => Some(tag),
                // The code is spent: what it brought is kept in memory and stored as soon as that works.
                Err(_) => self.known().ok().and_then(|known| known.tag),
            };
            match self.commit(record.clone(), expected, Writer::Person).await {
                Ok(()) => {
                    self.note(&What::Login);
                    self.note_stored();
                    self.log.line(LogLevel::Info, format_args!("logged in"));
                    return Ok(self.snapshot());
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

/// What the provider's `error` in a callback means.
fn refused(code: String) -> AuthError {
    match code.as_str() {
        // OIDC Core §3.1.2.6: the provider would have to show something.
        "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => AuthError::InteractionRequired { code },
        "temporarily_unavailable" => AuthError::network(NetworkReason::Unavailable),
        "access_denied" => AuthError::Denied { code },
        "server_error" => AuthError::Provider {
            status: None,
            code: Some(code),
            persistent: false,
        },
        _ => AuthError::Denied { code },
    }
}

/// When a token that was asked for at `sent_at` ends. Counted from the request, so that a slow answer is no gift.
pub(crate) fn expires_at(sent_at: i64, expires_in_seconds: Option<u64>) -> Option<i64> {
    let seconds = i64::try_from(expires_in_seconds?).ok()?;
    Some(sent_at.saturating_add(seconds))
}

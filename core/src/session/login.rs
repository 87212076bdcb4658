//! The first half of a login: the authorization request, and what its answer will be checked with. After it the
//! person is in the browser, and the process may die.

use std::sync::Arc;

use url::Url;

use super::SessionManager;
use super::commit::RACES;
use super::flight::spawn;
use super::pending::{LIFETIME_SECONDS, PendingLogin, PendingLogins};
use super::record::Unreadable;
use super::secret;
use super::settings::is_resource;
use super::vault::Tag;
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::ProtocolError;
use crate::protocol::authorization::{
    AuthorizationRequest, authorization_url, code_verifier, is_scope_token, reserved_parameter,
    state,
};
use crate::protocol::loopback::is_loopback_variant;
use crate::storage::StoreError;
use crate::types::{ConfigurationProblem, LoginOptions, LoginRequest, Redirect, StorageReason};

impl SessionManager {
    /// [`crate::Auth::begin_login`].
    pub(crate) async fn begin_login(
        self: &Arc<Self>,
        options: LoginOptions,
    ) -> Result<LoginRequest, AuthError> {
        let redirect_uri = self.check_options(&options)?;
        let metadata = self.provider.metadata().await?;
        if metadata.pushed_requests_required {
            return Err(AuthError::configuration(
                "issuer",
                "requires pushed authorization requests (RFC 9126), which this version does not make.",
            ));
        }
        let scopes = union(&self.settings.scopes, &options.scopes);
        let with_id_token = scopes.iter().any(|scope| scope == "openid");
        if with_id_token && metadata.algorithms.is_empty() {
            // Found now rather than after the person has logged in.
            return Err(ProtocolError::Untrusted("algorithm").into());
        }
        let resources = if options.resources.is_empty() {
            self.settings.resources.clone()
        } else {
            options.resources
        };
        let login = PendingLogin {
            state: state(&secret::<16>()?),
            nonce: if with_id_token {
                Some(state(&secret::<16>()?))
            } else {
                None
            },
            code_verifier: code_verifier(&secret::<32>()?),
            redirect_uri,
            issuer: self.settings.issuer.clone(),
            client_id: self.settings.client_id.clone(),
            token_endpoint: metadata.token_endpoint.to_string(),
            iss_required: metadata.iss_parameter_supported,
            scopes,
            resources,
            max_age_seconds: options.max_age_seconds,
            created_at: self.now(),
            created: Some(self.moment()),
        };
        let extra: Vec<(String, String)> = options
            .extra_parameters
            .unwrap_or_default()
            .into_iter()
            .collect();
        let url = authorization_url(&AuthorizationRequest {
            authorization_endpoint: &metadata.authorization_endpoint,
            client_id: &login.client_id,
            redirect_uri: &login.redirect_uri,
            scopes: &login.scopes,
            state: &login.state,
            nonce: login.nonce.as_deref(),
            code_verifier: &login.code_verifier,
            audience: options
                .audience
                .as_deref()
                .or(self.settings.audience.as_deref()),
            resources: &login.resources,
            prompt: options.prompt.as_deref(),
            login_hint: options.login_hint.as_deref(),
            max_age: options.max_age_seconds,
            acr_values: options.acr_values.as_deref(),
            ui_locales: options.ui_locales.as_deref(),
            extra: &extra,
        })
        .map_err(|reason| AuthError::configuration("redirect_uri", reason))?;
        let (id, redirect_uri) = (login.id(), login.redirect_uri.clone());
        self.remember(login).await?;
        self.log
            .line(LogLevel::Info, format_args!("a login has begun"));
        self.warm_up(with_id_token);
        Ok(LoginRequest {
            id,
            url: url.to_string(),
            redirect: redirect(&redirect_uri),
            redirect_uri,
            expires_in_seconds: LIFETIME_SECONDS.unsigned_abs(),
        })
    }

    /// Checks what can be checked before anything is sent, and names every mistake.
    fn check_options(&self, options: &LoginOptions) -> Result<String, AuthError> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, reason: &str| {
            problems.push(ConfigurationProblem {
                field: field.to_owned(),
                reason: reason.to_owned(),
            });
        };
        let redirect_uri = match &options.redirect_uri {
            None => self.settings.redirect_uri.clone(),
            Some(actual) => {
                if !is_loopback_variant(&self.settings.redirect_uri, actual) {
                    problem(
                        "redirect_uri",
                        "differs from the configuration's in more than the port of a loopback address.",
                    );
                }
                actual.clone()
            }
        };
        if !options.scopes.iter().all(|scope| is_scope_token(scope)) {
            problem("scopes", "hold a word that cannot be a scope.");
        }
        if !options.resources.iter().all(|text| is_resource(text)) {
            problem(
                "resources",
                "hold something that is no absolute URI without a fragment.",
            );
        }
        for name in options
            .extra_parameters
            .iter()
            .flatten()
            .map(|(name, _)| name)
        {
            if reserved_parameter(name) {
                problem(
                    "extra_parameters",
                    &format!("name {name}, which the login itself sets; use its option instead."),
                );
            }
        }
        if problems.is_empty() {
            Ok(redirect_uri)
        } else {
            Err(AuthError::Configuration { problems })
        }
    }

    /// Stores an open login beside those that are open already.
    async fn remember(&self, login: PendingLogin) -> Result<(), AuthError> {
        let now = self.moment();
        self.change_logins(&mut |logins| {
            logins.open(login.clone(), &now);
            Ok(true)
        })
        .await
    }

    /// [`crate::Auth::cancel_login`].
    pub(crate) async fn cancel_login(&self, id: &str) -> Result<(), AuthError> {
        self.change_logins(&mut |logins| Ok(logins.cancel(id)))
            .await
    }

    /// Stores what `change` makes of the open logins, if it says that it made anything. Another process may have changed
    /// them meanwhile: then it is asked again, with theirs.
    pub(crate) async fn change_logins(
        &self,
        change: &mut (dyn FnMut(&mut PendingLogins) -> Result<bool, AuthError> + Send),
    ) -> Result<(), AuthError> {
        for _ in 0..RACES {
            let (mut logins, tag) = self.load_logins().await?;
            if !change(&mut logins)? {
                return Ok(());
            }
            match self
                .vault
                .swap(&self.logins_name, tag, logins.encode())
                .await
            {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The open logins; what cannot be opened any more holds none, and is replaced.
    async fn load_logins(&self) -> Result<(PendingLogins, Option<Tag>), AuthError> {
        match self.vault.load(&self.logins_name).await {
            Ok(None) => Ok((PendingLogins::default(), None)),
            Ok(Some(item)) => match PendingLogins::decode(&item.bytes) {
                Ok(logins) => Ok((logins, Some(item.tag))),
                Err(Unreadable::Corrupt) => Ok((PendingLogins::default(), Some(item.tag))),
                Err(Unreadable::Newer) => Err(AuthError::Storage {
                    reason: StorageReason::Incompatible,
                }),
            },
            Err(StoreError::Corrupt { tag } | StoreError::KeyLost { tag }) => {
                Ok((PendingLogins::default(), Some(tag)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches the keys while the person is in the browser: after the callback only the token request is left, on a
    /// connection that is open.
    fn warm_up(self: &Arc<Self>, with_id_token: bool) {
        if with_id_token {
            let provider = Arc::clone(&self.provider);
            drop(spawn(async move { provider.keys().await.map(drop) }));
        }
    }
}

/// The settings have checked the address: what is neither `https` nor on loopback has a scheme of the app's own.
fn redirect(uri: &str) -> Redirect {
    match Url::parse(uri) {
        Ok(url) if url.scheme() == "http" => Redirect::Loopback,
        Ok(url) if url.scheme() == "https" => Redirect::Https {
            host: url.host_str().unwrap_or_default().to_owned(),
            path: url.path().to_owned(),
        },
        _ => Redirect::Scheme {
            scheme: uri.split(':').next().unwrap_or_default().to_owned(),
        },
    }
}

fn union(configured: &[String], more: &[String]) -> Vec<String> {
    let mut scopes = configured.to_vec();
    for scope in more {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

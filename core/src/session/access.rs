//! An access token that is good now: from memory while it is fresh, else by way of a refresh.

use std::sync::Arc;

use super::SessionManager;
use super::memory::Known;
use crate::clock::Clock;
use crate::error::AuthError;
use crate::types::{AccessToken, AccessTokenOptions, NetworkReason};

/// What a caller wants of a token.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wish {
    /// A token that is still good does not do: an API refused it, or the app asked for another.
    pub(crate) force: bool,
    /// An API has refused the token: by the clock it may be good, but it is of no use.
    pub(crate) refused: bool,
    /// Seconds that it must be good for; `None`: its margin.
    pub(crate) min_validity: Option<u64>,
    /// Not the session's token, but one without a resource, for the provider itself.
    pub(crate) for_user_info: bool,
}

impl SessionManager {
    /// [`crate::Auth::access_token`].
    pub(crate) async fn access_token(
        self: &Arc<Self>,
        options: AccessTokenOptions,
    ) -> Result<AccessToken, AuthError> {
        let wish = Wish {
            force: options.force_refresh,
            min_validity: options.min_validity_seconds,
            ..Wish::default()
        };
        if let Some(token) = self.cached(wish) {
            self.look_beside();
            return Ok(token);
        }
        let mut known = self.loaded().await?;
        if known.signed_out(&*self.clock).is_some() {
            // Another process may have logged in.
            known = self.reload().await?;
        }
        if let Some(reason) = known.signed_out(&*self.clock) {
            return Err(AuthError::LoginRequired { reason });
        }
        if let Some(token) = self.cached(wish) {
            return Ok(token);
        }
        if wish.force && known.live().is_none_or(|live| live.refresh_token.is_none()) {
            return Err(AuthError::configuration(
                "scopes",
                "brought no refresh token, so there is nothing to renew the access token with; ask for \
                 offline_access (some providers want prompt=consent with it)",
            ));
        }
        if !wish.force && self.pace.is_settled(self.clock.boot()) {
            return self.whatever_is_left();
        }
        let refreshed = self.refresh(wish, known.record).result().await;
        // A refresh that may be done later does not take away a token that is good now.
        let now_wish = Wish {
            min_validity: Some(options.min_validity_seconds.unwrap_or(0)),
            ..Wish::default()
        };
        match (refreshed, self.cached(now_wish)) {
            (Ok(()), Some(token)) => Ok(token),
            (Ok(()), None) => self.whatever_is_left(),
            (Err(error), Some(token)) if !options.force_refresh && may_pass(&error) => {
                drop(error);
                Ok(token)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The token in memory, if it meets the wish. No I/O.
    pub(crate) fn cached(&self, wish: Wish) -> Option<AccessToken> {
        if wish.force {
            return None;
        }
        let known = self.known().ok()?;
        if !known.lifetime.is_fresh(wish.min_validity, &*self.clock) {
            return None;
        }
        token_of(&known, &*self.clock)
    }

    /// After a refresh: a token that lives shorter than was wished for is better than none. One that has ended is none,
    /// unless it has only just come: then a clock that was set, or the provider's own count, says so, and an API may well
    /// take it.
    fn whatever_is_left(&self) -> Result<AccessToken, AuthError> {
        let known = self.known()?;
        match known.signed_out(&*self.clock) {
            Some(reason) => Err(AuthError::LoginRequired { reason }),
            None => token_of(&known, &*self.clock)
                .filter(|token| {
                    token.expires_in_seconds != Some(0) || self.pace.is_settled(self.clock.boot())
                })
                .ok_or_else(|| AuthError::network(NetworkReason::Unavailable)),
        }
    }
}

fn may_pass(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::Network { .. } | AuthError::Provider { .. } | AuthError::Storage { .. }
    )
}

fn token_of(known: &Known, clock: &dyn Clock) -> Option<AccessToken> {
    let live = known.live()?;
    Some(AccessToken {
        value: live.access_token.as_ref()?.secret().clone(),
        token_type: "Bearer".to_owned(),
        expires_in_seconds: known.lifetime.left(clock),
        scopes: live.scopes.clone(),
    })
}

//! What to do when an API refuses an access token (R-055, fleet.md rule 6): at most one forced refresh for each token,
//! and one a session in five seconds, so that an API that refuses everything does not make a storm.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ring::digest;

use super::SessionManager;
use super::access::Wish;
use crate::error::AuthError;
use crate::types::AccessToken;

const PAUSE: Duration = Duration::from_secs(5);
const ANY: Wish = Wish {
    force: false,
    refused: false,
    min_validity: Some(0),
    for_user_info: false,
};

/// The last forced refresh: for which token, and when.
#[derive(Default)]
pub(crate) struct ForcedRefreshes {
    last: Mutex<Option<(Vec<u8>, Duration)>>,
}

impl ForcedRefreshes {
    /// Whether a refresh may be forced for this token now. Saying so counts as done.
    fn may(&self, token: &str, now: Duration) -> bool {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, at)) = &*last
            && (known == hash.as_ref() || now.saturating_sub(*at) < PAUSE)
        {
            return false;
        }
        *last = Some((hash.as_ref().to_vec(), now));
        true
    }
}

impl SessionManager {
    /// The token to try once more with after `refused` got a 401; `None` where another try makes no sense.
    pub(crate) async fn after_unauthorized(
        self: &Arc<Self>,
        refused: &AccessToken,
    ) -> Result<Option<AccessToken>, AuthError> {
        let another = |token: Option<AccessToken>| token.filter(|t| t.value != refused.value);
        if let Some(token) = another(self.cached(ANY)) {
            return Ok(Some(token));
        }
        // Another process may have logged out, or renewed the token.
        let known = self.reload().await?;
        if let Some(reason) = known.signed_out(&*self.clock) {
            return Err(AuthError::LoginRequired { reason });
        }
        if let Some(token) = another(self.cached(ANY)) {
            return Ok(Some(token));
        }
        if known.live().is_none_or(|live| live.refresh_token.is_none()) {
            return Ok(None);
        }
        if self.forced.may(&refused.value, self.clock.boot()) {
            self.refresh(Wish {
                force: true,
                refused: true,
                ..Wish::default()
            })
            .await?;
        } else {
            self.flight.wait().await;
        }
        Ok(another(self.cached(ANY)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_forced_refresh_a_token_and_one_in_five_seconds() {
        let forced = ForcedRefreshes::default();
        let at = Duration::from_secs;
        assert!(forced.may("a", at(100)));
        assert!(!forced.may("a", at(200)), "the same token");
        assert!(forced.may("b", at(205)));
        assert!(!forced.may("c", at(209)), "too soon");
        assert!(forced.may("c", at(210)));
    }
}

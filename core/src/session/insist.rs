//! After a spent code nothing is left untried that may be tried: to give up costs the person a login.

use std::future::Future;
use std::time::Duration;

use super::SessionManager;
use crate::error::AuthError;

/// How long the provider is left alone before each further try.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

impl SessionManager {
    /// What was asked of the provider, or what it is `again`, for as long as there was no answer and it is not `until`
    /// by the boot clock. Only what may be repeated.
    pub(crate) async fn insist<T, F>(
        &self,
        until: Duration,
        first: Result<T, AuthError>,
        again: impl Fn() -> F,
    ) -> Result<T, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let mut result = first;
        for pause in PAUSES {
            let may_pass = matches!(result, Err(AuthError::Network { .. }));
            if !may_pass || self.clock.boot() + pause > until {
                break;
            }
            self.clock.wait(pause).await;
            result = again().await;
        }
        result
    }
}

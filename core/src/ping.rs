//! [`PingClient`]: the two calls of the "Calling an API" tutorial.

use std::sync::Arc;

use crate::api::ApiClient;
use crate::auth::Auth;
use crate::cancel::Cancellation;
use crate::error::AuthError;
use crate::protocol::encoding::printable;
use crate::types::{ApiRequest, PingMessage};

/// Calls the protected API of the tutorial: `GET private` and `GET private-scoped` below its address.
#[derive(uniffi::Object)]
pub struct PingClient {
    api: Arc<ApiClient>,
}

#[uniffi::export(async_runtime = "tokio")]
impl PingClient {
    /// A client for the API at this address, e.g. `https://api.example.com/api`.
    ///
    /// # Errors
    /// `Configuration`, if the address cannot be one.
    #[uniffi::constructor]
    pub fn new(auth: Arc<Auth>, api_url: String) -> Result<Arc<Self>, AuthError> {
        Ok(Arc::new(Self {
            api: ApiClient::new(auth, api_url)?,
        }))
    }

    /// `GET private`: for everybody who is logged in.
    ///
    /// # Errors
    /// As [`ApiClient::send`].
    #[uniffi::method(default(cancellation = None))]
    pub async fn ping_private(
        &self,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<PingMessage, AuthError> {
        self.ping("/private", cancellation).await
    }

    /// `GET private-scoped`: for those whose access token has the scope that the API asks for.
    ///
    /// # Errors
    /// As [`ApiClient::send`]; `StepUpRequired` without the scope.
    #[uniffi::method(default(cancellation = None))]
    pub async fn ping_private_scoped(
        &self,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<PingMessage, AuthError> {
        self.ping("/private-scoped", cancellation).await
    }
}

impl PingClient {
    async fn ping(
        &self,
        path: &str,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<PingMessage, AuthError> {
        let response = self.api.send(ApiRequest::get(path), cancellation).await?;
        let message = serde_json::from_slice::<serde_json::Value>(&response.body)
            .ok()
            .and_then(|body| body.get("message")?.as_str().map(str::to_owned));
        match message {
            Some(message) => Ok(PingMessage {
                message: printable(&message, 512),
            }),
            None => Err(AuthError::Api {
                status: response.status,
                text: "The API's answer holds no message: is this the address of the ping API?"
                    .to_owned(),
            }),
        }
    }
}

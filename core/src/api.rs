//! [`ApiClient`]: authorized requests to one API, and the rule for a 401.

mod refusal;

use std::sync::Arc;

use self::refusal::{packed_unasked, refusal};
use crate::auth::Auth;
use crate::cancel::{Cancellation, unless_cancelled};
use crate::error::AuthError;
use crate::log::LogLevel;
use crate::protocol::challenge::{
    ApiVerdict, BearerError, StepUpReason as StepUp, api_verdict, bearer_error, parse_challenges,
};
use crate::protocol::resource::{ApiBase, check_method, forbidden_header};
use crate::protocol::retry_after::retry_after_seconds;
use crate::transport::{Body, MAX_BODY, Request, Response, TransportError};
use crate::types::{
    AccessToken, AccessTokenOptions, ApiRequest, ApiResponse, ConfigurationProblem, Header,
    LoginOptions, NetworkReason, StepUpReason,
};

/// Sends requests with the access token to one API, and to no other host.
///
/// The token goes into the `Authorization` header alone, to the scheme, host and port of the address given here;
/// no redirect is followed.
#[derive(uniffi::Object)]
pub struct ApiClient {
    auth: Arc<Auth>,
    base: ApiBase,
}

#[uniffi::export(async_runtime = "tokio")]
impl ApiClient {
    /// A client for the API below this address, e.g. `https://api.example.com/v1`: `https`, or plain `http` for a
    /// loopback host.
    ///
    /// # Errors
    /// `Configuration`, if the address cannot be one.
    #[uniffi::constructor]
    pub fn new(auth: Arc<Auth>, api_url: String) -> Result<Arc<Self>, AuthError> {
        let base =
            ApiBase::parse(&api_url).map_err(|reason| AuthError::configuration("api", reason))?;
        Ok(Arc::new(Self { auth, base }))
    }

    /// Sends one request. After a 401 the token is renewed once and the request sent once more; an answer below 400
    /// comes back as it is, a redirect too. The API is asked not to pack its answer, unless the request has an
    /// `Accept-Encoding` of its own.
    ///
    /// # Errors
    /// `StepUpRequired` (a missing scope, a login that is too weak or too old), `Api` (any other refusal, with the
    /// API's own text; an answer that is too large, or packed although that was not asked for), `Network`,
    /// `Configuration` (a method, path or header that may not be), and those of [`Auth::access_token`].
    #[uniffi::method(default(cancellation = None))]
    pub async fn send(
        &self,
        request: ApiRequest,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<ApiResponse, AuthError> {
        unless_cancelled(cancellation, self.send_inner(request)).await
    }
}

impl ApiClient {
    async fn send_inner(&self, request: ApiRequest) -> Result<ApiResponse, AuthError> {
        let prepared = self.prepare(request)?;
        let token = Arc::clone(self.auth.manager())
            .access_token(AccessTokenOptions::default())
            .await?;
        let answer = self.send_once(&prepared, &token).await?;
        let (verdict, bearer) = judge(&answer);
        if verdict != ApiVerdict::RefreshOnce {
            return self.conclude(&prepared, answer, verdict, &bearer, &token);
        }
        match self.auth.manager().after_unauthorized(&token).await? {
            Some(token) => {
                let answer = self.send_once(&prepared, &token).await?;
                let (verdict, bearer) = judge(&answer);
                self.conclude(&prepared, answer, verdict, &bearer, &token)
            }
            None => self.conclude(&prepared, answer, verdict, &bearer, &token),
        }
    }

    /// Checks everything before the token is even looked for, and names every mistake.
    fn prepare(&self, request: ApiRequest) -> Result<Prepared, AuthError> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, reason: String| {
            problems.push(ConfigurationProblem {
                field: field.to_owned(),
                reason,
            });
        };
        if let Err(reason) = check_method(&request.method) {
            problem("method", reason.to_owned());
        }
        for header in &request.headers {
            if forbidden_header(&header.name) {
                problem(
                    "headers",
                    format!("may not hold {}: the core sets it.", printable_name(header)),
                );
            } else if !is_header(header) {
                problem(
                    "headers",
                    format!("hold {}, which is no header.", printable_name(header)),
                );
            }
        }
        if request
            .body
            .as_ref()
            .is_some_and(|body| body.len() > MAX_BODY)
        {
            problem("body", "is larger than 1 MiB.".to_owned());
        }
        let url = self.base.join(&request.path);
        if let Err(reason) = &url {
            problem("path", (*reason).to_owned());
        }
        match url {
            Ok(url) if problems.is_empty() => Ok(Prepared {
                method: request.method.to_ascii_uppercase(),
                url,
                headers: request.headers,
                body: request.body,
            }),
            _ => Err(AuthError::Configuration { problems }),
        }
    }

    async fn send_once(
        &self,
        prepared: &Prepared,
        token: &AccessToken,
    ) -> Result<Response, AuthError> {
        let manager = self.auth.manager();
        let mut request = Request::get(&prepared.url);
        request.method.clone_from(&prepared.method);
        request.body = prepared.body.clone().map(Body::Ready);
        request.bearer = Some(token.value.clone());
        request.headers.retain(|(name, _)| !prepared.sets(name));
        request.headers.extend(
            prepared
                .headers
                .iter()
                .map(|header| (header.name.clone(), header.value.clone())),
        );
        let answer = manager.transport().send(request).await;
        match &answer {
            Ok(answer) => manager.log().line(
                LogLevel::Debug,
                format_args!(
                    "API request at {}: status {}",
                    crate::session::host(&prepared.url),
                    answer.status
                ),
            ),
            Err(error) => manager.log().line(
                LogLevel::Warn,
                format_args!(
                    "API request at {}: {error}",
                    crate::session::host(&prepared.url)
                ),
            ),
        }
        answer.map_err(|error| match error {
            // The API's own fault, not the provider's.
            TransportError::TooLarge { status } => AuthError::Api {
                status: u32::from(status),
                text: "The API's answer is larger than 1 MiB.".to_owned(),
            },
            other => other.into(),
        })
    }

    fn conclude(
        &self,
        prepared: &Prepared,
        answer: Response,
        verdict: ApiVerdict,
        bearer: &BearerError,
        token: &AccessToken,
    ) -> Result<ApiResponse, AuthError> {
        let asked_to_pack = prepared.sets("accept-encoding");
        if !asked_to_pack && let Some(error) = packed_unasked(&answer) {
            return Err(error);
        }
        if answer.status < 400 {
            return Ok(ApiResponse {
                status: u32::from(answer.status),
                headers: answer
                    .headers
                    .into_iter()
                    .map(|(name, value)| Header { name, value })
                    .collect(),
                body: answer.body,
            });
        }
        let retry_after_seconds = retry_after_seconds(
            answer.header("retry-after"),
            answer.header("date"),
            self.auth.manager().now(),
        );
        Err(match verdict {
            ApiVerdict::StepUp {
                reason,
                scope,
                acr_values,
                max_age_seconds,
            } => AuthError::StepUpRequired {
                reason: match reason {
                    StepUp::InsufficientScope => StepUpReason::InsufficientScope,
                    StepUp::InsufficientUserAuthentication => {
                        StepUpReason::InsufficientUserAuthentication
                    }
                },
                options: LoginOptions {
                    scopes: scope
                        .iter()
                        .flat_map(|scope| scope.split(' '))
                        .filter(|scope| !scope.is_empty())
                        .map(str::to_owned)
                        .collect(),
                    acr_values: acr_values.clone(),
                    max_age_seconds,
                    ..LoginOptions::default()
                },
                scope,
                acr_values,
                max_age_seconds,
            },
            ApiVerdict::RateLimited => AuthError::Network {
                reason: NetworkReason::RateLimited,
                retry_after_seconds,
            },
            ApiVerdict::Unavailable => AuthError::Network {
                reason: NetworkReason::Unavailable,
                retry_after_seconds,
            },
            ApiVerdict::RefreshOnce | ApiVerdict::Refused => {
                refusal(&answer, bearer, &token.value, asked_to_pack)
            }
        })
    }
}

/// A request that was checked, ready to be sent twice.
struct Prepared {
    method: String,
    url: url::Url,
    headers: Vec<Header>,
    body: Option<Vec<u8>>,
}

impl Prepared {
    /// Whether the app sets this header itself, in the place of the core's.
    fn sets(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|header| header.name.eq_ignore_ascii_case(name))
    }
}

fn judge(answer: &Response) -> (ApiVerdict, BearerError) {
    let bearer = bearer_error(&parse_challenges(&answer.all("www-authenticate")));
    (api_verdict(answer.status, &bearer), bearer)
}

/// RFC 9110 §5.1 and §5.5, narrowed to visible text.
fn is_header(header: &Header) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !header.name.is_empty()
        && header.name.bytes().all(token)
        && header
            .value
            .bytes()
            .all(|b| b == b'\t' || (b >= b' ' && b != 0x7F))
}

fn printable_name(header: &Header) -> String {
    crate::protocol::encoding::printable(&header.name, 64)
}

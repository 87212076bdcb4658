//! The one exported error, named by what the app should do, and every conversion into it.
//!
//! Each layer has an error of its own ([`ProtocolError`], [`TransportError`], [`StoreError`]); here they become one
//! of the kinds in the table of cli.md. Nothing secret is in a variant: codes are from RFC 6749's character set, texts
//! of servers are bounded and without control characters.

use crate::protocol::ProtocolError;
use crate::protocol::packing::PACKED;
use crate::storage::StoreError;
use crate::transport::TransportError;
use crate::types::{
    CallbackIgnoredReason, ConfigurationProblem, LoginOptions, NetworkReason, Recovery,
    SignedOutReason, StepUpReason, StorageReason,
};

/// What went wrong, named by what the app should do. [`AuthError::recovery`] says the same as one word, and the
/// `Display` text (`toString()`, `description`) is for people: it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
#[uniffi::export(Display)]
pub enum AuthError {
    /// The person or the caller gave up. Show nothing.
    #[error("Cancelled.")]
    Cancelled,
    /// Not the answer to a login that is open: nothing was changed or sent. Go on waiting; where the login has
    /// expired, offer a new one.
    #[error("{}", ignored_text(*reason))]
    CallbackIgnored {
        /// Why it was not taken.
        reason: CallbackIgnoredReason,
    },
    /// Nobody is logged in. Offer a login.
    #[error("{}", login_required_text(*reason))]
    LoginRequired {
        /// Why.
        reason: SignedOutReason,
    },
    /// The session is kept, but the provider wants to see the person. Offer a login.
    #[error(
        "The provider wants to see you before it goes on ({code}). Log in again; nothing is lost."
    )]
    InteractionRequired {
        /// The provider's error code.
        code: String,
    },
    /// The API wants more than this session has. Start a login with `options`.
    #[error("{}", step_up_text(*reason, scope.as_deref()))]
    StepUpRequired {
        /// What it wants more of.
        reason: StepUpReason,
        /// The scopes it names, separated by spaces.
        scope: Option<String>,
        /// The authentication context classes it names, separated by spaces.
        acr_values: Option<String>,
        /// How fresh the login must be.
        max_age_seconds: Option<u64>,
        /// For [`crate::Auth::begin_login`]: the login that gives the API what it wants.
        options: LoginOptions,
    },
    /// The provider refused the login: the person said no, or a rule did.
    #[error("The login was cancelled or refused at the provider ({code}).")]
    Denied {
        /// The provider's error code, e.g. `access_denied`.
        code: String,
    },
    /// It may pass and nothing is lost. Offer to try again.
    #[error("{}", network_text(*reason))]
    Network {
        /// What kept the request from being answered.
        reason: NetworkReason,
        /// Seconds after which a new try makes sense, where the server says so.
        retry_after_seconds: Option<u64>,
    },
    /// The provider answered with an OAuth error code, or with something that is no valid answer.
    #[error("{}", provider_text(*status, code.as_deref(), *persistent))]
    Provider {
        /// The HTTP status; `None` for an answer that came through the browser.
        status: Option<u32>,
        /// The OAuth error code, where there was one. `packed_answer` is the core's own: the answer was packed
        /// (`Content-Encoding`) although the request said that it takes nothing packed, so it was not read.
        code: Option<String>,
        /// It has refused to renew the session three times, at least a minute apart, or has moved and its old address
        /// is gone. Nothing was erased, but a new login is the way out.
        persistent: bool,
    },
    /// An answer or a callback failed a check. Nothing of it was kept; an earlier session is as it was.
    #[error(
        "The provider's answer failed the check “{check}” and was not used. Please report this."
    )]
    Untrusted {
        /// Which check: `issuer`, `signature`, `audience`, `nonce`, …
        check: String,
    },
    /// The store failed. Nothing was erased.
    #[error("{}", storage_text(*reason))]
    Storage {
        /// How.
        reason: StorageReason,
    },
    /// At a login: the ID token is good by the provider's time and not by this device's. A session that is there goes on.
    #[error("This device's clock is off by about {} seconds. Set it, then try again.", skew_seconds.unsigned_abs())]
    Clock {
        /// By how much; positive when the device is ahead.
        skew_seconds: i64,
    },
    /// The developer's mistake, found before anything was sent.
    #[error("{}", configuration_text(problems))]
    Configuration {
        /// Every mistake, at once.
        problems: Vec<ConfigurationProblem>,
    },
    /// The API answered with an error of its own.
    #[error("{text}")]
    Api {
        /// The HTTP status: 400 to 599; below that, of an answer that cannot be used (too large, packed).
        status: u32,
        /// What the API says, or words for the status: at most 512 characters, no control characters.
        text: String,
    },
}

#[uniffi::export]
impl AuthError {
    /// The kind as one word, e.g. `login_required`: for `latchkey --json`, logs and counters.
    pub fn kind(&self) -> String {
        match self {
            Self::Cancelled => "cancelled",
            Self::CallbackIgnored { .. } => "callback_ignored",
            Self::LoginRequired { .. } => "login_required",
            Self::InteractionRequired { .. } => "interaction_required",
            Self::StepUpRequired { .. } => "step_up_required",
            Self::Denied { .. } => "denied",
            Self::Network { .. } => "network",
            Self::Provider { .. } => "provider",
            Self::Untrusted { .. } => "untrusted",
            Self::Storage { .. } => "storage",
            Self::Clock { .. } => "clock",
            Self::Configuration { .. } => "configuration",
            Self::Api { .. } => "api",
        }
        .to_owned()
    }

    /// What to offer the person next.
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Cancelled | Self::Denied { .. } | Self::Api { .. } => Recovery::Nothing,
            Self::CallbackIgnored {
                reason: CallbackIgnoredReason::Expired,
            } => Recovery::LogIn,
            Self::CallbackIgnored { .. } => Recovery::KeepWaiting,
            Self::LoginRequired { .. } | Self::InteractionRequired { .. } => Recovery::LogIn,
            Self::StepUpRequired { .. } => Recovery::StepUp,
            Self::Network { .. } => Recovery::Retry,
            Self::Provider {
                persistent: true, ..
            } => Recovery::LogIn,
            Self::Provider { .. } | Self::Untrusted { .. } => Recovery::Report,
            Self::Storage { reason } => match reason {
                StorageReason::Locked => Recovery::Unlock,
                StorageReason::Corrupt => Recovery::LogIn,
                StorageReason::Incompatible => Recovery::UpdateApp,
                StorageReason::Unavailable => Recovery::Retry,
            },
            Self::Clock { .. } => Recovery::FixClock,
            Self::Configuration { .. } => Recovery::FixConfiguration,
        }
    }
}

impl AuthError {
    /// A mistake in one field.
    pub(crate) fn configuration(field: &str, reason: &str) -> Self {
        Self::Configuration {
            problems: vec![ConfigurationProblem {
                field: field.to_owned(),
                reason: reason.to_owned(),
            }],
        }
    }

    pub(crate) fn network(reason: NetworkReason) -> Self {
        Self::Network {
            reason,
            retry_after_seconds: None,
        }
    }
}

impl AuthError {
    /// The kind with a word more, for the timeline: `network timeout`, `provider invalid_client`.
    pub(crate) fn class(&self) -> String {
        let kind = self.kind();
        let more = match self {
            Self::Network { reason, .. } => reason.word(),
            Self::Storage { reason } => reason.word(),
            Self::LoginRequired { reason } => reason.word(),
            Self::InteractionRequired { code } | Self::Denied { code } => known_code(code),
            Self::Untrusted { check } => check.clone(),
            Self::Provider {
                code: Some(code), ..
            } => known_code(code),
            Self::Provider {
                status: Some(status),
                ..
            } => status.to_string(),
            Self::Clock { skew_seconds } => format!("{skew_seconds} s"),
            _ => return kind,
        };
        format!("{kind} {more}")
    }
}

/// An error code that a standard or a big provider defines, or `other`: what a provider makes up may be anything.
fn known_code(code: &str) -> String {
    const KNOWN: &[&str] = &[
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "login_required",
        "mfa_required",
        PACKED,
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unmet_authentication_requirements",
        "unsupported_grant_type",
        "unsupported_response_type",
    ];
    let known = KNOWN.iter().find(|known| **known == code);
    (*known.unwrap_or(&"other")).to_owned()
}

impl From<ProtocolError> for AuthError {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::Untrusted(check) => Self::Untrusted {
                check: check.to_owned(),
            },
            // A server in trouble answers 5xx without an OAuth error: that may pass (interop.md).
            ProtocolError::Answer {
                status: 500..=599,
                code: None,
            } => Self::network(NetworkReason::Unavailable),
            ProtocolError::Answer { status: 429, .. } => Self::network(NetworkReason::RateLimited),
            ProtocolError::Answer { status, code } => Self::Provider {
                status: Some(u32::from(status)),
                code,
                persistent: false,
            },
            ProtocolError::Clock { skew_seconds } => Self::Clock { skew_seconds },
        }
    }
}

impl From<TransportError> for AuthError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Offline => Self::network(NetworkReason::Offline),
            TransportError::Timeout => Self::network(NetworkReason::Timeout),
            TransportError::Tls => Self::network(NetworkReason::Tls),
            TransportError::Interrupted => Self::network(NetworkReason::Unavailable),
            TransportError::TooLarge { status } => Self::Provider {
                status: Some(u32::from(status)),
                code: None,
                persistent: false,
            },
        }
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::Storage {
            reason: match error {
                StoreError::Locked => StorageReason::Locked,
                StoreError::Corrupt { .. } | StoreError::KeyLost { .. } => StorageReason::Corrupt,
                // A conflict that outlived its retries: another process is very busy with the same record.
                StoreError::Conflict | StoreError::Unavailable => StorageReason::Unavailable,
            },
        }
    }
}

fn ignored_text(reason: CallbackIgnoredReason) -> &'static str {
    match reason {
        CallbackIgnoredReason::NoPendingLogin => {
            "This is not the answer to a login: none is open. Nothing was changed."
        }
        CallbackIgnoredReason::StateMismatch => {
            "This is not the answer to the login that is open. Nothing was changed; go on in the browser."
        }
        CallbackIgnoredReason::RedirectMismatch => {
            "This answer came to another address than the login named. Nothing was changed."
        }
        CallbackIgnoredReason::AlreadyUsed => "This answer was used already. Nothing was changed.",
        CallbackIgnoredReason::Expired => {
            "The login was open for too long. Nothing was changed; log in again."
        }
    }
}

fn login_required_text(reason: SignedOutReason) -> &'static str {
    match reason {
        SignedOutReason::Never => "Not logged in. Log in first.",
        SignedOutReason::LoggedOut => "Logged out. Log in again to go on.",
        SignedOutReason::Revoked => "The provider has ended this session. Log in again.",
        SignedOutReason::RotationInterrupted => {
            "Renewing the session was cut off and the provider does not let it be repeated. Log in again."
        }
        SignedOutReason::Expired => {
            "The session has run out. Log in again; with the scope offline_access it can be renewed by itself."
        }
        SignedOutReason::SubjectChanged => {
            "The provider answered with another person's session, which was not kept. Log in again."
        }
        SignedOutReason::StorageLost => "This device has lost the stored session. Log in again.",
    }
}

fn step_up_text(reason: StepUpReason, scope: Option<&str>) -> String {
    match (reason, scope) {
        (StepUpReason::InsufficientScope, Some(scope)) => format!(
            "The API needs the scope {scope}, which this session was not given. Log in again to ask for it."
        ),
        (StepUpReason::InsufficientScope, None) => {
            "The API needs a scope that this session was not given. Log in again to ask for it."
                .to_owned()
        }
        (StepUpReason::InsufficientUserAuthentication, _) => {
            "The API needs a stronger or fresher login. Log in again to go on.".to_owned()
        }
    }
}

fn network_text(reason: NetworkReason) -> &'static str {
    match reason {
        NetworkReason::Offline => {
            "No connection to the server. Check the network and the address, then try again; nothing is lost."
        }
        NetworkReason::Timeout => "The server did not answer in time. Try again; nothing is lost.",
        NetworkReason::Tls => {
            "No trusted connection to the server: its certificate is not one this device trusts. Nothing was sent."
        }
        NetworkReason::Unavailable => {
            "The server did not answer as it should just now. Try again in a while; the session is kept."
        }
        NetworkReason::RateLimited => {
            "The server asks for fewer requests. Try again later; nothing is lost."
        }
    }
}

fn provider_text(status: Option<u32>, code: Option<&str>, persistent: bool) -> String {
    let what = match (code, status) {
        (Some(PACKED), _) => {
            "The provider packed its answer (Content-Encoding) although it was asked not to, so it was not read."
                .to_owned()
        }
        (Some(code), _) => format!("The provider answered with the error {code}."),
        (None, Some(status)) => {
            format!("The provider's answer (status {status}) is not a valid one.")
        }
        (None, None) => "The provider's answer is not a valid one.".to_owned(),
    };
    if persistent {
        format!("{what} It goes on doing so: log in again.")
    } else {
        what
    }
}

fn storage_text(reason: StorageReason) -> &'static str {
    match reason {
        StorageReason::Locked => {
            "The stored session can be read once the device is unlocked. Nothing was erased."
        }
        StorageReason::Corrupt => "The stored session cannot be read. Log in again to replace it.",
        StorageReason::Incompatible => {
            "The stored session was written by a newer version of this app. Update the app; nothing was erased."
        }
        StorageReason::Unavailable => {
            "The store for the session failed for now. Try again; nothing was erased."
        }
    }
}

fn configuration_text(problems: &[ConfigurationProblem]) -> String {
    let list: Vec<String> = problems
        .iter()
        .map(|problem| {
            format!(
                "{} {}.",
                problem.field,
                problem.reason.trim_end_matches('.')
            )
        })
        .collect();
    format!("The configuration needs mending: {}", list.join(" "))
}

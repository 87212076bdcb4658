//! The configuration, checked once: what is left can be used without another look.

use std::time::Duration;

use ring::digest;
use url::Url;

use crate::error::AuthError;
use crate::protocol::authorization::{check_redirect_uri, is_scope_token};
use crate::protocol::discovery::check_issuer;
use crate::types::{AuthConfig, ConfigurationProblem, Rotation};

/// What an [`AuthConfig`] without a mistake says.
pub(crate) struct Settings {
    /// The issuer to the letter: it is compared, never normalised.
    pub(crate) issuer: String,
    pub(crate) issuer_url: Url,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) rotation: Rotation,
    pub(crate) role: Option<String>,
    pub(crate) request_timeout: Duration,
}

impl Settings {
    /// Checks everything and names every mistake.
    pub(crate) fn parse(config: &AuthConfig) -> Result<Self, AuthError> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, reason: &str| {
            problems.push(ConfigurationProblem {
                field: field.to_owned(),
                reason: reason.to_owned(),
            });
        };
        let issuer_url = check_issuer(&config.issuer);
        if let Err(reason) = &issuer_url {
            problem("issuer", reason);
        }
        if config.client_id.is_empty() || config.client_id.chars().any(char::is_control) {
            problem(
                "client_id",
                "is empty; write the client id that the provider gave this app.",
            );
        }
        if let Err(reason) = check_redirect_uri(&config.redirect_uri) {
            problem("redirect_uri", reason);
        }
        if !config.scopes.iter().all(|scope| is_scope_token(scope)) {
            problem(
                "scopes",
                "hold a word that cannot be a scope; write one scope an entry, without spaces.",
            );
        }
        if config.audience.as_deref() == Some("") {
            problem(
                "audience",
                "is empty; write the API's identifier, or leave it out.",
            );
        }
        if !config.resources.iter().all(|text| is_resource(text)) {
            problem(
                "resources",
                "hold something that is no absolute URI without a fragment (RFC 8707 §2).",
            );
        }
        if config
            .single_instance_role
            .as_deref()
            .is_some_and(|role| role.is_empty() || role.len() > 64)
        {
            problem(
                "single_instance_role",
                "must be a word of 1 to 64 characters, or be left out.",
            );
        }
        let seconds = config.request_timeout_seconds.unwrap_or(30);
        if !(1..=120).contains(&seconds) {
            problem("request_timeout_seconds", "must be from 1 to 120.");
        }
        match issuer_url {
            Ok(issuer_url) if problems.is_empty() => Ok(Self {
                issuer: config.issuer.clone(),
                issuer_url,
                client_id: config.client_id.clone(),
                redirect_uri: config.redirect_uri.clone(),
                scopes: if config.scopes.is_empty() {
                    ["openid", "profile", "offline_access"]
                        .map(str::to_owned)
                        .to_vec()
                } else {
                    config.scopes.clone()
                },
                audience: config.audience.clone(),
                resources: config.resources.clone(),
                rotation: config.rotation.unwrap_or(Rotation::Unknown),
                role: config.single_instance_role.clone(),
                request_timeout: Duration::from_secs(u64::from(seconds)),
            }),
            _ => Err(AuthError::Configuration { problems }),
        }
    }

    /// The name of a record of this issuer and client in the store: `session.…` or `logins.…`.
    pub(crate) fn record_name(&self, kind: &str) -> String {
        // The length keeps two pairs apart that read the same when written one after the other.
        let text = format!("{}:{}{}", self.issuer.len(), self.issuer, self.client_id);
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let mut name = format!("{kind}.");
        for byte in hash.as_ref().iter().take(16) {
            name.push_str(&format!("{byte:02x}"));
        }
        name
    }
}

/// RFC 8707 §2: an absolute URI without a fragment.
pub(crate) fn is_resource(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.fragment().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::discovery::is_loopback;
    use crate::transport::on_loopback;

    #[test]
    fn every_mistake_is_named_at_once() {
        let mut config = AuthConfig::new("http://login.example.com", "", "not a uri");
        config.scopes = vec!["two words".to_owned()];
        config.resources = vec!["relative".to_owned()];
        config.audience = Some(String::new());
        config.request_timeout_seconds = Some(0);
        let Err(AuthError::Configuration { problems }) = Settings::parse(&config) else {
            panic!("not refused");
        };
        let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "issuer",
                "client_id",
                "redirect_uri",
                "scopes",
                "audience",
                "resources",
                "request_timeout_seconds"
            ]
        );
    }

    #[test]
    fn what_may_be_plain_http_is_what_no_proxy_gets_to_see() {
        // Two layers that do not know each other decide this; a difference would show plain text to a proxy.
        for host in [
            "127.0.0.1",
            "127.255.0.9",
            "[::1]",
            "localhost",
            "localhost.",
            "localhost.evil.example",
            "a.localhost",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "10.0.0.1",
            "login.example.com",
        ] {
            let url = Url::parse(&format!("http://{host}:8080/x")).expect("a URL");
            assert_eq!(is_loopback(&url), on_loopback(&url), "{host}");
        }
    }

    #[test]
    fn records_of_two_clients_or_issuers_have_two_names() {
        let name = |issuer: &str, client: &str| {
            Settings::parse(&AuthConfig::new(issuer, client, "com.example.app:/cb"))
                .expect("valid")
                .record_name("session")
        };
        assert_ne!(
            name("https://a.example/x", "y"),
            name("https://a.example/", "xy")
        );
        assert_eq!(
            name("https://a.example/x", "y"),
            name("https://a.example/x", "y")
        );
    }
}

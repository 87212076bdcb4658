//! What the endpoints share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::{Host, Url};

use crate::faults::Faults;
use crate::gates::Gates;
use crate::grants::Grants;
use crate::keys::Keys;
use crate::stats::Stats;
use crate::users::{self, Directory};
use crate::{FaultError, IdTokenAlg, Options, Rotation, StartError};

/// The one client that is registered; a public one.
pub(crate) const CLIENT_ID: &str = "latchkey-dev";
/// The identifier of the API.
pub(crate) const AUDIENCE: &str = "https://api.latchkey.test";

/// Redirect URIs of the client. Those on loopback are good with any port.
const REDIRECT_URIS: [&str; 5] = [
    "http://127.0.0.1/callback",
    "http://localhost/callback",
    "http://[::1]/callback",
    "dev.latchkey.sample:/callback",
    "https://latchkey.test/callback",
];

pub(crate) struct Provider {
    /// `http://127.0.0.1:PORT`, where everything is.
    pub(crate) origin: String,
    pub(crate) issuer: String,
    pub(crate) access_token_seconds: u64,
    pub(crate) code_seconds: u64,
    pub(crate) id_token_alg: IdTokenAlg,
    pub(crate) audiences: Vec<String>,
    pub(crate) users: Directory,
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    pub(crate) gates: Gates,
    pub(crate) stats: Arc<Stats>,
    redirect_uris: Vec<String>,
    rotation: Mutex<Rotation>,
    grants: Mutex<Grants>,
}

impl Provider {
    pub(crate) fn new(origin: String, options: Options) -> Result<Provider, StartError> {
        let path = options.issuer_path;
        let fits = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>{}\\^`|:*%".contains(&byte);
        let is_path = path.starts_with('/') && path.bytes().all(fits);
        if !path.is_empty() && !is_path {
            return Err(StartError::IssuerPath(path));
        }
        for uri in &options.extra_redirect_uris {
            if Url::parse(uri).map_or(true, |url| url.fragment().is_some()) {
                return Err(StartError::RedirectUri(uri.clone()));
            }
        }
        let users = options.users.as_deref().unwrap_or(users::DEFAULT);
        let own = REDIRECT_URIS.into_iter().map(str::to_owned);
        let provider = Provider {
            issuer: format!("{origin}{path}"),
            origin,
            access_token_seconds: options.access_token_seconds,
            code_seconds: options.code_seconds,
            id_token_alg: options.id_token_alg,
            audiences: [AUDIENCE.to_owned()]
                .into_iter()
                .chain(options.extra_audiences)
                .collect(),
            users: Directory::parse(users).map_err(StartError::Users)?,
            keys: Keys::load()?,
            faults: Faults::default(),
            gates: Gates::default(),
            stats: Arc::default(),
            redirect_uris: own.chain(options.extra_redirect_uris).collect(),
            rotation: Mutex::new(options.rotation),
            grants: Mutex::default(),
        };
        provider.set_faults(&options.faults)?;
        Ok(provider)
    }

    pub(crate) fn grants(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rotation(&self) -> Rotation {
        *self.rotation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_rotation(&self, rotation: Rotation) {
        *self.rotation.lock().unwrap_or_else(PoisonError::into_inner) = rotation;
    }

    /// Revokes the tokens of the user of this name, and ends the sessions of their browsers.
    pub(crate) fn revoke(&self, name: &str) -> Result<(), String> {
        let user = self.users.named(name)?;
        self.grants().revoke_subject(&user.subject);
        Ok(())
    }

    pub(crate) fn set_faults(&self, text: &str) -> Result<(), FaultError> {
        let gates = self.faults.replace(text, &self.users)?;
        gates.iter().for_each(|name| self.gates.close(name));
        Ok(())
    }

    pub(crate) fn clear_faults(&self) {
        // The empty text is always right.
        let _ = self.set_faults("");
        self.gates.clear();
    }

    /// The address of an endpoint, for example of `token`.
    pub(crate) fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.issuer.trim_end_matches('/'))
    }

    /// The path of the issuer, without a slash at its end.
    pub(crate) fn issuer_path(&self) -> &str {
        self.issuer[self.origin.len()..].trim_end_matches('/')
    }

    /// Whether answers may go to this address. Compared as text (RFC 9700 §2.1), but for the port
    /// of a loopback address (RFC 8252 §7.3).
    pub(crate) fn allows_redirect(&self, uri: &str) -> bool {
        let without_port = loopback_without_port(uri);
        self.redirect_uris
            .iter()
            .any(|known| known == uri || Some(known) == without_port.as_ref())
    }
}

/// The text of an http loopback address without its port; None for anything else.
fn loopback_without_port(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let port = url.port()?;
    // The text is cut, not the parsed address printed: what a parser repairs is not registered.
    let (start, end) = uri.split_once(&format!(":{port}/"))?;
    (loopback && url.scheme() == "http").then(|| format!("{start}/{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        Provider::new("http://127.0.0.1:1".into(), Options::default()).unwrap()
    }

    #[test]
    fn a_loopback_redirect_may_have_any_port_and_nothing_else_may_differ() {
        let provider = provider();
        for good in [
            "http://127.0.0.1/callback",
            "http://127.0.0.1:50123/callback",
            "http://[::1]:9/callback",
            "http://localhost:8080/callback",
            "dev.latchkey.sample:/callback",
            "https://latchkey.test/callback",
        ] {
            assert!(provider.allows_redirect(good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:50123/callback/",
            "http://127.0.0.1:50123/callback?x=1",
            "http://127.0.0.1:50123/other",
            "http://127.0.0.2:50123/callback",
            "https://127.0.0.1:50123/callback",
            "http://user@127.0.0.1:50123/callback",
            "http://127.0.0.1:50123/a/../callback",
            "http://localhost.evil.test:80/callback",
            "https://latchkey.test:8443/callback",
            "HTTPS://latchkey.test/callback",
            "dev.latchkey.sample://callback",
        ] {
            assert!(!provider.allows_redirect(bad), "{bad}");
        }
    }

    #[test]
    fn the_issuer_path_is_kept_to_the_byte() {
        let options = Options {
            issuer_path: "/tenant/".into(),
            ..Options::default()
        };
        let provider = Provider::new("http://127.0.0.1:1".into(), options).unwrap();
        assert_eq!(provider.issuer, "http://127.0.0.1:1/tenant/");
        assert_eq!(
            provider.endpoint("token"),
            "http://127.0.0.1:1/tenant/token"
        );
        assert_eq!(provider.issuer_path(), "/tenant");
    }

    #[test]
    fn an_issuer_path_that_is_none_is_refused() {
        for path in ["tenant", "/a?b", "/a b", "/a{b}"] {
            let options = Options {
                issuer_path: path.into(),
                ..Options::default()
            };
            assert!(
                Provider::new("http://127.0.0.1:1".into(), options).is_err(),
                "{path}"
            );
        }
    }
}

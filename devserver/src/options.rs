//! How to start the server, and why it may refuse to.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::FaultError;

/// What [`crate::DevServer::start`] starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The TCP port; 0 takes any free one.
    pub port: u16,
    /// The address to listen on. Anything but a loopback address is refused.
    pub address: IpAddr,
    /// What happens to a refresh token when it is used.
    pub rotation: Rotation,
    /// How long an access token lives, in seconds.
    pub access_token_seconds: u64,
    /// How long an authorization code lives, in seconds.
    pub code_seconds: u64,
    /// The path of the issuer: empty, or for example `/tenant` or `/tenant/`.
    pub issuer_path: String,
    /// The text of a users file, instead of the one that ships.
    pub users: Option<String>,
    /// Faults to begin with; see [`crate::FAULT_HELP`].
    pub faults: String,
    /// What signs ID tokens and JWT access tokens.
    pub id_token_alg: IdTokenAlg,
    /// Redirect URIs, besides those that ship.
    pub extra_redirect_uris: Vec<String>,
    /// Audiences (or resources) for which tokens are issued, besides the API's own.
    pub extra_audiences: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            port: 0,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            rotation: Rotation::Strict,
            access_token_seconds: 300,
            code_seconds: 60,
            issuer_path: String::new(),
            users: None,
            faults: String::new(),
            id_token_alg: IdTokenAlg::Rs256,
            extra_redirect_uris: Vec::new(),
            extra_audiences: Vec::new(),
        }
    }
}

/// What the token endpoint does with a refresh token that it has just accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// The refresh token stays; answers carry no new one (RFC 6749 §6 allows that).
    None,
    /// A new one each time. A second use of a spent one revokes the whole family (RFC 9700
    /// §4.14.2).
    #[default]
    Strict,
    /// As strict, but the token that was spent last is accepted again for so many seconds, and
    /// gives a sibling.
    Grace(u64),
    /// As strict, but a spent token is accepted as long as its child is unused, and gives the
    /// same child.
    Parent,
}

/// A rotation word that is none.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no rotation: write none, strict, grace:SECONDS, or parent")]
pub struct RotationError(String);

impl FromStr for Rotation {
    type Err = RotationError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let unknown = || RotationError(word.to_owned());
        match word.split_once(':') {
            None if word == "none" => Ok(Rotation::None),
            None if word == "strict" => Ok(Rotation::Strict),
            None if word == "parent" => Ok(Rotation::Parent),
            Some(("grace", seconds)) => seconds.parse().map(Rotation::Grace).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

/// The signature algorithm of ID tokens and JWT access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdTokenAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every provider offers.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is reachable from other machines.
    #[error("{0} is not a loopback address: this server is for development on one machine")]
    NotLoopback(IpAddr),
    /// The port could not be bound.
    #[error("cannot listen on port {port}: {source}")]
    Bind {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The users file is wrong.
    #[error("the users file is wrong: {0}")]
    Users(String),
    /// The initial faults are wrong.
    #[error(transparent)]
    Faults(#[from] FaultError),
    /// The issuer path is not one.
    #[error("{0:?} is no issuer path: it begins with / and has no query, fragment or space")]
    IssuerPath(String),
    /// A redirect URI is not an absolute URI without fragment.
    #[error("{0:?} is no redirect URI: it must be absolute and without fragment")]
    RedirectUri(String),
    /// A signing key could not be read.
    #[error("a development key is unusable: {0}")]
    Keys(#[from] jsonwebtoken::errors::Error),
    /// The issuer that [`crate::ApiServer`] should trust is unusable.
    #[error("the issuer is unusable: {0}")]
    Issuer(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_words_are_read() {
        assert_eq!("none".parse(), Ok(Rotation::None));
        assert_eq!("strict".parse(), Ok(Rotation::Strict));
        assert_eq!("grace:30".parse(), Ok(Rotation::Grace(30)));
        assert_eq!("parent".parse(), Ok(Rotation::Parent));
    }

    #[test]
    fn an_unknown_rotation_word_is_answered_with_the_known_ones() {
        for word in ["", "grace", "grace:", "grace:-1", "sometimes"] {
            let error = word.parse::<Rotation>().unwrap_err().to_string();
            assert!(error.contains("grace:SECONDS"), "{error}");
        }
    }
}

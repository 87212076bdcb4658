//! The signing keys: fixed, published development keys, in two sets so that they can rotate.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::Error;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value, json};

use crate::IdTokenAlg;

const RSA: [&str; 2] = [
    include_str!("keys/public-development-rsa-1.pem"),
    include_str!("keys/public-development-rsa-2.pem"),
];
const P256: [&str; 2] = [
    include_str!("keys/public-development-p256-1.pem"),
    include_str!("keys/public-development-p256-2.pem"),
];
const ED25519: &str = include_str!("keys/public-development-ed25519.pem");

/// How a token is to be signed: the right ways, and those that a client must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// Not at all (RFC 7515 A.5).
    None,
    /// With the client's identifier as the secret.
    Hs256,
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Signing {
    /// Reads the name of an `alg` header parameter, in any case.
    pub(crate) fn parse(name: &str) -> Option<Signing> {
        Some(match name.to_ascii_uppercase().as_str() {
            "NONE" => Signing::None,
            "HS256" => Signing::Hs256,
            "RS256" => Signing::Rs256,
            "PS256" => Signing::Ps256,
            "ES256" => Signing::Es256,
            "EDDSA" => Signing::EdDsa,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Signing::None => "none",
            Signing::Hs256 => "HS256",
            Signing::Rs256 => "RS256",
            Signing::Ps256 => "PS256",
            Signing::Es256 => "ES256",
            Signing::EdDsa => "EdDSA",
        }
    }
}

impl From<IdTokenAlg> for Signing {
    fn from(alg: IdTokenAlg) -> Self {
        match alg {
            IdTokenAlg::Rs256 => Signing::Rs256,
            IdTokenAlg::Es256 => Signing::Es256,
        }
    }
}

struct Key {
    private: EncodingKey,
    public: DecodingKey,
    /// Key type and public numbers; `kid`, `use` and `alg` depend on the generation.
    jwk: Value,
}

impl Key {
    fn new(private: EncodingKey, alg: Algorithm) -> Result<Key, Error> {
        let jwk = Jwk::from_encoding_key(&private, alg)?;
        let public = DecodingKey::from_jwk(&jwk)?;
        let jwk = serde_json::to_value(&jwk)?;
        Ok(Key {
            private,
            public,
            jwk,
        })
    }

    fn published(&self, kid: &str, alg: Option<&str>, usage: &str) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = kid.into();
        jwk["use"] = usage.into();
        match (alg, jwk.as_object_mut()) {
            (Some(alg), _) => jwk["alg"] = alg.into(),
            (None, Some(jwk)) => drop(jwk.remove("alg")),
            (None, None) => {}
        }
        jwk
    }
}

/// All keys, and which set of them is current.
pub(crate) struct Keys {
    rsa: [Key; 2],
    p256: [Key; 2],
    ed25519: EncodingKey,
    ed25519_jwk: Value,
    generation: AtomicUsize,
}

impl Keys {
    pub(crate) fn load() -> Result<Keys, Error> {
        let rsa =
            |pem: &str| Key::new(EncodingKey::from_rsa_pem(pem.as_bytes())?, Algorithm::RS256);
        let p256 =
            |pem: &str| Key::new(EncodingKey::from_ec_pem(pem.as_bytes())?, Algorithm::ES256);
        let ed25519 = EncodingKey::from_ed_pem(ED25519.as_bytes())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(ed25519.inner())
            .map_err(|_| jsonwebtoken::errors::ErrorKind::InvalidEddsaKey)?;
        let ed25519_jwk = json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "dev-ed25519",
            "x": BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        });
        Ok(Keys {
            rsa: [rsa(RSA[0])?, rsa(RSA[1])?],
            p256: [p256(P256[0])?, p256(P256[1])?],
            ed25519,
            ed25519_jwk,
            generation: AtomicUsize::new(0),
        })
    }

    /// Signs with the other set from now on, under new key identifiers. The former set stays
    /// published until the next rotation.
    pub(crate) fn rotate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// The generations whose keys are published, the current one first.
    fn published(&self) -> impl Iterator<Item = usize> {
        let current = self.generation.load(Ordering::SeqCst);
        (current.saturating_sub(1)..=current).rev()
    }

    /// The JWK set. Like real ones it also holds keys that are no use to a client: one for
    /// encryption, without `alg`.
    pub(crate) fn jwks(&self) -> Value {
        let mut keys = vec![self.rsa[1].published("dev-encryption", None, "enc")];
        for generation in self.published() {
            let kid = |family| format!("dev-{family}-{generation}");
            keys.push(self.rsa[generation % 2].published(&kid("rsa"), Some("RS256"), "sig"));
            keys.push(self.p256[generation % 2].published(&kid("p256"), Some("ES256"), "sig"));
        }
        keys.push(self.ed25519_jwk.clone());
        json!({ "keys": keys })
    }

    /// The key that checks a token of ours, by its header.
    pub(crate) fn public(&self, alg: Algorithm, kid: &str) -> Option<&DecodingKey> {
        self.published().find_map(|generation| match alg {
            Algorithm::RS256 if kid == format!("dev-rsa-{generation}") => {
                Some(&self.rsa[generation % 2].public)
            }
            Algorithm::ES256 if kid == format!("dev-p256-{generation}") => {
                Some(&self.p256[generation % 2].public)
            }
            _ => None,
        })
    }

    /// A JWS in compact form.
    pub(crate) fn sign(
        &self,
        signing: Signing,
        typ: &str,
        claims: &Map<String, Value>,
    ) -> Result<String, Error> {
        let generation = self.generation.load(Ordering::SeqCst);
        let secret;
        let (key, alg, kid) = match signing {
            Signing::None => (None, Algorithm::HS256, None),
            Signing::Hs256 => {
                secret = EncodingKey::from_secret(crate::provider::CLIENT_ID.as_bytes());
                (Some(&secret), Algorithm::HS256, None)
            }
            Signing::Rs256 | Signing::Ps256 => {
                let alg = match signing {
                    Signing::Ps256 => Algorithm::PS256,
                    _ => Algorithm::RS256,
                };
                let kid = format!("dev-rsa-{generation}");
                (Some(&self.rsa[generation % 2].private), alg, Some(kid))
            }
            Signing::Es256 => {
                let kid = format!("dev-p256-{generation}");
                (
                    Some(&self.p256[generation % 2].private),
                    Algorithm::ES256,
                    Some(kid),
                )
            }
            Signing::EdDsa => (
                Some(&self.ed25519),
                Algorithm::EdDSA,
                Some("dev-ed25519".into()),
            ),
        };
        let mut header = json!({ "alg": signing.name(), "typ": typ });
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        let encode = |json: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(json);
        let message = format!(
            "{}.{}",
            encode(serde_json::to_vec(&header)?),
            encode(serde_json::to_vec(claims)?)
        );
        let signature = match key {
            Some(key) => jsonwebtoken::crypto::sign(message.as_bytes(), key, alg)?,
            None => String::new(),
        };
        Ok(format!("{message}.{signature}"))
    }
}

/// The same JWS with a signature that is wrong by one bit.
pub(crate) fn spoil_signature(jws: &str) -> String {
    let Some((message, signature)) = jws.rsplit_once('.') else {
        return jws.to_owned();
    };
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    match bytes.last_mut() {
        Some(last) => *last ^= 1,
        None => bytes.push(1),
    }
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// 256 random bits in base64url.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    // A system without randomness cannot run any server; nothing sensible remains to be done.
    #[expect(
        clippy::expect_used,
        reason = "a system without randomness runs nothing"
    )]
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system gives random bytes");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in base64url: the PKCE challenge of a verifier (RFC 7636 §4.2).
pub(crate) fn s256(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// The left half of SHA-256 in base64url: `at_hash` (OpenID Connect Core §3.1.3.6).
pub(crate) fn left_half_s256(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_of_rfc_7636_appendix_b_comes_out() {
        assert_eq!(
            s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_token_signed_before_one_rotation_is_still_checked_and_after_two_not() {
        let keys = Keys::load().unwrap();
        let token = keys.sign(Signing::Es256, "JWT", &Map::new()).unwrap();
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        keys.rotate();
        assert!(keys.public(Algorithm::ES256, &kid).is_some());
        keys.rotate();
        assert!(keys.public(Algorithm::ES256, &kid).is_none());
    }

    #[test]
    fn the_key_set_holds_public_numbers_only() {
        let text = Keys::load().unwrap().jwks().to_string();
        assert!(text.contains("\"n\"") && text.contains("\"x\""));
        assert!(!text.contains("\"d\":") && !text.contains("\"p\":"));
    }

    #[test]
    fn a_spoilt_signature_differs_in_the_signature_alone() {
        let keys = Keys::load().unwrap();
        let good = keys.sign(Signing::Rs256, "JWT", &Map::new()).unwrap();
        let bad = spoil_signature(&good);
        assert_ne!(good, bad);
        assert_eq!(
            good.rsplit_once('.').unwrap().0,
            bad.rsplit_once('.').unwrap().0
        );
    }
}

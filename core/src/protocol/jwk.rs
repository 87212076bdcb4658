//! Public keys of a provider: a JWK Set (RFC 7517), reduced to the keys that we can use.

use super::ProtocolError;
use super::encoding::b64url_decode;
use super::json::parse_object;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A signature algorithm that we accept. `none` and the `HS*` family are not among them:
/// a public client holds no secret to share (RFC 8725 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    Rs256,
    /// RSASSA-PSS with SHA-256 and MGF1 with SHA-256 (RFC 7518 §3.5).
    Ps256,
    /// ECDSA with P-256 and SHA-256 (RFC 7518 §3.4).
    Es256,
    /// EdDSA with Ed25519 (RFC 8037 §3.1).
    EdDsa,
}

impl Algorithm {
    /// The algorithm of an `alg` value; names are case-sensitive (RFC 7515 §4.1.1).
    pub fn parse(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "PS256" => Some(Algorithm::Ps256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

/// Keys that are looked at in one set.
const MAX_KEYS: usize = 64;

/// Sizes of an RSA modulus that are accepted, in bits (RFC 7518 §3.3 asks for 2048 or more).
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// RSA exponents that are accepted, if odd. The upper end is ring's.
const RSA_EXPONENTS: RangeInclusive<u64> = 3..=(1 << 33) - 1;

/// Members that only a private or symmetric key has (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The keys of a JWK Set that we can use.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// One public signature key.
#[derive(Debug, Clone)]
pub struct Key {
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The uncompressed point: 4, x, y.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Reads a JWK Set. Entries that are malformed, private, symmetric, weak, for encryption or of an
/// unknown kind are passed over: providers list such beside good ones (R-027, RFC 7517 §5). A set
/// of which nothing is left is no error here; no key will be found in it.
pub fn parse_jwks(body: &[u8]) -> Result<KeySet, ProtocolError> {
    let set = parse_object(body).ok();
    match set.as_ref().and_then(|set| set.get("keys")) {
        Some(Value::Array(keys)) => Ok(KeySet {
            keys: keys.iter().take(MAX_KEYS).filter_map(Key::parse).collect(),
        }),
        _ => Err(ProtocolError::Answer {
            status: 200,
            code: None,
        }),
    }
}

impl KeySet {
    /// The keys that may have made a signature: with a `kid` only those that bear it (RFC 7515
    /// §4.1.4), without one all that fit the algorithm (OIDC Core §10.1).
    pub fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<&Key> {
        let named = |key: &&Key| kid.is_none() || key.kid.as_deref() == kid;
        self.keys
            .iter()
            .filter(named)
            .filter(|key| key.fits(algorithm))
            .collect()
    }
}

impl Key {
    /// Whether this key made that signature of that message, with that algorithm.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signed: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        let octets = |scheme: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(scheme, key).verify(message, signed)
        };
        let rsa = |scheme, n, e| RsaPublicKeyComponents { n, e }.verify(scheme, message, signed);
        let outcome = match (&self.material, algorithm) {
            (Material::Rsa { n, e }, Algorithm::Ps256) => rsa(&RSA_PSS_2048_8192_SHA256, n, e),
            (Material::Rsa { n, e }, _) => rsa(&RSA_PKCS1_2048_8192_SHA256, n, e),
            // ring refuses a point that is not on the curve.
            (Material::P256(point), _) => octets(&ECDSA_P256_SHA256_FIXED, point),
            (Material::Ed25519(x), _) => octets(&ED25519, x),
        };
        outcome.is_ok()
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Material::P256(_), Algorithm::Es256)
                | (Material::Ed25519(_), Algorithm::EdDsa)
        );
        kind && self.algorithm.is_none_or(|own| own == algorithm)
    }

    fn parse(jwk: &Value) -> Option<Key> {
        let jwk = jwk.as_object()?;
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) || !for_signatures(jwk)? {
            return None;
        }
        let material = match member(jwk, "kty")?? {
            "RSA" => rsa(jwk)?,
            "EC" if member(jwk, "crv")?? == "P-256" => {
                let (x, y) = (octets(jwk, "x", 32)?, octets(jwk, "y", 32)?);
                Material::P256([&[4], &x[..], &y[..]].concat())
            }
            "OKP" if member(jwk, "crv")?? == "Ed25519" => Material::Ed25519(octets(jwk, "x", 32)?),
            _ => return None,
        };
        // A key for another algorithm is not ours to use, even where its kind would do.
        let algorithm = match member(jwk, "alg")? {
            Some(name) => Some(Algorithm::parse(name)?),
            None => None,
        };
        let kid = member(jwk, "kid")?.map(str::to_owned);
        Some(Key {
            kid,
            algorithm,
            material,
        })
    }
}

/// `use` is `sig` and `key_ops` has `verify`, where they are present (RFC 7517 §4.2, §4.3).
fn for_signatures(jwk: &Map<String, Value>) -> Option<bool> {
    let by_use = member(jwk, "use")?.is_none_or(|purpose| purpose == "sig");
    let by_ops = match jwk.get("key_ops") {
        Some(operations) => operations
            .as_array()?
            .iter()
            .any(|operation| operation == "verify"),
        None => true,
    };
    Some(by_use && by_ops)
}

/// RFC 7518 §6.3.1, with R-030's limits.
fn rsa(jwk: &Map<String, Value>) -> Option<Material> {
    let (n, e) = (unsigned(jwk, "n")?, unsigned(jwk, "e")?);
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    if e.len() > 8 || n.last()? % 2 == 0 || e.last()? % 2 == 0 {
        return None;
    }
    let exponent = e
        .iter()
        .fold(0, |value, octet| value << 8 | u64::from(*octet));
    let fits = RSA_BITS.contains(&bits) && RSA_EXPONENTS.contains(&exponent);
    fits.then_some(Material::Rsa { n, e })
}

/// A Base64urlUInt (RFC 7518 §2). One zero octet in front, which some libraries write although
/// §6.3.1.1 forbids it, is taken off.
fn unsigned(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    let mut octets = b64url_decode(member(jwk, name)??)?;
    if octets.first()? == &0 {
        octets.remove(0);
    }
    (octets.first()? != &0).then_some(octets)
}

fn octets(jwk: &Map<String, Value>, name: &str, length: usize) -> Option<Vec<u8>> {
    b64url_decode(member(jwk, name)??).filter(|octets| octets.len() == length)
}

/// The text of a member; `Some(None)` if there is no such member, `None` if it is no text.
fn member<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<Option<&'a str>> {
    match jwk.get(name) {
        Some(value) => value.as_str().map(Some),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests;

//! Certificates judged by the platform's own code, where the core cannot reach it by itself (Android).

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use thiserror::Error as ThisError;

/// Judges certificate chains as the platform does: its authorities, the user's, the app's network security
/// configuration, its pins. For [`crate::Auth::with_trust`].
///
/// Whether the certificate is for the host that was asked for, and whether the server has its key, is checked by the
/// core in any case: a copied certificate is worth nothing, also where the answer here is yes. Called during each new TLS
/// connection (sessions are not resumed, so trust that is withdrawn counts at the next connection; one that is open goes
/// on), from several threads at once, and blocks the one that it is called in: it must not use the network, ask a person,
/// or take longer than milliseconds. An exception is a no, and a no is `Network` with the reason `tls` for the app.
#[uniffi::export(rust, foreign)]
pub trait TrustEvaluator: Send + Sync {
    /// Returns if this chain is trusted now: it leads to a trusted authority, no certificate in it has expired.
    ///
    /// `certificates` are X.509 in DER, the server's own first, as the server sent them; `host` is the name or the address
    /// that was asked for.
    ///
    /// # Errors
    /// `Untrusted`: the connection is given up, and nothing is sent.
    fn evaluate(&self, certificates: Vec<Vec<u8>>, host: String) -> Result<(), TrustError>;
}

/// Why a chain is not trusted. Holds no text of the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError, uniffi::Error)]
pub enum TrustError {
    /// It is not, or it could not be judged.
    #[error("the certificate is not trusted")]
    Untrusted,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for TrustError {
    /// Whatever went wrong, nobody has said that the chain is trusted.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Untrusted
    }
}

/// Asks a [`TrustEvaluator`].
pub(super) struct PlatformVerifier {
    pub(super) evaluator: Arc<dyn TrustEvaluator>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl fmt::Debug for PlatformVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlatformVerifier")
    }
}

impl ServerCertVerifier for PlatformVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        let chain = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|certificate| certificate.to_vec())
            .collect();
        let host = server_name.to_str().into_owned();
        // A panic in the app's code is one more way of not being trusted.
        let asked = AssertUnwindSafe(|| self.evaluator.evaluate(chain, host));
        match catch_unwind(asked) {
            Ok(Ok(())) => Ok(ServerCertVerified::assertion()),
            Ok(Err(TrustError::Untrusted)) | Err(_) => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

//! TLS: which certificates are trusted.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::targets::Target;

/// The trusted certificate authorities.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'a> {
    /// The usual ones, plus those in a PEM file if one is given.
    Usual(Option<&'a Path>),
    /// Only those in a PEM file: for a service with a self-signed certificate.
    Only(&'a Path),
}

/// The file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates in {path} cannot be used: {problem}")]
pub struct InvalidRoots {
    path: String,
    problem: String,
}

/// A connector that accepts hosts with certificates from these authorities.
pub fn connector(roots: Roots<'_>) -> Result<TlsConnector, InvalidRoots> {
    let (usual, file) = match roots {
        Roots::Usual(file) => (webpki_roots::TLS_SERVER_ROOTS, file),
        Roots::Only(file) => (&[][..], Some(file)),
    };
    let mut trusted = RootCertStore { roots: usual.to_vec() };
    if let Some(path) = file {
        add(&mut trusted, path).map_err(|problem| InvalidRoots { path: path.display().to_string(), problem })?;
    }
    let config = ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add(trusted: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let mut count = 0;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        trusted.add(certificate).map_err(|error| error.to_string())?;
        count += 1;
    }
    if count == 0 { Err("there are none".to_owned()) } else { Ok(()) }
}

/// A connector that accepts one certificate, that of a PEM file, and no other: for a service with a
/// self-signed certificate that calls itself an authority, which is none that a host may show. Whose name
/// it bears and when it ends do not matter: it was chosen by whoever wrote the file.
pub fn pinned(path: &Path) -> Result<TlsConnector, InvalidRoots> {
    let certificate = only_one(path).map_err(|problem| InvalidRoots { path: path.display().to_string(), problem })?;
    let builder = ClientConfig::builder();
    let verifier = Pinned { certificate, provider: Arc::clone(builder.crypto_provider()) };
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn only_one(path: &Path) -> Result<CertificateDer<'static>, String> {
    let mut certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let first = certificates.next().ok_or("there are none")?.map_err(|error| error.to_string())?;
    if certificates.next().is_some() { Err("there must be only one".to_owned()) } else { Ok(first) }
}

/// Accepts one certificate, byte for byte. The host must prove that it has the key to it, as always.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The name that a target's certificate must be for.
pub(super) fn server_name(target: &Target) -> Result<ServerName<'static>, InvalidDnsNameError> {
    match target.address() {
        Some(address) => Ok(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(target.host().to_owned()),
    }
}

//! TLS: which certificates are trusted.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

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

/// The name that a target's certificate must be for.
pub(super) fn server_name(target: &Target) -> Result<ServerName<'static>, InvalidDnsNameError> {
    match target.address() {
        Some(address) => Ok(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(target.host().to_owned()),
    }
}

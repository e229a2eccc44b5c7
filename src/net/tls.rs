//! Whose certificates are trusted.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::targets::Target;

/// The authorities that are trusted.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'a> {
    /// The usual ones, and those in a file (PEM) where one is given.
    Usual(Option<&'a Path>),
    /// Those in a file (PEM) alone: for a service that has a certificate of its own making.
    Only(&'a Path),
}

/// The file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates in {path} cannot be used: {problem}")]
pub struct InvalidRoots {
    path: String,
    problem: String,
}

/// Secures connections to hosts whose certificates are by these authorities.
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

/// Whose certificate a target must show.
pub(super) fn server_name(target: &Target) -> Result<ServerName<'static>, InvalidDnsNameError> {
    match target.address() {
        Some(address) => Ok(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(target.host().to_owned()),
    }
}

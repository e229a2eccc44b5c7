//! TLS in front of a test's own servers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Serves HTTPS in front of a plain server, and answers where. The certificate is of its own, for
/// these names (as `DNS:a.example,IP:127.0.0.1`), and kept as `certificate.pem` beside `key.pem`.
pub(crate) fn serve_tls(directory: &Path, names: &str, inner: SocketAddr) -> SocketAddr {
    serve_tls_as(directory, names, "CA:FALSE", inner)
}

/// The same with a certificate that is an authority's (`CA:TRUE`), or none (`CA:FALSE`).
pub(crate) fn serve_tls_as(directory: &Path, names: &str, constraints: &str, inner: SocketAddr) -> SocketAddr {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"])
        .arg("-addext")
        .arg(format!("basicConstraints=critical,{constraints}"))
        .arg("-addext")
        .arg(format!("subjectAltName={names}"))
        .arg("-keyout")
        .arg(directory.join("key.pem"))
        .arg("-out")
        .arg(directory.join("certificate.pem"))
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let certificate = CertificateDer::from_pem_file(directory.join("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(directory.join("key.pem")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let plain = tokio::net::TcpStream::connect(inner).await.unwrap();
                let (mut from, mut to) = tokio::io::split(stream);
                let (mut back_from, mut back_to) = plain.into_split();
                tokio::spawn(async move {
                    let there = tokio::io::copy(&mut from, &mut back_to);
                    let back = async {
                        let _ = tokio::io::copy(&mut back_from, &mut to).await;
                        // Whoever hangs up inside, hangs up outside.
                        let _ = to.shutdown().await;
                    };
                    let _ = tokio::join!(there, back);
                });
            }
        });
    });
    address
}

//! One certificate is trusted, byte for byte, and no other; and responses line by line.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use satkeep::net::client::{Client, Reach};
use satkeep::net::lines::Line;
use satkeep::net::request::{Limits, Request, RequestError};
use satkeep::net::resolver::system_resolver;
use satkeep::net::targets::Target;
use satkeep::net::tls::{Roots, connector, pinned};
use tokio_rustls::TlsConnector;

use crate::harness::{Receiver, serve_tls_as};

fn ask(tls: TlsConnector, url: &str) -> Result<u16, RequestError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::new(Reach::Anywhere, system_resolver(), tls);
    runtime.block_on(client.ask(request(url, 1024))).map(|response| response.status.as_u16())
}

fn request(url: &str, bytes: usize) -> Request {
    Request {
        method: Method::GET,
        target: Target::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        consumer: None,
        is_repeatable: true,
        limits: Limits::whole(Duration::from_secs(30), bytes),
    }
}

fn server(directory: &Path, constraints: &str) -> String {
    let inner = Receiver::start().url.strip_prefix("http://").unwrap().parse().unwrap();
    format!("https://{}/", serve_tls_as(directory, "DNS:other.example", constraints, inner))
}

#[test]
fn one_certificate_is_trusted_and_no_other() {
    let [ours, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (url, other_url) = (server(ours.path(), "CA:TRUE"), server(other.path(), "CA:TRUE"));
    let certificate = ours.path().join("certificate.pem");
    let other_certificate = other.path().join("certificate.pem");
    // It is an authority's, and for another name: neither matters.
    assert_eq!(ask(pinned(&certificate).unwrap(), &url), Ok(200));
    for (trusted, url) in [(&certificate, &other_url), (&other_certificate, &url)] {
        let refused = ask(pinned(trusted).unwrap(), url);
        assert!(matches!(refused, Err(RequestError::Tls(_))), "{refused:?}");
    }
    // As an authority's, it is refused: that is why it is pinned.
    let refused = ask(connector(Roots::Only(&certificate)).unwrap(), &url);
    assert!(matches!(refused, Err(RequestError::Tls(_))), "{refused:?}");
}

#[test]
fn a_certificate_without_its_key_proves_nothing() {
    let [ours, thief] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let _ = server(ours.path(), "CA:TRUE");
    let _ = server(thief.path(), "CA:TRUE");
    // Somebody shows our certificate, but signs with another key.
    let url = impostor(&ours.path().join("certificate.pem"), &thief.path().join("key.pem"));
    let refused = ask(pinned(&ours.path().join("certificate.pem")).unwrap(), &url);
    assert!(matches!(refused, Err(RequestError::Tls(_))), "{refused:?}");
}

/// A server with a certificate and a key that do not belong together.
fn impostor(certificate: &Path, key: &Path) -> String {
    use std::sync::Arc;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
    use tokio_rustls::rustls::sign::CertifiedKey;

    #[derive(Debug)]
    struct Always(Arc<CertifiedKey>);

    impl ResolvesServerCert for Always {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    let key = any_supported_type(&PrivateKeyDer::from_pem_file(key).unwrap()).unwrap();
    let shown = Always(Arc::new(CertifiedKey::new(vec![certificate], key)));
    let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(shown));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = acceptor.accept(stream).await;
            }
        });
    });
    url
}

#[test]
fn a_file_holds_one_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let _ = server(directory.path(), "CA:TRUE");
    let certificate = std::fs::read_to_string(directory.path().join("certificate.pem")).unwrap();
    let two = directory.path().join("two.pem");
    std::fs::write(&two, certificate.repeat(2)).unwrap();
    for path in [&two, &directory.path().join("key.pem"), &directory.path().join("none.pem")] {
        assert!(pinned(path).is_err(), "{}", path.display());
    }
}

#[test]
fn lines_are_read_as_they_come() {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        for part in ["HTTP/1.1 418 Status\r\nContent-Length: 19\r\n\r\none\ntw", "o\n\nfour\nrest!"] {
            wait.recv().unwrap();
            stream.write_all(part.as_bytes()).unwrap();
        }
        // Longer than what may come is refused; shorter than promised is no end.
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort\nand no").unwrap();
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::new(Reach::Anywhere, system_resolver(), connector(Roots::Usual(None)).unwrap());
    let patience = Duration::from_secs(60);
    runtime.block_on(async {
        let mut lines = client.stream(request(&url, 100)).await.unwrap();
        assert_eq!(lines.next(Duration::from_millis(50)).await, Ok(Line::NotYet));
        assert_eq!(lines.status(), None);
        go.send(()).unwrap();
        assert_eq!(lines.next(patience).await, Ok(Line::Whole("one".into())));
        assert_eq!(lines.status().unwrap().as_u16(), 418);
        assert_eq!(lines.next(Duration::from_millis(50)).await, Ok(Line::NotYet));
        go.send(()).unwrap();
        for line in ["two", "", "four", "rest!"] {
            assert_eq!(lines.next(patience).await, Ok(Line::Whole(line.into())));
        }
        assert_eq!(lines.next(patience).await, Ok(Line::Over));
        let mut lines = client.stream(request(&url, 5)).await.unwrap();
        assert_eq!(lines.next(patience).await, Ok(Line::Whole("short".into())));
        assert_eq!(lines.next(patience).await, Err(RequestError::Incomplete));
    });
    server.join().unwrap();
}

//! Posting to targets that anybody may name, without being led astray: a name is resolved, each
//! of its addresses judged ([`crate::net::targets`]), and the connection made to the very
//! address that was judged. No redirect is followed; time and bytes are bounded. A connection is
//! kept for a few seconds for what goes the same way.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::connection::{Connection, printable};
use super::idle::{Idle, Way};
use crate::domain::consumer::Consumer;
use crate::net::targets::{Refused, Target, TargetPolicy};

/// How long a delivery may take, from resolving the name to the last byte that is read.
pub const TIME_MAX: Duration = Duration::from_secs(10);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 3;

/// Names that are looked up at once, each on a thread of its own.
const LOOKUPS_MAX: usize = 64;
/// How long a lookup waits for its turn; then the delivery is looked at again later.
const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(2);

/// What resolving a name comes to.
pub type Resolution = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Resolves names, with the port of the target; an error of the kind `ResourceBusy` is nobody's
/// fault.
pub type Resolver = dyn Fn(String, u16) -> Resolution + Send + Sync;

/// What is posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// To where.
    pub target: Target,
    /// Whose it is: consumers share no connection.
    pub consumer: Consumer,
    /// The event's id, for the header `X-Satkeep-Event`.
    pub event: String,
    /// The header `X-Satkeep-Signature`.
    pub signature: String,
    /// The body: JSON.
    pub body: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The first part of the body, made printable.
    pub body: String,
}

impl Answer {
    /// Whether the target has taken the event.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// Why there is no answer. Of a target that may not be told of anything, nothing is said but
/// that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The URL is none that webhooks may go to.
    #[error("the target must be {0}")]
    Forbidden(#[from] Refused),
    /// The name has no address.
    #[error("the name of the host could not be resolved")]
    Unresolved,
    /// Too many names are being looked up: it was not tried.
    #[error("too many names of hosts are being looked up")]
    Busy,
    /// There is nobody at the addresses.
    #[error("the host could not be connected to")]
    Unconnected,
    /// The certificate is not one of the host's, or not one to be trusted.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// What came was no answer.
    #[error("the host did not answer in HTTP")]
    Broken,
    /// It took too long.
    #[error("no answer within {} seconds", TIME_MAX.as_secs())]
    TooSlow,
}

/// Posts events. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    policy: TargetPolicy,
    resolver: Arc<Resolver>,
    tls: TlsConnector,
    idle: Arc<Idle>,
}

/// The file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates in {path} cannot be used: {problem}")]
pub struct InvalidRoots {
    path: String,
    problem: String,
}

impl Client {
    /// A client that goes where the policy lets it, resolves names by `resolver`, and trusts the
    /// usual authorities, and those in a file where one is given.
    pub fn new(policy: TargetPolicy, resolver: Arc<Resolver>, roots: Option<&Path>) -> Result<Self, InvalidRoots> {
        Ok(Self { policy, resolver, tls: connector(roots)?, idle: Arc::default() })
    }

    /// Posts once.
    pub async fn post(&self, post: Post) -> Result<Answer, PostError> {
        tokio::time::timeout(TIME_MAX, self.try_post(post)).await.unwrap_or(Err(PostError::TooSlow))
    }

    /// Ends connections that have been kept for long enough.
    pub fn close_idle(&self) {
        self.idle.close_old();
    }

    async fn try_post(&self, post: Post) -> Result<Answer, PostError> {
        self.policy.check(&post.target)?;
        let way = Way::of(&post);
        if let Some(kept) = self.idle.take(&way) {
            // It may have been ended at the other side just now; then nothing is lost.
            if let Ok(answer) = self.ask(&way, kept, &post).await {
                return Ok(answer);
            }
        }
        let connection = self.open(&post.target).await?;
        self.ask(&way, connection, &post).await
    }

    /// Asks, and keeps the connection where it can be asked again.
    async fn ask(&self, way: &Way, connection: Connection, post: &Post) -> Result<Answer, PostError> {
        let (answer, left) = connection.ask(post).await?;
        if let Some(connection) = left {
            self.idle.keep(way, connection);
        }
        Ok(answer)
    }

    async fn open(&self, target: &Target) -> Result<Connection, PostError> {
        let stream = self.connect(target).await?;
        if !target.is_tls() {
            return Connection::start(TokioIo::new(stream)).await;
        }
        let name = server_name(target).or(Err(PostError::Unresolved))?;
        let stream = self.tls.connect(name, stream).await;
        // The text names what the certificate says, which anybody may have written.
        let stream = stream.map_err(|error| PostError::Tls(printable("", error.to_string().as_bytes())))?;
        Connection::start(TokioIo::new(stream)).await
    }

    /// Connects to the first of the target's addresses that may be connected to and answers.
    async fn connect(&self, target: &Target) -> Result<TcpStream, PostError> {
        let addresses = if let Some(address) = target.address() {
            vec![SocketAddr::new(address, target.port())]
        } else {
            let resolved = (self.resolver)(target.host().to_owned(), target.port()).await;
            let is_busy = |error: &io::Error| error.kind() == io::ErrorKind::ResourceBusy;
            resolved.map_err(|error| if is_busy(&error) { PostError::Busy } else { PostError::Unresolved })?
        };
        let mut refused = PostError::Unresolved;
        let mut allowed = Vec::new();
        for address in addresses {
            match self.policy.check_address(target, address.ip()) {
                Ok(()) => allowed.push(address),
                Err(why) => refused = why.into(),
            }
        }
        if allowed.is_empty() {
            return Err(refused);
        }
        for address in allowed.into_iter().take(ADDRESSES_MAX) {
            // The address that was judged, not the name: it cannot become another one here.
            if let Ok(stream) = TcpStream::connect(address).await {
                // A small request that waits for its answer gains nothing from being held back.
                drop(stream.set_nodelay(true));
                return Ok(stream);
            }
        }
        Err(PostError::Unconnected)
    }
}

/// Whose certificate a target must show.
pub fn server_name(target: &Target) -> Result<ServerName<'static>, InvalidDnsNameError> {
    match target.address() {
        Some(address) => Ok(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(target.host().to_owned()),
    }
}

/// Secures connections to hosts whose certificates are by the usual authorities, or by those in
/// a file where one is given.
pub fn connector(roots: Option<&Path>) -> Result<TlsConnector, InvalidRoots> {
    let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = roots {
        let invalid = |problem: String| InvalidRoots { path: path.display().to_string(), problem };
        let mut count = 0;
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| invalid(error.to_string()))? {
            let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
            trusted.add(certificate).map_err(|error| invalid(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(invalid("there are none".to_owned()));
        }
    }
    let config = ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// The system's resolver. It cannot be interrupted: a lookup that nobody waits for any more
/// counts as one of those at once until its thread is free again.
pub fn system_resolver() -> Arc<Resolver> {
    let permits = Arc::new(Semaphore::new(LOOKUPS_MAX));
    Arc::new(move |host, port| {
        let permits = Arc::clone(&permits);
        Box::pin(async move {
            let permit = tokio::time::timeout(LOOKUP_WAIT_MAX, permits.acquire_owned()).await;
            let permit = permit.or(Err(io::ErrorKind::ResourceBusy))?.map_err(io::Error::other)?;
            let look_up = move || {
                let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                drop(permit);
                addresses
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    })
}

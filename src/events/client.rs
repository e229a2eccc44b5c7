//! Posting to targets that anybody may name, without being led astray: a name is resolved, each
//! of its addresses judged ([`crate::domain::target`]), and the connection made to the very
//! address that was judged. No redirect is followed; time and bytes are bounded.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::domain::target::{Forbidden, Target, TargetPolicy};

/// How long a delivery may take, from resolving the name to the last byte that is read.
pub const TIME_MAX: Duration = Duration::from_secs(10);
/// How long the body of an answer is read; its status counts all the same.
const BODY_TIME_MAX: Duration = Duration::from_secs(2);
/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much of it is kept.
const KEPT_BYTES_MAX: usize = 1024;
/// The largest head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 3;

/// Names that are looked up at once, each on a thread of its own.
const LOOKUPS_MAX: usize = 64;

const USER_AGENT: &str = concat!("satkeep/", env!("CARGO_PKG_VERSION"));

/// What resolving a name comes to.
pub type Resolution = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Resolves names, with the port of the target.
pub type Resolver = dyn Fn(String, u16) -> Resolution + Send + Sync;

/// What is posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// To where.
    pub target: Target,
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
    #[error("the target is {0}")]
    Forbidden(#[from] Forbidden),
    /// The name has no address.
    #[error("the name of the host could not be resolved")]
    Unresolved,
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
        Ok(Self { policy, resolver, tls: connector(roots)? })
    }

    /// Posts once.
    pub async fn post(&self, post: Post) -> Result<Answer, PostError> {
        tokio::time::timeout(TIME_MAX, self.try_post(post)).await.unwrap_or(Err(PostError::TooSlow))
    }

    async fn try_post(&self, post: Post) -> Result<Answer, PostError> {
        self.policy.check(&post.target)?;
        let stream = self.connect(&post.target).await?;
        if !post.target.is_tls() {
            return exchange(TokioIo::new(stream), post).await;
        }
        let name = match post.target.address() {
            Some(address) => ServerName::IpAddress(address.into()),
            None => ServerName::try_from(post.target.host().to_owned()).or(Err(PostError::Unresolved))?,
        };
        let stream = self.tls.connect(name, stream).await;
        // The text names what the certificate says, which anybody may have written.
        let stream = stream.map_err(|error| PostError::Tls(printable("", error.to_string().as_bytes())))?;
        exchange(TokioIo::new(stream), post).await
    }

    /// Connects to the first of the target's addresses that may be connected to and answers.
    async fn connect(&self, target: &Target) -> Result<TcpStream, PostError> {
        let addresses = if let Some(address) = target.address() {
            vec![SocketAddr::new(address, target.port())]
        } else {
            let resolved = (self.resolver)(target.host().to_owned(), target.port()).await;
            resolved.or(Err(PostError::Unresolved))?
        };
        if addresses.is_empty() {
            return Err(PostError::Unresolved);
        }
        let allowed: Vec<_> = addresses.into_iter().filter(|address| self.policy.allows(address.ip())).collect();
        if allowed.is_empty() {
            return Err(Forbidden::Address.into());
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
            let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
            let look_up = move || {
                let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                drop(permit);
                addresses
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    })
}

/// Ends a task when nobody waits for it any more.
struct Ends(tokio::task::JoinHandle<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks over a connection, and reads what is answered.
async fn exchange<T>(stream: TokioIo<T>, post: Post) -> Result<Answer, PostError>
where
    TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let request = request(post)?;
    let mut settings = hyper::client::conn::http1::Builder::new();
    let handshake = settings.max_buf_size(HEAD_BYTES_MAX).handshake(stream);
    let (mut sender, connection) = handshake.await.or(Err(PostError::Broken))?;
    let _connection = Ends(tokio::spawn(async move {
        // What goes wrong with it, the sender and the body are told.
        drop(connection.await);
    }));
    let answer = sender.send_request(request).await.or(Err(PostError::Broken))?;
    let status = answer.status();
    let mut bytes = Vec::new();
    // The status says whether the event was taken, whatever becomes of the rest.
    drop(tokio::time::timeout(BODY_TIME_MAX, read(answer, &mut bytes)).await);
    let note = if status.is_redirection() { "(redirects are not followed) " } else { "" };
    Ok(Answer { status: status.as_u16(), body: printable(note, &bytes) })
}

fn request(post: Post) -> Result<Request<String>, PostError> {
    let text = |text: String| HeaderValue::from_str(&text).or(Err(PostError::Forbidden(Forbidden::Form)));
    Request::post(post.target.path_and_query())
        .header(header::HOST, text(post.target.authority())?)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .header("x-satkeep-event", text(post.event)?)
        .header("x-satkeep-signature", text(post.signature)?)
        .body(post.body)
        .or(Err(PostError::Forbidden(Forbidden::Form)))
}

async fn read(answer: Response<Incoming>, bytes: &mut Vec<u8>) {
    let mut body = answer.into_body();
    let mut seen: usize = 0;
    while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Some(data) = frame.data_ref() else { continue };
        seen = seen.saturating_add(data.len());
        let room = KEPT_BYTES_MAX.saturating_sub(bytes.len());
        bytes.extend(data.iter().take(room));
        if seen >= ANSWER_BYTES_MAX {
            break;
        }
    }
}

/// What a host has sent as a person may look at it and a database keep it, behind a note of
/// ours: short, and without control characters.
fn printable(note: &str, bytes: &[u8]) -> String {
    let mut text = note.to_owned();
    let whole = String::from_utf8_lossy(bytes);
    let kept = whole.chars().map(|character| match character {
        '\n' | '\t' => character,
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    });
    for character in kept {
        if text.len().saturating_add(character.len_utf8()) > KEPT_BYTES_MAX {
            break;
        }
        text.push(character);
    }
    text
}

//! The HTTP client for all outgoing requests: webhooks, trace exports, and everything else.
//!
//! It is safe against SSRF: a name is resolved, each of its addresses is checked
//! ([`super::targets`]), and the connection is made to the very address that was checked. Redirects
//! are not followed; time and bytes are bounded. A connection is kept for a few seconds for further
//! requests to the same place.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::idle::{Idle, PoolKey};
use super::lines::Lines;
use super::request::{Request, RequestError, Response, printable};
use super::resolver::Resolver;
use super::targets::{Refused, Target, TargetPolicy};
use super::tls;

/// The most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 3;
/// The most bytes shown of a certificate error: anybody may have written what is in the
/// certificate.
const PROBLEM_BYTES_MAX: usize = 1024;

/// Where a client may connect to.
#[derive(Clone, Debug)]
pub enum Reach {
    /// Where the policy allows it: for targets that anybody may choose.
    Judged(TargetPolicy),
    /// Anywhere: for targets that the operator has chosen.
    Anywhere,
}

/// Sends requests. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    reach: Reach,
    resolver: Arc<Resolver>,
    tls: TlsConnector,
    idle: Arc<Idle>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Client {
    /// A client with this reach, which resolves names with `resolver` and secures connections with
    /// `tls`.
    pub fn new(reach: Reach, resolver: Arc<Resolver>, tls: TlsConnector) -> Self {
        Self { reach, resolver, tls, idle: Arc::default() }
    }

    /// Sends one request.
    pub async fn ask(&self, request: Request) -> Result<Response, RequestError> {
        let time = request.limits.time;
        tokio::time::timeout(time, self.try_ask(request)).await.unwrap_or(Err(RequestError::TooSlow(time)))
    }

    /// Sends one request whose response is a stream of lines, on a connection of its own. The request's
    /// time limit is that of the connection; how long a line may take, is said where it is read.
    pub async fn stream(&self, request: Request) -> Result<Lines, RequestError> {
        let time = request.limits.time;
        let open = async {
            self.check(&request.target)?;
            self.open(&request.target).await
        };
        let opened = tokio::time::timeout(time, open).await.unwrap_or(Err(RequestError::TooSlow(time)));
        opened?.stream(&request)
    }

    /// Closes connections that have been idle for long enough.
    pub fn close_idle(&self) {
        self.idle.close_old();
    }

    async fn try_ask(&self, request: Request) -> Result<Response, RequestError> {
        self.check(&request.target)?;
        let key = PoolKey::of(&request);
        if request.is_repeatable
            && let Some(kept) = self.idle.take(&key)
        {
            // The other end may have just closed it; then nothing is lost.
            if let Ok(response) = self.exchange(&key, kept, &request).await {
                return Ok(response);
            }
        }
        let connection = self.open(&request.target).await?;
        self.exchange(&key, connection, &request).await
    }

    /// Sends a request, and keeps the connection if it can be reused.
    async fn exchange(
        &self,
        key: &PoolKey,
        connection: Connection,
        request: &Request,
    ) -> Result<Response, RequestError> {
        let (response, left) = connection.ask(request).await?;
        if let Some(connection) = left {
            self.idle.keep(key, connection);
        }
        Ok(response)
    }

    async fn open(&self, target: &Target) -> Result<Connection, RequestError> {
        let stream = self.connect(target).await?;
        if !target.is_tls() {
            return Connection::start(TokioIo::new(stream)).await;
        }
        let name = tls::server_name(target).or(Err(RequestError::Unresolved))?;
        let stream = self.tls.connect(name, stream).await;
        let told = |error: io::Error| printable("", error.to_string().as_bytes(), PROBLEM_BYTES_MAX);
        let stream = stream.map_err(|error| RequestError::Tls(told(error)))?;
        Connection::start(TokioIo::new(stream)).await
    }

    /// Connects to the first of the target's addresses that is allowed and answers.
    async fn connect(&self, target: &Target) -> Result<TcpStream, RequestError> {
        let addresses = if let Some(address) = target.address() {
            vec![SocketAddr::new(address, target.port())]
        } else {
            let resolved = (self.resolver)(target.host().to_owned(), target.port()).await;
            let is_busy = |error: &io::Error| error.kind() == io::ErrorKind::ResourceBusy;
            resolved.map_err(|error| if is_busy(&error) { RequestError::Busy } else { RequestError::Unresolved })?
        };
        let mut problem = RequestError::Unresolved;
        let mut allowed = Vec::new();
        for address in addresses {
            match self.check_address(target, address) {
                Ok(()) => allowed.push(address),
                Err(why) => problem = why.into(),
            }
        }
        for address in allowed.into_iter().take(ADDRESSES_MAX) {
            // The address that was checked, not the name, which could resolve to another address by
            // now.
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Delaying a small request that waits for its answer gains nothing.
                    drop(stream.set_nodelay(true));
                    return Ok(stream);
                }
                Err(error) => problem = RequestError::Unconnected(error.kind()),
            }
        }
        Err(problem)
    }

    fn check(&self, target: &Target) -> Result<(), Refused> {
        match &self.reach {
            Reach::Judged(policy) => policy.check(target),
            Reach::Anywhere => Ok(()),
        }
    }

    fn check_address(&self, target: &Target, address: SocketAddr) -> Result<(), Refused> {
        match &self.reach {
            Reach::Judged(policy) => policy.check_address(target, address.ip()),
            Reach::Anywhere => Ok(()),
        }
    }
}

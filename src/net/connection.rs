//! One connection to a target, with one request at a time.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use super::lines::Lines;
use super::request::{Limits, Request, RequestError, Response};
use super::targets::Refused;

/// The largest response head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The value of the `User-Agent` header.
const USER_AGENT: &str = concat!("satkeep/", env!("CARGO_PKG_VERSION"));

/// An idle connection. It is closed when dropped.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
    opened: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The part of a body that was read.
#[derive(Default)]
struct Read {
    kept: Vec<u8>,
    seen: usize,
    /// Whether the body has ended.
    is_over: bool,
}

impl Connection {
    /// Starts HTTP over a stream.
    pub(super) async fn start<T>(stream: TokioIo<T>) -> Result<Self, RequestError>
    where
        TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let handshake = Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(stream).await;
        let (sender, connection) = handshake.or(Err(RequestError::Broken))?;
        let task = tokio::spawn(async move {
            // Errors reach the sender and the body.
            drop(connection.await);
        });
        Ok(Self { sender, task, opened: Instant::now() })
    }

    /// The age of the connection.
    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Whether the other end has closed it.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and reads the response. Returns the connection if it can be reused.
    pub(super) async fn ask(mut self, request: &Request) -> Result<(Response, Option<Self>), RequestError> {
        let answer = self.sender.send_request(message(request)?).await.or(Err(RequestError::Broken))?;
        let (head, body) = answer.into_parts();
        let mut read = Read::default();
        let rest = async {
            read.all(body, request.limits).await;
            read.is_over && self.sender.ready().await.is_ok()
        };
        // The status counts, whatever happens to the rest.
        let is_ready = tokio::time::timeout(request.limits.body_time, rest).await.unwrap_or(false);
        let is_whole = read.is_over && read.seen == read.kept.len();
        let response = Response { status: head.status, headers: head.headers, body: read.kept.into(), is_whole };
        Ok((response, is_ready.then_some(self)))
    }

    /// Sends a request whose response is read line by line. The connection serves nothing else.
    pub(super) fn stream(mut self, request: &Request) -> Result<Lines, RequestError> {
        let head = self.sender.send_request(message(request)?);
        Ok(Lines::new(self, Box::pin(head), request.limits))
    }
}

fn message(request: &Request) -> Result<hyper::Request<Full<Bytes>>, RequestError> {
    let unmakeable = || RequestError::Forbidden(Refused::FORM);
    let mut message = hyper::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = request.target.path_and_query().parse().or(Err(unmakeable()))?;
    let headers = message.headers_mut();
    headers.clone_from(&request.headers);
    // Only this client determines the framing of the message.
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::HOST, HeaderValue::from_str(&request.target.authority()).or(Err(unmakeable()))?);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    Ok(message)
}

impl Read {
    /// Reads to the end or to the limit, and keeps the beginning.
    async fn all(&mut self, mut body: Incoming, limits: Limits) {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return };
            let Some(data) = frame.data_ref() else { continue };
            self.seen = self.seen.saturating_add(data.len());
            let room = limits.kept_bytes.saturating_sub(self.kept.len());
            self.kept.extend(data.iter().take(room));
            if self.seen > limits.read_bytes {
                return;
            }
        }
        self.is_over = true;
    }
}

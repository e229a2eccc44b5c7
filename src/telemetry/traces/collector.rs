//! Posting to the collector, over one connection that is kept.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::net::client;
use crate::net::connection::USER_AGENT;
use crate::net::targets::Target;

/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why an export was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// There is nobody there.
    #[error("it could not be connected to: {0}")]
    Unconnected(std::io::Error),
    /// The certificate is not the collector's, or not one to be trusted.
    #[error("no secure connection: {0}")]
    Tls(std::io::Error),
    /// What came was no answer.
    #[error("it did not answer in HTTP: {0}")]
    Broken(#[from] hyper::Error),
    /// The collector does not want it.
    #[error("it answered {0}")]
    Refused(StatusCode),
    /// The request cannot be made.
    #[error("the request cannot be made: {0}")]
    Unmakeable(#[from] hyper::http::Error),
}

impl PostError {
    /// Whether the same may be taken in a moment.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Unconnected(_) | Self::Broken(_) => true,
            Self::Refused(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            Self::Tls(_) | Self::Unmakeable(_) => false,
        }
    }
}

/// The collector.
pub(super) struct Collector {
    target: Target,
    headers: HeaderMap,
    tls: TlsConnector,
    kept: Option<SendRequest<Whole>>,
}

impl Collector {
    /// Nothing is connected to yet. `headers` go with every request.
    pub(super) fn new(target: Target, headers: HeaderMap, tls: TlsConnector) -> Self {
        Self { target, headers, tls, kept: None }
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        self.target.host_and_port()
    }

    /// Posts an export once, and answers how many of its spans the collector has rejected. What
    /// is dropped in the middle costs the connection.
    pub(super) async fn post(&mut self, body: &Bytes) -> Result<u64, PostError> {
        if let Some(kept) = self.kept.take() {
            // The collector may have closed it long ago: that is no failure yet.
            if let Ok(rejected) = self.exchange(kept, body).await {
                return rejected;
            }
        }
        let fresh = self.connect().await?;
        self.exchange(fresh, body).await?
    }

    async fn connect(&self) -> Result<SendRequest<Whole>, PostError> {
        let (host, port) = (self.target.host(), self.target.port());
        let stream = match self.target.address() {
            Some(address) => TcpStream::connect((address, port)).await,
            None => TcpStream::connect((host, port)).await,
        };
        let stream = stream.map_err(PostError::Unconnected)?;
        if !self.target.is_tls() {
            return handshake(TokioIo::new(stream)).await;
        }
        let name = client::server_name(&self.target).map_err(|error| PostError::Tls(std::io::Error::other(error)))?;
        handshake(TokioIo::new(self.tls.connect(name, stream).await.map_err(PostError::Tls)?)).await
    }

    /// Asks over a connection, and keeps it. The outer error is the connection's.
    async fn exchange(
        &mut self,
        mut connection: SendRequest<Whole>,
        body: &Bytes,
    ) -> Result<Result<u64, PostError>, PostError> {
        let request = self.request(body)?;
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        let status = answer.status();
        let answer = read(answer).await?;
        if answer.len() < ANSWER_BYTES_MAX {
            self.kept = Some(connection);
        }
        Ok(if status.is_success() { Ok(rejected(&answer)) } else { Err(PostError::Refused(status)) })
    }

    fn request(&self, body: &Bytes) -> Result<Request<Whole>, PostError> {
        let mut request = Request::post(self.target.path_and_query()).body(Whole(Some(body.clone())))?;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.extend(self.headers.clone());
        // How the message is to be read is for nobody else to say.
        headers
            .insert(header::HOST, HeaderValue::from_str(&self.target.authority()).map_err(hyper::http::Error::from)?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        Ok(request)
    }
}

async fn handshake<T>(stream: TokioIo<T>) -> Result<SendRequest<Whole>, PostError>
where
    TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await?;
    tokio::spawn(async move {
        // What goes wrong with it, the sender and the body are told. It ends with the sender.
        drop(connection.await);
    });
    Ok(sender)
}

/// The body of an answer, as far as it is read.
async fn read(answer: Response<Incoming>) -> Result<Vec<u8>, PostError> {
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame?;
        let room = ANSWER_BYTES_MAX.saturating_sub(bytes.len());
        bytes.extend(frame.data_ref().into_iter().flatten().take(room));
        if bytes.len() >= ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(bytes)
}

/// How many spans the collector says that it has rejected. A success whose body is none of
/// OTLP's is a success.
fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0))
}

/// A body that is there as a whole.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    }
}

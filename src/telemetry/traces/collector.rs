//! Posting to the collector.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio_rustls::TlsConnector;

use crate::net::client::{Client, Reach};
use crate::net::request::{Limits, Request, RequestError};
use crate::net::resolver::system_resolver;
use crate::net::targets::Target;

/// How long an export may take, with all that is tried.
pub(super) const TIME_MAX: Duration = Duration::from_secs(10);
/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why an export was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// There is no answer.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// There is nobody there.
    #[error("the host could not be connected to: {0}")]
    Unconnected(std::io::ErrorKind),
    /// The collector does not want it.
    #[error("it answered {0}")]
    Refused(StatusCode),
}

impl PostError {
    /// Whether the same may be taken in a moment.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Unconnected(_) | Self::Request(RequestError::Broken | RequestError::Unresolved) => true,
            Self::Refused(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            Self::Request(_) => false,
        }
    }
}

/// The collector.
pub(super) struct Collector {
    target: Target,
    headers: HeaderMap,
    client: Client,
}

impl Collector {
    /// Nothing is connected to yet. `headers` go with every request.
    pub(super) fn new(target: Target, mut headers: HeaderMap, tls: TlsConnector) -> Self {
        // How the message is to be read is for nobody else to say.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Self { target, headers, client: Client::new(Reach::Anywhere, system_resolver(), tls) }
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        self.target.host_and_port()
    }

    /// Posts an export once, and answers how many of its spans the collector has rejected.
    pub(super) async fn post(&self, body: &Bytes) -> Result<u64, PostError> {
        let request = Request {
            method: Method::POST,
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: body.clone(),
            consumer: None,
            is_repeatable: true,
            limits: Limits::whole(TIME_MAX, ANSWER_BYTES_MAX),
        };
        let answer = self.client.ask(request).await.map_err(|error| match error {
            RequestError::Unconnected(why) => PostError::Unconnected(why),
            other => PostError::Request(other),
        })?;
        if answer.status.is_success() { Ok(rejected(&answer.body)) } else { Err(PostError::Refused(answer.status)) }
    }
}

/// How many spans the collector says that it has rejected. A success whose body is none of
/// OTLP's is a success.
fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0))
}

//! The trace collector, reached by our HTTP client on behalf of OpenTelemetry's exporter.

use std::fmt;
use std::future;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap};
use hyper::{Request as HttpRequest, Response as HttpResponse};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use parking_lot::Mutex;
use prost::Message;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;

use crate::net::client::{Client, Reach};
use crate::net::request::{Limits, Request, RequestError, Response};
use crate::net::resolver::system_resolver;
use crate::net::targets::Target;

/// How long an export may take, including all retries.
pub(super) const TIME_MAX: Duration = Duration::from_secs(10);
/// How much of a response is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The exporter's headers that are passed on: those that describe the message. Headers from the
/// environment variables are parsed and checked by `settings`.
const HEADERS: [header::HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_ENCODING];

/// The result of an export: how many spans the collector rejected, or why it took none.
type Outcome = Result<u64, String>;

/// The collector.
pub(super) struct Collector {
    target: Target,
    headers: HeaderMap,
    client: Client,
    /// Runs the requests; taken only to be shut down.
    runtime: Option<Runtime>,
    /// The result of the last request: OpenTelemetry's exporter reports less.
    outcome: Mutex<Outcome>,
}

impl Collector {
    /// Creates the client without connecting. `headers` are sent with every request.
    pub(super) fn new(target: Target, headers: HeaderMap, tls: TlsConnector) -> std::io::Result<Self> {
        let runtime = Some(Builder::new_current_thread().enable_io().enable_time().build()?);
        let client = Client::new(Reach::Anywhere, system_resolver(), tls);
        Ok(Self { target, headers, client, runtime, outcome: Mutex::new(Ok(0)) })
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        self.target.host_and_port()
    }

    /// The whole URL.
    pub(super) fn url(&self) -> &str {
        self.target.as_str()
    }

    /// Takes the result of the last request.
    pub(super) fn take_outcome(&self) -> Outcome {
        std::mem::replace(&mut *self.outcome.lock(), Ok(0))
    }

    /// Sends a request, on the exporter's own thread.
    fn ask(&self, asked: HttpRequest<Bytes>) -> Result<Response, RequestError> {
        let (head, body) = asked.into_parts();
        let mut headers = self.headers.clone();
        for name in HEADERS {
            headers.remove(&name);
            headers.extend(head.headers.get(&name).map(|value| (name, value.clone())));
        }
        let request = Request {
            method: head.method,
            target: self.target.clone(),
            headers,
            body,
            consumer: None,
            is_repeatable: true,
            limits: Limits::whole(TIME_MAX, ANSWER_BYTES_MAX),
        };
        let runtime = self.runtime.as_ref().ok_or(RequestError::Broken)?;
        runtime.block_on(self.client.ask(request))
    }
}

impl HttpClient for Collector {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: HttpRequest<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let came = self.ask(request);
        *self.outcome.lock() = outcome(&came);
        let answer = came.map_err(HttpError::from).map(|came| {
            let mut answer = HttpResponse::new(came.body);
            *answer.status_mut() = came.status;
            *answer.headers_mut() = came.headers;
            answer
        });
        Box::pin(future::ready(answer))
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // A lookup of the collector's name may still be running; nobody waits for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A success status counts as success even if the body is not OTLP.
fn outcome(came: &Result<Response, RequestError>) -> Outcome {
    match came {
        Ok(answer) if answer.status.is_success() => {
            let told = ExportTraceServiceResponse::decode(answer.body.clone()).unwrap_or_default();
            Ok(told.partial_success.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0)))
        }
        Ok(answer) => Err(format!("it answered {}", answer.status)),
        Err(RequestError::Unconnected(why)) => Err(format!("the host could not be connected to: {why}")),
        Err(error) => Err(error.to_string()),
    }
}

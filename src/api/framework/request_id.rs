//! What goes around every request: its id, its line in the log, its count, its span, and the
//! refusal of new requests while the server shuts down.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};
use bitcoin_hashes::hex::DisplayHex;

use crate::api::framework::app::App;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::crypto::random;
use crate::telemetry::traces::{RequestSpan, Traces};

/// The header that carries the id, in and out.
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a caller's own that is taken over, in bytes.
const ID_BYTES_MAX: usize = 128;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being handled; empty outside of one.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// A new id.
pub fn new() -> String {
    random::bytes::<8>().to_lower_hex_string()
}

/// The middleware.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request
        .headers()
        .get(&X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_sane(id))
        .map_or_else(new, str::to_owned);
    CURRENT.scope(id.clone(), handle(id, request, next)).await
}

async fn handle(
    id: String,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let app = request.app_data::<web::Data<App>>().cloned();
    let span = app.as_ref().and_then(|app| app.traces.as_ref()).map(|traces| begin_span(traces, &request));
    let draining = app.as_ref().is_some_and(|app| app.health.is_draining());
    let mut response = if draining {
        let refusal = ApiError::from(ErrorCode::ShuttingDown).error_response();
        request.into_response(refusal).map_into_right_body()
    } else {
        // Refusals of handlers and extractors are responses by now, so that `?` is for faults
        // of the framework alone.
        let handled = match &span {
            Some(span) => span.around(next.call(request)).await,
            None => next.call(request).await,
        };
        handled?.map_into_left_body()
    };
    // The route's pattern is logged and counted, not the path: a path or query can carry a key.
    let (route, status, elapsed) = (response.request().match_pattern(), response.status().as_u16(), started.elapsed());
    if let Some(app) = app {
        // By then HEAD is GET, which it is a form of.
        app.metrics.requests.count(response.request().method().as_str(), route.as_deref(), status, elapsed);
    }
    tracing::info!(
        request_id = %id,
        %method,
        route = route.as_deref().unwrap_or("(none)"),
        status,
        elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        trace_id = span.as_ref().map(|span| tracing::field::display(span.trace_id())),
        "request"
    );
    if let Some(span) = span {
        span.end(method.as_str(), route.as_deref(), status, &id);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID.clone(), value);
    }
    if draining {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn begin_span(traces: &Traces, request: &ServiceRequest) -> RequestSpan {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    traces.request(header("traceparent"), header("tracestate"))
}

fn is_sane(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

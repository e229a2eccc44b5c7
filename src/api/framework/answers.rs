//! What every answer has: the headers for browsers and caches. And what makes an answer to
//! HEAD of one to GET.
//!
//! Scripts of any origin may call: a key is in a header or in the URL, and a token in a cookie
//! counts only where no browser sends it, so that a page can do no more with it than whoever has it
//! anyway.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse};

use crate::api::framework::error::{ApiError, ErrorCode};

/// What scripts may read of an answer besides what every browser lets them.
const EXPOSED: &str = "x-request-id, retry-after, idempotent-replayed, allow, location, x-total-count";
/// What a preflight is told that may be asked for.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// For how many seconds a browser may remember a preflight.
const PREFLIGHT_MAX_AGE_S: &str = "3600";

/// The headers of every answer; one that a handler has set stands.
pub(crate) fn on_every_answer() -> [(HeaderName, HeaderValue); 4] {
    [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        // Many answers hold keys, and the others are about money of this moment.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

/// The headers of an answer to a script, beside these.
pub(crate) fn for_other_origins() -> [(HeaderName, HeaderValue); 1] {
    [(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED))]
}

/// The mark of a request of which the head of the answer is asked for alone.
#[derive(Clone, Copy, Debug)]
struct HeadOnly;

/// Whether the head of the answer is asked for alone, so that nothing need be started for
/// its body.
pub(crate) fn is_head_only(request: &HttpRequest) -> bool {
    request.extensions().get::<HeadOnly>().is_some()
}

/// A request by GET for something that changes anything, as protocols of others have it. To ask for
/// the head of its answer alone must change nothing, so that is refused.
#[derive(Clone, Copy, Debug)]
pub struct NotHead;

impl FromRequest for NotHead {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(if is_head_only(request) { Err(ErrorCode::MethodNotAllowed.into()) } else { Ok(Self) })
    }
}

/// The middleware.
pub(crate) async fn middleware(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_of_script = request.headers().contains_key(header::ORIGIN);
    let head_only = request.method() == Method::HEAD;
    if head_only {
        // For everything further in it is a GET; actix sends no body, because it remembers.
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(HeadOnly);
    }
    let mut response = match preflight(&request) {
        Some(answer) => request.into_response(answer).map_into_right_body(),
        None => next.call(request).await?.map_into_left_body(),
    };
    let beside = for_other_origins().into_iter().filter(|_| is_of_script);
    add_missing(response.headers_mut(), on_every_answer().into_iter().chain(beside));
    // An upgrade that is not done is not announced. Others than those to a web socket's path
    // are struck out before actix reads them; after this one it does not keep the connection.
    let is_upgrade = response.request().head().connection_type() == ConnectionType::Upgrade;
    if is_upgrade && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(
        |_, body| {
            if head_only { EitherBody::right(Absent(body.size())) } else { EitherBody::left(body) }
        },
    ))
}

fn add_missing(headers: &mut HeaderMap, all: impl Iterator<Item = (HeaderName, HeaderValue)>) {
    for (name, value) in all {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
}

/// The answer to a browser that asks whether a script may ask: it may, for every path and with
/// every header, so that it gets the answer, or the refusal, that others get.
fn preflight(request: &ServiceRequest) -> Option<HttpResponse> {
    let headers = request.headers();
    if request.method() != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_S))
        .insert_header((header::VARY, "Access-Control-Request-Headers"));
    for wanted in headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.append_header((header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone()));
    }
    Some(answer.finish())
}

/// A body that is told of and not sent.
struct Absent(BodySize);

impl MessageBody for Absent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

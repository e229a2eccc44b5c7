//! What is refused before anything is done for a request: one whose head is too large, one of
//! a client that makes too many, and one for a path or method that is not there.
//!
//! actix has limits of its own beyond these, which are answered in the same shape before this
//! is asked ([`crate::server::wire`]): 431 to a head of more than 128 KiB or 96 headers, 414 to a
//! target of almost 64 KiB.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::App;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::paths;
use crate::api::framework::paths::Methods;

/// The longest target (path and query) of a request, in bytes.
pub(crate) const TARGET_BYTES_MAX: usize = 16 * 1024;
/// The most that the headers of a request may have, names and values, in bytes.
const HEADERS_BYTES_MAX: usize = 32 * 1024;

/// The middleware.
pub async fn middleware(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match answer_at_once(&mut request) {
        None => Ok(next.call(request).await?.map_into_left_body()),
        Some(answer) => Ok(request.into_response(answer).map_into_right_body()),
    }
}

/// The answer to a request that no operation gets: it is not let in, or nothing has its path,
/// or not by its method. The path of any other is brought into its one form.
fn answer_at_once(request: &mut ServiceRequest) -> Option<HttpResponse> {
    let led = admit(request).and_then(|()| paths::normalize(request));
    let methods = led.and_then(|()| request.app_data::<web::Data<Methods>>().ok_or(ErrorCode::Internal));
    match methods {
        Ok(methods) => methods.answer(request.method(), request.match_info().as_str()),
        Err(refusal) => Some(ApiError::from(refusal).error_response()),
    }
}

fn admit(request: &ServiceRequest) -> Result<(), ErrorCode> {
    let target_bytes = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target_bytes > TARGET_BYTES_MAX {
        return Err(ErrorCode::UriTooLong);
    }
    let header_bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if header_bytes > HEADERS_BYTES_MAX {
        return Err(ErrorCode::HeadersTooLarge);
    }
    let app = request.app_data::<web::Data<App>>().ok_or(ErrorCode::Internal)?;
    app.limits.count_client(ClientAddress::of(request.request()))
}

//! What is refused before anything is done for a request: one whose head is too large, and
//! one of a client that makes too many.
//!
//! actix has limits of its own beyond these, and answers them without a body before this is
//! asked: 431 to a head of more than 128 KiB or 96 headers, 400 to a target of almost 64 KiB.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};

use super::address::ClientAddress;
use super::app::App;
use super::error::{ApiError, ErrorCode};

/// The longest target (path and query) of a request, in bytes.
const TARGET_BYTES_MAX: usize = 16 * 1024;
/// The most that the headers of a request may have, names and values, in bytes.
const HEADERS_BYTES_MAX: usize = 32 * 1024;

/// The middleware.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match admit(&request) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(refusal) => Ok(request.into_response(ApiError::from(refusal).error_response()).map_into_right_body()),
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

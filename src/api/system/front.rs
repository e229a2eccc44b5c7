//! The first page: what this server is, for whoever opens it in a browser.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use crate::api::framework::error::{ApiError, ErrorCode};

const PAGE: &str = include_str!("front.html");

/// What the page may do: be read.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page for browsers. API clients are told that nothing is here, in the shape of every
/// refusal.
pub(crate) async fn page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let accepts = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    if !accepts.into_iter().any(|types| types.to_ascii_lowercase().contains("text/html")) {
        return Err(ErrorCode::PathNotFound.into());
    }
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::VARY, "accept"))
        .body(PAGE))
}

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
    if wants_page(&request) { Ok(html(PAGE.to_owned())) } else { Err(ErrorCode::PathNotFound.into()) }
}

/// Whether a person's browser asks.
pub(crate) fn wants_page(request: &HttpRequest) -> bool {
    let mut accepts = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    accepts.any(|types| types.to_ascii_lowercase().contains("text/html"))
}

/// A page to be read, which has no scripts.
pub(crate) fn html(page: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::VARY, "accept"))
        .body(page)
}

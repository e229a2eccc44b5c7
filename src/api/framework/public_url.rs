//! Where callers reach this server from outside.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::api::framework::error::ApiError;
use crate::domain::lnurl::service_url::{PlainHttp, ServiceUrl};

/// The server's URL, as the request names its host: over https, but over http on this machine and in
/// the Tor network.
pub fn public_url(request: &HttpRequest) -> Result<ServiceUrl, ApiError> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_host = !host.contains(['/', '?', '#', '@']);
    let url = ServiceUrl::without_scheme(&format!("{host}/"), PlainHttp::OnionAndLoopback).ok().filter(|_| is_host);
    url.ok_or_else(|| ApiError::field("Host", "must be the name under which wallets reach this server"))
}

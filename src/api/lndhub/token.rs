//! Who calls: an extractor that proves the key in an LNDHub token before a handler runs.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};

use super::error::HubError;
use crate::api::framework::auth::{Proof, prove};
use crate::api::framework::error::ErrorCode;
use crate::domain::api_keys::ApiKey;
use crate::domain::lndhub;

/// What the key in the request's token proves.
pub(crate) struct Hub<P>(pub(super) P);

impl<P: Proof> FromRequest for Hub<P> {
    type Error = HubError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, HubError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let key = key_of(&request).ok_or(ErrorCode::BadAuth)?;
            Ok(Self(prove(&request, key.digest()).await?))
        })
    }
}

fn key_of(request: &HttpRequest) -> Option<ApiKey> {
    // Credentials that are not text are none that were ever handed out.
    lndhub::key_in_credentials(request.headers().get(header::AUTHORIZATION)?.to_str().ok()?)
}

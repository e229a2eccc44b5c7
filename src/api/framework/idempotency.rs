//! `Idempotency-Key`: what a request says of idempotency, and answers that were given before. See
//! [`crate::services::idempotency`].

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::IntoParams;

use crate::api::framework::app::App;
use crate::api::framework::auth::Caller;
use crate::api::framework::body::Body;
use crate::api::framework::error::ApiError;
use crate::domain::idempotency::{Claim, IdempotencyKey, RequestDigest};

pub use crate::services::idempotency::Created;

/// The header that carries the key.
pub static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that tells an answer which was given before.
pub static IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The header, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only the document reads this; the header itself is read by `Idempotency`")]
pub struct IdempotencyParam {
    /// A name of the client's own for this request, 1 to 255 visible characters. Sent again
    /// with the same key and body within 48 hours, it is answered again, with the header
    /// `Idempotent-Replayed: true`, and not done again; with another body it is refused (409).
    #[param(rename = "Idempotency-Key", example = "order-4711", pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
}

/// What a request says of idempotency. Getting it never fails; reading it may.
#[derive(Debug)]
pub struct Idempotency {
    keys: Vec<Vec<u8>>,
    method: String,
    path: String,
}

impl FromRequest for Idempotency {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            keys: request.headers().get_all(&IDEMPOTENCY_KEY).map(|value| value.as_bytes().to_vec()).collect(),
            method: request.method().to_string(),
            path: request.path().to_owned(),
        }))
    }
}

impl Idempotency {
    /// What the request claims.
    pub fn claim<const MAX: usize>(
        &self,
        app: &App,
        caller: &impl Caller,
        body: &Body<MAX>,
    ) -> Result<Option<Claim>, ApiError> {
        let text = match self.keys.as_slice() {
            [] => return Ok(None),
            [text] => text,
            [_, _, ..] => return Err(ApiError::field("Idempotency-Key", "must be given once")),
        };
        let idempotency_key = IdempotencyKey::new(&app.services.sealer, &caller.label(), text)
            .map_err(|error| ApiError::field("Idempotency-Key", error))?;
        let request =
            RequestDigest::new(&app.services.sealer, self.method.as_bytes(), self.path.as_bytes(), body.bytes()?);
        Ok(Some(Claim { key: idempotency_key, request }))
    }
}

impl<T: Serialize> Created<T> {
    /// The answer as a response that says that something was created.
    pub fn respond(&self) -> HttpResponse {
        self.respond_as(StatusCode::CREATED)
    }

    /// The answer as a response.
    pub fn respond_as(&self, status: StatusCode) -> HttpResponse {
        with_header(HttpResponse::build(status).json(&self.answer), self.replayed)
    }
}

impl Created<Vec<u8>> {
    /// An answer that is JSON already, as a response that says that something was created.
    pub fn respond_json(self) -> HttpResponse {
        self.respond_json_as(StatusCode::CREATED)
    }

    /// An answer that is JSON already, as a response.
    pub fn respond_json_as(self, status: StatusCode) -> HttpResponse {
        let response = HttpResponse::build(status).insert_header(header::ContentType::json()).body(self.answer);
        with_header(response, self.replayed)
    }
}

fn with_header(mut response: HttpResponse, replayed: bool) -> HttpResponse {
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED.clone(), HeaderValue::from_static("true"));
    }
    response
}

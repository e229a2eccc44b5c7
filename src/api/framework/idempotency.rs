//! `Idempotency-Key`: what a request says of idempotency, and answers that were given before. See
//! [`crate::services::idempotency`].

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Required};

use crate::api::framework::app::App;
use crate::api::framework::auth::Caller;
use crate::api::framework::body::Body;
use crate::api::framework::error::ApiError;
use crate::domain::idempotency::{Claim, IdempotencyKey, RequestDigest};

pub use crate::services::idempotency::Created;

/// The header that carries the key, as it is spelled to people.
const SPELLED: &str = "Idempotency-Key";
/// What the document says of it.
const DESCRIPTION: &str = "A name of the client's own for this request, 1 to 255 visible characters. Sent again\n\
    with the same key and body within 48 hours, it is answered again, with the header\n\
    `Idempotent-Replayed: true`, and not done again; with another body it is refused (409).";
/// The header that carries the key.
pub static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that tells an answer which was given before.
pub static IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

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

impl IntoParams for Idempotency {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$"));
        let header = ParameterBuilder::new()
            .name(SPELLED)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(DESCRIPTION))
            .schema(Some(key))
            .example(Some(json!("order-4711")));
        vec![header.build()]
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
            [_, _, ..] => return Err(ApiError::field(SPELLED, "must be given once")),
        };
        let idempotency_key = IdempotencyKey::new(&app.services.sealer, &caller.label(), text)
            .map_err(|error| ApiError::field(SPELLED, error))?;
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

//! Every refusal that a caller can meet.
//!
//! [`codes`] is the one table of code, status and text; errors of the layers below become
//! refusals in [`conversions`], once. A caller learns what to change, and never more: not a key,
//! not SQL, not another tenant's existence.

mod codes;
mod conversions;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::request_id;
use crate::domain::ids::PaymentHash;
use crate::domain::login_throttle::Wait;

pub use codes::ErrorCode;

/// After how many seconds a caller should try again.
const RETRY_AFTER_S: i64 = 1;

/// What is wrong with one field of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as the request names it.
    #[schema(example = "amount")]
    pub field: String,
    /// What to change.
    #[schema(example = "must be a whole number of sat, above 0")]
    pub message: String,
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: ErrorCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// After how many seconds to try again, where that is known.
    retry_after_s: Option<i64>,
    /// The payment that is in the way.
    payment_hash: Option<PaymentHash>,
}

/// How many wrong fields a refusal names: a refusal must not cost more than what it refuses.
const FIELDS_MAX: usize = 20;

/// The body of every refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error, example = json!({
    "detail": "Insufficient balance",
    "message": "Insufficient balance",
    "code": "insufficient_balance",
    "status": "failed",
    "request_id": "5f1d9c04a7b34be2"
}))]
pub struct ErrorBody<'a> {
    /// What went wrong, for a person.
    detail: &'a str,
    /// The same again, for clients that look here.
    message: &'a str,
    /// What went wrong, in a word that never changes.
    #[schema(schema_with = code_schema)]
    code: &'static str,
    /// `failed` when nothing has happened; `pending` when the outcome is not known.
    #[schema(schema_with = status_schema)]
    status: &'static str,
    /// What the request is called in the log.
    request_id: &'a str,
    /// What is wrong with which field of the request.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// With `external_id_exists`: which payment has the external id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, value_type = String)]
    payment_hash: Option<PaymentHash>,
}

fn code_schema() -> utoipa::openapi::Object {
    let codes = ErrorCode::ALL.iter().map(|code| code.as_str());
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .description(Some("What went wrong, in a word that never changes."))
        .enum_values(Some(codes))
        .build()
}

fn status_schema() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .description(Some("`failed` when nothing has happened; `pending` when the outcome is not known."))
        .enum_values(Some(["failed", "pending"]))
        .build()
}

impl ApiError {
    /// A refusal with a text of its own.
    pub fn with_detail(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after_s: None, payment_hash: None }
    }

    /// One field of the request is wrong.
    pub fn field(field: &str, message: impl fmt::Display) -> Self {
        Self::fields(vec![FieldError { field: field.to_owned(), message: message.to_string() }])
    }

    /// Fields of the request are wrong.
    pub fn fields(mut errors: Vec<FieldError>) -> Self {
        let more = errors.len().saturating_sub(FIELDS_MAX);
        errors.truncate(FIELDS_MAX);
        let mut detail: Vec<_> = errors.iter().map(|e| format!("{} {}", e.field, e.message)).collect();
        if more > 0 {
            detail.push(format!("and {more} more"));
        }
        Self { errors, ..Self::with_detail(ErrorCode::InvalidRequest, detail.join("; ")) }
    }

    /// Something must wait.
    pub fn too_many(code: ErrorCode, Wait(seconds): Wait) -> Self {
        Self { retry_after_s: Some(seconds), ..code.into() }
    }

    /// The same refusal about the `index`th item of an array.
    #[must_use]
    pub fn in_item(self, index: usize) -> Self {
        if self.errors.is_empty() {
            return self;
        }
        let inside = |error: FieldError| FieldError { field: format!("[{index}].{}", error.field), ..error };
        Self::fields(self.errors.into_iter().map(inside).collect())
    }

    /// The same refusal, pointing at one movement of several.
    #[must_use]
    pub fn at_leg(self, leg: usize) -> Self {
        self.at_field(format!("[{leg}]"))
    }

    /// The same refusal, pointing at the field of the request that is in the way.
    #[must_use]
    pub fn at_field(mut self, field: String) -> Self {
        self.errors = vec![FieldError { field, message: self.detail.to_string() }];
        self
    }

    /// The same refusal of a part of something large, after other parts were done.
    #[must_use]
    pub fn after_parts(mut self) -> Self {
        // Who may not ask any more, or has nothing left to ask for, is told just that.
        if matches!(self.code.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return self;
        }
        let detail = format!("{}. A part is deleted already; the same request goes on from there", self.detail);
        self.detail = detail.into();
        self
    }

    /// Which refusal it is.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// After how many seconds to try again, where that makes sense.
    pub fn retry_after_s(&self) -> Option<i64> {
        self.code.is_retryable().then(|| self.retry_after_s.unwrap_or(RETRY_AFTER_S))
    }

    /// The body, where there is no [`HttpResponse`] to put it into.
    ///
    /// # Panics
    ///
    /// Never: the body is made of texts.
    pub fn body_text(&self, request_id: &str) -> String {
        serde_json::to_string(&self.body(request_id)).expect("texts can be written as JSON")
    }

    fn body<'a>(&'a self, request_id: &'a str) -> ErrorBody<'a> {
        let status = if self.code == ErrorCode::OutcomeUnknown { "pending" } else { "failed" };
        ErrorBody {
            detail: &self.detail,
            message: &self.detail,
            code: self.code.as_str(),
            status,
            request_id,
            errors: &self.errors,
            payment_hash: self.payment_hash,
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::with_detail(code, code.text())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after_s() {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        response.json(self.body(&request_id::current()))
    }
}

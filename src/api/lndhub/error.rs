//! Refusals as LNDHub has them: `error`, a number and a message, with 401 where the token is no
//! good and 200 otherwise, because that is what wallet apps look at.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::error::{ApiError, ErrorCode};

/// The token is no good, or not for this.
const BAD_AUTH: u8 = 1;
/// The wallet has less than the amount.
const NOT_ENOUGH_BALANCE: u8 = 2;
/// The invoice cannot be paid.
const BAD_INVOICE: u8 = 4;
/// It cannot be done now.
const GENERAL: u8 = 6;
/// Something about the request is wrong.
const BAD_ARGUMENTS: u8 = 8;

/// What a wallet app takes for a token that is no good: Zeus looks for these very words.
const BAD_AUTH_TEXT: &str = "bad auth";

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct HubError {
    refusal: ApiError,
    /// Whether it is told as `payment_error` as well.
    of_payment: bool,
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LndHubError, example = json!({"error": true, "code": 2, "message": "Insufficient balance"}))]
pub(super) struct HubErrorBody<'a> {
    /// Always true.
    error: bool,
    /// What went wrong: 1 the token, 2 not enough balance, 4 the invoice, 6 the server, 8 the request.
    code: u8,
    /// What went wrong, for a person.
    message: &'a str,
    /// The same, where a payment was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    payment_error: Option<&'a str>,
}

impl HubError {
    /// The refusal of a payment.
    pub(super) fn of_payment(refusal: ApiError) -> Self {
        Self { refusal, of_payment: true }
    }

    fn number(&self) -> u8 {
        let code = self.refusal.code();
        let is_of_invoice = matches!(
            code,
            ErrorCode::InvalidInvoice
                | ErrorCode::InvoiceAlreadyPaid
                | ErrorCode::InvoiceExpired
                | ErrorCode::InvoiceCancelled
                | ErrorCode::InvoiceNotPayable
                | ErrorCode::InvoiceMismatch
                | ErrorCode::AmountlessInvoice
        );
        if is_of_invoice {
            BAD_INVOICE
        } else if code == ErrorCode::InsufficientBalance {
            NOT_ENOUGH_BALANCE
        } else if matches!(code.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            BAD_AUTH
        } else if code.status().is_server_error() || code.is_retryable() {
            GENERAL
        } else {
            BAD_ARGUMENTS
        }
    }

    fn message(&self) -> String {
        // Why a good key is not enough is worth telling; of any other there is nothing to tell.
        if self.refusal.code().status() == StatusCode::UNAUTHORIZED {
            BAD_AUTH_TEXT.to_owned()
        } else {
            self.refusal.to_string()
        }
    }
}

impl<E: Into<ApiError>> From<E> for HubError {
    fn from(error: E) -> Self {
        Self { refusal: error.into(), of_payment: false }
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl ResponseError for HubError {
    fn status_code(&self) -> StatusCode {
        if self.number() == BAD_AUTH { StatusCode::UNAUTHORIZED } else { StatusCode::OK }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.refusal.retry_after_s() {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        let message = self.message();
        let payment_error = self.of_payment.then_some(message.as_str());
        response.json(HubErrorBody { error: true, code: self.number(), message: &message, payment_error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_number_and_is_200_or_401() {
        for code in ErrorCode::ALL {
            let error = HubError::from(*code);
            let expected = if error.number() == BAD_AUTH { 401 } else { 200 };
            assert_eq!(error.status_code().as_u16(), expected, "{code:?}");
            assert!([1, 2, 4, 6, 8].contains(&error.number()), "{code:?}");
        }
    }

    #[test]
    fn numbers_are_those_that_wallet_apps_know() {
        let number = |code: ErrorCode| HubError::from(code).number();
        for code in [ErrorCode::NoKey, ErrorCode::BadAuth, ErrorCode::AdminKeyRequired, ErrorCode::KeyFrozen] {
            assert_eq!(number(code), 1, "{code:?}");
        }
        assert_eq!(number(ErrorCode::InsufficientBalance), 2);
        assert_eq!(number(ErrorCode::InvoiceExpired), 4);
        for code in [ErrorCode::Internal, ErrorCode::OutcomeUnknown, ErrorCode::Overloaded, ErrorCode::RateLimited] {
            assert_eq!(number(code), 6, "{code:?}");
        }
        for code in [ErrorCode::InvalidRequest, ErrorCode::InvalidJson, ErrorCode::IdempotencyConflict] {
            assert_eq!(number(code), 8, "{code:?}");
        }
    }
}

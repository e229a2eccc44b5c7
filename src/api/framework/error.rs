//! Every refusal that a caller can meet: one table of code, status and text.
//!
//! Store errors and rejections become API errors here, once. A caller learns what to
//! change, and never more: not a key, not SQL, not another tenant's existence.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::request_id;
use crate::domain::ids::PaymentHash;
use crate::domain::invoice::InvalidRequest;
use crate::domain::login_throttle::Wait;
use crate::fairness::gate::Refusal;
use crate::ledger::outcome::Rejection;
use crate::ledger::settler::SubmitError;
use crate::live::quota::Refused;
use crate::rates::book::RETRY_AFTER_S as RETRY_AFTER_S_OF_RATES;
use crate::rates::quotes::RateError;
use crate::services::StoreError;
use crate::services::callers::Denied;
use crate::services::{self, Missing, Taken};

/// Defines the codes with their status, whether the same request may succeed later, and
/// their text.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $retryable:literal, $text:literal;)*) => {
        /// What went wrong, in a word that never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// True where the same request may succeed a little later.
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }

            /// What is said where there is nothing more exact to say.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// A parameter is missing or wrong; `errors` says which.
    InvalidRequest = "invalid_request", BAD_REQUEST, false, "Invalid request";
    /// The body is not JSON.
    InvalidJson = "invalid_json", BAD_REQUEST, false, "The body is not valid JSON";
    /// The text is not a BOLT11 invoice.
    InvalidInvoice = "invalid_invoice", BAD_REQUEST, false, "Not a valid BOLT11 invoice";
    /// The payer has less than the amount.
    InsufficientBalance = "insufficient_balance", BAD_REQUEST, false, "Insufficient balance";
    /// The invoice was paid before.
    InvoiceAlreadyPaid = "invoice_already_paid", BAD_REQUEST, false, "Invoice already paid";
    /// The invoice's time is over.
    InvoiceExpired = "invoice_expired", BAD_REQUEST, false, "Invoice expired";
    /// The invoice's wallet was deleted.
    InvoiceCancelled = "invoice_cancelled", BAD_REQUEST, false, "Invoice cancelled";
    /// The invoice is of another node, and there is no Lightning backend to pay it.
    InvoiceNotPayable = "invoice_not_payable", BAD_REQUEST, false, "Invoice is not payable here";
    /// The text is not the one that was issued.
    InvoiceMismatch = "invoice_mismatch", BAD_REQUEST, false, "Invoice does not match the one issued";
    /// The invoice leaves the amount to the payer.
    AmountlessInvoice = "amountless_invoice", BAD_REQUEST, false, "Amountless invoices are not supported";
    /// Amounts are in sat, or in a currency whose rate is configured.
    UnsupportedUnit = "unsupported_unit", BAD_REQUEST, false, "The provided unit is not supported";
    /// Another payment of the wallet has the external id, and `payment_hash` says which; or another
    /// user of the tenant has it.
    ExternalIdExists = "external_id_exists", CONFLICT, false, "Another payment of the wallet has this external_id";
    /// What a bitcoin costs in other currencies is not known here at all.
    RatesDisabled = "rates_disabled", BAD_REQUEST, false,
        "Other currencies are not enabled on this server; amounts are in sat";
    /// A pay link does not take this payment: the text says why.
    LinkRefused = "link_refused", BAD_REQUEST, false, "The pay link does not take this payment";
    /// As many invoices of a pay link as may wait to be paid do so.
    TooManyOpenInvoices = "too_many_open_invoices", BAD_REQUEST, false,
        "Too many invoices of this link wait to be paid; try again later";
    /// Nobody has said by which host the outside reaches this server.
    NoPublicUrl = "no_public_url", BAD_REQUEST, false,
        "Links need a host: the operator must set --public-url, or name the host of this request in --allowed-hosts";
    /// A card does not pay this: the text says why.
    CardRefused = "card_refused", BAD_REQUEST, false, "The card does not pay this";
    /// The receiving wallet is frozen for everything.
    ReceiverFrozen = "receiver_frozen", BAD_REQUEST, false, "The receiving wallet is frozen";
    /// Money was to leave a frozen wallet, or it was to be deleted.
    WalletFrozen = "wallet_frozen", BAD_REQUEST, false, "The wallet is frozen; it must be thawed first";
    /// The amount is over what the wallet may spend with one payment.
    PaymentLimit = "payment_limit", BAD_REQUEST, false, "The amount is over the wallet's limit for one payment";
    /// The amount is over what the wallet may still spend today.
    DayLimit = "day_limit", BAD_REQUEST, false, "The amount is over what the wallet may still spend today (UTC)";
    /// The receiving wallet would hold more than there are bitcoin, or more than that would be issued.
    BalanceLimit = "balance_limit", BAD_REQUEST, false,
        "The receiving wallet cannot hold that much: there are no more than 21000000 bitcoin";
    /// Nobody may open an account without an operator.
    SignupDisabled = "signup_disabled", BAD_REQUEST, false, "Account creation is disabled.";
    /// There is no key.
    NoKey = "no_api_key", UNAUTHORIZED, false, "No Api Key provided";
    /// The key is unknown or revoked.
    BadAuth = "bad_auth", UNAUTHORIZED, false, "Bad auth";
    /// There is no token of a session.
    NoToken = "no_token", UNAUTHORIZED, false, "No access token provided";
    /// There is nobody of this name with this password.
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, false, "Invalid credentials";
    /// The password is not the user's.
    WrongPassword = "wrong_password", UNAUTHORIZED, false, "Wrong password";
    /// The password was guessed too often.
    TooManyGuesses = "too_many_guesses", TOO_MANY_REQUESTS, true, "Too many wrong passwords; try again later";
    /// The key only reads and receives.
    AdminKeyRequired = "admin_key_required", FORBIDDEN, false, "Admin key required";
    /// The wallet has a limit for each day, which further wallets would multiply.
    WalletLimited = "wallet_limited", FORBIDDEN, false, "The wallet has a limit for each day, so that only its manager creates further ones";
    /// The wallet of the key is frozen for everything.
    KeyFrozen = "key_frozen", FORBIDDEN, false, "The wallet of this key is frozen";
    /// The session is not an operator's.
    OperatorRequired = "operator_required", FORBIDDEN, false, "Operator required";
    /// The session is not a manager's.
    ManagerRequired = "manager_required", FORBIDDEN, false, "Manager required";
    /// The token is not of a login.
    LoginRequired = "login_required", FORBIDDEN, false, "This takes a login with a password";
    /// The token is not for that.
    ScopeRequired = "scope_required", FORBIDDEN, false, "The token lacks the scope that this takes";
    /// The key's user is neither a manager, nor one whom its manager lets create users.
    NotAManager = "not_a_manager", FORBIDDEN, false,
        "Only managers may do this; a user's manager can allow it with may_create_users";
    /// `admin_id` names somebody else.
    NotTheCaller = "not_the_caller", FORBIDDEN, false, "admin_id must be the user of the calling key";
    /// There is no such payment, or it is not the caller's.
    PaymentNotFound = "payment_not_found", NOT_FOUND, false, "Payment does not exist.";
    /// There is no such user in the caller's tenant.
    UserNotFound = "user_not_found", NOT_FOUND, false, "User does not exist";
    /// There is no such wallet in the caller's tenant.
    WalletNotFound = "wallet_not_found", NOT_FOUND, false, "Wallet does not exist";
    /// There is no such endpoint of the caller's.
    WebhookNotFound = "webhook_not_found", NOT_FOUND, false, "Webhook does not exist";
    /// There is no such delivery to the caller's targets.
    DeliveryNotFound = "delivery_not_found", NOT_FOUND, false, "Delivery does not exist";
    /// There is no such pay link, or it is not the caller's.
    PayLinkNotFound = "pay_link_not_found", NOT_FOUND, false, "Pay link does not exist.";
    /// Nobody has this Lightning address.
    AddressNotFound = "address_not_found", NOT_FOUND, false, "Lightning address not found.";
    /// There is no such card of the caller's wallet.
    CardNotFound = "card_not_found", NOT_FOUND, false, "Card does not exist.";
    /// No card is to be programmed with this code.
    CardCodeUnknown = "card_code_unknown", NOT_FOUND, false,
        "No card is to be programmed with this code: it was used, is older than an hour, or is another card's";
    /// There is no such token of the caller's.
    TokenNotFound = "token_not_found", NOT_FOUND, false, "Token does not exist";
    /// There is nothing at this path.
    PathNotFound = "not_found", NOT_FOUND, false, "Not found";
    /// There is something at this path, but not by this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, false, "Method not allowed";
    /// The idempotency key was used for something else.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, false,
        "The Idempotency-Key was used for another request; use a new one";
    /// Another card of the user has the unique id.
    CardExists = "card_exists", CONFLICT, false,
        "UID already registered. Delete registered card and try again.";
    /// The wallet has as many cards as one may have.
    TooManyCards = "too_many_cards", CONFLICT, false,
        "The wallet has as many cards as one may have (100); delete one first";
    /// Another user of the tenant has the email address.
    EmailTaken = "email_taken", CONFLICT, false, "A user with this email exists already";
    /// Another manager or operator has the user name.
    UsernameTaken = "username_taken", CONFLICT, false, "The user name is taken";
    /// A wallet to delete holds money.
    WalletHoldsMoney = "wallet_holds_money", CONFLICT, false,
        "A wallet still holds money; empty it first, or have it swept into the calling wallet (without ?sweep=false)";
    /// The manager cannot thaw what an operator has frozen.
    FrozenByOperator = "frozen_by_operator", CONFLICT, false, "An operator has frozen the wallet; only an operator can thaw it";
    /// The manager has as many endpoints as it may have.
    TooManyWebhooks = "too_many_webhooks", CONFLICT, false, "There are 20 webhooks already; delete one first";
    /// Another pay link has the name.
    AddressTaken = "address_taken", CONFLICT, false, "Username already taken.";
    /// The wallet has as many pay links as one may have.
    TooManyPayLinks = "too_many_pay_links", CONFLICT, false,
        "The wallet has 1000 pay links already; delete one first, or use another wallet";
    /// The manager has as many tokens as it may have.
    TooManyTokens = "too_many_tokens", CONFLICT, false, "There are 100 tokens already; revoke one first";
    /// The user has as many wallets as one may have.
    TooManyWallets = "too_many_wallets", CONFLICT, false,
        "The user has 1000 wallets already; delete one first, or create another user";
    /// The user, or one above it, is being deleted, so that nothing is created for it.
    UserBeingDeleted = "user_being_deleted", CONFLICT, true, "The user is being deleted";
    /// Something else has changed the user's wallets or users at the same moment.
    WalletsChanged = "wallets_changed", CONFLICT, true, "The user's wallets or users have just changed; try again";
    /// A manager to delete has users.
    UserHasUsers = "user_has_users", CONFLICT, false, "The user has users of its own; delete these first";
    /// What was sent is not HTTP as it must be.
    MalformedRequest = "malformed_request", BAD_REQUEST, false,
        "The request is not well-formed HTTP: its request line, headers and framing must be as RFC 9112 says";
    /// The head of the request did not come.
    HeadTooSlow = "head_too_slow", REQUEST_TIMEOUT, true, "The head of the request did not arrive in time; try again";
    /// The body did not come.
    BodyTooSlow = "body_too_slow", REQUEST_TIMEOUT, true, "The body did not arrive in time; try again";
    /// The body is too large.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, false, "The body is too large";
    /// The path and query are too long.
    UriTooLong = "uri_too_long", URI_TOO_LONG, false, "The path and query must be at most 16 KiB";
    /// The headers are too large.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, false,
        "The headers must be at most 32 KiB in all, and no more than 96";
    /// The key or the client's address makes more requests than it may.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, true, "Too many requests; try again later";
    /// The wallet or the invoice has as many live streams as it may.
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS, true, "Too many live streams; close others first";
    /// All wallets and invoices of the tenant together have as many live streams as they may.
    TooManyTenantStreams = "too_many_tenant_streams", TOO_MANY_REQUESTS, true,
        "The wallets of this manager and its users have too many live streams; close others first";
    /// Too much is waiting.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, true, "Too many requests are waiting; try again soon";
    /// Too much of the tenant's own is waiting.
    TenantOverloaded = "tenant_overloaded", SERVICE_UNAVAILABLE, true,
        "Too many requests of this manager and its users are waiting; send fewer at once";
    /// A query took too long.
    QueryTooLong = "query_too_long", SERVICE_UNAVAILABLE, true,
        "This took too long to read; ask for less: of a shorter time, without `search`, or with a smaller `limit` and `offset`";
    /// The server is going down.
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE, true, "The server is shutting down; try again soon";
    /// The database is away.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, true, "The database is not available; try again soon";
    /// What a bitcoin costs in the currency is not known now.
    RateUnavailable = "rate_unavailable", SERVICE_UNAVAILABLE, true,
        "There is no current rate of this currency; try again soon, or say the amount in sat";
    /// Those who say what a bitcoin costs in the currency disagree.
    RateDivergent = "rate_divergent", SERVICE_UNAVAILABLE, true,
        "The sources of this currency's rate disagree; try again soon, or say the amount in sat";
    /// What became of the payment could not be found out.
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, false,
        "The outcome is not known yet; ask for the payment's status before trying again";
    /// A fault of ours.
    Internal = "internal_error", INTERNAL_SERVER_ERROR, false, "Internal error";
}

/// After how many seconds a caller should try again.
const RETRY_AFTER_S: i64 = 1;
/// The same, where the request took too long.
const RETRY_SLOW_AFTER_S: i64 = 10;
/// The same, where there is no rate.
const RETRY_RATE: Wait = Wait(RETRY_AFTER_S_OF_RATES);

/// What is said of a link that does not say any more what a payer was told.
const LINK_CHANGED: &str = "The pay link says something else by now; scan it again";
/// What is said of links and addresses of other servers.
const FOREIGN_LINK: &str = "Invoice is not payable here: the link or address is of another server, and there is no \
                            Lightning backend";

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
    fn at_leg(mut self, leg: usize) -> Self {
        self.errors = vec![FieldError { field: format!("[{leg}]"), message: self.detail.to_string() }];
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

    /// From an error of the store, where `missing` names what was looked for.
    pub fn from_store(error: StoreError, missing: ErrorCode) -> Self {
        match error {
            StoreError::NotFound => missing.into(),
            StoreError::Unavailable(error) | StoreError::Contended(error) => {
                tracing::warn!(%error, "a query could not be run");
                ErrorCode::Unavailable.into()
            }
            StoreError::Busy(refusal) => ErrorCode::from(refusal).into(),
            StoreError::TooLong => Self::too_many(ErrorCode::QueryTooLong, Wait(RETRY_SLOW_AFTER_S)),
            StoreError::Revoked => ErrorCode::BadAuth.into(),
            StoreError::Frozen => ErrorCode::KeyFrozen.into(),
            StoreError::NotAManager => ErrorCode::NotAManager.into(),
            StoreError::DayLimited => ErrorCode::WalletLimited.into(),
            StoreError::NoRoomForManager(no_room) => Self::field("may_create_users", no_room),
            StoreError::BeingDeleted => ErrorCode::UserBeingDeleted.into(),
            StoreError::TooManyWallets => ErrorCode::TooManyWallets.into(),
            StoreError::TooManyPayLinks => ErrorCode::TooManyPayLinks.into(),
            StoreError::TooManyCards => ErrorCode::TooManyCards.into(),
            StoreError::Taken(value) => services::Error::Taken(value.into()).into(),
            StoreError::OutcomeUnknown(error) => {
                tracing::error!(%error, "the outcome of a change is not known");
                ErrorCode::OutcomeUnknown.into()
            }
            error @ (StoreError::Conflict | StoreError::Broken(_) | StoreError::Fault(_)) => {
                tracing::error!(%error, "a query failed");
                ErrorCode::Internal.into()
            }
        }
    }

    /// As [`ApiError::from_store`], where `taken` names the unique value that a change can meet.
    pub fn from_change(error: StoreError, taken: ErrorCode, missing: ErrorCode) -> Self {
        if matches!(error, StoreError::Conflict) { taken.into() } else { Self::from_store(error, missing) }
    }

    /// From a refusal of the ledger. `legs` is true where the request had several movements.
    pub fn from_rejection(rejection: Rejection, legs: bool) -> Self {
        let code = match rejection {
            Rejection::KeyRevoked => ErrorCode::BadAuth,
            Rejection::KeyFrozen => ErrorCode::KeyFrozen,
            Rejection::NotAManager => ErrorCode::NotAManager,
            Rejection::IdempotencyConflict => ErrorCode::IdempotencyConflict,
            Rejection::UserNotFound => ErrorCode::UserNotFound,
            Rejection::UserHasUsers => ErrorCode::UserHasUsers,
            Rejection::WalletsChanged => ErrorCode::WalletsChanged,
            Rejection::WalletNotFound { .. } => ErrorCode::WalletNotFound,
            Rejection::WalletHoldsMoney => ErrorCode::WalletHoldsMoney,
            Rejection::HitNotFound
            | Rejection::HitSpent
            | Rejection::HitExpired
            | Rejection::CardDisabled
            | Rejection::CardLimit(_) => return Self::with_detail(ErrorCode::CardRefused, rejection.to_string()),
            Rejection::InvoiceNotFound => ErrorCode::InvoiceNotPayable,
            Rejection::InvoiceMismatch => ErrorCode::InvoiceMismatch,
            Rejection::InvoiceAlreadyPaid => ErrorCode::InvoiceAlreadyPaid,
            Rejection::InvoiceCancelled => ErrorCode::InvoiceCancelled,
            Rejection::InvoiceExpired => ErrorCode::InvoiceExpired,
            Rejection::ReceiverFrozen { .. } => ErrorCode::ReceiverFrozen,
            Rejection::ExternalIdExists { payment_hash, leg } => {
                let error = Self { payment_hash: Some(payment_hash), ..ErrorCode::ExternalIdExists.into() };
                return if legs { error.at_leg(leg) } else { error };
            }
            Rejection::WalletFrozen { .. } => ErrorCode::WalletFrozen,
            Rejection::PaymentLimit { .. } => ErrorCode::PaymentLimit,
            Rejection::DayLimit { .. } => ErrorCode::DayLimit,
            Rejection::InsufficientBalance { .. } => ErrorCode::InsufficientBalance,
            Rejection::BalanceLimit { .. } => ErrorCode::BalanceLimit,
            Rejection::TooManyOpenInvoices => ErrorCode::TooManyOpenInvoices,
            Rejection::TooMuchForOrigin => return Self::with_detail(ErrorCode::LinkRefused, rejection.to_string()),
        };
        match rejection.leg().filter(|_| legs) {
            Some(leg) => Self::from(code).at_leg(leg),
            None => code.into(),
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::with_detail(code, code.text())
    }
}

impl From<Refusal> for ErrorCode {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TenantFull => Self::TenantOverloaded,
            Refusal::Full | Refusal::TooLate => Self::Overloaded,
        }
    }
}

impl From<Wait> for ApiError {
    fn from(wait: Wait) -> Self {
        Self::too_many(ErrorCode::TooManyGuesses, wait)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from_store(error, ErrorCode::Internal)
    }
}

impl From<Missing> for ErrorCode {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::User => Self::UserNotFound,
            Missing::Wallet => Self::WalletNotFound,
            Missing::Payment => Self::PaymentNotFound,
            Missing::Endpoint => Self::WebhookNotFound,
            Missing::Delivery => Self::DeliveryNotFound,
            Missing::PayLink => Self::PayLinkNotFound,
            Missing::Address => Self::AddressNotFound,
            Missing::Card => Self::CardNotFound,
            Missing::CardToProgram => Self::CardCodeUnknown,
            Missing::Token => Self::TokenNotFound,
        }
    }
}

impl From<services::Error> for ApiError {
    fn from(error: services::Error) -> Self {
        match error {
            services::Error::Store(error) => error.into(),
            services::Error::Missing(missing) => ErrorCode::from(missing).into(),
            services::Error::Taken(Taken::Email) => ErrorCode::EmailTaken.into(),
            services::Error::Taken(Taken::Username) => ErrorCode::UsernameTaken.into(),
            services::Error::Taken(Taken::ExternalId) => {
                Self::with_detail(ErrorCode::ExternalIdExists, "Another user of the tenant has this external_id")
            }
            services::Error::Taken(Taken::Endpoints) => ErrorCode::TooManyWebhooks.into(),
            services::Error::Taken(Taken::LinkName) => ErrorCode::AddressTaken.into(),
            services::Error::Taken(Taken::CardUid) => ErrorCode::CardExists.into(),
            services::Error::Taken(Taken::Tokens) => ErrorCode::TooManyTokens.into(),
            services::Error::Rejected(rejection) => Self::from_rejection(rejection, false),
            services::Error::Submit(error) => error.into(),
            services::Error::Overloaded(refusal) => ErrorCode::from(refusal).into(),
            services::Error::TooManyCallers => ErrorCode::Overloaded.into(),
            services::Error::Throttled(wait) => wait.into(),
            services::Error::SignUpThrottled(wait) => Self::too_many(ErrorCode::RateLimited, wait),
            services::Error::Denied(denied) => denied.into(),
            services::Error::SignUpDisabled => ErrorCode::SignupDisabled.into(),
            services::Error::InvalidCredentials => ErrorCode::InvalidCredentials.into(),
            services::Error::WrongPassword => ErrorCode::WrongPassword.into(),
            services::Error::BadAuth => ErrorCode::BadAuth.into(),
            services::Error::FrozenByOperator => ErrorCode::FrozenByOperator.into(),
            services::Error::AfterParts(error) => Self::from(*error).after_parts(),
            services::Error::InvalidInvoice(invalid) => invalid.into(),
            services::Error::AmountlessInvoice => ErrorCode::AmountlessInvoice.into(),
            services::Error::LinkRefused(refused) => Self::with_detail(ErrorCode::LinkRefused, refused.to_string()),
            services::Error::LinkChanged => Self::with_detail(ErrorCode::LinkRefused, LINK_CHANGED),
            services::Error::ForeignLink => Self::with_detail(ErrorCode::InvoiceNotPayable, FOREIGN_LINK),
            services::Error::NoPublicUrl => ErrorCode::NoPublicUrl.into(),
            services::Error::NoStream(refused) => ErrorCode::from(refused).into(),
            services::Error::TooFarBack(too_far) => {
                let advice = "list them with GET /api/v1/payments, and connect without it";
                Self::field("last_event_id", format_args!("{too_far}; {advice}"))
            }
            services::Error::Invalid { field, message } | services::Error::InvalidItem { field, message, .. } => {
                Self::field(field, message)
            }
            services::Error::Rate(RateError::Unsupported) => ErrorCode::UnsupportedUnit.into(),
            services::Error::Rate(RateError::Unavailable) => Self::too_many(ErrorCode::RateUnavailable, RETRY_RATE),
            services::Error::Rate(RateError::Divergent) => Self::too_many(ErrorCode::RateDivergent, RETRY_RATE),
            services::Error::RatesDisabled => ErrorCode::RatesDisabled.into(),
            services::Error::OutcomeUnknown => ErrorCode::OutcomeUnknown.into(),
            services::Error::Fault => ErrorCode::Internal.into(),
            services::Error::Unavailable => ErrorCode::Unavailable.into(),
        }
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotAnOperator => ErrorCode::OperatorRequired.into(),
            Denied::NotAManager => ErrorCode::ManagerRequired.into(),
            Denied::Frozen => ErrorCode::KeyFrozen.into(),
            Denied::NotLoggedIn => ErrorCode::LoginRequired.into(),
            Denied::Scope(scope) => {
                let detail = format!("The token lacks the scope that this takes: {}", scope.as_str());
                Self::with_detail(ErrorCode::ScopeRequired, detail)
            }
        }
    }
}

impl From<InvalidRequest> for ApiError {
    fn from(invalid: InvalidRequest) -> Self {
        let mut text = invalid.to_string();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self::with_detail(ErrorCode::InvalidInvoice, text)
    }
}

impl From<Refused> for ErrorCode {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Overloaded,
            Refused::TenantFull => Self::TooManyTenantStreams,
            Refused::TopicFull => Self::TooManyStreams,
            Refused::Closing => Self::ShuttingDown,
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Overloaded => ErrorCode::Overloaded,
            SubmitError::TenantOverloaded => ErrorCode::TenantOverloaded,
            SubmitError::ShuttingDown => ErrorCode::ShuttingDown,
            SubmitError::Unavailable => ErrorCode::Unavailable,
            SubmitError::OutcomeUnknown => ErrorCode::OutcomeUnknown,
            SubmitError::Fault => ErrorCode::Internal,
        }
        .into()
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

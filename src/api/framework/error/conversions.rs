//! What errors of the layers below become to a caller.

use super::{ApiError, ErrorCode};
use crate::domain::invoice::InvalidRequest;
use crate::domain::login_throttle::Wait;
use crate::fairness::gate::Refusal;
use crate::ledger::outcome::Rejection;
use crate::ledger::settler::SubmitError;
use crate::live::quota::Refused;
use crate::rates::book::RETRY_AFTER_S;
use crate::rates::quotes::RateError;
use crate::services::callers::Denied;
use crate::services::{self, Missing, StoreError, Taken};

/// After how many seconds to try again what took too long.
const RETRY_SLOW_AFTER_S: i64 = 10;
/// When to try again where there is no rate.
const RETRY_RATE: Wait = Wait(RETRY_AFTER_S);

/// What is said of a link that does not say any more what a payer was told.
const LINK_CHANGED: &str = "The pay link says something else by now; scan it again";

impl ApiError {
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
            StoreError::TooManyWithdrawLinks => ErrorCode::TooManyWithdrawLinks.into(),
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
            Rejection::WalletHasHolds => ErrorCode::WalletHasHolds,
            Rejection::HoldNotFound { .. } => ErrorCode::HoldNotFound,
            Rejection::HoldOfInvoice { .. } => ErrorCode::HoldOfInvoice,
            Rejection::HoldClosed { hold, state } => {
                let detail = format!("Hold {hold} is {} already", state.as_str());
                return Self::with_detail(ErrorCode::HoldClosed, detail);
            }
            Rejection::HoldExpired { hold } => {
                return Self::with_detail(ErrorCode::HoldExpired, format!("Hold {hold} has expired"));
            }
            Rejection::CaptureTooLarge { hold, remaining } => {
                let detail = format!("Hold {hold} holds no more than {} msat", remaining.get());
                return Self::with_detail(ErrorCode::CaptureTooLarge, detail);
            }
            Rejection::TooManyCaptures { .. } => ErrorCode::TooManyCaptures,
            Rejection::GroupTooLarge => ErrorCode::GroupTooLarge,
            Rejection::PaymentHashTaken => ErrorCode::PaymentHashTaken,
            Rejection::NotAHoldInvoice => ErrorCode::NotAHoldInvoice,
            Rejection::IsAHoldInvoice => ErrorCode::IsAHoldInvoice,
            Rejection::InvoiceNotHeld => ErrorCode::InvoiceNotHeld,
            Rejection::HitNotFound
            | Rejection::HitSpent
            | Rejection::HitExpired
            | Rejection::CardDisabled
            | Rejection::CardLimit(_) => return Self::with_detail(ErrorCode::CardRefused, rejection.to_string()),
            Rejection::Withdraw(refused) => return Self::with_detail(ErrorCode::WithdrawRefused, refused.to_string()),
            Rejection::InvoiceNotFound => ErrorCode::InvoiceNotPayable,
            Rejection::InvoiceMismatch => ErrorCode::InvoiceMismatch,
            Rejection::InvoiceAlreadyPaid => ErrorCode::InvoiceAlreadyPaid,
            Rejection::PaymentUnderWay => ErrorCode::PaymentUnderWay,
            Rejection::TooMuchUnderWay => ErrorCode::TooMuchUnderWay,
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
            Missing::Hold => Self::HoldNotFound,
            Missing::PayLink => Self::PayLinkNotFound,
            Missing::Address => Self::AddressNotFound,
            Missing::Card => Self::CardNotFound,
            Missing::CardToProgram => Self::CardCodeUnknown,
            Missing::Token => Self::TokenNotFound,
            Missing::WithdrawLink => Self::WithdrawLinkNotFound,
        }
    }
}

impl From<services::Error> for ApiError {
    fn from(error: services::Error) -> Self {
        match error {
            services::Error::Store(error) => error.into(),
            services::Error::Missing(missing) | services::Error::MissingItem { missing, .. } => {
                ErrorCode::from(missing).into()
            }
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
            services::Error::AmountMissing => Self::field("amount", "is missing: the invoice names none"),
            services::Error::NoNode => ErrorCode::NoLightningNode.into(),
            services::Error::NodeAway => ErrorCode::NodeAway.into(),
            services::Error::Node(error) => {
                tracing::warn!(%error, "the Lightning node does not do what it was asked for");
                ErrorCode::NodeAway.into()
            }
            services::Error::LinkRefused(refused) => Self::with_detail(ErrorCode::LinkRefused, refused.to_string()),
            services::Error::LinkChanged => Self::with_detail(ErrorCode::LinkRefused, LINK_CHANGED),
            error @ services::Error::Unanswered { .. } => Self::with_detail(ErrorCode::LnurlFailed, error.to_string()),
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

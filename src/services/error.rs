//! Why a use case did not do what it was asked for.

use crate::crypto::password::HashError;
use crate::domain::invoice::InvalidRequest;
use crate::domain::lnurl::sendable::PayRefused;
use crate::domain::login_throttle::Wait;
use crate::fairness::gate::Refusal;
use crate::ledger::outcome::Rejection;
use crate::ledger::settler::SubmitError;
use crate::lightning::node::NodeError;
use crate::live::feed::TooFarBack;
use crate::live::quota::Refused;
use crate::rates::quotes::RateError;
use crate::services::callers::Denied;
use crate::services::foreign_links::ask::Unanswered;
use crate::store::StoreError;
use crate::store::users::UniqueValue;

/// Why a use case did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(StoreError),
    /// There is no such thing, as far as the caller may know.
    #[error("{0:?} not found")]
    Missing(Missing),
    /// A value that must be unique, or a number that must not be exceeded.
    #[error("{0:?} taken")]
    Taken(Taken),
    /// The rules about money.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The ledger could not be asked.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// There is no place for the caller now.
    #[error("no place: {0:?}")]
    Overloaded(#[from] Refusal),
    /// There are too many of those who have no key.
    #[error("there are too many callers")]
    TooManyCallers,
    /// Too many tries at a password.
    #[error(transparent)]
    Throttled(#[from] Wait),
    /// Too many accounts were opened from one address.
    #[error("too many accounts were opened")]
    SignUpThrottled(Wait),
    /// The token that the caller shows is not good for this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nobody may open an account.
    #[error("sign-up is not enabled")]
    SignUpDisabled,
    /// User name and password are not those of anybody.
    #[error("the credentials are not valid")]
    InvalidCredentials,
    /// The password is not the user's.
    #[error("the password is wrong")]
    WrongPassword,
    /// The key or session does not hold, or not any more.
    #[error("the key or session does not hold")]
    BadAuth,
    /// Only the operator who has frozen the wallet can thaw it.
    #[error("the wallet is frozen by an operator")]
    FrozenByOperator,
    /// Part of a large deletion was refused, after other parts were done.
    #[error("a part is done: {0}")]
    AfterParts(Box<Self>),
    /// The text is not an invoice.
    #[error(transparent)]
    InvalidInvoice(#[from] InvalidRequest),
    /// The invoice leaves the amount to the payer.
    #[error("the invoice has no amount")]
    AmountlessInvoice,
    /// The invoice leaves the amount to the payer, who has not said one.
    #[error("the invoice has no amount, and none was given")]
    AmountMissing,
    /// No Lightning node is configured.
    #[error("no Lightning node is configured")]
    NoNode,
    /// The Lightning node does not answer.
    #[error("the Lightning node does not answer")]
    NodeAway,
    /// The Lightning node does not do what it was asked for.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A pay link does not take a payment.
    #[error(transparent)]
    LinkRefused(#[from] PayRefused),
    /// The service of another server's link or address is of no use.
    #[error("{host}: {why}")]
    Unanswered {
        /// Where it is.
        host: String,
        /// Why.
        why: Unanswered,
    },
    /// What a payer was told of a link is not what it says now.
    #[error("the link has changed")]
    LinkChanged,
    /// Nobody has said what the outside calls this server.
    #[error("there is no public URL")]
    NoPublicUrl,
    /// Nobody more may follow what happens.
    #[error("no stream: {0:?}")]
    NoStream(Refused),
    /// A stream would have to catch up with too much.
    #[error(transparent)]
    TooFarBack(TooFarBack),
    /// A field of the request is wrong, as only the database could tell.
    #[error("{field} {message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A field of one of the items that the request holds, or of the only one, is wrong.
    #[error("{field} {message}")]
    InvalidItem {
        /// Which item, from 0.
        index: usize,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// There is no such thing, as far as the caller may know, and one of the items of the request, or
    /// the only one, names it.
    #[error("{missing:?} not found")]
    MissingItem {
        /// Which item, from 0.
        index: usize,
        /// What is not there.
        missing: Missing,
    },
    /// There is no rate of a currency.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// There are no rates at all.
    #[error("rates are not enabled")]
    RatesDisabled,
    /// It has happened, or not: that is not known.
    #[error("the outcome is not known")]
    OutcomeUnknown,
    /// A fault of ours, which the log tells of.
    #[error("internal fault")]
    Fault,
    /// For the moment it cannot be done.
    #[error("unavailable")]
    Unavailable,
}

/// What was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A user of the tenant, or a manager.
    User,
    /// A wallet.
    Wallet,
    /// A payment.
    Payment,
    /// An endpoint.
    Endpoint,
    /// A delivery.
    Delivery,
    /// A hold.
    Hold,
    /// A pay link.
    PayLink,
    /// A Lightning address.
    Address,
    /// A card of the caller's wallet.
    Card,
    /// A card that a code is for.
    CardToProgram,
    /// A token of a manager.
    Token,
    /// A withdraw link.
    WithdrawLink,
}

/// What is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Another user of the tenant has the email address.
    Email,
    /// Somebody else has the user name.
    Username,
    /// Another user of the tenant is called the same by a system of its manager's.
    ExternalId,
    /// The manager has as many endpoints as it may.
    Endpoints,
    /// Another pay link has the name.
    LinkName,
    /// Another card of the user has the unique id.
    CardUid,
    /// The manager has as many tokens as it may.
    Tokens,
}

impl Error {
    /// From an error of the store, where `missing` is what was looked for.
    pub fn of(missing: Missing) -> impl Fn(StoreError) -> Self {
        move |error| if matches!(error, StoreError::NotFound) { Self::Missing(missing) } else { error.into() }
    }

    /// From an error of the store, where two can make the same at once: the second one finds it when
    /// it asks again.
    pub fn of_making(error: StoreError) -> Self {
        if matches!(error, StoreError::Conflict) { Self::Unavailable } else { error.into() }
    }

    /// As [`Error::of`], where `taken` is what a change can meet.
    pub fn of_change(taken: Taken, missing: Missing) -> impl Fn(StoreError) -> Self {
        move |error| if matches!(error, StoreError::Conflict) { Self::Taken(taken) } else { Self::of(missing)(error) }
    }
}

impl From<UniqueValue> for Taken {
    fn from(value: UniqueValue) -> Self {
        match value {
            UniqueValue::Email => Self::Email,
            UniqueValue::Username => Self::Username,
            UniqueValue::ExternalId => Self::ExternalId,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        if let StoreError::Taken(value) = error { Self::Taken(value.into()) } else { Self::Store(error) }
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        tracing::error!(%error, "a password could not be hashed");
        Self::Fault
    }
}

//! Database errors, for all layers above.

use diesel::result::{DatabaseErrorKind, Error};

use crate::crypto::secret::UnsealError;
use crate::domain::ids::InvalidId;
use crate::fairness::gate::Refusal;
use crate::store::users::sub_managers::NoRoom;

/// A query failed. The messages are for the log, never for a caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is down or busy: worth a retry later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Too many requests are waiting.
    #[error(transparent)]
    Busy(#[from] Refusal),
    /// A query was aborted because it exceeded its time limit.
    #[error("a query took too long")]
    TooLong,
    /// It is unknown whether a commit happened: the connection died during it.
    #[error("the outcome of a transaction is unknown: {0}")]
    OutcomeUnknown(String),
    /// The caller's key was revoked after it was verified.
    #[error("the key was revoked")]
    Revoked,
    /// The wallet of the caller's key was completely frozen after the key was verified.
    #[error("the wallet of the key is frozen")]
    Frozen,
    /// The user of the caller's key may no longer create users.
    #[error("the user may not create users")]
    NotAManager,
    /// The caller's wallet has a limit for each day, which a further wallet would multiply.
    #[error("the wallet has a limit for each day")]
    DayLimited,
    /// No further user can be permitted to create users.
    #[error("a user cannot be permitted to create users: {0}")]
    NoRoomForManager(#[from] NoRoom),
    /// The user, or one above it, is being deleted.
    #[error("the user is being deleted")]
    BeingDeleted,
    /// The user has the maximum number of wallets.
    #[error("the user has the maximum number of wallets")]
    TooManyWallets,
    /// The wallet has as many pay links as one may have.
    #[error("the wallet has as many pay links as one may have")]
    TooManyPayLinks,
    /// The wallet has as many cards as one may have.
    #[error("the wallet has as many cards as one may have")]
    TooManyCards,
    /// A value that must be unique is taken.
    #[error("a unique value is taken")]
    Conflict,
    /// A row does not exist, or belongs to another tenant.
    #[error("not found")]
    NotFound,
    /// A row is damaged, or would violate the schema: a bug of ours that no retry fixes.
    #[error("a row breaks a rule: {0}")]
    Broken(String),
    /// Any other database failure.
    #[error("the database failed: {0}")]
    Fault(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else Diesel can say is a fault")]
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            Error::DatabaseError(
                DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::RestrictViolation
                | DatabaseErrorKind::ExclusionViolation,
                _,
            )
            | Error::DeserializationError(_) => Self::Broken(error.to_string()),
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure,
                _,
            )
            | Error::BrokenTransactionManager => Self::Unavailable(error.to_string()),
            other => Self::Fault(other.to_string()),
        }
    }
}

impl From<InvalidId> for StoreError {
    fn from(error: InvalidId) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<UnsealError> for StoreError {
    fn from(error: UnsealError) -> Self {
        Self::Broken(error.to_string())
    }
}

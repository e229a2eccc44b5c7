//! Database errors, for all layers above.

use diesel::result::{DatabaseErrorKind, Error};

use crate::crypto::secret::UnsealError;
use crate::domain::ids::InvalidId;
use crate::fairness::gate::Refusal;
use crate::store::users::UniqueValue;
use crate::store::users::sub_managers::NoRoom;

/// A query failed. The messages are for the log, never for a caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is down or busy: worth a retry later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database has aborted a transaction, because it and others were in each other's way: it
    /// may succeed when it is tried again.
    #[error("a transaction was aborted: {0}")]
    Contended(String),
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
    /// The wallet has as many withdraw links that are not spent as one may have.
    #[error("the wallet has as many withdraw links that are not spent as one may have")]
    TooManyWithdrawLinks,
    /// A value that must be unique is taken.
    #[error("a unique value is taken")]
    Conflict,
    /// Another user of the tenant has a value that must be unique.
    #[error("another user has the value: {0:?}")]
    Taken(UniqueValue),
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
            Error::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
            | Error::BrokenTransactionManager => Self::Unavailable(error.to_string()),
            Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Contended(error.to_string()),
            Error::DatabaseError(DatabaseErrorKind::Unknown, ref info) if is_lock_conflict(info.message()) => {
                Self::Contended(error.to_string())
            }
            other => Self::Fault(other.to_string()),
        }
    }
}

/// Whether PostgreSQL has ended a wait for a lock, because nobody in a circle would ever have got it
/// (40P01) or because it took too long (55P03). Diesel does not pass these codes on. A server that
/// says it in another language is only less clear about it: what is not understood is tried again
/// as well.
fn is_lock_conflict(message: &str) -> bool {
    message.contains("deadlock detected") || message.contains("due to lock timeout")
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

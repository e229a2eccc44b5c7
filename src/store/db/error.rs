//! What can go wrong in the database, once and for all layers above.

use diesel::result::{DatabaseErrorKind, Error};

use crate::crypto::secret::UnsealError;
use crate::domain::ids::InvalidId;
use crate::fairness::gate::Refusal;
use crate::store::users::sub_managers::NoRoom;

/// A query failed. The texts are for the log, never for a caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is gone or busy: worth another try later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Too much waits for its turn.
    #[error(transparent)]
    Busy(#[from] Refusal),
    /// A query was broken off, because it took longer than any may.
    #[error("a query took too long")]
    TooLong,
    /// Whether a commit happened is not known: the connection died under it.
    #[error("the outcome of a transaction is not known: {0}")]
    OutcomeUnknown(String),
    /// The key that the caller had proved was revoked since.
    #[error("the key was revoked")]
    Revoked,
    /// The wallet of the key that the caller had proved was frozen for everything since.
    #[error("the wallet of the key is frozen")]
    Frozen,
    /// The user of the key that the caller had proved may not create users any more.
    #[error("the user may not create users")]
    NotAManager,
    /// One more user cannot be let create users.
    #[error("a user cannot be let create users: {0}")]
    NoRoomForManager(#[from] NoRoom),
    /// The user has as many wallets as one may have.
    #[error("the user has as many wallets as one may have")]
    TooManyWallets,
    /// The wallet has as many cards as one may have.
    #[error("the wallet has as many cards as one may have")]
    TooManyCards,
    /// A value that must be unique is taken.
    #[error("a unique value is taken")]
    Conflict,
    /// What must be there is not, or is another tenant's.
    #[error("not found")]
    NotFound,
    /// A row is damaged, or would break a rule of the schema: a fault of ours that no other
    /// try mends.
    #[error("a row breaks a rule: {0}")]
    Broken(String),
    /// Another failure of the database.
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

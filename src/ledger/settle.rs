//! One batch of commands, settled in one database transaction.
//!
//! | step | what | round trips on PostgreSQL |
//! |---|---|---|
//! | begin | `BEGIN` (SQLite: `BEGIN IMMEDIATE`, which takes the write lock) | 1 |
//! | load | lock invoices by hash, then accounts by id; read those that only authorize | 1 to 3 |
//! | decide | [`super::decide::decide`], pure | 0 |
//! | apply | invoices, transfers, balances in one statement; affected rows counted | 1 |
//! | commit | one flush to disk for the whole batch | 1 |
//!
//! That is six at most, and one more for idempotency keys. Where a manager asks for something that
//! only managers may do, or users are deleted, their rows are locked first; and what is deleted is
//! marked by a statement of its own.
//!
//! **Locks.** Everyone who takes more than one row lock takes them in the order users, cards
//! (with their taps), invoices, accounts, and within each by id. So two batches, on whatever replica, can wait
//! for each other, but never in a circle. Only managers who ask are locked before all that, shared:
//! where another replica is just deleting one of them, the database ends the circle, and the batch
//! is tried again.
//!
//! **Time** is read after the locks are held: whether an invoice has expired is decided at
//! the moment of payment, not at the moment of asking. Stores have no clock of their own: they
//! are handed the settler's.
//!
//! **Refused commands** leave no rows. A batch of only refusals is rolled back, so that it
//! costs no flush.
//!
//! **An unknown commit** (the connection died under it) is looked up before anyone is
//! answered: see [`Commit::Unknown`].

use super::batch::ReadSet;
use super::command::Command;
use super::decide::{Outcomes, decide};
use super::operation::{Operation, decision_of};
use super::outcome::Rejection;
use super::state::{Effects, Snapshot};
use crate::domain::time::UnixMs;

/// Why a batch could not be settled. Nothing of it has happened, but for
/// [`SettleError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database is gone, busy, or gave this transaction up: worth another try.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database refused what was asked, which it should not have: a fault of ours.
    #[error("the database refused a batch: {0}")]
    Refused(String),
    /// The commit was sent, and whether it happened could not be found out.
    #[error("whether a batch was committed is not known: {0}")]
    OutcomeUnknown(String),
}

/// How a commit went.
#[derive(Debug)]
pub enum Commit {
    /// It is on disk.
    Done,
    /// It did not happen; nothing of the batch did.
    Aborted(SettleError),
    /// It was sent, but neither its answer nor a look into the database told what became
    /// of it.
    Unknown(SettleError),
}

/// What settling needs of a store. One transaction at a time; the store keeps its
/// connection, and finds a new one when it has died.
pub trait SettlementStore {
    /// Opens a transaction.
    fn begin(&mut self) -> Result<(), SettleError>;
    /// Locks and reads the read set, in the order that the module's doc gives. The clock tells
    /// which sessions are over.
    fn load(&mut self, read_set: ReadSet, clock: &dyn Fn() -> UnixMs) -> Result<Snapshot, SettleError>;
    /// Writes the effects, and makes sure that every row that was meant was written.
    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError>;
    /// Commits, and finds out what happened where the answer is lost.
    fn commit(&mut self) -> Commit;
    /// Gives the transaction up.
    fn rollback(&mut self);
}

/// Settles one operation, in a transaction of its own.
pub fn settle<O: Operation>(
    store: &mut dyn SettlementStore,
    operation: O,
    clock: &dyn Fn() -> UnixMs,
) -> Result<Result<O::Output, Rejection>, SettleError> {
    let decisions = settle_batch(store, &[operation.into()], clock)?;
    let decision = decisions.into_iter().next().and_then(decision_of::<O>);
    decision.ok_or_else(|| SettleError::OutcomeUnknown("something else was settled".to_owned()))
}

/// Settles a batch: all accepted commands in one transaction, one outcome for each.
pub fn settle_batch(
    store: &mut dyn SettlementStore,
    commands: &[Command],
    clock: &dyn Fn() -> UnixMs,
) -> Result<Outcomes, SettleError> {
    store.begin()?;
    let decided = store.load(ReadSet::of(commands), clock).and_then(|snapshot| {
        let (outcomes, effects) = decide(&snapshot, commands, clock());
        if !effects.is_empty() {
            store.apply(&effects)?;
        }
        Ok((outcomes, effects.is_empty()))
    });
    match decided {
        Err(error) => {
            store.rollback();
            Err(error)
        }
        Ok((outcomes, true)) => {
            store.rollback();
            Ok(outcomes)
        }
        Ok((outcomes, false)) => match store.commit() {
            Commit::Done => Ok(outcomes),
            Commit::Aborted(error) | Commit::Unknown(error) => Err(error),
        },
    }
}

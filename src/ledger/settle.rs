//! Settles one batch of commands in one database transaction.
//!
//! | step | what | round trips on PostgreSQL |
//! |---|---|---|
//! | begin | `BEGIN` (SQLite: `BEGIN IMMEDIATE`, which takes the write lock) | 1 |
//! | load | lock invoices by hash, then accounts by id; read accounts that only authorize | 1 to 3 |
//! | decide | [`super::decide::decide`], pure | 0 |
//! | apply | invoices, transfers, balances in one statement; affected rows counted | 1 |
//! | commit | one flush to disk for the whole batch | 1 |
//!
//! That is six at most, plus one each for idempotency keys, external ids, and invoices without a
//! key. If a manager asks for something that only managers may do, or users are deleted, their rows
//! are locked first. Holds are locked, and deletions and holds written, by statements of their own.
//!
//! **Locks.** Whoever takes more than one row lock takes them in the order users, cards (with their
//! taps), withdraw links, invoices, holds, accounts, and within each by id. Two batches, on any replicas, can therefore
//! wait for each other but never deadlock. Managers who ask are locked in shared mode; beside users
//! to delete, in the same mode as these, in one order.
//!
//! A batch also waits for whoever changes one of these rows otherwise, so such a transaction must be
//! short: it must not wait for anything itself while it holds them, but for a batch. Transactions
//! on behalf of one tenant therefore run one after the other, on all replicas, and those that give
//! names which are unique among all tenants as well (`store::db::tenant_lock`). None of them can then
//! wait for a unique value, or for a row, that another one holds.
//!
//! **Time** is read after the locks are held: whether an invoice has expired is decided when it is
//! paid, not when the payment was requested. Stores have no clock of their own; they are given the
//! settler's.
//!
//! **Refused commands** leave no rows. A batch of nothing but refusals is rolled back, so it costs
//! no flush.
//!
//! **An unknown commit** (the connection died during it) is looked up before anyone is answered:
//! see [`Commit::Unknown`].

use super::batch::ReadSet;
use super::command::Command;
use super::decide::{Outcomes, decide};
use super::operation::{Operation, decision_of};
use super::outcome::Rejection;
use super::state::{Effects, Snapshot};
use crate::domain::time::UnixMs;

/// Why a batch could not be settled. None of it has happened, except possibly with
/// [`SettleError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database is down or busy, or it aborted this transaction. Worth a retry.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database refused a statement, which is a bug of ours.
    #[error("the database refused a batch: {0}")]
    Refused(String),
    /// The commit was sent, and it could not be determined whether it happened.
    #[error("it is unknown whether a batch was committed: {0}")]
    OutcomeUnknown(String),
}

/// The result of a commit.
#[derive(Debug)]
pub enum Commit {
    /// It is on disk.
    Done,
    /// It did not happen; nothing was written.
    Aborted(SettleError),
    /// It was sent, but neither its answer nor a lookup in the database showed whether it happened.
    Unknown(SettleError),
}

/// What settling needs from a store. It runs one transaction at a time, keeps its connection, and
/// reconnects when the connection has died.
pub trait SettlementStore {
    /// Opens a transaction.
    fn begin(&mut self) -> Result<(), SettleError>;
    /// Locks and reads the read set, in the order given in the module's documentation. The clock is
    /// used to exclude expired sessions.
    fn load(&mut self, read_set: ReadSet, clock: &dyn Fn() -> UnixMs) -> Result<Snapshot, SettleError>;
    /// Writes the effects, and checks that every intended row was written.
    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError>;
    /// Commits. If the answer is lost, finds out what happened.
    fn commit(&mut self) -> Commit;
    /// Rolls the transaction back.
    fn rollback(&mut self);
}

/// Settles one operation in its own transaction.
pub fn settle<O: Operation>(
    store: &mut dyn SettlementStore,
    operation: O,
    clock: &dyn Fn() -> UnixMs,
) -> Result<Result<O::Output, Rejection>, SettleError> {
    let decisions = settle_batch(store, &[operation.into()], clock)?;
    let decision = decisions.into_iter().next().and_then(decision_of::<O>);
    decision.ok_or_else(|| SettleError::OutcomeUnknown("another operation was settled".to_owned()))
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

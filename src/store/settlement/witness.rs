//! A row that exists if, and only if, a batch was committed. A batch is committed as a whole, so
//! one row is enough.

use diesel::prelude::*;

use crate::domain::hold::MoveKind;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{AccountId, HoldMoveId, InvoiceId, TransferId, UserId};
use crate::domain::time::UnixMs;
use crate::ledger::state::{Effects, HoldMoveRow, InvoiceState};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, hold_moves, idempotency, invoices, transfers, users};

/// The row to look for.
pub(crate) enum Witness {
    Transfer(AccountId, TransferId),
    Invoice(InvoiceId),
    HoldMove(HoldMoveId, MoveKind, UnixMs),
    HeldInvoice(InvoiceId, InvoiceState),
    Claim(AccountId, IdempotencyKey),
    ClosedAccount(AccountId),
    DeletedUser(UserId),
}

impl Witness {
    /// A witness of these effects; none if they are empty.
    pub(crate) fn of(effects: &Effects) -> Option<Self> {
        let transfer = effects.transfers.first().map(|row| Self::Transfer(row.debit_account, row.id));
        let invoice = || effects.invoices.first().map(|row| Self::Invoice(row.invoice.id));
        // A hold that is new has a fresh id; the next move of another one may be anybody's.
        let moves = |is_new: bool| effects.hold_moves.iter().find(move |row| (row.kind == MoveKind::Placed) == is_new);
        let hold_move = |row: &HoldMoveRow| Self::HoldMove(row.id, row.kind, effects.at);
        let held = || effects.held_invoices.first().map(|row| Self::HeldInvoice(row.id, row.state));
        let claim = || effects.claims.first().map(|row| Self::Claim(row.account, row.key));
        let closed = || effects.closures.iter().find_map(|closure| closure.accounts.first().copied());
        let deleted = || effects.closures.iter().find_map(|closure| closure.users.first().copied());
        transfer
            .or_else(invoice)
            .or_else(|| moves(true).map(hold_move))
            .or_else(claim)
            .or_else(|| moves(false).map(hold_move))
            .or_else(held)
            .or_else(|| closed().map(Self::ClosedAccount))
            .or_else(|| deleted().map(Self::DeletedUser))
    }

    /// Whether the row exists.
    pub(crate) fn is_there(&self, connection: &mut Db) -> Result<bool, StoreError> {
        let found: i64 = match self {
            Self::Transfer(account, id) => transfers::table
                .filter(transfers::debit_account.eq(account.as_bytes().as_slice()))
                .filter(transfers::id.eq(id.as_bytes().as_slice()))
                .count()
                .get_result(connection)?,
            Self::Invoice(id) => {
                invoices::table.filter(invoices::id.eq(id.as_bytes().as_slice())).count().get_result(connection)?
            }
            Self::HoldMove(id, kind, at) => hold_moves::table
                .filter(hold_moves::hold_id.eq(id.hold().as_bytes().as_slice()))
                .filter(hold_moves::n.eq(i64::from(id.number())))
                .filter(hold_moves::kind.eq(kind.as_str()))
                .filter(hold_moves::created_at_ms.eq(at.get()))
                .count()
                .get_result(connection)?,
            // Of a batch that only cancels invoices for which nothing was held: whoever has cancelled this
            // one, it is what was asked for.
            Self::HeldInvoice(id, state) => invoices::table
                .filter(invoices::id.eq(id.as_bytes().as_slice()))
                .filter(invoices::state.eq(state.as_str()))
                .count()
                .get_result(connection)?,
            Self::Claim(account, key) => idempotency::table
                .filter(idempotency::account_id.eq(account.as_bytes().as_slice()))
                .filter(idempotency::key_digest.eq(key.as_bytes().as_slice()))
                .count()
                .get_result(connection)?,
            Self::ClosedAccount(id) => accounts::table
                .filter(accounts::id.eq(id.as_bytes().as_slice()))
                .filter(accounts::closed_at_ms.is_not_null())
                .count()
                .get_result(connection)?,
            Self::DeletedUser(id) => users::table
                .filter(users::id.eq(id.as_bytes().as_slice()))
                .filter(users::deleted_at_ms.is_not_null())
                .count()
                .get_result(connection)?,
        };
        Ok(found > 0)
    }
}

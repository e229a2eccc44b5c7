//! Holds in a settlement batch: reads those to settle, and writes their new state, their moves, and
//! the state of hold invoices. One statement for each kind of row on PostgreSQL, whatever their
//! number.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel::{PgConnection, SqliteConnection};

use crate::crypto::secret::Sealed;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::hold::{HoldGroup, HoldState, HoldSums};
use crate::domain::ids::{AccountId, HoldId, InvoiceId, PaymentHash, TransferId, UserId};
use crate::domain::money::{Amount, Msat};
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::command::GROUP_READ_MAX;
use crate::ledger::state::{Effects, HeldInvoiceRow, HeldSend, Hold, HoldMoveRow, HoldRow};
use crate::store::db::columns::{Columns, read_columns, written_columns};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;
use crate::store::settlement::expect_rows;

read_columns!(
    /// The columns read for a hold.
    struct HoldColumns, HoldTypes, hold_columns {
        id: Vec<u8> as Binary,
        wallet_id: Vec<u8> as Binary,
        manager_id: Option<Vec<u8>> as Nullable<Binary>,
        group_name: Option<String> as Nullable<Text>,
        payment_hash: Vec<u8> as Binary,
        invoice_id: Option<Vec<u8>> as Nullable<Binary>,
        amount_msat: i64 as BigInt,
        captured_msat: i64 as BigInt,
        released_msat: i64 as BigInt,
        state: String as Text,
        moves: i64 as BigInt,
        memo: String as Text,
        extra: Option<String> as Nullable<Text>,
        webhook: Option<String> as Nullable<Text>,
        external_id: Option<String> as Nullable<Text>,
        expires_at_ms: i64 as BigInt,
        bolt11: Option<String> as Nullable<Text>,
        sent_msat: Option<i64> as Nullable<BigInt>,
        fee_msat: Option<i64> as Nullable<BigInt>,
        preimage_sealed: Option<Vec<u8>> as Nullable<Binary>,
        service_fee_msat: Option<i64> as Nullable<BigInt> =
            "(SELECT s.service_fee_msat FROM sends AS s WHERE s.hold_id = holds.id)",
        is_late: Option<bool> as Nullable<Bool> = "(SELECT s.is_late FROM sends AS s WHERE s.hold_id = holds.id)",
    }
);

written_columns!(
    /// New holds, without the time.
    |row: HoldRow| OneHold, ManyHolds, hold_names, hold_marks {
        id: &'a [u8] as Binary = row.id.as_bytes(),
        wallet_id: &'a [u8] as Binary = row.hold.account.as_bytes(),
        tenant: Option<&'a [u8]> as Nullable<Binary> = row.tenant.as_ref().map(|id| id.as_bytes().as_slice()),
        manager_id: Option<&'a [u8]> as Nullable<Binary> = row.hold.manager.as_ref().map(|id| id.as_bytes().as_slice()),
        group_name: Option<&'a str> as Nullable<Text> = row.hold.group.as_ref().map(HoldGroup::as_str),
        payment_hash: &'a [u8] as Binary = row.hold.payment_hash.as_bytes(),
        invoice_id: Option<&'a [u8]> as Nullable<Binary> = row.hold.invoice.as_ref().map(|id| id.as_bytes().as_slice()),
        amount_msat: i64 as BigInt = row.hold.sums.amount.msat(),
        captured_msat: i64 as BigInt = row.hold.sums.captured.get(),
        released_msat: i64 as BigInt = row.hold.sums.released.get(),
        state: &'a str as Text = row.hold.sums.state.as_str(),
        moves: i64 as BigInt = row.hold.moves.into(),
        memo: &'a str as Text = &row.hold.memo,
        extra: Option<&'a str> as Nullable<Text> = row.hold.extra.as_ref().map(Extra::as_str),
        tag: Option<String> as Nullable<Text> = row.hold.extra.as_ref().and_then(Extra::tag),
        webhook: Option<&'a str> as Nullable<Text> = row.hold.webhook.as_deref(),
        external_id: Option<&'a str> as Nullable<Text> = row.hold.external_id.as_ref().map(ExternalId::as_str),
        expires_at_ms: i64 as BigInt = row.hold.expires_at.get(),
        closed_at_ms: Option<i64> as Nullable<BigInt> = row.closed_at.map(UnixMs::get),
        bolt11: Option<&'a str> as Nullable<Text> = row.hold.send.as_ref().map(|send| send.bolt11.as_str()),
        sent_msat: Option<i64> as Nullable<BigInt> = row.hold.send.as_ref().map(|send| send.amount.msat()),
        fee_msat: Option<i64> as Nullable<BigInt> = row.hold.send.as_ref().map(|send| send.fee.get()),
        preimage_sealed: Option<&'a [u8]> as Nullable<Binary> = preimage_of(row),
    }
);

fn preimage_of(row: &HoldRow) -> Option<&[u8]> {
    row.hold.send.as_ref().and_then(|send| send.preimage.as_ref()).map(Sealed::as_bytes)
}

written_columns!(
    /// The new state of stored holds. The last two columns identify the hold and the number of moves
    /// that it was read with, so that a changed one is not overwritten.
    |row: HoldRow| OneChange, ManyChanges, change_names, change_marks {
        captured_msat: i64 as BigInt = row.hold.sums.captured.get(),
        released_msat: i64 as BigInt = row.hold.sums.released.get(),
        state: &'a str as Text = row.hold.sums.state.as_str(),
        moves: i64 as BigInt = row.hold.moves.into(),
        closed_at_ms: Option<i64> as Nullable<BigInt> = row.closed_at.map(UnixMs::get),
        fee_msat: Option<i64> as Nullable<BigInt> = row.hold.send.as_ref().map(|send| send.fee.get()),
        preimage_sealed: Option<&'a [u8]> as Nullable<Binary> = preimage_of(row),
        id: &'a [u8] as Binary = row.id.as_bytes(),
        moves_before: i64 as BigInt = row.moves_before.into(),
    }
);

written_columns!(
    /// Moves of holds, without the time.
    |row: HoldMoveRow| OneMove, ManyMoves, move_names, move_marks {
        hold_id: [u8; HoldId::LEN] as Binary = *row.id.hold().as_bytes(),
        n: i64 as BigInt = row.id.number().into(),
        kind: &'a str as Text = row.kind.as_str(),
        amount_msat: i64 as BigInt = row.amount.msat(),
        transfer_id: Option<[u8; TransferId::LEN]> as Nullable<Binary> = row.transfer.map(|id| *id.as_bytes()),
    }
);

written_columns!(
    /// The new state of hold invoices. The last two columns identify the invoice and the state that it
    /// was read in.
    |row: HeldInvoiceRow| OneInvoice, ManyInvoices, invoice_names, invoice_marks {
        state: &'a str as Text = row.state.as_str(),
        preimage_sealed: Option<&'a [u8]> as Nullable<Binary> = row.preimage.as_ref().map(Sealed::as_bytes),
        paid_at_ms: Option<i64> as Nullable<BigInt> = row.paid_at.map(UnixMs::get),
        id: &'a [u8] as Binary = row.id.as_bytes(),
        state_before: &'a str as Text = row.state_before.as_str(),
    }
);

statement!(
    /// One hold.
    SelectHold on SqliteConnection,
    (id: &'a [u8] as Binary) -> HoldTypes,
    concat!("SELECT ", hold_columns!(), " FROM holds WHERE id = ?")
);

statement!(
    /// What is held for an invoice.
    SelectHeldFor on SqliteConnection,
    (payment_hash: &'a [u8] as Binary) -> HoldTypes,
    concat!("SELECT ", hold_columns!(), " FROM holds WHERE payment_hash = ? AND state = 'open'")
);

statement!(
    /// Some of the open holds of a group.
    SelectGroup on SqliteConnection,
    (manager: &'a [u8] as Binary, group: &'a str as Text, limit: i64 as BigInt) -> (Binary),
    "SELECT id FROM holds WHERE manager_id = ? AND group_name = ? AND state = 'open' ORDER BY id LIMIT ?"
);

statement!(
    /// A new hold.
    InsertHold on SqliteConnection,
    (created_at_ms: i64 as BigInt, row: OneHold<'a> as Columns) -> (),
    concat!("INSERT INTO holds (created_at_ms, ", hold_names!(), ") VALUES (?, ", hold_marks!(), ")")
);

statement!(
    /// The new state of a hold, unless it has changed since it was read.
    UpdateHold on SqliteConnection,
    (row: OneChange<'a> as Columns) -> (),
    "UPDATE holds SET captured_msat = ?, released_msat = ?, state = ?, moves = ?, closed_at_ms = ?, fee_msat = ?, \
        preimage_sealed = ? WHERE id = ? AND moves = ?"
);

statement!(
    /// A move.
    InsertMove on SqliteConnection,
    (created_at_ms: i64 as BigInt, row: OneMove<'a> as Columns) -> (),
    concat!("INSERT INTO hold_moves (created_at_ms, ", move_names!(), ") VALUES (?, ", move_marks!(), ")")
);

statement!(
    /// The new state of a hold invoice.
    UpdateInvoice on SqliteConnection,
    (row: OneInvoice<'a> as Columns) -> (),
    "UPDATE invoices SET state = ?, preimage_sealed = ?, paid_at_ms = ?, open_origin = NULL WHERE id = ? AND state = ?"
);

statement!(
    /// Holds, and what is held for invoices, locked in id order.
    LockHolds on PgConnection,
    (ids: Vec<&'a [u8]> as Array<Binary>, hashes: Vec<&'a [u8]> as Array<Binary>) -> HoldTypes,
    concat!(
        "SELECT ", hold_columns!(), " FROM holds
         WHERE id = ANY(?) OR (state = 'open' AND payment_hash = ANY(?)) ORDER BY id FOR NO KEY UPDATE"
    )
);

statement!(
    /// Some of the open holds of each of these groups.
    SelectGroups on PgConnection,
    (managers: Vec<&'a [u8]> as Array<Binary>, groups: Vec<&'a str> as Array<Text>, limit: i64 as BigInt) -> (Binary),
    "SELECT h.id FROM unnest(?, ?) AS g (manager_id, group_name) CROSS JOIN LATERAL (
        SELECT id FROM holds AS h WHERE h.manager_id = g.manager_id AND h.group_name = g.group_name AND h.state = 'open'
        ORDER BY h.id LIMIT ?
     ) AS h"
);

statement!(
    /// New holds.
    InsertHolds on PgConnection,
    (created_at_ms: i64 as BigInt, rows: ManyHolds<'a> as Columns) -> (),
    concat!("INSERT INTO holds (created_at_ms, ", hold_names!(), ") SELECT ?, h.* FROM unnest(", hold_marks!(), ") AS h")
);

statement!(
    /// The new state of holds.
    UpdateHolds on PgConnection,
    (rows: ManyChanges<'a> as Columns) -> (),
    concat!(
        "UPDATE holds AS h SET captured_msat = n.captured_msat, released_msat = n.released_msat, state = n.state,
            moves = n.moves, closed_at_ms = n.closed_at_ms, fee_msat = n.fee_msat, preimage_sealed = n.preimage_sealed
         FROM unnest(", change_marks!(), ") AS n (", change_names!(), ")
         WHERE h.id = n.id AND h.moves = n.moves_before"
    )
);

statement!(
    /// Moves.
    InsertMoves on PgConnection,
    (created_at_ms: i64 as BigInt, rows: ManyMoves<'a> as Columns) -> (),
    concat!(
        "INSERT INTO hold_moves (created_at_ms, ", move_names!(), ") SELECT ?, m.* FROM unnest(", move_marks!(), ") AS m"
    )
);

statement!(
    /// The new state of hold invoices.
    UpdateInvoices on PgConnection,
    (rows: ManyInvoices<'a> as Columns) -> (),
    concat!(
        "UPDATE invoices AS i SET state = n.state, preimage_sealed = n.preimage_sealed, paid_at_ms = n.paid_at_ms,
            open_origin = NULL
         FROM unnest(", invoice_marks!(), ") AS n (", invoice_names!(), ")
         WHERE i.id = n.id AND i.state = n.state_before"
    )
);

/// Reads the holds to settle, locked in id order. The invoices that they may be for are locked
/// already.
pub(crate) fn lock(connection: &mut Db, read_set: &ReadSet) -> Result<HashMap<HoldId, Hold>, StoreError> {
    if !read_set.has_holds() {
        return Ok(HashMap::new());
    }
    let mut ids = read_set.holds.clone();
    ids.extend(of_groups(connection, &read_set.groups)?);
    let rows: Vec<HoldColumns> = match connection {
        Db::Sqlite(c) => {
            let mut rows = Vec::with_capacity(ids.len());
            for id in &ids {
                rows.extend(SelectHold { id: id.as_bytes() }.load::<HoldColumns>(c)?);
            }
            for payment_hash in &read_set.held_invoices {
                rows.extend(SelectHeldFor { payment_hash: payment_hash.as_bytes() }.load::<HoldColumns>(c)?);
            }
            rows
        }
        Db::Postgres(c) => {
            let ids = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
            let hashes = read_set.held_invoices.iter().map(|hash| hash.as_bytes().as_slice()).collect();
            LockHolds { ids, hashes }.load(c)?
        }
    };
    rows.into_iter().map(hold).collect()
}

/// The open holds of groups: of each at most one more than may be settled at once. One that another
/// batch is just placing comes after this one.
fn of_groups(connection: &mut Db, groups: &BTreeSet<(UserId, HoldGroup)>) -> Result<Vec<HoldId>, StoreError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(GROUP_READ_MAX).unwrap_or(i64::MAX).saturating_add(1);
    let mut found: Vec<(Vec<u8>,)> = Vec::new();
    match connection {
        Db::Sqlite(c) => {
            for (manager, group) in groups {
                let select = SelectGroup { manager: manager.as_bytes(), group: group.as_str(), limit };
                found.extend(select.load::<(Vec<u8>,)>(c)?);
            }
        }
        Db::Postgres(c) => {
            let (managers, groups) = groups.iter().map(|(id, name)| (id.as_bytes().as_slice(), name.as_str())).unzip();
            found = SelectGroups { managers, groups, limit }.load(c)?;
        }
    }
    found.iter().map(|(id,)| Ok(HoldId::from_slice(id)?)).collect()
}

fn hold(row: HoldColumns) -> Result<(HoldId, Hold), StoreError> {
    let broken = |what: &str| StoreError::Broken(format!("a hold with {what}"));
    let sums = HoldSums {
        amount: Amount::from_stored(row.amount_msat).map_err(|error| StoreError::Broken(error.to_string()))?,
        captured: Msat::new(row.captured_msat),
        released: Msat::new(row.released_msat),
        state: HoldState::from_stored(&row.state).ok_or_else(|| broken("an unknown state"))?,
    };
    let amount = |msat| Amount::from_stored(msat).map_err(|error| StoreError::Broken(error.to_string()));
    let send = match (row.bolt11, row.sent_msat, row.fee_msat) {
        (Some(bolt11), Some(sent), Some(fee)) => Some(Box::new(HeldSend {
            bolt11,
            amount: amount(sent)?,
            fee: Msat::new(fee),
            service_fee: Msat::new(row.service_fee_msat.unwrap_or_default()),
            preimage: row.preimage_sealed.map(Sealed::from_stored),
            is_late: row.is_late.unwrap_or_default(),
        })),
        (None, ..) | (_, None, _) | (.., None) => None,
    };
    let hold = Hold {
        account: AccountId::from_slice(&row.wallet_id)?,
        manager: row.manager_id.map(|id| UserId::from_slice(&id)).transpose()?,
        group: row.group_name.map(HoldGroup::from_stored),
        payment_hash: PaymentHash::from_slice(&row.payment_hash)?,
        invoice: row.invoice_id.map(|id| InvoiceId::from_slice(&id)).transpose()?,
        sums,
        moves: u16::try_from(row.moves).or(Err(broken("too many moves")))?,
        memo: row.memo,
        extra: row.extra.map(Extra::from_stored),
        webhook: row.webhook,
        external_id: row.external_id.map(ExternalId::from_stored),
        send,
        expires_at: UnixMs::new(row.expires_at_ms),
    };
    Ok((HoldId::from_slice(&row.id)?, hold))
}

/// Writes the new state of holds and hold invoices, and the moves.
pub(crate) fn write(connection: &mut Db, effects: &Effects) -> Result<(), StoreError> {
    if effects.holds.is_empty() && effects.held_invoices.is_empty() {
        return Ok(());
    }
    let (new, changed): (Vec<_>, Vec<_>) = effects.holds.iter().cloned().partition(|row| row.moves_before == 0);
    let written = match connection {
        Db::Sqlite(c) => write_sqlite(c, effects, &new, &changed)?,
        Db::Postgres(c) => write_postgres(c, effects, &new, &changed)?,
    };
    let wanted = [new.len(), changed.len(), effects.hold_moves.len(), effects.held_invoices.len()];
    let whats = ["new holds", "holds to change", "moves of holds", "hold invoices"];
    for ((what, wanted), written) in whats.into_iter().zip(wanted).zip(written) {
        expect_rows(what, wanted, written)?;
    }
    Ok(())
}

/// How many rows of each kind were written: new holds, changed ones, moves, invoices.
type Written = [usize; 4];

fn write_sqlite(
    connection: &mut SqliteConnection,
    effects: &Effects,
    new: &[HoldRow],
    changed: &[HoldRow],
) -> Result<Written, StoreError> {
    let created_at_ms = effects.at.get();
    let [mut holds, mut changes, mut moves, mut invoices] = [0usize; 4];
    for row in new {
        holds = holds.saturating_add(InsertHold { created_at_ms, row: OneHold::of(row) }.execute(connection)?);
    }
    for row in changed {
        changes = changes.saturating_add(UpdateHold { row: OneChange::of(row) }.execute(connection)?);
    }
    for row in &effects.hold_moves {
        moves = moves.saturating_add(InsertMove { created_at_ms, row: OneMove::of(row) }.execute(connection)?);
    }
    for row in &effects.held_invoices {
        invoices = invoices.saturating_add(UpdateInvoice { row: OneInvoice::of(row) }.execute(connection)?);
    }
    Ok([holds, changes, moves, invoices])
}

fn write_postgres(
    connection: &mut PgConnection,
    effects: &Effects,
    new: &[HoldRow],
    changed: &[HoldRow],
) -> Result<Written, StoreError> {
    let created_at_ms = effects.at.get();
    let mut written = [0; 4];
    let [holds, changes, moves, invoices] = &mut written;
    if !new.is_empty() {
        *holds = InsertHolds { created_at_ms, rows: ManyHolds::of(new) }.execute(connection)?;
    }
    if !changed.is_empty() {
        *changes = UpdateHolds { rows: ManyChanges::of(changed) }.execute(connection)?;
    }
    if !effects.hold_moves.is_empty() {
        *moves = InsertMoves { created_at_ms, rows: ManyMoves::of(&effects.hold_moves) }.execute(connection)?;
    }
    if !effects.held_invoices.is_empty() {
        *invoices = UpdateInvoices { rows: ManyInvoices::of(&effects.held_invoices) }.execute(connection)?;
    }
    Ok(written)
}
